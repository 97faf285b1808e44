"""Costes' automatic threshold for each object, and the colocalisation above it.

Costes et al. 2004, "Automatic and quantitative measurement of protein-protein colocalization in live cells": along
the regression line of two channels, the threshold below which they are no longer correlated. Searched like cp_measure
0.3 in its mode "Faster" (CellProfiler's bisection with steps of a sixth). NaN where it is not defined: fewer than three
pixels, a constant channel, no regression, no background that is correlated.

Where grey levels are few, a correlation may be exactly 0 and a pixel lie exactly on the regression line, and rounding
decides. Such objects are searched again along the line that NumPy finds, and correlations near 0 are computed as SciPy
does, both as in cp_measure, so that both decide alike.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_MOST = 256
_EPS = np.finfo(np.float64).eps
_NOTHING = 1e-12
"""Differences and correlations that may be rounding alone."""


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
    out = _costes(first, one, two, steps)
    for i in np.flatnonzero(np.isinf(out[:, 0])):
        a, b = one[first[i] : first[i + 1]], two[first[i] : first[i + 1]]
        out[i] = _with_numpy(a, b, steps)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _costes(first: np.ndarray, one: np.ndarray, two: np.ndarray, steps: float) -> np.ndarray:
    """As `costes`; infinite where rounding decides."""
    n = len(first) - 1
    out = np.full((n, 2), np.nan)
    for i in range(n):
        a, b = one[first[i] : first[i + 1]], two[first[i] : first[i + 1]]
        slope, offset = _regression(a, b)
        if np.isinf(slope):
            out[i] = np.inf
            continue
        if not (np.isfinite(slope) and np.isfinite(offset)):
            continue
        step = _bisect(a, b, slope, offset, steps)
        if step < 0:
            out[i] = np.inf if step == _DOUBTFUL else np.nan
            continue
        low_a = step / steps
        low_b = slope * low_a + offset
        correlation = _correlation_below(a, b, low_a, low_b, False)
        if np.isfinite(correlation):
            out[i] = _shares(a, b, low_a, low_b)
        elif np.isinf(correlation):
            out[i] = np.inf
    return out


def _with_numpy(a: np.ndarray, b: np.ndarray, steps: float) -> tuple[float, float]:
    """The shares of one object, with the rounding of cp_measure; its pixels are known to be valid."""
    some = (a > 0) | (b > 0)
    x, y = a[some], b[some]
    aa, bb = np.var(x, ddof=1), np.var(y, ddof=1)
    ab = 0.5 * (np.var(x + y, ddof=1) - (aa + bb))
    if abs(ab) <= 8 * _EPS * max(aa, bb):
        return np.nan, np.nan
    slope = ((bb - aa) + np.sqrt((bb - aa) * (bb - aa) + 4 * (ab * ab))) / (2 * ab)
    offset = np.mean(y) - slope * np.mean(x)
    search = _start(steps)
    for _ in range(_MOST):
        if _ended(search):
            break
        low_a = search[2] / steps
        search = _narrowed(search, _numpy_correlation_below(a, b, low_a, slope * low_a + offset))
    low_a = (search[4] - 1) / steps
    low_b = slope * low_a + offset
    if not _ended(search) or search[4] < 0 or not np.isfinite(_numpy_correlation_below(a, b, low_a, low_b)):
        return np.nan, np.nan
    return _shares(a, b, low_a, low_b)


def _numpy_correlation_below(a: np.ndarray, b: np.ndarray, low_a: float, low_b: float) -> float:
    """As `_correlation_below` on thresholds that are cp_measure's to the last bit; never infinite."""
    correlation = _correlation_below(a, b, low_a, low_b, True)
    if not np.isinf(correlation):
        return correlation
    below = (a < low_a) | (b < low_b)
    return _pearson(a[below], b[below])


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    """The correlation as `scipy.stats.pearsonr` computes it, to the last bit, in a seventh of its time."""
    x, y = x - np.mean(x), y - np.mean(y)
    most_x, most_y = np.max(np.abs(x)), np.max(np.abs(y))
    norm_x = most_x * np.linalg.norm(x / most_x, ord=2, axis=-1)
    norm_y = most_y * np.linalg.norm(y / most_y, ord=2, axis=-1)
    return float(np.clip(np.vecdot(x / norm_x, y / norm_y), -1.0, 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _shares(a: np.ndarray, b: np.ndarray, low_a: float, low_b: float) -> tuple[float, float]:
    all_a, all_b, both_a, both_b = 0.0, 0.0, 0.0, 0.0
    for k in range(len(a)):
        if a[k] >= low_a:
            all_a += a[k]
        if b[k] >= low_b:
            all_b += b[k]
        if a[k] > low_a and b[k] > low_b:
            both_a += a[k]
            both_b += b[k]
    return (both_a / all_a, both_b / all_b) if all_a > 0 and all_b > 0 else (np.nan, np.nan)


@njit(cache=True, nogil=True, error_model="numpy")
def _regression(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the orthogonal regression over pixels where not both channels are 0.

    NaN where it is not defined, infinite where rounding decides whether it is.
    """
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
    if abs(ab) <= _NOTHING * max(aa, bb):
        return np.inf, np.inf
    slope = ((bb - aa) + np.sqrt((bb - aa) * (bb - aa) + 4 * (ab * ab))) / (2 * ab)
    return slope, mean_b - slope * mean_a


_DOUBTFUL = -2.0


@njit(cache=True, nogil=True, error_model="numpy")
def _bisect(a: np.ndarray, b: np.ndarray, slope: float, offset: float, steps: float) -> float:
    """The threshold in steps; -1 where none is found, -2 where rounding decides."""
    search = _start(steps)
    for _ in range(_MOST):
        if _ended(search):
            break
        low = search[2] / steps
        correlation = _correlation_below(a, b, low, slope * low + offset, False)
        if np.isinf(correlation):
            return _DOUBTFUL
        search = _narrowed(search, correlation)
    return search[4] - 1 if _ended(search) and search[4] >= 0 else -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _start(steps: float) -> tuple[float, float, float, float, float]:
    """The state of a search: least and largest step, the one to look at, the last one, the last valid one or -1."""
    return 1.0, steps, (steps - 1.0) // (6 / 5) + 1.0, 0.0, -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _ended(search: tuple[float, float, float, float, float]) -> bool:
    return search[2] == search[3]


@njit(cache=True, nogil=True, error_model="numpy")
def _narrowed(
    search: tuple[float, float, float, float, float], correlation: float
) -> tuple[float, float, float, float, float]:
    """The state of a search after the correlation at the step looked at is known."""
    left, right, middle, _, valid = search
    if not np.isfinite(correlation) or correlation < 0:
        left = middle - 1
    else:
        right, valid = middle + 1, middle
    return left, right, (right - left) // (6 / 5 if right - left > 6 else 2.0) + left, middle, valid


@njit(cache=True, nogil=True, error_model="numpy")
def _correlation_below(a: np.ndarray, b: np.ndarray, low_a: float, low_b: float, exact: bool) -> float:
    """Pearson's correlation of the pixels below either threshold.

    NaN where it is not defined, infinite where rounding decides its sign or, where thresholds are not `exact`, which
    pixels these are.
    """
    count, mean_a, mean_b = 0, 0.0, 0.0
    least_a, most_a, least_b, most_b = np.inf, -np.inf, np.inf, -np.inf
    for k in range(len(a)):
        if not exact and abs(b[k] - low_b) < _NOTHING and not a[k] < low_a:
            return np.inf
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
    correlation = ab / np.sqrt(aa) / np.sqrt(bb)
    return correlation if abs(correlation) > _NOTHING else np.inf
