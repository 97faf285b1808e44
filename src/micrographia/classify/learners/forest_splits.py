"""The best split of one tree node by one binned feature.

The criterion is Gini's: of all cuts that leave enough samples on both sides, the one is taken for which
``sum_k L_k² / sum_k L_k + sum_k R_k² / sum_k R_k`` is largest, where ``L_k`` and ``R_k`` are the weights of class k
left and
right of the cut (Breiman et al. 1984). Where bins between the two sides are empty, the cut lies in the middle of them.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.classify.learners.bit_sets import lowest


@numba.njit(cache=True, nogil=True)
def find_cut(bins, classes, weights, total, min_leaf, histogram, counts, used, left):
    """`best_cut` in loops: the scratch ``histogram`` (256, K), ``counts`` (256,) and ``used`` (4,) is zero and
    stays so."""
    samples, n_classes = len(bins), len(total)
    for i in range(samples):
        b = bins[i]
        histogram[b, classes[i]] += weights[i]
        counts[b] += 1
        used[b >> 6] |= np.uint64(1) << np.uint64(b & 63)
    everything = 0.0
    for k in range(n_classes):
        left[k] = 0.0
        everything += total[k]
    best, cut, last, below, left_sum = -1.0, -1, -1, 0, 0.0
    for word in range(4):
        bits = used[word]
        used[word] = 0
        while bits != np.uint64(0):
            b = 64 * word + lowest(bits)
            bits &= bits - np.uint64(1)
            if below >= min_leaf and samples - below >= min_leaf:
                right_sum = everything - left_sum
                squares, right_squares = 0.0, 0.0
                for k in range(n_classes):
                    right = total[k] - left[k]
                    squares += left[k] * left[k]
                    right_squares += right * right
                score = squares / left_sum + right_squares / right_sum
                if score > best:
                    best, cut = score, (last + b - 1) // 2
            for k in range(n_classes):
                left[k] += histogram[b, k]
                left_sum += histogram[b, k]
                histogram[b, k] = 0.0
            below += counts[b]
            counts[b] = 0
            last = b
    return best, cut


def best_cut(
    bins: np.ndarray, classes: np.ndarray, weights: np.ndarray, n_classes: int, min_leaf: int = 1
) -> tuple[float, int]:
    """The best cut of one node's samples by one feature.

    Parameters
    ----------
    bins : (n,) uint8 array
        The feature's bin of each sample.
    classes : (n,) uint8 array
        Class of each sample.
    weights : (n,) float32 array
        Weight of each sample, more than 0.
    n_classes : int
        Number of classes K.
    min_leaf : int
        Fewest samples on either side.

    Returns
    -------
    score : float
        The criterion; -1 where no cut is possible.
    cut : int
        Samples whose bin is at most ``cut`` go left; -1 where no cut is possible.
    """
    total = np.bincount(classes, weights, n_classes)
    return find_cut(
        np.asarray(bins, np.uint8), np.asarray(classes, np.uint8), np.asarray(weights, np.float32), total, min_leaf,
        np.zeros((256, n_classes)), np.zeros(256, np.int32), np.zeros(4, np.uint64), np.zeros(n_classes),
    )  # fmt: skip


def best_cut_numpy(
    bins: np.ndarray, classes: np.ndarray, weights: np.ndarray, n_classes: int, min_leaf: int = 1
) -> tuple[float, int]:
    """Plain reference of `best_cut`."""
    best, cut = -1.0, -1
    values = np.unique(bins)
    for low, high in zip(values[:-1].astype(int), values[1:].astype(int)):
        below = bins <= low
        if min(below.sum(), (~below).sum()) < min_leaf:
            continue
        sides = (np.bincount(classes[side], weights[side], n_classes) for side in (below, ~below))
        score = sum((side**2).sum() / side.sum() for side in sides)
        if score > best:
            best, cut = score, (low + high - 1) // 2
    return best, cut
