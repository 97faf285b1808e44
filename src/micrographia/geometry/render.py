"""From star polygons and a foreground map to a label image."""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.rays import ray_directions
from micrographia.geometry.suppression import _reach, star_level

MARGIN = 2.0
"""Pixels that the foreground may add beyond a polygon's edge."""


@numba.njit(cache=True, nogil=True)
def _paint(centres, distances, directions, numbers, foreground, threshold, margin, y0, x0, level, out):
    height, width = out.shape
    for n in range(len(centres)):
        cy = centres[n, 0] - y0
        cx = centres[n, 1] - x0
        top = bottom = left = right = np.float32(0)
        for k in range(directions.shape[0]):
            dy = distances[n, k] * directions[k, 0]
            dx = distances[n, k] * directions[k, 1]
            top = min(top, dy)
            bottom = max(bottom, dy)
            left = min(left, dx)
            right = max(right, dx)
        i0 = max(0, int(np.floor(cy + top - margin)))
        i1 = min(height, int(np.ceil(cy + bottom + margin)) + 1)
        j0 = max(0, int(np.floor(cx + left - margin)))
        j1 = min(width, int(np.ceil(cx + right + margin)) + 1)
        for i in range(i0, i1):
            dy = np.float32(i) - cy
            for j in range(j0, j1):
                if foreground[i, j] <= threshold:
                    continue
                dx = np.float32(j) - cx
                length = np.sqrt(dy * dy + dx * dx)
                if length < np.float32(1e-3):
                    u = np.float32(0)
                else:
                    edge = _reach(distances[n], directions, dy, dx)
                    if length > edge + margin:
                        continue
                    u = length / max(edge, np.float32(1e-3))
                if u < level[i, j]:
                    level[i, j] = u
                    out[i, j] = numbers[n]


@numba.njit(cache=True, nogil=True)
def _whole(labels, i0, i1, j0, j1, number):
    """Whether an object has one run of pixels in each row, and each meets the one above: no pieces, no holes."""
    before0 = before1 = ended = -1
    for i in range(i0, i1):
        start = stop = -1
        for j in range(j0, j1):
            if labels[i, j] == number:
                if start < 0:
                    start = j
                elif stop < j:
                    return False
                stop = j + 1
        if start < 0:
            if before0 >= 0:
                ended = i
            continue
        if ended >= 0 or (before0 >= 0 and (start >= before1 or stop <= before0)):
            return False
        before0 = start
        before1 = stop
    return before0 >= 0


@numba.njit(cache=True, nogil=True)
def _tidy(labels, boxes, numbers, out):
    """Copy each object's largest 4-connected piece, its holes filled, from labels to out."""
    for n in range(len(boxes)):
        i0, i1, j0, j1 = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3]
        if i1 <= i0 or j1 <= j0:
            continue
        number = numbers[n]
        if _whole(labels, i0, i1, j0, j1, number):
            for i in range(i0, i1):
                for j in range(j0, j1):
                    if labels[i, j] == number:
                        out[i, j] = number
            continue
        height = i1 - i0 + 2
        width = j1 - j0 + 2
        mask = np.zeros((height, width), np.int32)  # 1 object, 0 not; pieces become 2, 3, ...
        for i in range(i0, i1):
            for j in range(j0, j1):
                if labels[i, j] == number:
                    mask[i - i0 + 1, j - j0 + 1] = 1
        stack = np.empty(height * width, np.int64)
        piece = 1
        best = 0
        largest = 0
        for i in range(1, height - 1):
            for j in range(1, width - 1):
                if mask[i, j] != 1:
                    continue
                piece += 1
                size = 0
                top = 1
                stack[0] = i * width + j
                mask[i, j] = piece
                while top > 0:
                    top -= 1
                    y = stack[top] // width
                    x = stack[top] % width
                    size += 1
                    for d in range(4):
                        v = y + (d == 0) - (d == 1)
                        w = x + (d == 2) - (d == 3)
                        if mask[v, w] == 1:
                            mask[v, w] = piece
                            stack[top] = v * width + w
                            top += 1
                if size > largest:
                    largest = size
                    best = piece
        if best == 0:
            continue
        # what the outside reaches is not a hole
        top = 1
        stack[0] = 0
        mask[0, 0] = -1
        while top > 0:
            top -= 1
            y = stack[top] // width
            x = stack[top] % width
            for d in range(4):
                v = y + (d == 0) - (d == 1)
                w = x + (d == 2) - (d == 3)
                if 0 <= v < height and 0 <= w < width and mask[v, w] != -1 and mask[v, w] != best:
                    mask[v, w] = -1
                    stack[top] = v * width + w
                    top += 1
        for i in range(i0, i1):
            for j in range(j0, j1):
                here = mask[i - i0 + 1, j - j0 + 1]
                if here == best or (here != -1 and labels[i, j] == 0):
                    out[i, j] = number


def render(
    centres: np.ndarray,
    distances: np.ndarray,
    numbers: np.ndarray,
    foreground: np.ndarray,
    threshold: float = 0.5,
    origin: tuple[int, int] = (0, 0),
    tidy: np.ndarray | None = None,
) -> np.ndarray:
    """Label image of star polygons trimmed to a foreground map.

    A pixel belongs to the object in which it lies relatively deepest (distance from the centre over
    distance of the edge in that direction), if it is foreground and at most `MARGIN` pixels outside
    that polygon. Each object keeps its largest connected piece, holes filled.

    Parameters
    ----------
    centres : (n, 2) array
        Centres (y, x) in pixels of the whole image.
    distances : (n, rays) array
        Ray lengths in pixels.
    numbers : (n,) int array
        Labels of the objects, positive.
    foreground : (Y, X) array
        Foreground of the region to render, in the units of `threshold`.
    threshold : float
        Pixels must lie above it.
    origin : (int, int)
        Where the region begins in the whole image.
    tidy : (n,) bool array, optional
        Objects to appear in the result (all). The others only claim their pixels.

    Returns
    -------
    (Y, X) int32 array
    """
    out: np.ndarray = np.zeros(foreground.shape, np.int32)
    if len(centres) == 0 or out.size == 0:
        return out
    centres = np.ascontiguousarray(centres, dtype=np.float32)
    distances = np.ascontiguousarray(distances, dtype=np.float32)
    numbers = np.ascontiguousarray(numbers, dtype=np.int32)
    directions = ray_directions(distances.shape[1])
    level = np.full(out.shape, np.inf, np.float32)
    painted = np.zeros(out.shape, np.int32)
    scalar = foreground.dtype.type(threshold)
    _paint(
        centres, distances, directions, numbers, np.ascontiguousarray(foreground), scalar,
        np.float32(MARGIN), np.float32(origin[0]), np.float32(origin[1]), level, painted,
    )  # fmt: skip
    boxes = bounding_boxes(centres, distances)
    boxes[:, :2] = np.clip(boxes[:, :2] - origin[0], 0, out.shape[0])
    boxes[:, 2:] = np.clip(boxes[:, 2:] - origin[1], 0, out.shape[1])
    if tidy is not None:
        boxes, numbers = boxes[tidy], numbers[tidy]
    _tidy(painted, boxes, numbers, out)
    return out


def bounding_boxes(centres: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Pixels (y0, y1, x0, x1), ends excluded, that objects may touch, the margin included; (n, 4) int64."""
    vertices = star_vertices(centres, distances)
    low = np.floor(vertices.min(axis=1) - MARGIN).astype(np.int64)
    high = np.ceil(vertices.max(axis=1) + MARGIN).astype(np.int64) + 1
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)


def star_vertices(centres: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Vertices (y, x) of star polygons, the centre included in their hull; (n, rays, 2) float32."""
    directions = ray_directions(distances.shape[1])
    return (centres[:, None, :] + distances[..., None] * directions).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def to_bytes(share, out):
    """Write shares (Y, X) in 0..1 into a (Y, X) uint8 array as 0..255, rounded."""
    for i in range(share.shape[0]):
        for j in range(share.shape[1]):
            out[i, j] = np.uint8(share[i, j] * np.float32(255) + np.float32(0.5))


@numba.njit(cache=True, nogil=True)
def _present(labels, out):
    last = 0
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            label = labels[i, j]
            if label != last:
                out[label] = True
                last = label


def present(labels: np.ndarray, count: int) -> np.ndarray:
    """Which of the labels 1 … `count` a label image (Y, X) holds; (count,) bool."""
    out = np.zeros(count + 1, np.bool_)
    _present(labels, out)
    return out[1:]


def render_numpy(
    centres: np.ndarray, distances: np.ndarray, numbers: np.ndarray, foreground: np.ndarray, threshold: float = 0.5
) -> np.ndarray:
    """Plain reference of `render` for a whole image."""
    from scipy.ndimage import binary_fill_holes, label

    yy, xx = np.indices(foreground.shape)
    level = np.full(foreground.shape, np.inf)
    painted = np.zeros(foreground.shape, np.int32)
    for centre, distance, number in zip(centres, distances, numbers, strict=True):
        offset = np.stack([yy - centre[0], xx - centre[1]], -1).reshape(-1, 2)
        length = np.hypot(*offset.T)
        u = star_level(offset, np.asarray(distance, float)).reshape(level.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = np.where(u > 0, length.reshape(u.shape) / u, 0)
        near = (length.reshape(u.shape) <= edge + MARGIN) | (u == 0)
        take = near & (foreground > threshold) & (u < level)
        level[take], painted[take] = u[take], number
    out = np.zeros_like(painted)
    for number in numbers:
        pieces, count = label(painted == number)
        if count:
            sizes = np.bincount(pieces.ravel())[1:]
            piece = pieces == 1 + int(np.argmax(sizes))
            out[piece | (binary_fill_holes(piece) & (painted == 0))] = number
    return out


@numba.njit(cache=True, nogil=True)
def _support(centres, distances, directions, foreground, threshold, y0, x0, out):
    height, width = foreground.shape
    for n in range(len(centres)):
        cy = centres[n, 0] - y0
        cx = centres[n, 1] - x0
        reach = distances[n].max()
        inside = 0
        covered = 0
        step = 1 if reach < 6 else 2  # every fourth pixel of all but small objects is enough
        i0 = max(0, int(np.ceil(cy - reach)))
        j0 = max(0, int(np.ceil(cx - reach)))
        for i in range(i0, min(height, int(np.floor(cy + reach)) + 1), step):
            dy = np.float32(i) - cy
            for j in range(j0, min(width, int(np.floor(cx + reach)) + 1), step):
                dx = np.float32(j) - cx
                squared = dy * dy + dx * dx
                if squared > reach * reach:
                    continue
                if squared > np.float32(1e-6) and squared > _reach(distances[n], directions, dy, dx) ** 2:
                    continue
                inside += 1
                if foreground[i, j] > threshold:
                    covered += 1
        out[n] = np.float32(covered) / np.float32(inside) if inside else np.float32(0)


def support(
    centres: np.ndarray,
    distances: np.ndarray,
    foreground: np.ndarray,
    threshold: float = 0.5,
    origin: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Share of each polygon's pixels that are foreground, from every fourth pixel of all but small ones.

    Parameters as in `render`; returns (n,) float32.
    """
    out = np.zeros(len(centres), np.float32)
    if len(centres):
        _support(
            np.ascontiguousarray(centres, dtype=np.float32), np.ascontiguousarray(distances, dtype=np.float32),
            ray_directions(distances.shape[1]), np.ascontiguousarray(foreground), foreground.dtype.type(threshold),
            np.float32(origin[0]), np.float32(origin[1]), out,
        )  # fmt: skip
    return out
