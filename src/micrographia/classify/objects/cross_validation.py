"""How good a classifier is on wells it has never seen: nested cross-validation, beside the score of a random split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.objects.object_fitting import listed_classes, measured_examples
from micrographia.features.feature_table import CLASS, check_columns, group_kind, groups, object_keys
from micrographia.metrics.calibration import brier_score, calibration_error, log_loss
from micrographia.metrics.classification import ClassEvaluation, confusion_matrix, evaluate_classes, scores_of
from micrographia.metrics.stratified_folds import stratified_folds

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier


@dataclass(frozen=True)
class CrossValidation:
    """Every example judged by a classifier that never saw it, nor any other of its plate and well.

    Attributes
    ----------
    classes : tuple of str
        Names of the K classes.
    truth, found : (N,) int array
        True and found class of each example.
    probabilities : (K, N) float32 array
        What the examples were given.
    fold : (N,) int array
        Outer fold of each, from 0.
    groups : (N,) array of str or None
        Plate and well of each, or image, or the value of a column that was asked for; None where that is not known.
    grouped : bool
        Whether folds kept groups together.
    evaluation : ClassEvaluation
        Scores of all examples together, with intervals.
    models : list of ObjectClassifier
        The classifier of each fold.
    kind : str
        What a group is: ``wells``, ``images``, ``plates`` or ``groups of Compound``; empty where that is not known.
    notes : tuple of str
        Which examples were left out, in sentences.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    probabilities: np.ndarray
    fold: np.ndarray
    groups: np.ndarray | None
    grouped: bool
    evaluation: ClassEvaluation
    models: list[Any]
    kind: str = ""
    notes: tuple[str, ...] = ()

    @property
    def one_of_kind(self) -> str:
        """What one group is: ``well``, ``image``, ``plate`` or ``group of Compound``."""
        plural, *rest = (self.kind or "groups").split(" ", 1)
        return " ".join([plural.removesuffix("s"), *rest])

    @property
    def found(self) -> np.ndarray:
        """Found class of each example."""
        return self.probabilities.argmax(axis=0)

    def fold_scores(self) -> dict[str, list[float]]:
        """``accuracy``, ``weighted_f1`` and ``macro_f1`` of each fold (macro over the classes the fold holds)."""
        rows: dict[str, list[float]] = {"accuracy": [], "weighted_f1": [], "macro_f1": []}
        for k in range(int(self.fold.max()) + 1):
            at = self.fold == k
            scores = scores_of(confusion_matrix(self.truth[at], self.found[at], len(self.classes)))
            for name, values in rows.items():
                values.append(float(scores[name]))
        return rows

    def calibration(self) -> dict[str, float]:
        """``brier``, ``log_loss`` and ``calibration_error``."""
        return {
            "brier": brier_score(self.truth, self.probabilities),
            "log_loss": log_loss(self.truth, self.probabilities),
            "calibration_error": calibration_error(self.truth, self.probabilities),
        }


def classified(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """The rows that have a class, their classes as numbers, and the names of the classes.

    Raises
    ------
    RequestError
        Where the column ``Class`` is missing or holds fewer than two classes.
    InputError
        Where the table has no rows, two rows have the same keys or two columns the same name.
    """
    check_columns(table)
    if not len(table):
        raise InputError("The table has no rows.")
    if CLASS not in table.columns:
        raise RequestError(f"The table has no column '{CLASS}' with the classes of the examples.")
    known, truth, names = listed_classes(table[CLASS], CLASS)
    object_keys(table)
    return table[known].reset_index(drop=True), truth, names


def labelled(
    table: pd.DataFrame, method: ObjectClassifier
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...], np.ndarray | None, list[str]]:
    """The rows from which a method learns, their classes as numbers, names of classes, groups, and what is left out.

    These rows have a class and more than half of the measurements. The method's `group` is a column of groups;
    otherwise they are plate and well, or image.

    Raises
    ------
    RequestError
        As `classified`; and where the column of groups is missing.
    InputError
        As `classified`; and where the column of groups has no values, or there are no features.
    """
    examples, truth, names = classified(table)
    _, _, plan, features = method.example_features(examples)
    of_row = groups(examples, method.group)
    kept, truth, names, notes = measured_examples(features, list(plan), truth, names)
    examples = examples[kept].reset_index(drop=True)
    if of_row is not None:
        of_row = of_row[kept]
        if method.group is not None:
            # so that a part of the examples has groups, too
            examples[method.group] = np.where(of_row == "", "(none)", of_row)
    return examples, truth, names, of_row, notes


def cross_validate(
    method: ObjectClassifier,
    table: pd.DataFrame,
    *,
    folds: int = 5,
    seed: int = 0,
    grouped: bool = True,
    progress: Callable[[str], None] | None = None,
) -> CrossValidation:
    """Judge a classifier on outer folds; settings and calibration are chosen on inner folds of what teaches.

    Parameters
    ----------
    method : ObjectClassifier
        Parameters; it is not changed. Its `group` is what folds keep together.
    table : pandas.DataFrame
        Rows with the column ``Class``; others are left out, and those that lack more than half of the measurements.
    folds : int
        Outer folds; fewer where there are fewer groups.
    seed : int
        Seed of the division.
    grouped : bool
        Keep groups together: plate and well where known, or the method's column `group`. False is the random split of
        many publications: objects of one well are on both sides, and the score is too high for new wells.
    progress : callable, optional
        Told in words what is done.

    Returns
    -------
    CrossValidation

    Raises
    ------
    InputError
        Where fewer than two classes have examples, or a division leaves a single class to learn from.
    """
    examples, truth, names, of_row, notes = labelled(table, method)
    keep = of_row if grouped and of_row is not None and len(np.unique(of_row)) > 1 else None
    kind = group_kind(examples, method.group)
    by, several = ("plate and well", "wells") if method.group is None else (kind, kind)
    number = min(folds, len(truth) if keep is None else len(np.unique(keep)))
    if number < 2:
        raise InputError("Two examples at least are needed to judge a classifier.")
    fold = stratified_folds(truth, keep, number, seed)
    probabilities, models = np.zeros((len(names), len(truth)), np.float32), []
    for k in range(number):
        taught = fold != k
        if len(np.unique(truth[taught])) < 2:
            raise InputError(
                f"The examples cannot be divided by {by}: without one part only one class is left. "
                f"Annotate each class in several {several}."
            )
        if progress is not None:
            progress(f"fold {k + 1} of {number}")
        model = type(method)(**method.parameters()).fit(examples[taught])
        rows = np.array([names.index(name) for name in model.classes_])
        found = model.fitted_.probabilities(model.features(examples[~taught]))
        probabilities[np.ix_(rows, np.flatnonzero(~taught))] = found
        models.append(model)
    evaluation = evaluate_classes(truth, probabilities.argmax(axis=0), names, of_row, seed=seed)
    told = tuple(notes)
    return CrossValidation(names, truth, probabilities, fold, of_row, keep is not None, evaluation, models, kind, told)
