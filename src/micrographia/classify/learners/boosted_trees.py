"""One tree of gradient boosting: grown leaf by leaf on binned features, each leaf a step of Newton's method.

The gain of a split is G_L² / (H_L + λ) + G_R² / (H_R + λ) - G² / (H + λ), where G and H are sums of the loss's first
and second derivatives over a node's samples (Chen and Guestrin 2016, XGBoost, equation 7). The leaf with the largest
gain is split next, as in LightGBM (Ke et al. 2017); the larger child's histogram is its parent's less the other's.
"""

from __future__ import annotations

import numba
import numpy as np

LOWEST_CURVATURE = 1e-3
"""Smallest sum of second derivatives in a leaf."""


@numba.njit(cache=True, nogil=True)
def _collect(bins, samples, gradient, curvature, out):
    """Sum of both derivatives and number of samples, in each bin of each feature."""
    out[:] = 0.0
    for f in range(bins.shape[0]):
        for i in samples:
            b = bins[f, i]
            out[f, b, 0] += gradient[i]
            out[f, b, 1] += curvature[i]
            out[f, b, 2] += 1.0


@numba.njit(cache=True, nogil=True)
def find_gain(histogram, penalty, min_leaf):
    """Gain, feature and cut of the best split of a node; histogram (F, bins, 3). No gain is 0, -1, -1."""
    best, feature, cut = 0.0, -1, -1
    n_features, n_bins = histogram.shape[:2]
    all_g, all_h, everything = 0.0, 0.0, 0.0
    for b in range(n_bins):
        all_g += histogram[0, b, 0]
        all_h += histogram[0, b, 1]
        everything += histogram[0, b, 2]
    before = all_g * all_g / (all_h + penalty)
    for f in range(n_features):
        g, h, below, last = 0.0, 0.0, 0.0, -1
        for b in range(n_bins):
            if histogram[f, b, 2] == 0:
                continue
            rest = all_h - h
            enough = below >= min_leaf and everything - below >= min_leaf
            if enough and h >= LOWEST_CURVATURE and rest >= LOWEST_CURVATURE:
                gain = g * g / (h + penalty) + (all_g - g) * (all_g - g) / (rest + penalty) - before
                if gain > best:
                    best, feature, cut = gain, f, (last + b - 1) // 2
            g += histogram[f, b, 0]
            h += histogram[f, b, 1]
            below += histogram[f, b, 2]
            last = b
    return best, feature, cut


def find_gain_numpy(histogram: np.ndarray, penalty: float, min_leaf: int) -> tuple[float, int, int]:
    """Plain reference of `find_gain`."""
    best, feature, cut = 0.0, -1, -1
    total = histogram[0].sum(0)
    for f, rows in enumerate(histogram):
        used = np.flatnonzero(rows[:, 2])
        for low, high in zip(used[:-1], used[1:]):
            left = rows[: low + 1].sum(0)
            right = total - left
            if min(left[2], right[2]) < min_leaf or min(left[1], right[1]) < LOWEST_CURVATURE:
                continue
            gain = sum(s[0] ** 2 / (s[1] + penalty) for s in (left, right)) - total[0] ** 2 / (total[1] + penalty)
            if gain > best:
                best, feature, cut = gain, f, int(low + high - 1) // 2
    return best, feature, cut


@numba.njit(cache=True, nogil=True)
def _divide(column, cut, samples, spare):
    """Samples with a bin of at most ``cut`` first, the others behind, both in their order; the number of the first."""
    low, high = 0, 0
    for i in samples:
        if column[i] <= cut:
            samples[low] = i
            low += 1
        else:
            spare[high] = i
            high += 1
    samples[low:] = spare[:high]
    return low


@numba.njit(cache=True, nogil=True)
def grow_boosted(bins, n_bins, samples, gradient, curvature, leaves, penalty, min_leaf):
    """One tree.

    Parameters
    ----------
    bins : (F, N) uint8 array
        Binned features.
    n_bins : int
        Most bins of a feature.
    samples : (n,) int32 array
        Samples to learn from; they are brought into another order.
    gradient, curvature : (N,) float64 arrays
        First and second derivatives of the loss.
    leaves : int
        Most leaves.
    penalty : float
        λ above.
    min_leaf : int
        Fewest samples in a leaf.

    Returns
    -------
    feature, cut, child : (nodes,) int32 arrays
        Feature of a node (-1: leaf), its cut (``bin <= cut`` goes left), its left child (the right is next to it).
    value : (nodes,) float64 array
        Step of a leaf, -G / (H + λ).
    gain : (F,) float64 array
        Gain by feature.
    """
    n_features, most = bins.shape[0], 2 * leaves - 1
    feature, cut, child = np.full(most, -1, np.int32), np.zeros(most, np.int32), np.zeros(most, np.int32)
    value, merit = np.zeros(most), np.zeros(n_features)
    start, stop = np.zeros(most, np.int64), np.zeros(most, np.int64)
    gains, best_feature, best_cut = np.zeros(most), np.zeros(most, np.int64), np.zeros(most, np.int64)
    histograms, slot = np.empty((leaves, n_features, n_bins, 3)), np.zeros(most, np.int64)
    spare = np.empty(len(samples), np.int32)
    stop[0], nodes = len(samples), 1
    _collect(bins, samples, gradient, curvature, histograms[0])
    gains[0], best_feature[0], best_cut[0] = find_gain(histograms[0], penalty, min_leaf)
    for used in range(1, leaves):
        node = int(np.argmax(gains))
        if gains[node] <= 0:
            break
        f, c, first, last = best_feature[node], best_cut[node], start[node], stop[node]
        middle = first + _divide(bins[f], c, samples[first:last], spare)
        feature[node], cut[node], child[node] = f, c, nodes
        merit[f] += gains[node]
        gains[node] = 0.0
        left, right = nodes, nodes + 1
        start[left], stop[left], start[right], stop[right] = first, middle, middle, last
        small, large = (left, right) if middle - first < last - middle else (right, left)
        slot[small], slot[large] = used, slot[node]
        _collect(bins, samples[start[small] : stop[small]], gradient, curvature, histograms[used])
        histograms[slot[large]] -= histograms[used]
        for one in (left, right):
            gains[one], best_feature[one], best_cut[one] = find_gain(histograms[slot[one]], penalty, min_leaf)
        nodes += 2
    for node in range(nodes):
        if feature[node] < 0:
            g, h = 0.0, 0.0
            for i in samples[start[node] : stop[node]]:
                g += gradient[i]
                h += curvature[i]
            value[node] = -g / (h + penalty)
    return feature[:nodes].copy(), cut[:nodes].copy(), child[:nodes].copy(), value[:nodes].copy(), merit
