"""From scores of classes to probabilities, the same number for a pixel wherever it stands in an array."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def _softmax(scores):
    classes, pixels = scores.shape
    share = np.empty(classes)
    for n in range(pixels):
        most, total = scores[0, n], 0.0
        for k in range(1, classes):
            most = max(most, scores[k, n])
        for k in range(classes):
            share[k] = math.exp(np.float64(scores[k, n] - most))
            total += share[k]
        for k in range(classes):
            scores[k, n] = share[k] / total


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities exp(s_k) / sum_j exp(s_j).

    Parameters
    ----------
    scores : (K, N) float32 array
        A score for each class and pixel.

    Returns
    -------
    (K, N) float32 array
        They add up to 1 for each pixel.
    """
    out = np.array(scores, np.float32, order="C")
    _softmax(out)
    return out


def softmax_numpy(scores: np.ndarray) -> np.ndarray:
    """Plain reference of `softmax`."""
    share = np.exp((scores - scores.max(0)).astype(np.float64))
    return (share / share.sum(0)).astype(np.float32)
