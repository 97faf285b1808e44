"""Distance of every pixel of one object to the nearest pixel outside it, exactly."""

from __future__ import annotations

import numpy as np
from numba import njit

_FAR = 2**40


@njit(cache=True, nogil=True)
def squared_edge_distances(
    index: np.ndarray, number: int, y0: int, x0: int, y1: int, x1: int, frame: bool
) -> np.ndarray:
    """Squared Euclidean distance to the nearest pixel that is not of the object.

    Columns first, then along each row as far as a nearer pixel is possible; the idea of Saito & Toriwaki 1994, "New
    algorithms for Euclidean distance transformation".

    Parameters
    ----------
    index : (Y + 2, X + 2) int32 array
        Numbers of the objects in a frame of background.
    number : int
        The object.
    y0, x0, y1, x1 : int
        Its box.
    frame : bool
        Whether what lies outside the image counts as outside the object. Where it does not and the object fills the
        image, all distances are 2**40.

    Returns
    -------
    (y1 - y0, x1 - x0) int64 array
        0 outside the object.
    """
    height, width = index.shape[0] - 2, index.shape[1] - 2
    low = 0 if frame else 1
    ya, yb = max(y0, low), min(y1 + 2, height + 2 - low)
    xa, xb = max(x0, low), min(x1 + 2, width + 2 - low)
    rows, columns = yb - ya, xb - xa
    column: np.ndarray = np.empty((rows, columns), np.int64)
    for x in range(columns):
        nearest = _FAR
        for y in range(rows):
            nearest = 0 if index[ya + y, xa + x] != number else nearest + 1
            column[y, x] = nearest
        nearest = _FAR
        for y in range(rows - 1, -1, -1):
            nearest = 0 if column[y, x] == 0 else nearest + 1
            column[y, x] = min(column[y, x], nearest)
    out = np.zeros((y1 - y0, x1 - x0), np.int64)
    for y in range(rows):
        for x in range(columns):
            best = column[y, x]
            if best == 0:
                continue
            best = _FAR if best >= 2**20 else best * best
            step = 1
            while step * step < best and (step <= x or x + step < columns):
                if step <= x:
                    there = column[y, x - step]
                    if there < 2**20:
                        best = min(best, step * step + there * there)
                if x + step < columns:
                    there = column[y, x + step]
                    if there < 2**20:
                        best = min(best, step * step + there * there)
                step += 1
            out[ya + y - y0 - 1, xa + x - x0 - 1] = best
    return out
