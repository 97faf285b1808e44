"""Linear discriminant analysis (Fisher 1936) with a shrunken covariance: linear scores, no iterations."""

from __future__ import annotations

import numpy as np

from micrographia.classify.learners.logistic import Logistic
from micrographia.classify.learners.training_samples import checked_samples


def fit_discriminant(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    weights: np.ndarray | None = None,
    shrinkage: float = 0.1,
) -> Logistic:
    """Fit normal distributions with one covariance; the posterior is a softmax of linear scores.

    The covariance within classes is mixed with its mean variance times the identity, (1 - s) S + s tr(S) / F I, as
    scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s)`` does on standardised features.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values, a row a feature; they are standardised here.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample; it enters means, covariance and the classes' prior probabilities.
    shrinkage : float
        0 (the covariance of the samples) to 1 (nearest mean).

    Returns
    -------
    Logistic
        Scores are linear, so what was learned is the same kind of model. A class without samples has probability 0.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    from scipy.linalg import lstsq

    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    weight = weight.astype(np.float64)
    x = features.astype(np.float64)
    centre = np.average(x, axis=1, weights=weight).astype(np.float32)
    x -= centre[:, None]
    spread = np.sqrt(np.average(x**2, axis=1, weights=weight))
    spread[spread <= 1e-12 * (1 + np.abs(centre))] = np.inf
    x /= spread[:, None]
    member = np.zeros((n_classes, len(classes)))
    member[classes, np.arange(len(classes))] = weight
    total = member.sum(axis=1)
    prior = total / total.sum()
    means = member @ x.T / np.maximum(total, 1e-300)[:, None]
    x -= means[classes].T
    covariance = (x * weight) @ x.T / weight.sum()
    mixed = (1 - shrinkage) * covariance
    mixed[np.diag_indices(len(mixed))] += shrinkage * np.trace(covariance) / len(mixed)
    slope = lstsq(mixed, means.T)[0].T
    with np.errstate(divide="ignore"):
        offset = np.where(prior > 0, -0.5 * (means * slope).sum(axis=1) + np.log(prior), -1e30)
    return Logistic(np.ascontiguousarray(slope / spread, np.float32), offset.astype(np.float32), centre)
