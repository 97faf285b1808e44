"""Which features tell classes apart, each on its own: the F test of the analysis of variance."""

from __future__ import annotations

import numpy as np


def variance_ratios(features: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """F of each feature: variance between classes by variance within (Fisher 1925).

    Parameters
    ----------
    features : (F, N) array
        Finite values, a row a feature.
    classes : (N,) integer array
        Class of each object.

    Returns
    -------
    (F,) float64 array
        Infinite where a feature is constant within every class and differs between them.
    """
    x = np.asarray(features, float)
    names, member = np.unique(classes, return_inverse=True)
    count = np.bincount(member)
    means = np.stack([np.bincount(member, row, len(names)) for row in x]) / count
    between = (count * (means - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / max(len(names) - 1, 1)
    within = ((x - means[:, member]) ** 2).sum(axis=1) / max(len(member) - len(names), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(between > 0, between / within, 0.0)


def best_features(features: np.ndarray, classes: np.ndarray, number: int) -> np.ndarray:
    """Positions of the features with the largest `variance_ratios`, in their own order."""
    order = np.argsort(-variance_ratios(features, classes), kind="stable")
    return np.sort(order[:number])
