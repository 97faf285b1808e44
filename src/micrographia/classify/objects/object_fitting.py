"""From a table with classes to a fitted classifier: settings chosen and probabilities calibrated on inner folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.classifiers import PixelModel, class_weights
from micrographia.classify.learners.recalibration import Recalibration, fit_isotonic, fit_temperature
from micrographia.classify.learners.standardising import Standardiser
from micrographia.classify.objects.feature_scores import best_features
from micrographia.classify.objects.object_learners import LEARNERS, members
from micrographia.features.feature_table import class_words
from micrographia.metrics.classification import confusion_matrix, scores_of
from micrographia.metrics.stratified_folds import stratified_folds

if TYPE_CHECKING:
    from micrographia.classify.objects.object_classifier import ObjectClassifier

_FEWEST = 20


@dataclass(frozen=True)
class Member:
    """One fitted classifier: its kind, the chosen setting, the model, and how its probabilities are changed."""

    kind: str
    setting: dict[str, Any]
    model: PixelModel
    calibration: Recalibration


@dataclass(frozen=True)
class Fitted:
    """What was learned.

    Attributes
    ----------
    standardiser : Standardiser
        Of the features that are used.
    members : tuple of Member
        One classifier, or those whose probabilities are averaged.
    calibration : Recalibration
        Of the average.
    notes : tuple of str
        What was not done, and why, in sentences.
    """

    standardiser: Standardiser
    members: tuple[Member, ...]
    calibration: Recalibration
    notes: tuple[str, ...] = field(default=())

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Class probabilities (K, N) float32 of the standardiser's features (N, F), which may hold NaN."""
        features = self.standardiser(matrix)
        each = [member.calibration(member.model.predict(features)) for member in self.members]
        return self.calibration(np.mean(each, axis=0))


def fit_objects(
    method: ObjectClassifier,
    matrix: np.ndarray,
    names: list[str],
    classes: np.ndarray,
    n_classes: int,
    groups: np.ndarray | None,
) -> Fitted:
    """Fit the classifier that a method's parameters describe.

    Parameters
    ----------
    method : ObjectClassifier
        The parameters.
    matrix : (N, F) float32 array
        Features; NaN where a value is missing.
    names : list of F str
        Their names.
    classes : (N,) integer array
        Classes, 0 to K - 1.
    n_classes : int
        Number of classes K.
    groups : (N,) array of str, optional
        Groups that inner folds keep together.
    """
    standardiser = Standardiser.of(matrix, names)
    columns = columns_of(names, standardiser)
    features = standardiser(matrix[:, columns])
    fold, notes = _inner_folds(method, classes, groups)
    if method.select and method.select < len(features):
        standardiser = standardiser.only(best_features(features, classes, method.select))
        columns = columns_of(names, standardiser)
        features = standardiser(matrix[:, columns])
    judged = np.zeros(len(classes), bool) if fold is None else _judged(classes, fold)
    calibrate = method.calibrate
    if calibrate == "isotonic" and fold is not None and len(np.unique(classes[judged])) < n_classes:
        calibrate = "temperature"
        notes.append("A class is in one inner fold only: probabilities are calibrated by a temperature, not isotonic.")
    fitted, unseen = [], []
    for kind in members(method.classifier):
        learner = LEARNERS[kind]
        setting, found = dict(learner.settings[0]), None
        if fold is not None:
            tried = learner.settings if method.search else learner.settings[:1]
            results = [(s, _unseen(method, kind, s, matrix, names, classes, n_classes, fold)[:, judged]) for s in tried]
            setting, found = max(results, key=lambda result: _worth(classes[judged], result[1]))
        calibration = _calibration("temperature" if len(members(method.classifier)) > 1 else calibrate,
                                   classes[judged], found)  # fmt: skip
        if found is not None:
            unseen.append(calibration(found))
        fitted.append(Member(kind, dict(setting), _learn(method, kind, setting, features, classes, n_classes),
                             calibration))  # fmt: skip
    last = Recalibration()
    if len(fitted) > 1:
        last = _calibration(calibrate, classes[judged], np.mean(unseen, axis=0) if unseen else None)
    return Fitted(standardiser, tuple(fitted), last, tuple(notes))


def _learn(
    method: ObjectClassifier,
    kind: str,
    setting: Mapping[str, Any],
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
) -> PixelModel:
    weights = class_weights(classes, n_classes, method.balance)
    return LEARNERS[kind].learn(features, classes, n_classes, weights, method.trees, method.seed, **setting)


def _inner_folds(
    method: ObjectClassifier, classes: np.ndarray, groups: np.ndarray | None
) -> tuple[np.ndarray | None, list[str]]:
    """Inner folds, by group where there are two or more; None where nothing is chosen or calibrated."""
    if method.calibrate == "none" and not method.search:
        return None, []
    if len(classes) < _FEWEST:
        return None, [f"{len(classes)} examples are too few for inner folds: no setting was chosen, and the "
                      "probabilities are not calibrated."]  # fmt: skip
    number = 0 if groups is None else min(method.folds, len(np.unique(groups)))
    if number > 1:
        fold = stratified_folds(classes, groups, number, method.seed)
        if _teachable(classes, fold):
            return fold, []
    fold = stratified_folds(classes, None, min(method.folds, len(classes)), method.seed)
    if not _teachable(classes, fold):
        return None, ["Inner folds would leave a single class to learn from: no setting was chosen, and the "
                      "probabilities are not calibrated."]  # fmt: skip
    if groups is None:
        return fold, []
    why = "All examples are from one group (well, image…)" if number == 1 else "Classes are missing without some groups"
    return fold, [f"{why}: inner folds divide objects at random, and probabilities may be too sure on other groups."]


def _teachable(classes: np.ndarray, fold: np.ndarray) -> bool:
    """Whether there are two classes to learn from without each fold, and most examples can be judged."""
    return all(len(np.unique(classes[fold != k])) > 1 for k in np.unique(fold)) and _judged(classes, fold).mean() >= 0.5


def _judged(classes: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Examples (N,) whose class occurs in other folds; a model that never met a class says nothing of its examples."""
    counts = np.zeros((fold.max() + 1, classes.max() + 1), int)
    np.add.at(counts, (fold, classes), 1)
    return counts.sum(axis=0)[classes] > counts[fold, classes]


def _unseen(
    method: ObjectClassifier,
    kind: str,
    setting: Mapping[str, Any],
    matrix: np.ndarray,
    names: list[str],
    classes: np.ndarray,
    n_classes: int,
    fold: np.ndarray,
) -> np.ndarray:
    """Probabilities (K, N) by models that did not see the object; scales and features are chosen without it, too."""
    out = np.zeros((n_classes, len(classes)), np.float32)
    for k in np.unique(fold):
        taught, judged = fold != k, fold == k
        standardiser = Standardiser.of(matrix[taught], names)
        if method.select and method.select < len(standardiser.names):
            seen = standardiser(matrix[taught][:, columns_of(names, standardiser)])
            standardiser = standardiser.only(best_features(seen, classes[taught], method.select))
        columns = columns_of(names, standardiser)
        features = standardiser(matrix[taught][:, columns])
        model = _learn(method, kind, setting, features, classes[taught], n_classes)
        out[:, judged] = model.predict(standardiser(matrix[judged][:, columns]))
    return out


def columns_of(names: list[str], standardiser: Standardiser) -> list[int]:
    position = {name: i for i, name in enumerate(names)}
    return [position[name] for name in standardiser.names]


def _worth(classes: np.ndarray, probabilities: np.ndarray) -> float:
    """What settings are chosen by: the mean of weighted and macro F1."""
    scores = scores_of(confusion_matrix(classes, probabilities.argmax(axis=0), len(probabilities)))
    return float(scores["weighted_f1"] + scores["macro_f1"])


def _calibration(kind: str, classes: np.ndarray, probabilities: np.ndarray | None) -> Recalibration:
    if kind == "none" or probabilities is None:
        return Recalibration()
    return (fit_isotonic if kind == "isotonic" else fit_temperature)(classes, probabilities)


def lacks_most(features: np.ndarray) -> np.ndarray:
    """Which rows (N,) lack more than half of the features (N, F) that are learned from: nothing is said of them."""
    return np.isnan(features).sum(axis=1) * 2 > features.shape[1]


def unmeasured(features: np.ndarray, names: list[str]) -> np.ndarray:
    """Which examples (N,) lack more than half of the features (N, F) that tell examples apart."""
    lacking = np.zeros(len(features), bool)
    while np.isnan(features[~lacking]).any():
        used = columns_of(names, Standardiser.of(features[~lacking], names))
        more = lacks_most(features[:, used]) & ~lacking
        if not more.any():
            break
        lacking |= more
    return lacking


def measured_examples(
    features: np.ndarray, names: list[str], classes: np.ndarray, kinds: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """Leave out the examples without measurements.

    Parameters
    ----------
    features : (N, F) float32 array
        NaN where a value is missing.
    names : list of F str
        Their names.
    classes : (N,) integer array
        Classes, 0 to K - 1.
    kinds : tuple of K str
        Their names.

    Returns
    -------
    (N,) bool array, (M,) int array, tuple of str, list of str
        Which examples are left; the class of each of these; the classes that have examples left; a sentence where some
        are left out.

    Raises
    ------
    InputError
        Where examples of fewer than two classes are left.
    """
    lacking = unmeasured(features, names)
    if not lacking.any():
        return ~lacking, classes, kinds, []
    counts = np.bincount(classes[lacking], minlength=len(kinds))
    of = ", ".join(f"{kind} ({count:,})" for kind, count in zip(kinds, counts) if count)
    told = f"Examples that lack more than half of the measurements are left out: {of}."
    left, again = np.unique(classes[~lacking], return_inverse=True)
    if len(left) < 2:
        raise InputError(f"{told} A classifier learns from examples of two classes or more.")
    gone = [kind for k, kind in enumerate(kinds) if k not in left]
    if gone:
        told += f" No example of {' or '.join(gone)} is left; it is not learned."
    return ~lacking, again, tuple(kinds[k] for k in left), [told]


def listed_classes(values: Any, column: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Rows that have a class, their classes as numbers, and the names.

    Parameters
    ----------
    values : pandas.Series
        The column of classes; missing or empty where a row has none.
    column : str
        Its name, for the message.

    Returns
    -------
    (N,) bool array, (M,) int array, tuple of str
        Which rows have a class; the class of each of these; the sorted names.

    Raises
    ------
    RequestError
        Where fewer than two classes occur.
    """
    words = class_words(values)
    known = words != ""
    names, classes = np.unique(words[known], return_inverse=True)
    if len(names) < 2:
        what = f"only the class '{names[0]}'" if len(names) else "no class at all"
        raise RequestError(f"The column '{column}' holds {what}; a classifier learns from examples of two or more.")
    return known, classes, tuple(str(name) for name in names)
