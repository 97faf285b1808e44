"""How much better one classifier is than another on the same objects, with intervals over wells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.metrics.classification import bootstrap_units, drawn_scores, interval
from micrographia.metrics.instances import bootstrap_weights

SCORES = ("weighted_f1", "macro_f1", "accuracy")


@dataclass(frozen=True)
class ClassGain:
    """Scores of the second minus scores of the first.

    Attributes
    ----------
    first, second : str
        Names of the two.
    gains : dict of str to (float, float, float)
        ``weighted_f1``, ``macro_f1`` and ``accuracy``: the gain and its interval.
    units : str
        What the bootstrap drew, in words.
    doubt : str
        Why the intervals may be too narrow, a sentence; empty where nothing is against them.
    """

    first: str
    second: str
    gains: dict[str, tuple[float, float, float]]
    units: str
    doubt: str


def class_gain(
    truth: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    n_classes: int,
    groups: Sequence[str] | np.ndarray | None = None,
    names: tuple[str, str] = ("first", "second"),
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> ClassGain:
    """Difference of two classifiers on the same objects, with a bootstrap interval in which whole groups are drawn.

    Draws are as in :func:`~micrographia.metrics.classification.evaluate_classes`: one without objects of a class says
    nothing of the macro F1, and there is no interval (NaN) where fewer than a tenth are left.

    Parameters
    ----------
    truth, first, second : (N,) integer array
        True class of each object, and what the two found.
    n_classes : int
        Number of classes K.
    groups : (N,) sequence of str, optional
        Group of each object, such as plate and well; where there are fewer than five, objects are drawn, and `doubt`
        says so.
    names : (str, str)
        What the two are called.
    draws : int
        Bootstrap samples.
    confidence : float
        Share of the draws inside the interval.
    seed : int
        Seed of the draws.

    Returns
    -------
    ClassGain

    Raises
    ------
    RequestError
        Where there are no objects, or the lengths differ.
    """
    truth, first, second = (np.asarray(a) for a in (truth, first, second))
    lengths = {len(a) for a in (truth, first, second, groups) if a is not None}
    if lengths == {0} or len(lengths) > 1:
        raise RequestError("A gain needs as many found classes of both (and groups) as true ones, at least one.")
    unit, units, doubt = bootstrap_units(len(truth), groups)
    weights = bootstrap_weights(np.arange(int(unit.max()) + 1), draws, np.random.default_rng(seed))
    before, after = (drawn_scores(truth, found, n_classes, unit, weights) for found in (first, second))
    gains = {}
    for score in SCORES:
        gain = after[score] - before[score]
        gains[score] = (float(gain[0]), *interval(gain, confidence))
    return ClassGain(*names, gains, units, doubt)
