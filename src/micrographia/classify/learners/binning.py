"""Feature values as small whole numbers: at most 255 bins a feature, with about equally many samples in each.

Trees are grown on bins, as in LightGBM (Ke et al. 2017) and scikit-learn's HistGradientBoosting: finding the best
split of a node then needs a histogram, no sorting. A tree's thresholds are borders between bins, and a border lies
half-way between two values that were observed, so nothing of this is seen when the tree is used.
"""

from __future__ import annotations

import numba
import numpy as np

BINS = 255
"""Most bins of one feature; a bin's number fits into one byte."""


def bin_borders(features: np.ndarray, bins: int = BINS) -> list[np.ndarray]:
    """Borders between the bins of each feature.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values, a row a feature.
    bins : int
        Most bins of one feature.

    Returns
    -------
    list of F float32 arrays
        Rising borders, fewer than ``bins``; none for a feature that is constant. A feature with few different values
        has a border between each two neighbours.
    """
    return [_borders(np.sort(row), bins) for row in np.asarray(features, np.float32)]


def _borders(values: np.ndarray, bins: int) -> np.ndarray:
    last = np.flatnonzero(values[1:] > values[:-1])
    if len(last) >= bins:
        wanted = np.arange(1, bins) * len(values) // bins - 1
        last = np.unique(last[np.minimum(np.searchsorted(last, wanted), len(last) - 1)])
    low, high = values[last], values[last + 1]
    middle = (low + (high.astype(np.float64) - low) / 2).astype(np.float32)
    return np.where(middle < high, middle, low)


@numba.njit(cache=True, nogil=True)
def _ranks(values, borders, out):
    count = len(borders)
    for n in range(len(values)):
        x = values[n]
        low, size = 0, count
        while size > 0:
            half = size // 2
            if x <= borders[low + half]:
                size = half
            else:
                low += half + 1
                size -= half + 1
        out[n] = low


def binned(features: np.ndarray, borders: list[np.ndarray]) -> np.ndarray:
    """The bin of every value: how many borders lie below it.

    Parameters
    ----------
    features : (F, N) float32 array
        Values; NaN counts as above every border.
    borders : list of F float32 arrays
        As from `bin_borders`.

    Returns
    -------
    (F, N) uint8 array
        ``x <= borders[b]`` is the same as ``bin <= b``.
    """
    out = np.empty(features.shape, np.uint8)
    for row, border, bins in zip(np.asarray(features, np.float32), borders, out, strict=True):
        _ranks(row, border, bins)
    return out


def binned_numpy(features: np.ndarray, borders: list[np.ndarray]) -> np.ndarray:
    """Plain reference of `binned`."""
    below = [~(row[:, None] <= border) for row, border in zip(features, borders, strict=True)]
    return np.array([b.sum(1) for b in below], np.uint8).reshape(features.shape)
