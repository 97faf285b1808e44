"""Ray distances and object probabilities of label images (Schmidt et al. 2018, section 2)."""

from __future__ import annotations

import numba
import numpy as np


def ray_directions(rays: int) -> np.ndarray:
    """Unit vectors (dy, dx) of equally spaced rays, counted from +x towards +y; shape (rays, 2), float32."""
    angle = 2 * np.pi * np.arange(rays) / rays
    return np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _ray_distances(labels, directions, step, out):
    height, width = labels.shape
    rays = directions.shape[0]
    for i in range(0, height, step):
        for j in range(0, width, step):
            label = labels[i, j]
            if label == 0:
                continue
            for r in range(rays):
                dy = directions[r, 0]
                dx = directions[r, 1]
                y = np.float32(0.0)
                x = np.float32(0.0)
                while True:
                    y += dy
                    x += dx
                    ii = int(np.floor(i + y + np.float32(0.5)))
                    jj = int(np.floor(j + x + np.float32(0.5)))
                    if ii < 0 or ii >= height or jj < 0 or jj >= width or labels[ii, jj] != label:
                        back = np.float32(1.0) - np.float32(0.5) / max(abs(dy), abs(dx))
                        y -= back * dy
                        x -= back * dx
                        out[r, i // step, j // step] = np.sqrt(y * y + x * x)
                        break


def ray_distances(labels: np.ndarray, rays: int = 32, grid: int = 2) -> np.ndarray:
    """Distance from each grid point to the edge of its object along each ray.

    Rays march in steps of one pixel until they leave the object or the image; the overshoot is
    corrected by half a pixel along the dominant axis, as in the reference implementation.

    Parameters
    ----------
    labels : (Y, X) integer array
        Label image, 0 is background; negative labels (to be ignored) are treated as objects.
    rays : int
        Number of rays.
    grid : int
        Sampling step in pixels.

    Returns
    -------
    (rays, ceil(Y / grid), ceil(X / grid)) float32 array
        Pixels; 0 on background.
    """
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    shape = tuple(-(-n // grid) for n in labels.shape)
    out = np.zeros((rays, *shape), np.float32)
    _ray_distances(labels, ray_directions(rays), grid, out)
    return out


def ray_distances_numpy(labels: np.ndarray, rays: int = 32, grid: int = 2) -> np.ndarray:
    """Plain reference of `ray_distances`."""
    labels = np.asarray(labels)
    height, width = labels.shape
    ii, jj = np.meshgrid(np.arange(0, height, grid), np.arange(0, width, grid), indexing="ij")
    centre = labels[ii, jj]
    out = np.zeros((rays, *ii.shape), np.float32)
    for r, (dy, dx) in enumerate(ray_directions(rays)):
        y = x = np.float32(0)
        active = centre != 0
        while active.any():
            y, x = np.float32(y + dy), np.float32(x + dx)
            iy = np.floor((ii + y).astype(np.float32) + np.float32(0.5)).astype(int)
            jx = np.floor((jj + x).astype(np.float32) + np.float32(0.5)).astype(int)
            inside = (iy >= 0) & (iy < height) & (jx >= 0) & (jx < width)
            same = inside & (labels[iy.clip(0, height - 1), jx.clip(0, width - 1)] == centre)
            left = active & ~same
            back = np.float32(1) - np.float32(0.5) / max(abs(dy), abs(dx))
            out[r][left] = np.hypot(y - back * dy, x - back * dx)
            active &= same
    return out


@numba.njit(cache=True, nogil=True)
def _squared_distance(labels, out):
    # Felzenszwalb & Huttenlocher 2012, with the parabolas cut where the label changes.
    height, width = labels.shape
    far = np.float32(1e12)
    for i in range(height):
        start = 0
        while start < width:
            label = labels[i, start]
            stop = start
            while stop < width and labels[i, stop] == label:
                stop += 1
            for j in range(start, stop):
                left = np.float32(j - start + 1) if start > 0 else np.float32(1e6)
                right = np.float32(stop - j) if stop < width else np.float32(1e6)
                near = min(left, right)
                out[i, j] = near * near if label != 0 else np.float32(0.0)
            start = stop
    column = np.empty(height + 2, np.float32)
    apex = np.empty(height + 2, np.int64)
    edge = np.empty(height + 3, np.float64)
    for j in range(width):
        start = 0
        while start < height:
            label = labels[start, j]
            stop = start
            while stop < height and labels[stop, j] == label:
                stop += 1
            if label != 0:
                n = stop - start + 2  # the pixels and one wall on each side
                for k in range(n - 2):
                    column[k + 1] = out[start + k, j]
                column[0] = np.float32(0.0) if start > 0 else far
                column[n - 1] = np.float32(0.0) if stop < height else far
                top = 0
                apex[0] = 0
                edge[0] = -1e20
                edge[1] = 1e20
                for q in range(1, n):
                    while True:
                        p = apex[top]
                        cross = ((column[q] + float(q) * q) - (column[p] + float(p) * p)) / (2.0 * (q - p))
                        if cross <= edge[top] and top > 0:
                            top -= 1
                        else:
                            break
                    top += 1
                    apex[top] = q
                    edge[top] = cross
                    edge[top + 1] = 1e20
                top = 0
                for q in range(n):
                    while edge[top + 1] < q:
                        top += 1
                    if 0 < q < n - 1:
                        d = q - apex[top]
                        out[start + q - 1, j] = d * d + column[apex[top]]
            start = stop


def edge_distance(labels: np.ndarray) -> np.ndarray:
    """Euclidean distance of every object pixel to the nearest pixel of another label or background.

    The image border is not an edge, so an object cut by it keeps its depth there.

    Parameters
    ----------
    labels : (Y, X) integer array
        Label image, 0 is background.

    Returns
    -------
    (Y, X) float32 array
        Pixels; 0 on background. Capped at the image diagonal where an object fills the image.
    """
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    out = np.zeros(labels.shape, np.float32)
    _squared_distance(labels, out)
    return np.minimum(np.sqrt(out), np.float32(np.hypot(*labels.shape)))


@numba.njit(cache=True, nogil=True)
def _divide_by_object_maximum(labels, distance):
    lowest = labels.min()
    peak = np.zeros(labels.max() - lowest + 1, np.float32)
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            k = labels[i, j] - lowest
            if distance[i, j] > peak[k]:
                peak[k] = distance[i, j]
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            if labels[i, j] != 0:
                distance[i, j] /= peak[labels[i, j] - lowest]


def object_probability(labels: np.ndarray) -> np.ndarray:
    """Distance to the edge divided by its maximum in the object: 1 in the middle, towards 0 at the edge.

    Parameters
    ----------
    labels : (Y, X) integer array
        Label image, 0 is background.

    Returns
    -------
    (Y, X) float32 array in 0..1
    """
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    distance = edge_distance(labels)
    if labels.size:
        _divide_by_object_maximum(labels, distance)
    return distance
