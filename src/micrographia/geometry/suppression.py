"""From dense maps to few objects: local maxima, then non-maximum suppression of star polygons."""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.rays import ray_directions

RADII = np.sqrt((np.arange(4) + 0.5) / 4).astype(np.float32)
"""Radii, as shares of a ray, of the points that stand for equal parts of a sector's area."""


@numba.njit(cache=True, nogil=True)
def _local_maxima(probability, threshold, y0, y1, x0, x1):
    height, width = probability.shape
    found = np.empty(((y1 - y0) * (x1 - x0), 2), np.int32)
    count = 0
    for i in range(y0, y1):
        for j in range(x0, x1):
            p = probability[i, j]
            if not p > threshold:
                continue
            highest = True
            for di in range(-1, 2):
                for dj in range(-1, 2):
                    k = i + di
                    m = j + dj
                    if (di == 0 and dj == 0) or k < 0 or k >= height or m < 0 or m >= width:
                        continue
                    q = probability[k, m]
                    # of equal neighbours the first in reading order is the maximum
                    if q > p or (q == p and (di < 0 or (di == 0 and dj < 0))):
                        highest = False
            if highest:
                found[count, 0] = i
                found[count, 1] = j
                count += 1
    return found[:count].copy()


def local_maxima(probability: np.ndarray, threshold: float, region: tuple[slice, slice] | None = None) -> np.ndarray:
    """Grid points above a threshold and not below any of their eight neighbours.

    Parameters
    ----------
    probability : (y, x) float32 array
        Object probability on the grid.
    threshold : float
        Points must lie above it.
    region : (slice, slice), optional
        Where maxima are looked for; neighbours outside the region still count.

    Returns
    -------
    (n, 2) int32 array
        Row and column on the grid, in reading order.
    """
    rows, columns = region or (slice(0, probability.shape[0]), slice(0, probability.shape[1]))
    probability = np.ascontiguousarray(probability, dtype=np.float32)
    return _local_maxima(probability, np.float32(threshold), rows.start, rows.stop, columns.start, columns.stop)


def local_maxima_numpy(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Plain reference of `local_maxima`."""
    height, width = probability.shape
    padded = np.pad(probability, 1, constant_values=-np.inf)
    highest = probability > threshold
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            if (di, dj) == (0, 0):
                continue
            neighbour = padded[1 + di : 1 + di + height, 1 + dj : 1 + dj + width]
            highest &= probability > neighbour if (di, dj) < (0, 0) else probability >= neighbour
    return np.argwhere(highest).astype(np.int32)


@numba.njit(cache=True, nogil=True, inline="always")
def _turn(dy, dx):
    """Angle of (dy, dx) as a share of a full turn, 0 to 1; within 2e-6 (Abramowitz & Stegun 1972, 4.4.47)."""
    ay = abs(dy)
    ax = abs(dx)
    z = min(ay, ax) / max(max(ay, ax), np.float32(1e-12))
    s = z * z
    a = np.float32(0.0208351)
    a = a * s - np.float32(0.0851330)
    a = a * s + np.float32(0.1801410)
    a = a * s - np.float32(0.3302995)
    a = (a * s + np.float32(0.9998660)) * z * np.float32(1 / (2 * np.pi))
    if ay > ax:
        a = np.float32(0.25) - a
    if dx < 0:
        a = np.float32(0.5) - a
    return np.float32(1.0) - a if dy < 0 else a


@numba.njit(cache=True, nogil=True, inline="always")
def _reach(distance, directions, dy, dx):
    """Length of the ray from the centre through (dy, dx) to the polygon's edge."""
    rays = distance.shape[0]
    k = int(_turn(dy, dx) * np.float32(rays))
    if k >= rays:
        k = 0
    m = k + 1 if k + 1 < rays else 0
    ay = distance[k] * directions[k, 0]
    ax = distance[k] * directions[k, 1]
    ey = distance[m] * directions[m, 0] - ay
    ex = distance[m] * directions[m, 1] - ax
    # centre + t (dy, dx) = a + s e, solved for t; times the length of (dy, dx)
    bottom = dy * ex - dx * ey
    if abs(bottom) < np.float32(1e-9):
        return distance[k]
    t = (ay * ex - ax * ey) / bottom
    return t * np.sqrt(dy * dy + dx * dx)


@numba.njit(cache=True, nogil=True)
def _shared_area(small, small_distance, large, large_distance, directions, radii):
    """Share of the smaller polygon's area that lies in the larger one."""
    rays = directions.shape[0]
    inside = np.float32(0)
    total = np.float32(0)
    oy = small[0] - large[0]
    ox = small[1] - large[1]
    for k in range(rays):
        weight = small_distance[k] * small_distance[k]
        for n in range(radii.shape[0]):
            dy = oy + radii[n] * small_distance[k] * directions[k, 0]
            dx = ox + radii[n] * small_distance[k] * directions[k, 1]
            total += weight
            if (
                dy * dy + dx * dx <= np.float32(1e-6)
                or dy * dy + dx * dx <= _reach(large_distance, directions, dy, dx) ** 2
            ):
                inside += weight
    return inside / total if total > 0 else np.float32(0)


@numba.njit(cache=True, nogil=True)
def _suppress(order, centres, distances, directions, radii, areas, reach, threshold, cell, first, following, width):
    kept = np.ones(len(order), np.bool_)
    rank = np.empty(len(order), np.int64)
    for n in range(len(order)):
        rank[order[n]] = n
    largest = reach.max() if len(reach) else np.float32(0)
    for n in range(len(order)):
        i = order[n]
        if not kept[i]:
            continue
        radius = reach[i] + largest
        r0 = max(0, int((centres[i, 0] - radius) // cell))
        r1 = min(first.shape[0] // width - 1, int((centres[i, 0] + radius) // cell))
        c0 = max(0, int((centres[i, 1] - radius) // cell))
        c1 = min(width - 1, int((centres[i, 1] + radius) // cell))
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                j = first[r * width + c]
                while j >= 0:
                    if kept[j] and rank[j] > n:
                        dy = centres[i, 0] - centres[j, 0]
                        dx = centres[i, 1] - centres[j, 1]
                        touch = reach[i] + reach[j]
                        if dy * dy + dx * dx < touch * touch:
                            if areas[i] < areas[j]:
                                share = _shared_area(
                                    centres[i], distances[i], centres[j], distances[j], directions, radii
                                )
                            else:
                                share = _shared_area(
                                    centres[j], distances[j], centres[i], distances[i], directions, radii
                                )
                            if share > threshold:
                                kept[j] = False
                    j = following[j]
    return kept


def suppress(centres: np.ndarray, distances: np.ndarray, probability: np.ndarray, threshold: float = 0.4) -> np.ndarray:
    """Non-maximum suppression: a polygon goes where a more probable kept one covers too much of it.

    Greedy, by falling probability (ties in reading order of the centres). The overlap is the
    intersection divided by the smaller area, as in StarDist; the intersection is integrated over
    4 points on each ray of the smaller polygon, each standing for an equal part of its sector.

    Parameters
    ----------
    centres : (n, 2) array
        Centres (y, x) in pixels.
    distances : (n, rays) array
        Ray lengths in pixels.
    probability : (n,) array
        Object probability.
    threshold : float
        Largest overlap that two objects may have.

    Returns
    -------
    (n,) bool array
        True for the polygons that stay.
    """
    count = len(centres)
    if count == 0:
        return np.zeros(0, bool)
    centres = np.ascontiguousarray(centres, dtype=np.float32)
    distances = np.ascontiguousarray(distances, dtype=np.float32)
    order = np.lexsort((centres[:, 1], centres[:, 0], -np.asarray(probability, np.float32)))
    reach = distances.max(axis=1)
    low = centres.min(axis=0)
    cell = max(float(np.median(reach)), 1.0)
    box = ((centres - low) // cell).astype(np.int64)
    rows, width = box.max(axis=0) + 1
    first, following = _buckets(box[:, 0] * width + box[:, 1], rows * width)
    return _suppress(
        order, centres - low, distances, ray_directions(distances.shape[1]), RADII, polygon_areas(distances),
        reach, np.float32(threshold), cell, first, following, width,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _buckets(box, boxes):
    first = np.full(boxes, -1, np.int64)
    following = np.empty(len(box), np.int64)
    for i in range(len(box)):
        following[i] = first[box[i]]
        first[box[i]] = i
    return first, following


def polygon_areas(distances: np.ndarray) -> np.ndarray:
    """Areas of star polygons in square pixels; `distances` is (n, rays)."""
    rays = distances.shape[1]
    return 0.5 * np.sin(2 * np.pi / rays) * (distances * np.roll(distances, -1, axis=1)).sum(axis=1)


def suppress_numpy(
    centres: np.ndarray, distances: np.ndarray, probability: np.ndarray, threshold: float = 0.4
) -> np.ndarray:
    """Plain reference of `suppress`."""
    distances = np.asarray(distances, np.float64)
    directions = ray_directions(distances.shape[1]).astype(np.float64)
    areas = polygon_areas(distances)
    order = np.lexsort((centres[:, 1], centres[:, 0], -np.asarray(probability, np.float32)))
    kept = np.ones(len(centres), bool)
    for n, i in enumerate(order):
        for j in order[n + 1 :] if kept[i] else ():
            small, large = (i, j) if areas[i] < areas[j] else (j, i)
            points = centres[small] + (distances[small][:, None] * directions)[None] * RADII[:, None, None]
            offset = (points - centres[large]).reshape(-1, 2)
            weight = np.tile(distances[small] ** 2, len(RADII))
            inside = star_level(offset, distances[large]) <= 1
            if weight.sum() > 0 and (weight * inside).sum() / weight.sum() > threshold:
                kept[j] = False
    return kept


def star_level(offset: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Distance of points from the centre of a star polygon divided by that of its edge in their direction.

    Parameters
    ----------
    offset : (n, 2) array
        Points (dy, dx) from the centre.
    distance : (rays,) array
        Ray lengths.
    """
    rays = len(distance)
    angle = np.arctan2(offset[:, 0], offset[:, 1]) % (2 * np.pi) * rays / (2 * np.pi)
    k = angle.astype(int) % rays
    vertex = distance[:, None] * ray_directions(rays).astype(np.float64)
    a, e = vertex[k], vertex[(k + 1) % rays] - vertex[k]
    bottom = offset[:, 0] * e[:, 1] - offset[:, 1] * e[:, 0]
    top = a[:, 0] * e[:, 1] - a[:, 1] * e[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(offset).max(1) < 1e-6, 0.0, np.where(np.abs(top) > 0, bottom / top, np.inf))
