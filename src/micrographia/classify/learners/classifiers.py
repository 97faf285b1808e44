"""The classifiers of pixels by name, behind one way to learn and one way to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.boosting import Boosted, boost
from micrographia.classify.learners.feature_selection import select_features
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.forest_growing import error_of, grow_forest
from micrographia.classify.learners.logistic import Logistic, fit_logistic
from micrographia.classify.learners.training_samples import class_weights

__all__ = ["CLASSIFIERS", "Lesson", "PixelModel", "class_weights", "from_arrays", "learn_model", "select_features"]


class PixelModel(Protocol):
    """What every classifier has learned."""

    kind: ClassVar[str]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, ...) float32 of features (F, ...) float32; single-threaded, without the GIL."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""


@dataclass(frozen=True)
class Lesson:
    """A model and what its training told.

    Attributes
    ----------
    model : PixelModel
        What was learned.
    importance : (F,) array or None
        Share of each feature; None where the classifier has none.
    out_of_bag : (K, N) float32 array or None
        Probabilities of each training sample by trees that did not see it, NaN where all did; None where there
        are no such trees.
    """

    model: PixelModel
    importance: np.ndarray | None = None
    out_of_bag: np.ndarray | None = None

    def out_of_bag_error(self, classes: np.ndarray) -> float | None:
        """Share of the training samples that trees which did not see them get wrong; None where that is not known."""
        return None if self.out_of_bag is None else error_of(self.out_of_bag, classes)


def _forest(features: np.ndarray, classes: np.ndarray, n_classes: int, trees: int, **options: Any) -> Lesson:
    grown = grow_forest(features, classes, n_classes, trees=trees, **options)
    return Lesson(grown.forest, grown.importance, grown.out_of_bag)


def _boosting(
    features: np.ndarray, classes: np.ndarray, n_classes: int, trees: int, seed: int, **options: Any
) -> Lesson:
    grown = boost(features, classes, n_classes, rounds=trees, **options)
    return Lesson(grown.model, grown.importance)


def _logistic(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    trees: int,
    seed: int,
    threads: int | None,
    **options: Any,
) -> Lesson:
    return Lesson(fit_logistic(features, classes, n_classes, **options))


@dataclass(frozen=True)
class Classifier:
    """How one classifier learns, and what its stored arrays become."""

    learn: Callable[..., Lesson]
    model: type[Any]


CLASSIFIERS: dict[str, Classifier] = {
    "forest": Classifier(_forest, Forest),
    "boosting": Classifier(_boosting, Boosted),
    "logistic": Classifier(_logistic, Logistic),
}


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
    """Learn to tell classes apart.

    Parameters
    ----------
    kind : str
        A name in `CLASSIFIERS`.
    features : (F, N) float32 array
        Finite values, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    trees : int
        Trees of a forest, rounds of boosting; of no meaning to logistic regression.
    weights : (N,) array, optional
        Weight of each sample.
    seed : int
        The same seed gives the same model; only the forest is random.
    threads : int, optional
        Threads; as many as there are cores otherwise.

    Raises
    ------
    RequestError
        Where there is no such classifier.
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    if kind not in CLASSIFIERS:
        raise RequestError(f"There is no classifier {kind!r}; there are {', '.join(CLASSIFIERS)}.")
    return CLASSIFIERS[kind].learn(
        features, classes, n_classes, trees=trees, weights=weights, seed=seed, threads=threads
    )


def from_arrays(kind: str, arrays: Mapping[str, np.ndarray]) -> PixelModel:
    """A model from stored arrays.

    Raises
    ------
    InputError
        Where there is no such classifier, or its arrays are missing or damaged.
    """
    if kind not in CLASSIFIERS:
        raise InputError(f"This model was made by a classifier {kind!r} that is not known here.")
    return CLASSIFIERS[kind].model.from_arrays(arrays)
