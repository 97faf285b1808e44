"""Exact Euclidean distance to the edge of one's own region, for all regions of a label image at once.

Line by line along each axis, with the lower envelope of parabolas (Felzenszwalb & Huttenlocher 2012, Theory of
Computing 8:415); a line is cut where the label changes, and the pixel beyond the cut is where the distance is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

_FAR = 1e30


@numba.njit(cache=True, nogil=True)
def _envelope(value, start, stop, left, right, step, place, bound, out):
    """Lower envelope of the parabolas value[i] + step² (x - i)² over [start, stop), and of zeros beside it."""
    count = 0
    square = step * step
    for i in range(start - 1 if left else start, stop + 1 if right else stop):
        f = 0.0 if i < start or i >= stop else value[i]
        if f >= _FAR:
            continue
        while count > 0:
            j = place[count - 1]
            g = 0.0 if j < start or j >= stop else value[j]
            cross = ((f - g) / square + i * i - j * j) / (2.0 * (i - j))
            if count > 1 and cross <= bound[count - 1]:
                count -= 1
                continue
            place[count] = i
            bound[count] = cross
            count += 1
            break
        if count == 0:
            place[0] = i
            count = 1
    if count == 0:
        for i in range(start, stop):
            out[i] = _FAR
        return
    k = 0
    for i in range(start, stop):
        while k + 1 < count and bound[k + 1] < i:
            k += 1
        j = place[k]
        g = 0.0 if j < start or j >= stop else value[j]
        out[i] = g + square * (i - j) * (i - j)


@numba.njit(cache=True, nogil=True)
def _along(labels, square, step):
    """One pass along the second axis of (A, N, B) arrays, in place."""
    outer, length, inner = labels.shape
    line = np.empty(length)
    out = np.empty(length)
    place = np.empty(length + 2, np.int64)
    bound = np.empty(length + 2)
    for a in range(outer):
        for b in range(inner):
            for i in range(length):
                line[i] = square[a, i, b]
            start = 0
            while start < length:
                label = labels[a, start, b]
                stop = start + 1
                while stop < length and labels[a, stop, b] == label:
                    stop += 1
                if label > 0:
                    _envelope(line, start, stop, start > 0, stop < length, step, place, bound, out)
                    for i in range(start, stop):
                        square[a, i, b] = out[i]
                start = stop


def label_distance(labels: np.ndarray, spacing: Sequence[float] | None = None) -> np.ndarray:
    """Distance of each labelled pixel to the nearest pixel that is not of its label.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        0 is background, which gets 0. What lies beyond the image is not an edge.
    spacing : sequence of float, optional
        Size of a pixel along each axis; 1 otherwise.

    Returns
    -------
    ([Z,] Y, X) float32 array
        In units of `spacing`; infinite where the image holds one label only.

    Raises
    ------
    ValueError
        Where `spacing` does not fit the axes.
    """
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    spacing = (1.0,) * labels.ndim if spacing is None else tuple(float(s) for s in spacing)
    if len(spacing) != labels.ndim or min(spacing) <= 0:
        raise ValueError(f"Labels of {labels.ndim} axes need as many pixel sizes above 0, not {spacing}.")
    square = np.where(labels > 0, _FAR, 0.0)
    for axis in reversed(range(labels.ndim)):
        shape = (int(np.prod(labels.shape[:axis])), labels.shape[axis], int(np.prod(labels.shape[axis + 1 :])))
        _along(labels.reshape(shape), square.reshape(shape), spacing[axis])
    square[square >= _FAR] = np.inf
    return np.sqrt(square).astype(np.float32)


def label_distance_numpy(labels: np.ndarray, spacing: Sequence[float] | None = None) -> np.ndarray:
    """Plain reference of `label_distance`: every pair of pixels."""
    place = np.argwhere(np.ones(labels.shape, bool)) * np.asarray(spacing or (1.0,) * labels.ndim)
    flat = labels.ravel()
    square = ((place[:, None] - place[None]) ** 2).sum(-1)
    square[flat[:, None] == flat[None]] = np.inf
    square[flat <= 0] = 0
    return np.sqrt(square.min(1)).reshape(labels.shape).astype(np.float32)
