"""What learns from the features of pixels, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.forest import Forest
from micrographia.classify.forest_growing import GrownForest, grow_forest
from micrographia.classify.training_samples import class_weights

__all__ = ["CLASSIFIERS", "Lesson", "PixelModel", "class_weights", "from_arrays", "learn_model", "select_features"]

CLASSIFIERS: dict[str, type[Any]] = {"forest": Forest}
"""Names of the classifiers, and what holds what they learned."""

_SHARE = 0.7
"""Of the features, how many the next smaller set of a selection has."""

_TREES = 50
"""Trees of the forests that judge a selection."""


class PixelModel(Protocol):
    """A classifier that has learned."""

    kind: ClassVar[str]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, …) of features (F, …)."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""


@dataclass(frozen=True)
class Lesson:
    """A model and what its learning tells about it.

    Attributes
    ----------
    model : PixelModel
        What was learned.
    importance : (F,) array or None
        Importance of each feature, where the classifier knows it.
    grown : GrownForest or None
        Of a forest, its out-of-bag probabilities.
    """

    model: PixelModel
    importance: np.ndarray | None = None
    grown: GrownForest | None = None

    def out_of_bag_error(self, classes: np.ndarray) -> float | None:
        """Share of the samples that trees which have not seen them get wrong; None for other classifiers."""
        return None if self.grown is None else self.grown.out_of_bag_error(classes)


def learn_model(
    kind: str,
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    trees: int = 100,
    weights: np.ndarray | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Lesson:
    """Learn classes from features.

    Parameters
    ----------
    kind : str
        Name in `CLASSIFIERS`.
    features, classes, n_classes, trees, weights, seed, threads
        As in :func:`micrographia.classify.forest_growing.grow_forest`.
    """
    if kind not in CLASSIFIERS:
        raise InputError(f"There is no classifier '{kind}'; there is: {', '.join(CLASSIFIERS)}.")
    grown = grow_forest(features, classes, n_classes, trees=trees, weights=weights, seed=seed, threads=threads)
    return Lesson(grown.forest, grown.importance, grown)


def from_arrays(kind: str, arrays: Mapping[str, np.ndarray]) -> PixelModel:
    """The model whose arrays were stored.

    Raises
    ------
    InputError
        Where there is no such classifier, or its arrays are damaged.
    """
    if kind not in CLASSIFIERS:
        raise InputError(f"This model was made by a classifier '{kind}' that is not known here.")
    return CLASSIFIERS[kind].from_arrays(arrays)


def select_features(features: np.ndarray, classes: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """The smallest set of features with the same out-of-bag error, by backward elimination.

    From all features, each smaller set keeps the most important ones of a forest on the set before. Of the sets whose
    error lies within one standard error of the lowest, the smallest is taken (Breiman et al. 1984, section 3.4.3).

    Parameters
    ----------
    features : (F, N) float32 array
    classes : (N,) integer array
    n_classes : int
    seed : int

    Returns
    -------
    (f,) int array
        Rows of `features`, in rising order.
    """
    kept = np.arange(len(features))
    tried = []
    while True:
        grown = grow_forest(features[kept], classes, n_classes, trees=_TREES, seed=seed)
        tried.append((grown.out_of_bag_error(classes), kept))
        if len(kept) == 1:
            break
        fewer = max(1, int(_SHARE * len(kept)))
        kept = np.sort(kept[np.argsort(-grown.importance, kind="stable")[:fewer]])
    lowest = min(error for error, _ in tried)
    within = lowest + np.sqrt(lowest * (1 - lowest) / len(classes))
    return min((rows for error, rows in tried if error <= within), key=len)
