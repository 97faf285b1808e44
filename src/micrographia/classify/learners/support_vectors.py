"""Support vector machines with a Gaussian kernel (Cortes & Vapnik 1995): scikit-learn trains, stored arrays predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.scikit_learn import need_scikit_learn
from micrographia.classify.learners.softmax import softmax
from micrographia.classify.learners.training_samples import checked_samples

_AT_ONCE = 2**23
_SLOPE = 2.0


@dataclass(frozen=True)
class SupportVectors:
    """One machine for each two classes, all on the same support vectors.

    Attributes
    ----------
    vectors : (F, S) float32 array
        Features of the support vectors.
    pairs : (P, 2) int32 array
        The two classes of each machine.
    coefficients : (S, P) float32 array
        Of the kernel values; positive sums speak for the first class of the pair.
    offsets : (P,) float32 array
        Added to the sums.
    gamma : float
        The kernel is exp(-gamma distance²).
    n_classes : int
        Number of classes K.
    """

    vectors: np.ndarray
    pairs: np.ndarray
    coefficients: np.ndarray
    offsets: np.ndarray
    gamma: float
    n_classes: int
    kind: ClassVar[str] = "svm"

    def decisions(self, features: np.ndarray) -> np.ndarray:
        """What each machine says, (P, N) float32, of features (F, N); positive for the first class of its pair."""
        features = np.asarray(features, np.float32)
        own = (self.vectors.astype(np.float64) ** 2).sum(axis=0)
        out = np.empty((len(self.pairs), features.shape[1]), np.float32)
        step = max(1, _AT_ONCE // len(own))
        for start in range(0, features.shape[1], step):
            x = features[:, start : start + step]
            kernel = (x.T @ self.vectors).astype(np.float64)
            kernel *= -2
            kernel += own
            kernel += (x.astype(np.float64) ** 2).sum(axis=0)[:, None]
            np.maximum(kernel, 0, out=kernel)
            kernel *= -self.gamma
            near = np.exp(kernel.astype(np.float32))
            out[:, start : start + step] = (near @ self.coefficients + self.offsets).T
        return out

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, N) float32 of features (F, N).

        A decision d of the machine for classes i and j says r = 1 / (1 + exp(-2 d)) for i. The score of a class is the
        mean of ln r over its machines; softmax of K times the score gives p_i in proportion to the geometric mean of
        the r's to the power of K, which needs calibration, as the probabilities of all support vector machines do.
        """
        decisions = self.decisions(features)
        scores = np.zeros((self.n_classes, decisions.shape[1]), np.float32)
        machines = np.zeros(self.n_classes, np.float32)
        for (i, j), decision in zip(self.pairs, decisions):
            scores[i] -= np.logaddexp(0, -_SLOPE * decision)
            scores[j] -= np.logaddexp(0, _SLOPE * decision)
            machines[[i, j]] += 1
        known = machines > 0
        scores[known] *= (known.sum() / machines[known])[:, None]
        scores[~known] = -1e30
        return softmax(scores)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {
            "vectors": self.vectors,
            "pairs": self.pairs,
            "coefficients": self.coefficients,
            "offsets": self.offsets,
            "gamma": np.array(self.gamma),
            "n_classes": np.array(self.n_classes, np.int32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        try:
            vectors, coefficients, offsets = (
                np.asarray(arrays[key], np.float32) for key in ("vectors", "coefficients", "offsets")
            )
            pairs, gamma = np.asarray(arrays["pairs"], np.int32), float(arrays["gamma"])
            n_classes = int(arrays["n_classes"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The stored classifier is incomplete or damaged: {error}.") from None
        fits = pairs.shape == (len(offsets), 2) and coefficients.shape == vectors.shape[1:] + offsets.shape
        if not fits or not len(pairs) or pairs.min() < 0 or pairs.max() >= n_classes or not gamma > 0:
            raise InputError("The stored classifier is damaged: its arrays do not fit each other.")
        return cls(vectors, pairs, coefficients, offsets, gamma, n_classes)


def fit_support_vectors(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    weights: np.ndarray | None = None,
    strength: float = 3.0,
    width: float = 1.0,
) -> SupportVectors:
    """Train a machine for each two classes (scikit-learn's SVC, libsvm).

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values on one scale, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample.
    strength : float
        Inverse of the penalty on large coefficients (C).
    width : float
        The kernel's gamma is ``width`` / (F mean variance of a feature).

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    RequestError
        Where scikit-learn is not installed.
    """
    need_scikit_learn("svm")
    from sklearn.svm import SVC

    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    gamma = width / max(float(features.var(axis=1, dtype=np.float64).sum()), 1e-12)
    machine = SVC(C=strength, gamma=gamma, decision_function_shape="ovo", cache_size=400)
    machine.fit(features.T, classes, sample_weight=weight)
    seen, last = np.asarray(machine.classes_, int), np.cumsum(machine.n_support_)
    first = last - machine.n_support_
    dual, offsets = machine.dual_coef_, np.array(machine.intercept_)
    if len(seen) == 2:  # scikit-learn turns the sign of a single machine round
        dual, offsets = -dual, -offsets
    pairs = [(i, j) for i in range(len(seen)) for j in range(i + 1, len(seen))]
    coefficients = np.zeros((last[-1], len(pairs)), np.float32)
    for p, (i, j) in enumerate(pairs):
        coefficients[first[i] : last[i], p] = dual[j - 1, first[i] : last[i]]
        coefficients[first[j] : last[j], p] = dual[i, first[j] : last[j]]
    vectors = np.ascontiguousarray(machine.support_vectors_.T, np.float32)
    named = np.array([(seen[i], seen[j]) for i, j in pairs], np.int32)
    return SupportVectors(vectors, named, coefficients, offsets.astype(np.float32), gamma, n_classes)
