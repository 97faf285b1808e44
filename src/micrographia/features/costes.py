"""Costes' automatic threshold for each object, and the colocalisation above it.

Costes et al. 2004, "Automatic and quantitative measurement of protein-protein colocalization in live cells": along
the regression line of two channels, the threshold below which they are no longer correlated. Searched like cp_measure
0.3 in its mode "Faster" (CellProfiler's bisection with steps of a sixth). NaN where it is not defined: fewer than three
pixels, a constant channel, no regression, no background that is correlated.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_MOST = 256
_EPS = np.finfo(np.float64).eps


@njit(cache=True, nogil=True, error_model="numpy")
def costes(first: np.ndarray, one: np.ndarray, two: np.ndarray, steps: float) -> np.ndarray:
    """Share of each channel's intensity above its threshold where both are above theirs.

    Parameters
    ----------
    first : (n + 1,) int64 array
        Object ``i`` has the pixels ``first[i]:first[i + 1]``.
    one, two : (pixels,) float64 array
        0 to 1.
    steps : float
        Grey levels between 0 and 1.

    Returns
    -------
    (n, 2) float64 array
    """
    n = len(first) - 1
    out = np.full((n, 2), np.nan)
    for i in range(n):
        a, b = one[first[i] : first[i + 1]], two[first[i] : first[i + 1]]
        slope, offset = _regression(a, b)
        if not (np.isfinite(slope) and np.isfinite(offset)):
            continue
        step = _bisect(a, b, slope, offset, steps)
        if step < 0:
            continue
        low_a = step / steps
        low_b = slope * low_a + offset
        if not np.isfinite(_correlation_below(a, b, low_a, low_b)):
            continue
        all_a, all_b, both_a, both_b = 0.0, 0.0, 0.0, 0.0
        for k in range(len(a)):
            if a[k] >= low_a:
                all_a += a[k]
            if b[k] >= low_b:
                all_b += b[k]
            if a[k] > low_a and b[k] > low_b:
                both_a += a[k]
                both_b += b[k]
        if all_a > 0 and all_b > 0:
            out[i, 0], out[i, 1] = both_a / all_a, both_b / all_b
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _regression(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the orthogonal regression over pixels where not both channels are 0; NaN if undefined."""
    count = 0
    mean_a, mean_b = 0.0, 0.0
    low_a, high_a, low_b, high_b = np.inf, -np.inf, np.inf, -np.inf
    for k in range(len(a)):
        if not (0 <= a[k] <= 1 and 0 <= b[k] <= 1):
            return np.nan, np.nan
        if a[k] > 0 or b[k] > 0:
            count += 1
            mean_a += a[k]
            mean_b += b[k]
            low_a, high_a = min(low_a, a[k]), max(high_a, a[k])
            low_b, high_b = min(low_b, b[k]), max(high_b, b[k])
    if count < 3 or low_a == high_a or low_b == high_b:
        return np.nan, np.nan
    mean_a, mean_b = mean_a / count, mean_b / count
    aa, bb, ab = 0.0, 0.0, 0.0
    for k in range(len(a)):
        if a[k] > 0 or b[k] > 0:
            x, y = a[k] - mean_a, b[k] - mean_b
            aa += x * x
            bb += y * y
            ab += (x + y) * (x + y)
    aa, bb, ab = aa / (count - 1), bb / (count - 1), ab / (count - 1)
    ab = 0.5 * (ab - (aa + bb))
    if abs(ab) <= 8 * _EPS * max(aa, bb):
        return np.nan, np.nan
    slope = ((bb - aa) + np.sqrt((bb - aa) * (bb - aa) + 4 * (ab * ab))) / (2 * ab)
    return slope, mean_b - slope * mean_a


@njit(cache=True, nogil=True, error_model="numpy")
def _bisect(a: np.ndarray, b: np.ndarray, slope: float, offset: float, steps: float) -> float:
    """The threshold in steps; -1 where none is found."""
    left, right = 1.0, steps
    middle = (right - left) // (6 / 5) + left
    last, valid = 0.0, -1.0
    for _ in range(_MOST):
        if last == middle:
            return valid - 1 if valid >= 0 else -1.0
        low = middle / steps
        correlation = _correlation_below(a, b, low, slope * low + offset)
        if not np.isfinite(correlation) or correlation < 0:
            left = middle - 1
        else:
            right = middle + 1
            valid = middle
        last = middle
        middle = (right - left) // (6 / 5 if right - left > 6 else 2.0) + left
    return valid - 1 if last == middle and valid >= 0 else -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _correlation_below(a: np.ndarray, b: np.ndarray, low_a: float, low_b: float) -> float:
    """Pearson's correlation of the pixels below either threshold; NaN where it is not defined."""
    count, mean_a, mean_b = 0, 0.0, 0.0
    least_a, most_a, least_b, most_b = np.inf, -np.inf, np.inf, -np.inf
    for k in range(len(a)):
        if a[k] < low_a or b[k] < low_b:
            count += 1
            mean_a += a[k]
            mean_b += b[k]
            least_a, most_a = min(least_a, a[k]), max(most_a, a[k])
            least_b, most_b = min(least_b, b[k]), max(most_b, b[k])
    if count < 3 or least_a == most_a or least_b == most_b:
        return np.nan
    mean_a, mean_b = mean_a / count, mean_b / count
    aa, bb, ab = 0.0, 0.0, 0.0
    for k in range(len(a)):
        if a[k] < low_a or b[k] < low_b:
            x, y = a[k] - mean_a, b[k] - mean_b
            aa += x * x
            bb += y * y
            ab += x * y
    return ab / np.sqrt(aa) / np.sqrt(bb)
