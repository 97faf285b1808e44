"""The classifiers of objects by name: how each learns, the settings that are tried, and what its arrays become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.classifiers import CLASSIFIERS, PixelModel
from micrographia.classify.learners.discriminant import fit_discriminant
from micrographia.classify.learners.logistic import Logistic, fit_logistic
from micrographia.classify.learners.neighbours import Neighbours, fit_neighbours
from micrographia.classify.learners.perceptron import Perceptron, fit_perceptron
from micrographia.classify.learners.support_vectors import SupportVectors, fit_support_vectors

Learn = Callable[..., PixelModel]


@dataclass(frozen=True)
class Learner:
    """One classifier.

    Attributes
    ----------
    learn : callable
        ``learn(features (F, N), classes, n_classes, weights, trees, seed, **setting)`` gives a model.
    model : type
        What the stored arrays become.
    settings : tuple of dict
        Settings that inner folds choose from; the first where nothing can be chosen.
    """

    learn: Learn
    model: type[Any]
    settings: tuple[dict[str, Any], ...]


def _trees(kind: str) -> Learn:
    def learn(features, classes, n_classes, weights, trees, seed, **setting):
        options = {"trees": trees, "weights": weights, "seed": seed, "threads": None, **setting}
        return CLASSIFIERS[kind].learn(features, classes, n_classes, **options).model

    return learn


def _plain(fit: Callable[..., PixelModel]) -> Learn:
    def learn(features, classes, n_classes, weights, trees, seed, **setting):
        return fit(features, classes, n_classes, weights=weights, **setting)

    return learn


def _perceptron(features, classes, n_classes, weights, trees, seed, **setting):
    return fit_perceptron(features, classes, n_classes, weights=weights, seed=seed, **setting)


def _discriminant(features, classes, n_classes, weights, trees, seed, **setting):
    # Balanced weights change the priors alone, to equal ones; those of the examples are kept.
    return fit_discriminant(features, classes, n_classes, **setting)


LEARNERS: dict[str, Learner] = {
    "forest": Learner(_trees("forest"), CLASSIFIERS["forest"].model, ({},)),
    "boosting": Learner(_trees("boosting"), CLASSIFIERS["boosting"].model, ({"leaves": 15},)),
    "svm": Learner(
        _plain(fit_support_vectors),
        SupportVectors,
        tuple({"strength": c, "width": w} for c, w in ((10.0, 0.3), (3.0, 0.3), (30.0, 0.1), (10.0, 0.1))),
    ),
    "logistic": Learner(_plain(fit_logistic), Logistic, tuple({"strength": s} for s in (0.03, 0.1, 0.01))),
    "knn": Learner(_plain(fit_neighbours), Neighbours, tuple({"k": k} for k in (10, 5, 20))),
    "lda": Learner(_discriminant, Logistic, tuple({"shrinkage": s} for s in (0.1, 0.03, 0.3))),
    "mlp": Learner(_perceptron, Perceptron, tuple({"penalty": p} for p in (3.0, 1.0, 10.0))),
}

AVERAGED = ("svm", "logistic", "lda")
"""The classifiers whose calibrated probabilities the choice ``average`` averages."""


def members(classifier: str) -> tuple[str, ...]:
    """The classifiers that stand behind a choice of the user: itself, or those of an average."""
    return AVERAGED if classifier == "average" else (classifier,)


def stored_model(kind: str, arrays: Mapping[str, np.ndarray]) -> PixelModel:
    """A model from stored arrays.

    Raises
    ------
    InputError
        Where there is no such classifier, or its arrays are missing or damaged.
    """
    if kind not in LEARNERS:
        raise InputError(f"This model was made by a classifier '{kind}' that is not known here.")
    return LEARNERS[kind].model.from_arrays(arrays)
