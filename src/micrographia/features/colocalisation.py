"""CellProfiler's MeasureColocalization: how two channels go together inside each object.

Equal to cp_measure 0.3: Correlation and Slope (``get_correlation_pearson``), Overlap and K (``..._overlap``), Manders'
coefficients (``..._manders_fold``), rank-weighted ones (``..._rwc``) and Costes' (``..._costes`` in its default mode;
:mod:`micrographia.features.costes`). Thresholds of Manders, RWC and Overlap are 15 % of the object's own maximum, as in
cp_measure. CellProfiler 4 divides by the sum of the pixels *at or above* the threshold, too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.costes import costes
from micrographia.features.label_objects import LabelObjects

_THRESHOLD = 0.15


def colocalisation(
    objects: LabelObjects, first: np.ndarray, second: np.ndarray, steps: int = 65535
) -> dict[str, np.ndarray]:
    """Correlation and colocalisation of two channels in each object.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane or a volume.
    first, second : float array of the shape of the labels
        0 to 1. Not finite pixels make the object's values NaN.
    steps : int
        Grey levels of the camera, on which Costes' threshold is searched: 255 for 8 bits.

    Returns
    -------
    dict of str to (n,) float64 array
        Names have ``{0}`` and ``{1}`` for the channels; ``Correlation_Manders_{1}_{0}`` is that of the second.
        Constant channels give NaN where the definition divides by their spread.
    """
    one, two = objects.of(first), objects.of(second)
    linear = linear_relations(objects.first, one, two)
    with np.errstate(invalid="ignore", divide="ignore"):
        weighted = weighted_overlaps(objects.first, one, two)
    by_costes = costes(objects.first, one, two, float(steps))
    return {
        "Correlation_Correlation_{0}_{1}": linear[:, 0].copy(),
        "Correlation_Slope_{0}_{1}": linear[:, 1].copy(),
        "Correlation_Overlap_{0}_{1}": weighted[:, 0].copy(),
        "Correlation_K_{0}_{1}": weighted[:, 1].copy(),
        "Correlation_K_{1}_{0}": weighted[:, 2].copy(),
        "Correlation_Manders_{0}_{1}": weighted[:, 3].copy(),
        "Correlation_Manders_{1}_{0}": weighted[:, 4].copy(),
        "Correlation_RWC_{0}_{1}": weighted[:, 5].copy(),
        "Correlation_RWC_{1}_{0}": weighted[:, 6].copy(),
        "Correlation_Costes_{0}_{1}": by_costes[:, 0].copy(),
        "Correlation_Costes_{1}_{0}": by_costes[:, 1].copy(),
    }


@njit(cache=True, nogil=True, error_model="numpy")
def linear_relations(first: np.ndarray, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Pearson's correlation and the slope of the second on the first channel, (n, 2) float64."""
    n = len(first) - 1
    out = np.full((n, 2), np.nan)
    for i in range(n):
        count = first[i + 1] - first[i]
        if count < 2:
            continue
        a, b = one[first[i] : first[i + 1]], two[first[i] : first[i + 1]]
        if a.min() == a.max() or b.min() == b.max():
            out[i, 1] = np.nan if a.min() == a.max() else 0.0
            continue
        xm, ym = a.mean(), b.mean()
        xx, yy, xy = 0.0, 0.0, 0.0
        for k in range(count):
            x, y = a[k] - xm, b[k] - ym
            xx += x * x
            yy += y * y
            xy += x * y
        out[i, 0] = min(1.0, max(-1.0, xy / np.sqrt(xx) / np.sqrt(yy))) if xx > 0 and yy > 0 else np.nan
        out[i, 1] = xy / xx
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def weighted_overlaps(first: np.ndarray, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Overlap, K of both, Manders of both, rank-weighted colocalisation of both, (n, 7) float64."""
    n = len(first) - 1
    out = np.full((n, 7), np.nan)
    for i in range(n):
        a, b = one[first[i] : first[i + 1]], two[first[i] : first[i + 1]]
        count = len(a)
        if count == 0:
            continue
        low_a, low_b = _THRESHOLD * a.max(), _THRESHOLD * b.max()
        ranks_a, levels_a = _dense_ranks(a)
        ranks_b, levels_b = _dense_ranks(b)
        ranks = max(levels_a, levels_b)
        both, all_a, all_b = 0, 0.0, 0.0
        aa, bb, ab = 0.0, 0.0, 0.0
        sum_a, sum_b, weighted_a, weighted_b = 0.0, 0.0, 0.0, 0.0
        for k in range(count):
            if a[k] >= low_a:
                all_a += a[k]
            if b[k] >= low_b:
                all_b += b[k]
            if a[k] >= low_a and b[k] >= low_b:
                both += 1
                aa += a[k] * a[k]
                bb += b[k] * b[k]
                ab += a[k] * b[k]
                sum_a += a[k]
                sum_b += b[k]
                weight = (ranks - abs(ranks_a[k] - ranks_b[k])) / ranks
                weighted_a += a[k] * weight
                weighted_b += b[k] * weight
        if both == 0:
            out[i] = 0.0 if np.isfinite(low_a) and np.isfinite(low_b) else np.nan
            continue
        out[i, 0], out[i, 1], out[i, 2] = ab / np.sqrt(aa * bb), ab / aa, ab / bb
        out[i, 3], out[i, 4] = sum_a / all_a, sum_b / all_b
        out[i, 5], out[i, 6] = weighted_a / all_a, weighted_b / all_b
    return out


@njit(cache=True, nogil=True)
def _dense_ranks(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Rank of each value from 0, equal ones alike, and how many ranks there are."""
    order = np.argsort(values)
    ranks = np.zeros(len(values), np.int64)
    rank = 0
    for k in range(1, len(values)):
        if values[order[k]] != values[order[k - 1]]:
            rank += 1
        ranks[order[k]] = rank
    return ranks, rank + 1
