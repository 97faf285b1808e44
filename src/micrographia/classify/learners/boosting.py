"""Gradient boosting (Friedman 2001): each round adds a small tree a class, where the sum so far is still wrong."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.binned_trees import forest_of, leaves_of
from micrographia.classify.learners.binning import bin_borders, binned
from micrographia.classify.learners.boosted_trees import grow_boosted
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.softmax import softmax
from micrographia.classify.learners.training_samples import checked_samples
from micrographia.models.runtime import thread_count

_BINS = 64


@dataclass(frozen=True)
class Boosted:
    """Trees whose leaves add to the scores of classes.

    Attributes
    ----------
    trees : Forest
        Each leaf votes what it adds to the score of each class; with two classes, of the second alone.
    start : (K,) float32 array
        Score of each class before the first tree.
    """

    trees: Forest
    start: np.ndarray
    kind: ClassVar[str] = "boosting"

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, ...) float32 of features (F, ...); see :meth:`Forest.predict`."""
        sums = self.trees.sums(features)
        scores = np.zeros((len(self.start), *sums.shape[1:]), np.float32)
        scores[-len(sums) :] = sums
        scores = scores.reshape(len(scores), -1) + self.start[:, None]
        return softmax(scores).reshape(len(self.start), *sums.shape[1:])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {**self.trees.arrays(), "start": self.start}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """A model from stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        if "start" not in arrays:
            raise InputError("The stored classifier is incomplete: start is missing.")
        model = cls(Forest.from_arrays(arrays), np.ascontiguousarray(arrays["start"], np.float32))
        if model.start.ndim != 1 or model.trees.n_classes != (1 if len(model.start) == 2 else len(model.start)):
            raise InputError("The stored classifier is damaged: its arrays do not fit each other.")
        return model


@dataclass(frozen=True)
class GrownBoosted:
    """A model, and the share of each feature in the gain of its splits, (F,), which is biased as a forest's is."""

    model: Boosted
    importance: np.ndarray


def boost(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    rounds: int = 100,
    leaves: int = 31,
    rate: float = 0.1,
    penalty: float = 1.0,
    min_leaf: int = 5,
    weights: np.ndarray | None = None,
    threads: int | None = None,
) -> GrownBoosted:
    """Boost trees with the softmax loss. Nothing is random: the same samples give the same model.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K. With two, one tree a round tells them apart.
    rounds : int
        Rounds; each adds a tree a class.
    leaves : int
        Most leaves of a tree.
    rate : float
        Share of each step that is taken.
    penalty : float
        Penalty on large steps (λ).
    min_leaf : int
        Fewest samples in a leaf.
    weights : (N,) array, optional
        Weight of each sample.
    threads : int, optional
        Threads; as many as there are cores otherwise, and never more than classes.

    Returns
    -------
    GrownBoosted
        The model and the importance of each feature.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    borders = bin_borders(features, _BINS)
    bins = binned(features, borders)
    seen = np.flatnonzero(weight > 0).astype(np.int32)
    heights = np.arange(n_classes)[-1:] if n_classes == 2 else np.arange(n_classes)
    prior = np.maximum(np.bincount(classes, weight, n_classes), 1e-6 * weight.sum())
    start = np.log(prior / prior.sum()).astype(np.float32)
    scores = np.repeat(start[:, None], len(classes), 1)
    parts: list[tuple[np.ndarray, ...]] = []
    importance = np.zeros(len(features))
    # With K trees a round, the diagonal of the second derivatives is scaled as Friedman's algorithm 6 does.
    scale = 1.0 if n_classes == 2 else n_classes / (n_classes - 1)

    with ThreadPoolExecutor(min(thread_count(threads), len(heights))) as pool:
        for _ in range(rounds):
            share = softmax(scores).astype(np.float64)

            def one(k: int, share: np.ndarray = share) -> tuple[np.ndarray, ...]:
                gradient = weight * (share[k] - (classes == k))
                curvature = scale * weight * share[k] * (1 - share[k])
                return grow_boosted(bins, _BINS, seen.copy(), gradient, curvature, leaves, penalty, min_leaf)

            for column, (feature, cut, child, value, gain) in enumerate(pool.map(one, heights)):
                votes = np.zeros((len(value), len(heights)), np.float32)
                votes[:, column] = rate * value
                parts.append((feature, cut, child, votes))
                importance += gain
                scores[heights[column]] += votes[leaves_of(bins, feature, cut, child), column]
    total = importance.sum()
    return GrownBoosted(Boosted(forest_of(parts, borders), start), importance / total if total > 0 else importance)
