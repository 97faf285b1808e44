"""How well classes are told apart: confusion matrix, precision, recall and F1 of each class, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.metrics.instances import FEWEST_UNITS, bootstrap_weights

if TYPE_CHECKING:
    import pandas as pd

_SCORES = ("precision", "recall", "f1")


def confusion_matrix(truth: np.ndarray, found: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts of true and found classes.

    Parameters
    ----------
    truth, found : (N,) integer array
        Classes, 0 to K - 1.
    n_classes : int
        Number of classes K.

    Returns
    -------
    (K, K) int array
        Rows are true classes, columns found ones.
    """
    flat = np.asarray(truth) * n_classes + np.asarray(found)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


def scores_of(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Scores from confusion matrices.

    Parameters
    ----------
    confusion : (..., K, K) array
        Counts, rows are true classes; several matrices at once, for a bootstrap.

    Returns
    -------
    dict
        ``precision``, ``recall`` and ``f1`` (..., K), where nothing was found of a class precision 0, NaN where the
        class neither occurs nor was found; ``accuracy``, ``macro_f1`` (mean over the classes that occur or were found)
        and ``weighted_f1`` (weighted with the number of true objects) (...).
    """
    confusion = np.asarray(confusion, float)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, found = confusion.sum(axis=-1), confusion.sum(axis=-2)
    known = true + found > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(known, right / np.maximum(found, 1), np.nan)
        recall = np.where(true > 0, right / np.maximum(true, 1), np.where(known, 0.0, np.nan))
        f1 = np.where(known, 2 * right / (true + found), np.nan)
        total = true.sum(axis=-1)
        return {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "accuracy": right.sum(axis=-1) / total,
            "macro_f1": np.nansum(f1, axis=-1) / known.sum(axis=-1),
            "weighted_f1": np.nansum(f1 * true, axis=-1) / total,
        }


@dataclass(frozen=True)
class ClassEvaluation:
    """Scores of a classifier.

    Attributes
    ----------
    classes : tuple of str
        Names of the K classes.
    confusion : (K, K) int array
        Rows are true classes.
    table : pandas.DataFrame
        One row a class: ``class``, ``objects``, ``groups`` (from how many it comes), and ``precision``, ``recall`` and
        ``f1``, each with ``_low`` and ``_high``, which are NaN where draws say nothing of the class.
    overall : dict
        ``accuracy``, ``macro_f1`` and ``weighted_f1``, each with ``_low`` and ``_high``.
    units : str
        What the bootstrap drew, in words.
    doubt : str
        Why the intervals may be too narrow, a sentence; empty where nothing is against them.
    """

    classes: tuple[str, ...]
    confusion: np.ndarray
    table: pd.DataFrame
    overall: dict[str, float]
    units: str
    doubt: str = ""


def evaluate_classes(
    truth: np.ndarray,
    found: np.ndarray,
    classes: Sequence[str],
    groups: Sequence[str] | np.ndarray | None = None,
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> ClassEvaluation:
    """Scores with bootstrap intervals; what is drawn are groups, since objects of one well are alike.

    A draw without objects of a class says nothing of that class, nor of the macro F1, the mean over the classes of all
    objects: it is left out of these intervals. There is no interval (NaN) for a class of a single group (or object
    where objects are drawn), which no draw can vary, nor where fewer than a tenth of the draws are left.

    Parameters
    ----------
    truth, found : (N,) integer array
        True and found class of each object, 0 to K - 1.
    classes : sequence of K str
        Names of the classes.
    groups : (N,) sequence of str, optional
        Group of each object; where there are fewer than five, objects are drawn, and `doubt` says so.
    draws : int
        Bootstrap samples.
    confidence : float
        Share of the draws inside the intervals.
    seed : int
        Seed of the draws.

    Returns
    -------
    ClassEvaluation

    Raises
    ------
    RequestError
        Where there are no objects, or the lengths differ.
    """
    import pandas as pd

    truth, found, k = np.asarray(truth), np.asarray(found), len(classes)
    if not len(truth) or truth.shape != found.shape or (groups is not None and len(groups) != len(truth)):
        raise RequestError("Scores need as many found classes (and groups) as true ones, at least one.")
    unit, words, doubt = bootstrap_units(len(truth), groups)
    weights = bootstrap_weights(np.arange(int(unit.max()) + 1), draws, np.random.default_rng(seed))
    scores = drawn_scores(truth, found, k, unit, weights)
    alone = [len(np.unique(unit[truth == i])) < 2 for i in range(k)]
    rows = []
    for i, name in enumerate(classes):
        of_class = truth == i
        row: dict[str, object] = {"class": name, "objects": int(of_class.sum())}
        row["groups"] = len(np.unique(np.asarray(groups)[of_class])) if groups is not None else row["objects"]
        for score in _SCORES:
            of_draws = scores[score][:, i]
            row[score] = float(of_draws[0])
            row[f"{score}_low"], row[f"{score}_high"] = (np.nan, np.nan) if alone[i] else interval(of_draws, confidence)
        rows.append(row)
    overall = {}
    for score in ("accuracy", "macro_f1", "weighted_f1"):
        overall[score] = float(scores[score][0])
        overall[f"{score}_low"], overall[f"{score}_high"] = interval(scores[score], confidence)
    confusion = confusion_matrix(truth, found, k)
    return ClassEvaluation(tuple(classes), confusion, pd.DataFrame(rows), overall, words, doubt)


def drawn_scores(
    truth: np.ndarray, found: np.ndarray, n_classes: int, unit: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores of each draw of a bootstrap; macro F1 is the mean over the classes of all objects in every draw.

    Parameters
    ----------
    truth, found : (N,) integer array
        True and found class of each object, 0 to K - 1.
    n_classes : int
        Number of classes K.
    unit : (N,) int array
        Unit of each object, from `bootstrap_units`.
    weights : (1 + draws, units) array
        How often each unit is drawn; the first row is the objects as they are.

    Returns
    -------
    dict
        As from `scores_of`, one row a draw; NaN where a draw lacks objects of the class, for macro F1 of any class.
    """
    cells = np.zeros((weights.shape[1], n_classes**2))
    np.add.at(cells, (unit, truth * n_classes + found), 1)
    drawn = (weights @ cells).reshape(-1, n_classes, n_classes)
    scores = scores_of(drawn)
    absent = drawn.sum(axis=-1) == 0
    absent[0] = False
    for score in _SCORES:
        scores[score][absent] = np.nan
    # A class that nothing belongs to, but that was found, has the F1 0 in every draw.
    occurs, known = drawn[0].sum(axis=-1) > 0, np.isfinite(scores["f1"][0])
    scores["macro_f1"] = np.where(occurs, scores["f1"], 0)[:, known].mean(axis=-1)
    return scores


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The interval of draws (all values but the first); NaN where fewer than a tenth of them have a value."""
    spread = values[1:][np.isfinite(values[1:])]
    if len(spread) < max(1, (len(values) - 1) / 10):
        return np.nan, np.nan
    tail = 50 * (1 - confidence)
    low, high = np.percentile(spread, [tail, 100 - tail])
    return float(low), float(high)


def bootstrap_units(n: int, groups: Sequence[str] | np.ndarray | None) -> tuple[np.ndarray, str, str]:
    """What a bootstrap of n objects draws: groups, or objects where there are none or fewer than five.

    Parameters
    ----------
    n : int
        Number of objects.
    groups : (n,) sequence of str, optional
        Group of each.

    Returns
    -------
    (n,) int array, str, str
        Unit of each object, from 0; what is drawn, in words; why the intervals may be too narrow, a sentence or empty.
    """
    if groups is None:
        return np.arange(n), f"{n:,} objects", ""
    names, unit = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < FEWEST_UNITS:
        few = f"{len(names)} group{'s are' if len(names) != 1 else ' is'} too few to draw from"
        return np.arange(n), f"{n:,} objects", f"{few}: objects were drawn, and the intervals may be too narrow."
    return unit, f"{len(names):,} groups ({n:,} objects)", ""
