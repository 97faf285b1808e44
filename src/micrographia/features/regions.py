"""Compiled kernels over the regions of a label image: moments, perimeter, convex hull, grouped pixels.

All kernels read one array that :func:`dense` makes: int32, ids replaced by 1…n, with one row or column of
background added on each side, so that no kernel has to ask whether a neighbour exists. The tests compare every kernel
with scikit-image's ``regionprops``, whose definitions they follow.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_NOTHING = np.iinfo(np.int32).max


def dense(labels: np.ndarray, only: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Number the objects of a label image 1…n in the order of their ids.

    Parameters
    ----------
    labels : (Y, X) integer array
        0 and negative values are background; ids may be sparse and of any size.
    only : (k,) integer array, optional
        Ids to keep; everything else becomes background.

    Returns
    -------
    ids : (n,) int64 array
        The id of object ``i + 1``.
    index : (Y + 2, X + 2) int32 array
        The numbered image inside a frame of background.
    """
    height, width = labels.shape
    index = np.zeros((height + 2, width + 2), np.int32)
    flat = labels.ravel()
    if flat.size == 0:
        return np.zeros(0, np.int64), index
    start = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    present, position = np.unique(flat[start].astype(np.int64), return_inverse=True)
    keep = present > 0
    if only is not None:
        keep &= np.isin(present, only)
    number = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    runs = number[position.reshape(-1)]
    index[1:-1, 1:-1] = np.repeat(runs, np.diff(start, append=flat.size)).reshape(height, width)
    return present[keep], index


@njit(cache=True)
def moments(index: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, bounding boxes and central moments of every object.

    Parameters
    ----------
    index : (Y + 2, X + 2) int32 array
        From :func:`dense`.
    n : int
        Number of objects.

    Returns
    -------
    area : (n,) int64 array
    box : (n, 4) int32 array
        First row, first column, one past the last row, one past the last column.
    central : (n, 5) float64 array
        Centroid y, x; second central moments yy, yx, xx, each divided by the area (pixels²).
    """
    area = np.zeros(n, np.int64)
    box = np.empty((n, 4), np.int32)
    sums = np.zeros((n, 5), np.int64)
    origin = np.zeros((n, 2), np.int64)
    for r in range(1, index.shape[0] - 1):
        for c in range(1, index.shape[1] - 1):
            i = index[r, c] - 1
            if i < 0:
                continue
            if area[i] == 0:
                origin[i, 0], origin[i, 1] = r, c
                box[i, 0], box[i, 1], box[i, 2], box[i, 3] = r - 1, c - 1, r, c
            area[i] += 1
            box[i, 1] = min(box[i, 1], c - 1)
            box[i, 2] = r
            box[i, 3] = max(box[i, 3], c)
            y, x = r - origin[i, 0], c - origin[i, 1]
            sums[i, 0] += y
            sums[i, 1] += x
            sums[i, 2] += y * y
            sums[i, 3] += y * x
            sums[i, 4] += x * x
    central = np.empty((n, 5))
    for i in range(n):
        y, x = sums[i, 0] / area[i], sums[i, 1] / area[i]
        central[i, 0] = y + origin[i, 0] - 1
        central[i, 1] = x + origin[i, 1] - 1
        central[i, 2] = sums[i, 2] / area[i] - y * y
        central[i, 3] = sums[i, 3] / area[i] - y * x
        central[i, 4] = sums[i, 4] / area[i] - x * x
    return area, box, central


@njit(cache=True)
def perimeters(index: np.ndarray, n: int) -> np.ndarray:
    """Perimeter of every object in pixels.

    The line through the centres of the border pixels (those with a 4-neighbour outside the object), where each
    pixel counts by the arrangement of its border neighbours: 1, √2 or (1 + √2)/2. Benkrid & Crookes 2000, "Design and
    FPGA implementation of a perimeter estimator"; scikit-image's ``perimeter`` with ``neighborhood=4``.

    Parameters
    ----------
    index : (Y + 2, X + 2) int32 array
        From :func:`dense`.
    n : int
        Number of objects.

    Returns
    -------
    (n,) float64 array
    """
    weight = np.zeros(50)
    for k in (5, 7, 15, 17, 25, 27):
        weight[k] = 1
    for k in (21, 33):
        weight[k] = np.sqrt(2)
    for k in (13, 23):
        weight[k] = (1 + np.sqrt(2)) / 2
    border = np.zeros(index.shape, np.bool_)
    for r in range(1, index.shape[0] - 1):
        for c in range(1, index.shape[1] - 1):
            i = index[r, c]
            border[r, c] = i > 0 and (
                index[r - 1, c] != i or index[r + 1, c] != i or index[r, c - 1] != i or index[r, c + 1] != i
            )
    length = np.zeros(n)
    for r in range(1, index.shape[0] - 1):
        for c in range(1, index.shape[1] - 1):
            if border[r, c]:
                i = index[r, c]
                code = 1
                for dr in range(-1, 2):
                    for dc in range(-1, 2):
                        if (dr != 0 or dc != 0) and border[r + dr, c + dc] and index[r + dr, c + dc] == i:
                            code += 10 if dr != 0 and dc != 0 else 2
                length[i - 1] += weight[code] if code < 50 else 0.0
    return length


@njit(cache=True)
def hull_areas(index: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Pixels inside the convex hull of every object.

    The hull goes around the middles of the pixels' edges, and pixels count whose centre lies in it or on it
    (scikit-image's ``convex_hull_image``). Exact: all arithmetic is on integers, in half pixels.

    Parameters
    ----------
    index : (Y + 2, X + 2) int32 array
        From :func:`dense`.
    box : (n, 4) int32 array
        Bounding boxes, from :func:`moments`.

    Returns
    -------
    (n,) int64 array
    """
    n = len(box)
    first = np.zeros(n + 1, np.int64)
    tallest = 0
    for i in range(n):
        first[i + 1] = first[i] + box[i, 2] - box[i, 0]
        tallest = max(tallest, first[i + 1] - first[i])
    # First pixel of every row of every object, seen from the left and, mirrored, from the right.
    edge = np.full((2, first[n]), _NOTHING, np.int64)
    for r in range(1, index.shape[0] - 1):
        for c in range(1, index.shape[1] - 1):
            i = index[r, c] - 1
            if i >= 0:
                k = first[i] + r - 1 - box[i, 0]
                edge[0, k] = min(edge[0, k], c)
                edge[1, k] = min(edge[1, k], -c)
    area = np.zeros(n, np.int64)
    reach = np.empty(2 * tallest + 1, np.int64)
    corner = np.empty(2 * tallest + 1, np.int64)
    for i in range(n):
        for side in range(2):
            _fill_to_hull(edge[side], first[i], first[i + 1], reach, corner)
        for k in range(first[i], first[i + 1]):
            area[i] += max(0, -edge[1, k] - edge[0, k] + 1)
    return area


@njit(cache=True)
def _fill_to_hull(edge: np.ndarray, start: int, stop: int, reach: np.ndarray, corner: np.ndarray) -> None:
    """Move the first pixel of each row (``edge[start:stop]``) out to the convex hull; the rest is scratch space."""
    rows = stop - start
    # One point for each half row, in half pixels: (row 2k + 1, 2x - 1) and (rows 2k and 2k + 2, 2x).
    for y in range(2 * rows + 1):
        reach[y] = _NOTHING
    for k in range(rows):
        x = edge[start + k]
        if x != _NOTHING:
            reach[2 * k] = min(reach[2 * k], 2 * x)
            reach[2 * k + 1] = 2 * x - 1
            reach[2 * k + 2] = 2 * x
    # Corners of the hull from top to bottom: the slopes between them must increase.
    count = 0
    for y in range(2 * rows + 1):
        if reach[y] == _NOTHING:
            continue
        while count > 1:
            a, b = corner[count - 2], corner[count - 1]
            if (reach[b] - reach[a]) * (y - b) < (reach[y] - reach[b]) * (b - a):
                break
            count -= 1
        corner[count] = y
        count += 1
    k = 0
    for row in range(rows):
        y = 2 * row + 1
        while corner[k + 1] < y:
            k += 1
        a, b = corner[k], corner[k + 1]
        # Smallest whole x with 2 x >= the hull's position at y.
        above = reach[a] * (b - a) + (reach[b] - reach[a]) * (y - a)
        edge[start + row] = -((-above) // (2 * (b - a)))


@njit(cache=True)
def grouped_pixels(index: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Positions of all object pixels, object after object.

    Parameters
    ----------
    index : (Y + 2, X + 2) int32 array
        From :func:`dense`.
    area : (n,) int64 array
        Pixels of each object.

    Returns
    -------
    (sum of area,) int64 array
        Flat positions in the (Y, X) image, in raster order within each object.
    """
    end = np.cumsum(area) - area
    position = np.empty(area.sum(), np.int64)
    width = index.shape[1] - 2
    for r in range(1, index.shape[0] - 1):
        for c in range(1, index.shape[1] - 1):
            i = index[r, c] - 1
            if i >= 0:
                position[end[i]] = (r - 1) * width + c - 1
                end[i] += 1
    return position
