"""Learning from few labelled objects and many others: any classifier, taught with labels that were guessed.

Three ways to guess. *Spreading*: classes spread from the labelled objects to alike ones
(:mod:`micrographia.classify.objects.label_spreading`). *Smoothing*: a classifier of the labelled objects says a class
of all others, and these probabilities and the given classes are spread (the second step of "correct and smooth", Huang
et al. 2021, ICLR). *Self-training* (Yarowsky 1995), as curriculum labelling (Cascante-Bonilla et al. 2021, AAAI): the
classifier labels the others, of each class the surest fifth; it learns anew from these and the given labels, then
labels two fifths, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.objects.label_spreading import (
    check_finite,
    checked_classes,
    neighbour_graph,
    smooth_labels,
    spread_labels,
)

GUESSED = {"spreading": 0.3, "smoothing": 1.0, "self-training": 0.5}
"""The ways, and the weight of all guessed labels together beside that of all given ones."""

_ROUNDS = 5


class Model(Protocol):
    """What a classifier has learned."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (K, N) of features (F, N)."""


Learn = Callable[[np.ndarray, np.ndarray, np.ndarray], Model]
"""``learn(features (F, N), classes (N,), weights (N,))``: any classifier."""


def learn_semi_supervised(
    learn: Learn,
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    way: str = "smoothing",
    *,
    points: np.ndarray | None = None,
    guessed: float | None = None,
) -> Model:
    """Teach a classifier with labelled and unlabelled objects.

    Parameters
    ----------
    learn : callable
        Teaches any classifier; class weights are in the weights that it is given.
    features : (F, N) float32 array
        Of all objects, finite.
    classes : (N,) int array
        Class of each object from 0, -1 where it has none.
    n_classes : int
        Number of classes K.
    way : {"spreading", "smoothing", "self-training"}
        How labels are guessed.
    points : (N, d) array, optional
        Where the objects are alike, for spreading and smoothing (a
        :class:`micrographia.classify.objects.feature_space.FeatureSpace` that knows the classes is best); the features
        themselves otherwise.
    guessed : float, optional
        Weight of all guessed labels together beside that of all given ones; 0 is supervised learning. That of
        `GUESSED` where not given.

    Returns
    -------
    Model
        What `learn` gave, last.

    Raises
    ------
    InputError
        Where no object has a class, features or points are not finite, or do not fit the classes.
    RequestError
        For another way, or a weight below 0.
    """
    if way not in GUESSED:
        raise RequestError(f"Labels are guessed by {', '.join(GUESSED)}, not by {way!r}.")
    guessed = GUESSED[way] if guessed is None else guessed
    if not 0 <= guessed < np.inf:
        raise RequestError(f"The weight of guessed labels is at least 0, not {guessed}.")
    if np.ndim(features) != 2:
        raise InputError(f"Features (F, N) are needed, not an array of shape {np.shape(features)}.")
    classes = checked_classes(classes, features.shape[1], n_classes)
    if points is not None and len(points) != len(classes):
        raise InputError(f"{len(points):,} points do not fit {len(classes):,} objects: each needs one.")
    check_finite(features.T)
    if not (classes >= 0).any():
        raise InputError("No object has a class to learn from.")
    nothing = np.full((n_classes, len(classes)), np.nan)
    if way == "self-training":
        model = _taught(learn, features, classes, nothing, 0, guessed)
        for turn in range(1, _ROUNDS + 1):
            model = _taught(learn, features, classes, model.predict(features), turn / _ROUNDS, guessed)
        return model
    graph = neighbour_graph(features.T if points is None else points)
    if way == "spreading":
        p = spread_labels(graph, classes, n_classes)
    else:
        p = smooth_labels(graph, classes, _taught(learn, features, classes, nothing, 0, guessed).predict(features))
    return _taught(learn, features, classes, p, 1.0, guessed)


def _taught(
    learn: Learn, features: np.ndarray, classes: np.ndarray, p: np.ndarray, share: float, guessed: float
) -> Model:
    """A model of the given labels and of the surest share of the guessed ones, each class weighing the same."""
    given = np.flatnonzero(classes >= 0)
    others = np.flatnonzero((classes < 0) & ~np.isnan(p).any(axis=0))
    guess, sure = p[:, others].argmax(axis=0), p[:, others].max(axis=0)
    kept = np.zeros(len(others), bool)
    for k in np.unique(guess):
        own = np.flatnonzero(guess == k)
        kept[own[np.argsort(-sure[own], kind="stable")][: int(np.ceil(share * len(own)))]] = True
    rows = np.concatenate([given, others[kept]])
    labels = np.concatenate([classes[given], guess[kept]])
    weights = np.concatenate(
        [
            _balanced(classes[given], np.ones(len(given))),
            guessed * _balanced(guess[kept], sure[kept]) * _share(given, kept),
        ]
    )
    used = weights > 0
    return learn(np.ascontiguousarray(features[:, rows[used]]), labels[used], weights[used].astype(np.float32))


def _share(given: np.ndarray, kept: np.ndarray) -> float:
    """Makes the guessed labels weigh as much as the given ones, together."""
    return len(given) / max(int(kept.sum()), 1)


def _balanced(classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights with the mean 1 of which every class has the same sum."""
    if not len(classes):
        return weights
    total = np.bincount(classes, weights)
    return weights / total[classes] * len(classes) / np.count_nonzero(total)
