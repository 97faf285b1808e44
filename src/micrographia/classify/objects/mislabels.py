"""Objects that are probably labelled wrongly.

Every object gets the probability of each class by a classifier that has not learned from it, nor from others of its
well (:func:`unseen_probabilities`). From there two ways lead on.

*Noise model*: a label is that of the true class, or, with probability e, any other one. The likelihood of all labels

    product of (1 - e) p(given) + e (1 - p(given)) / (K - 1)

has its maximum at some e and at some temperature of the classifier, which makes its probabilities mean what they say; a
label is reported where it is more probably noise than not. Classes that resemble each other are not taken for noise.

*Confident learning* (Northcutt et al. 2021, JAIR 70): how many labels of each class are wrong is estimated from the
joint distribution of given and true classes; which ones, by how much less probable the given class is than the
likeliest other one ("prune by noise rate", section 3.2, with the normalised margin). The same thresholds judge strokes
in :mod:`micrographia.classify.learners.contradictions`. What the classifier itself confuses is reported, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.contradictions import confident_joint, probabilities_by_parts
from micrographia.metrics.stratified_folds import stratified_folds

WAYS = ("noise", "confident")


@dataclass(frozen=True)
class Mislabels:
    """Labels that are probably wrong, the worst first.

    Attributes
    ----------
    rows : (n,) int64 array
        The objects.
    likely : (n,) int64 array
        The class each looks like, from 0.
    score : (n,) float array
        Probability that the label is noise; by confident learning the probability of the likely class minus that of the
        given one.
    estimated : float
        Share of all labels that are wrong.
    """

    rows: np.ndarray
    likely: np.ndarray
    score: np.ndarray
    estimated: float


def unseen_probabilities(
    learn: Callable[[np.ndarray], Any],
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    groups: np.ndarray | None = None,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Probabilities of labelled objects by models that have not learned from their group.

    Parameters
    ----------
    learn : callable
        Takes a mask (N,) of the objects to learn from and gives a model with ``predict((F, n)) -> (K, n)``.
    features : (F, N) float32 array
    classes : (N,) int array
        Labels, from 0.
    n_classes : int
        Number of classes K.
    groups : (N,) array, optional
        Plate and well of each object; single objects where not given.
    folds : int
        As many models are learned; fewer where there are fewer groups.
    seed : int
        Seed of the division.

    Returns
    -------
    (K, N) float32 array
        NaN for an object whose class occurs in no other fold.

    Raises
    ------
    InputError
        Where there are fewer than two groups.
    """
    count = len(classes) if groups is None else len(np.unique(groups))
    if count < 2:
        raise InputError("All objects come from one well: no classifier could learn without seeing it.")
    fold = stratified_folds(classes, groups, min(folds, count), seed)
    return probabilities_by_parts(learn, features, classes, fold, n_classes)


def find_mislabels(probabilities: np.ndarray, classes: np.ndarray, way: str = "noise") -> Mislabels:
    """Find probably wrong labels.

    Parameters
    ----------
    probabilities : (K, N) array
        By models that have not seen the object; objects with NaN are not judged.
    classes : (N,) int array
        Labels, from 0 to K - 1.
    way : {"noise", "confident"}
        By the noise model, or by confident learning.

    Returns
    -------
    Mislabels

    Raises
    ------
    InputError
        Where the two do not belong together.
    RequestError
        For another way.
    """
    p, classes = np.asarray(probabilities, np.float64), np.asarray(classes)
    if way not in WAYS:
        raise RequestError(f"Wrong labels are found by {' or '.join(WAYS)}, not by {way!r}.")
    fits = p.ndim == 2 and len(p) > 1 and classes.shape == p.shape[1:]
    if not fits or (len(classes) and not 0 <= classes.min() <= classes.max() < len(p)):
        raise InputError(
            f"Probabilities of shape {p.shape} do not fit {len(classes):,} labels: (classes, objects), labels from 0."
        )
    judged = np.flatnonzero(~np.isnan(p).any(axis=0))
    p, given = p[:, judged], classes[judged]
    if not len(judged):
        return Mislabels(judged, judged, np.zeros(0), 0.0)
    others = p.copy()
    others[given, np.arange(len(given))] = -1
    likely = others.argmax(axis=0)
    if way == "noise":
        score, estimated = _noise(p, given)
        worst = score > 0.5
    else:
        score = others.max(axis=0) - p[given, np.arange(len(given))]
        worst, estimated = _pruned(p, given)
        # Where the given class is the most probable of all, there is nothing to say against it.
        worst &= score > 0
    order = np.flatnonzero(worst)
    order = order[np.argsort(-score[order], kind="stable")]
    return Mislabels(judged[order], likely[order], score[order], estimated)


def _noise(p: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, float]:
    """Probability that each label is noise, and the share of noise."""
    from scipy.optimize import minimize

    logs = np.log(np.maximum(p, 1e-12))

    def own(log_temperature: float) -> np.ndarray:
        z = logs * np.exp(-log_temperature)
        z = np.exp(z - z.max(axis=0))
        return z[given, np.arange(len(given))] / z.sum(axis=0)

    def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share, right = 1 / (1 + np.exp(-x[0])), own(x[1])
        return share * (1 - right) / (len(p) - 1), (1 - share) * right

    def loss(x: np.ndarray) -> float:
        # The weak pull keeps both finite where there is no noise at all, or no mistake.
        noise, right = parts(x)
        return float(-np.log(np.maximum(noise + right, 1e-300)).sum() + 0.01 * (x**2).sum())

    best = minimize(loss, [-2.0, 0.0], method="Nelder-Mead").x
    noise, right = parts(best)
    return noise / (noise + right), float(1 / (1 + np.exp(-best[0])))


def _pruned(p: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, float]:
    """Which labels the joint distribution calls wrong, and their share."""
    joint = expected_joint(p, given)
    worst = np.zeros(len(given), bool)
    for i, j in zip(*np.nonzero(joint)):
        own = np.flatnonzero(given == i)
        number = round(float(joint[i, j]))
        if i != j and number:
            worst[own[np.argsort(p[i, own] - p[j, own], kind="stable")[:number]]] = True
    return worst, float(1 - np.trace(joint) / max(joint.sum(), 1e-12))


def expected_joint(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Expected counts of given (row) and true (column) classes: the confident joint, calibrated (equation 3).

    Parameters
    ----------
    probabilities : (K, N) array
    classes : (N,) int array

    Returns
    -------
    (K, K) float array
        Rows sum to the counts of the given labels.
    """
    counts = np.bincount(classes[~np.isnan(probabilities).any(axis=0)], minlength=len(probabilities))
    joint = confident_joint(probabilities, classes).astype(np.float64)
    rows = joint.sum(axis=1)
    nobody = (rows == 0) & (counts > 0)
    joint[nobody, nobody] = 1.0
    return joint * (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
