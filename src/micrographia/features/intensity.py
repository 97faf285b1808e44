"""Compiled statistics of the pixel values of each object."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def intensities(values: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Statistics of the pixel values of every object.

    Parameters
    ----------
    values : (sum of area,) float64 array
        Pixel values, object after object. NaN and infinite values are left out.
    area : (n,) int64 array
        Values of each object.

    Returns
    -------
    (n, 6) float64 array
        Mean, median, standard deviation (of the population), minimum, maximum, sum; NaN where an object has no
        finite value.
    """
    result = np.full((len(area), 6), np.nan)
    part = np.empty(max(1, area.max()) if len(area) else 1)
    start = 0
    for i in range(len(area)):
        count, total = 0, 0.0
        for k in range(start, start + area[i]):
            if np.isfinite(values[k]):
                part[count] = values[k]
                total += values[k]
                count += 1
        start += area[i]
        if count == 0:
            continue
        mean, square, smallest, largest = total / count, 0.0, part[0], part[0]
        for k in range(count):
            square += (part[k] - mean) * (part[k] - mean)
            smallest = min(smallest, part[k])
            largest = max(largest, part[k])
        result[i, 0] = mean
        result[i, 1] = (_select(part, count, (count - 1) // 2) + _select(part, count, count // 2)) / 2
        result[i, 2] = np.sqrt(square / count)
        result[i, 3] = smallest
        result[i, 4] = largest
        result[i, 5] = total
    return result


@njit(cache=True)
def _select(values: np.ndarray, count: int, k: int) -> float:
    """The ``k``-th smallest of the first ``count`` values, which are reordered (Hoare 1961, "Find")."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]
