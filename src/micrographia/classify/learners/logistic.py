"""Multinomial logistic regression on standardised features: few numbers, smooth probabilities, no forest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numba
import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.softmax import softmax
from micrographia.classify.learners.training_samples import checked_samples

_MANY = 128
"""From so many features on, training is a matter of large matrix products, which the linear algebra library does best.
"""


@dataclass(frozen=True)
class Logistic:
    """A linear score for each class, and softmax.

    Attributes
    ----------
    weights : (K, F) float32 array
        Of the features as they are (the standardisation is in them).
    offset : (K,) float32 array
        Score where all features are at their `centre`.
    centre : (F,) float32 array
        Mean of each feature in training.
    """

    weights: np.ndarray
    offset: np.ndarray
    centre: np.ndarray
    kind: ClassVar[str] = "logistic"

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, ...) float32 of features (F, ...); the GIL is released.

        A feature that is NaN or infinite says nothing: it counts as average.

        Raises
        ------
        InputError
            Where there are not as many features as in training.
        """
        features = np.asarray(features, np.float32)
        if len(features) != len(self.centre):
            raise InputError(
                f"The classifier learned from {len(self.centre)} features, and there are {len(features)}: the image "
                "has other channels, or the features are computed otherwise, than in training."
            )
        flat = np.ascontiguousarray(features.reshape(len(features), -1))
        scores = np.empty((len(self.offset), flat.shape[1]), np.float32)
        _score(flat, self.weights, self.offset, self.centre, scores)
        return softmax(scores).reshape(len(self.offset), *features.shape[1:])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {"weights": self.weights, "offset": self.offset, "centre": self.centre}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """A model from stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        try:
            model = cls(*(np.ascontiguousarray(arrays[name], np.float32) for name in ("weights", "offset", "centre")))
        except KeyError as error:
            raise InputError(f"The stored classifier is incomplete: {error} is missing.") from None
        if model.weights.shape != model.offset.shape + model.centre.shape or model.weights.ndim != 2:
            raise InputError("The stored classifier is damaged: its arrays do not fit each other.")
        return model


@numba.njit(cache=True, nogil=True)
def _score(features, weights, offset, centre, scores):
    # Feature by feature in a fixed order, not by a matrix product, whose rounding depends on where a pixel stands.
    for k in range(len(offset)):
        scores[k] = offset[k]
        for f in range(len(centre)):
            for n in range(features.shape[1]):
                off = features[f, n] - centre[f]
                scores[k, n] += weights[k, f] * (off if math.isfinite(off) else np.float32(0))


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # training only: sums in any order
def _loss(samples, classes, weight, w):
    """Weighted log-loss of samples (N, F) and its slope (K, F + 1); the last column of ``w`` is the offset."""
    n_classes, last = w.shape[0], w.shape[1] - 1
    value, slope, score = 0.0, np.zeros(w.shape), np.empty(n_classes)
    for n in range(len(classes)):
        for k in range(n_classes):
            own = w[k, last]
            for f in range(last):
                own += w[k, f] * samples[n, f]
            score[k] = own
        most, total = score.max(), 0.0
        for k in range(n_classes):
            score[k] -= most
            total += math.exp(score[k])
        value += weight[n] * (math.log(total) - score[classes[n]])
        for k in range(n_classes):
            error = weight[n] * (math.exp(score[k]) / total - (1.0 if k == classes[n] else 0.0))
            slope[k, last] += error
            for f in range(last):
                slope[k, f] += error * samples[n, f]
    return value, slope


def loss_numpy(samples: np.ndarray, classes: np.ndarray, weight: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    """The same by matrix products: the plain reference, and faster where there are many features."""
    scores = w[:, :-1] @ samples.T + w[:, -1:]
    scores -= scores.max(0)
    total = np.exp(scores).sum(0)
    truth = np.eye(len(w))[:, classes]
    error = weight * (np.exp(scores) / total - truth)
    value = weight @ (np.log(total) - (truth * scores).sum(0))
    return float(value), np.concatenate([error @ samples, error.sum(1, keepdims=True)], 1)


def fit_logistic(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    weights: np.ndarray | None = None,
    strength: float = 1.0,
) -> Logistic:
    """Fit by L-BFGS the minimum of sum_n w_n log-loss_n + |W|² / (2 strength), as scikit-learn's LogisticRegression.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values, a row a feature; they are standardised here.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample.
    strength : float
        Inverse of the penalty on large weights (scikit-learn's C).

    Returns
    -------
    Logistic
        The model; a class without samples gets a low probability everywhere.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    from scipy.optimize import minimize

    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    x = features.astype(np.float64)
    centre = np.average(x, axis=1, weights=weight).astype(np.float32)
    x -= centre[:, None]
    spread = np.sqrt(np.average(x**2, axis=1, weights=weight))
    spread[spread <= 1e-12 * (1 + np.abs(centre))] = np.inf  # a constant feature says nothing
    x /= spread[:, None]
    samples, total = np.ascontiguousarray(x.T), float(weight.sum())
    loss_of = loss_numpy if len(x) >= _MANY else _loss

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(n_classes, -1)
        value, slope = loss_of(samples, classes, weight, w)
        slope[:, :-1] += w[:, :-1] / strength
        value += (w[:, :-1] ** 2).sum() / (2 * strength)
        return value / total, slope.ravel() / total

    start = np.zeros(n_classes * (len(x) + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300, "gtol": 1e-6, "ftol": 1e-7})
    w = found.x.reshape(n_classes, -1)
    return Logistic((w[:, :-1] / spread).astype(np.float32), w[:, -1].astype(np.float32), centre)
