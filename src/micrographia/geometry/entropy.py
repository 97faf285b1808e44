"""Entropy of the values in a box around every pixel, by histograms of columns that move with the box.

The histograms are those of Perreault & Hébert (2007, *IEEE Transactions on Image Processing* 16:2389). Counts are whole
numbers, so the result does not depend on where a part of the image begins.
"""

from __future__ import annotations

import numba
import numpy as np

BINS = 32
"""Number of different values."""


@numba.njit(cache=True, nogil=True)
def _window_entropy(plane, rows, columns, table, counts, box, out):
    height, width = out.shape
    side = len(rows) - height + 1
    n = np.float32(side * (len(columns) - width + 1))
    for x in range(plane.shape[1]):
        for b in range(BINS):
            counts[x, b] = 0
    for k in range(side - 1):
        row = plane[rows[k]]
        for x in range(plane.shape[1]):
            counts[x, row[x]] += 1
    for y in range(height):
        new = plane[rows[y + side - 1]]
        for x in range(plane.shape[1]):
            counts[x, new[x]] += 1
        for b in range(BINS):
            box[b] = 0
        for k in range(len(columns) - width):
            column = counts[columns[k]]
            for b in range(BINS):
                box[b] += column[b]
        for x in range(width):
            column = counts[columns[x + len(columns) - width]]
            for b in range(BINS):
                box[b] += column[b]
            total = np.float32(0)
            for b in range(BINS):
                total += table[box[b]]
            out[y, x] = max(table[int(n)] - total, np.float32(0)) / n
            column = counts[columns[x]]
            for b in range(BINS):
                box[b] -= column[b]
        old = plane[rows[y]]
        for x in range(plane.shape[1]):
            counts[x, old[x]] -= 1


def window_entropy(plane: np.ndarray, rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """Entropy in bits of the values in the box around each pixel.

    Parameters
    ----------
    plane : (Y, X) uint8 array
        Values below `BINS`.
    rows, columns : int64 arrays
        Positions in ``plane`` of the pixels wanted, with the box's radius more on each side (mirrored at the borders):
        see :func:`micrographia.geometry.convolution.mirrored`.
    out : (rows, columns) float32 array
        Is filled; its shape gives the size of the box.
    """
    most = (len(rows) - out.shape[0] + 1) * (len(columns) - out.shape[1] + 1)
    k = np.arange(most + 1)
    table = (k * np.log2(np.maximum(k, 1))).astype(np.float32)
    counts, box = np.empty((plane.shape[1], BINS), np.int32), np.empty(BINS, np.int32)
    _window_entropy(plane, rows, columns, table, counts, box, out)


def window_entropy_numpy(plane: np.ndarray, rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """Plain reference of `window_entropy`."""
    side = len(rows) - out.shape[0] + 1
    windows = np.lib.stride_tricks.sliding_window_view(plane[np.ix_(rows, columns)], (side, side))
    for y, x in np.ndindex(out.shape):
        share = np.bincount(windows[y, x].ravel(), minlength=BINS) / side**2
        share = share[share > 0]
        out[y, x] = -np.sum(share * np.log2(share))
