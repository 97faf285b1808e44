"""Averages along lines through every pixel, in many directions, and how they are distributed over the directions.

Thin sheets and threads stand out: the line along them has another average than the lines across (Kaynig, Fuchs &
Buhmann 2010, MICCAI). Trainable Weka Segmentation calls them membrane projections, and turns its line by 6° too.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numba
import numpy as np

DIRECTIONS = 30
_SIDE = 9
"""Points of a line on each side of its middle."""


def line_averages_reach(spacing: float) -> int:
    """Pixels that are looked at on each side of a line's middle."""
    return math.ceil(_SIDE * spacing) + 1


@lru_cache(maxsize=32)
def line_taps(spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels and weights of half a line in each direction; the other half is its point reflection.

    Returns
    -------
    first : (DIRECTIONS + 1,) int64 array
        Where the taps of a direction begin.
    offsets : (taps, 2) int64 array
        Rows and columns from the middle.
    weights : (taps,) float32 array
        Bilinear, those of a line with its reflection (and its middle, which comes first, once) add to 1.
    """
    first, offsets, weights = [0], [], []
    for k in range(DIRECTIONS):
        angle = math.pi * k / DIRECTIONS
        taps: dict[tuple[int, int], float] = {(0, 0): 1.0}
        for step in range(1, _SIDE + 1):
            y, x = step * spacing * math.sin(angle), step * spacing * math.cos(angle)
            i, j = math.floor(y), math.floor(x)
            for di, dj, w in ((0, 0, (i + 1 - y) * (j + 1 - x)), (0, 1, (i + 1 - y) * (x - j)),
                              (1, 0, (y - i) * (j + 1 - x)), (1, 1, (y - i) * (x - j))):  # fmt: skip
                if w > 1e-9:
                    taps[i + di, j + dj] = taps.get((i + di, j + dj), 0.0) + w
        # a tap that falls on the middle counts for both halves
        taps[0, 0] = 2 * taps[0, 0] - 1.0
        offsets += list(taps)
        weights += [w / (2 * _SIDE + 1) for w in taps.values()]
        first.append(len(offsets))
    return np.array(first), np.array(offsets), np.array(weights, np.float32)


@lru_cache(maxsize=2)
def sorting_steps(count: int) -> np.ndarray:
    """Pairs to put in order, one after the other, to sort ``count`` values: Batcher's odd-even merge sort (1968).

    Returns
    -------
    (steps, 2) int64 array
    """
    steps = []
    p = 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        steps.append((i + j, i + j + k))
            k //= 2
        p *= 2
    return np.array(steps)


@numba.njit(cache=True, nogil=True)
def _averages(plane, y, reach, first, offsets, weights, lines):
    n = lines.shape[1]
    for k in range(DIRECTIONS):
        line = lines[k]
        middle = plane[y + reach, reach : reach + n]
        w0 = weights[first[k]]
        for x in range(n):
            line[x] = w0 * middle[x]
        t = first[k] + 1
        while t < first[k + 1]:
            u = min(t + 1, first[k + 1] - 1)
            w0, w1 = weights[t], weights[u] if u > t else np.float32(0)
            i, j = offsets[t, 0], offsets[t, 1]
            a0 = plane[y + reach + i, reach + j : reach + j + n]
            b0 = plane[y + reach - i, reach - j : reach - j + n]
            i, j = offsets[u, 0], offsets[u, 1]
            a1 = plane[y + reach + i, reach + j : reach + j + n]
            b1 = plane[y + reach - i, reach - j : reach - j + n]
            for x in range(n):
                line[x] += w0 * (a0[x] + b0[x]) + w1 * (a1[x] + b1[x])
            t += 2


@numba.njit(cache=True, nogil=True)
def _order(a, b):
    for x in range(len(a)):
        low, high = min(a[x], b[x]), max(a[x], b[x])
        a[x] = low
        b[x] = high


@numba.njit(cache=True, nogil=True)
def _copy(row, out):
    for x in range(len(out)):
        out[x] = row[x]


@numba.njit(cache=True, nogil=True)
def _project(plane, reach, first, offsets, weights, steps, slots, lines, mean, out):
    scale = np.float32(1.0 / DIRECTIONS)
    n = len(mean)
    for y in range(out.shape[1]):
        _averages(plane, y, reach, first, offsets, weights, lines)
        for x in range(n):
            mean[x] = 0
        for k in range(DIRECTIONS):
            line = lines[k]
            for x in range(n):
                mean[x] += scale * line[x]
        if slots[0] >= 0:
            _copy(mean, out[slots[0], y])
        if slots[1] >= 0:
            target = out[slots[1], y]
            for x in range(n):
                target[x] = 0
            for k in range(DIRECTIONS):
                line = lines[k]
                for x in range(n):
                    target[x] += scale * ((line[x] - mean[x]) * (line[x] - mean[x]))
            for x in range(n):
                target[x] = np.sqrt(target[x])
        if slots[2] >= 0 or slots[3] >= 0 or slots[4] >= 0:
            for s in range(len(steps)):
                _order(lines[steps[s, 0]], lines[steps[s, 1]])
            if slots[2] >= 0:
                target, a, b = out[slots[2], y], lines[DIRECTIONS // 2 - 1], lines[DIRECTIONS // 2]
                for x in range(n):
                    target[x] = np.float32(0.5) * (a[x] + b[x])
            if slots[3] >= 0:
                _copy(lines[DIRECTIONS - 1], out[slots[3], y])
            if slots[4] >= 0:
                _copy(lines[0], out[slots[4], y])


def project_lines(plane: np.ndarray, spacing: float, slots: np.ndarray, out: np.ndarray) -> None:
    """Mean, standard deviation, median, maximum and minimum, over the directions, of the averages along lines.

    Parameters
    ----------
    plane : (Y + 2·reach, X + 2·reach) float32 array, contiguous
        The picture with a margin of :func:`line_averages_reach`.
    spacing : float
        Pixels between the 19 points of a line.
    slots : (5,) int64 array
        Position of each of the five maps in ``out``, or -1.
    out : (maps, Y, X) float32 array
        Is filled.
    """
    reach = line_averages_reach(spacing)
    lines, mean = np.empty((DIRECTIONS, out.shape[2]), np.float32), np.empty(out.shape[2], np.float32)
    _project(plane, reach, *line_taps(spacing), sorting_steps(DIRECTIONS), slots, lines, mean, out)


def project_lines_numpy(plane: np.ndarray, spacing: float) -> np.ndarray:
    """Plain reference of `project_lines`: (5, Y, X) float64, by bilinear sampling of the lines' points."""
    reach = line_averages_reach(spacing)
    height, width = plane.shape[0] - 2 * reach, plane.shape[1] - 2 * reach
    plane = plane.astype(np.float64)
    averages = []
    for k in range(DIRECTIONS):
        total = np.zeros((height, width))
        for step in range(-_SIDE, _SIDE + 1):
            y, x = (step * spacing * f(math.pi * k / DIRECTIONS) for f in (math.sin, math.cos))
            i, j = math.floor(y), math.floor(x)
            for di, dj in np.ndindex(2, 2):
                weight = (1 - abs(y - i - di)) * (1 - abs(x - j - dj))
                total += weight * plane[reach + i + di :, reach + j + dj :][:height, :width]
        averages.append(total / (2 * _SIDE + 1))
    return np.stack([f(averages, axis=0) for f in (np.mean, np.std, np.median, np.max, np.min)])
