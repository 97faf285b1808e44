"""The k nearest neighbours (Cover & Hart 1967): the examples themselves are the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.training_samples import checked_samples

_AT_ONCE = 2**22


@dataclass(frozen=True)
class Neighbours:
    """Examples with their classes.

    Attributes
    ----------
    examples : (F, M) float32 array
        Features of the examples.
    classes : (M,) int32 array
        Their classes, 0 to K - 1.
    weights : (M,) float32 array
        Weight of each example's vote, before its nearness.
    k : int
        How many neighbours vote; a vote counts 1 / distance.
    n_classes : int
        Number of classes K.
    """

    examples: np.ndarray
    classes: np.ndarray
    weights: np.ndarray
    k: int
    n_classes: int
    kind: ClassVar[str] = "knn"

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, N) float32 of features (F, N): the neighbours' shares of the votes."""
        features = np.asarray(features, np.float32)
        examples = self.examples.astype(np.float64)
        own = (examples**2).sum(axis=0)
        out = np.zeros((self.n_classes, features.shape[1]), np.float32)
        k = min(self.k, examples.shape[1])
        step = max(1, _AT_ONCE // examples.shape[1])
        for start in range(0, features.shape[1], step):
            x = features[:, start : start + step].astype(np.float64)
            squared = own + (x**2).sum(axis=0)[:, None] - 2 * (x.T @ examples)
            near = np.argpartition(squared, k - 1, axis=1)[:, :k]
            # The distance again, exactly: the difference above loses the digits that small distances need.
            distance = np.sqrt(((x.T[:, None] - examples.T[near]) ** 2).sum(axis=2))
            with np.errstate(divide="ignore"):
                vote = 1 / distance
            same = np.isinf(vote)
            vote = np.where(same.any(axis=1, keepdims=True), same, vote) * self.weights[near]
            votes = np.zeros((len(near), self.n_classes))
            np.add.at(votes, (np.arange(len(near))[:, None], self.classes[near]), vote)
            out[:, start : start + step] = (votes / votes.sum(axis=1, keepdims=True)).T
        return out

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        numbers = np.array([self.k, self.n_classes], np.int32)
        return {"examples": self.examples, "classes": self.classes, "weights": self.weights, "numbers": numbers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        try:
            k, n_classes = (int(number) for number in arrays["numbers"])
            examples, weights = (np.asarray(arrays[key], np.float32) for key in ("examples", "weights"))
            classes = np.asarray(arrays["classes"], np.int32)
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"The stored classifier is incomplete or damaged: {error}.") from None
        fits = examples.ndim == 2 and classes.shape == weights.shape == examples.shape[1:] and len(classes) and k > 0
        if not fits or classes.min() < 0 or classes.max() >= n_classes:
            raise InputError("The stored classifier is damaged: its arrays do not fit each other.")
        return cls(examples, classes, weights, k, n_classes)


def fit_neighbours(
    features: np.ndarray, classes: np.ndarray, n_classes: int, *, weights: np.ndarray | None = None, k: int = 15
) -> Neighbours:
    """Keep the examples.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values on one scale, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample's vote.
    k : int
        How many neighbours vote.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    kept = weight > 0
    return Neighbours(features[:, kept], classes[kept].astype(np.int32), weight[kept], k, n_classes)
