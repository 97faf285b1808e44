"""How well a network tells classes apart: on the examples set aside, or on folds with a network each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.class_tables import SINGLE_OBJECTS, WHOLE_IMAGES, WHOLE_WELLS, Classified
from micrographia.classify.objects.cross_validation import CrossValidation
from micrographia.classify.objects.example_warnings import warnings_of_examples
from micrographia.classify.objects.score_lines import score_card, score_lines
from micrographia.io.atomic import replacing
from micrographia.metrics.classification import evaluate_classes
from micrographia.metrics.stratified_folds import stratified_folds

_KEPT = "probabilities.npz"
_KINDS = {WHOLE_WELLS: "wells", WHOLE_IMAGES: "images"}
_FOLDED = {
    WHOLE_WELLS: "wells never seen",
    WHOLE_IMAGES: "images never seen",
    SINGLE_OBJECTS: "random folds of the objects of one image",
}
_APART = {
    WHOLE_WELLS: "wells set aside",
    WHOLE_IMAGES: "images set aside",
    SINGLE_OBJECTS: "objects set aside, of images that it also learned from",
}
_FROZEN = "the last layer of a frozen encoder is fitted to all of them, whatever share should judge"
_TOO_FEW = "there are too few of them, or none should be"


@dataclass(frozen=True)
class Judgement:
    """What is known of a classifier of crops or images.

    Attributes
    ----------
    scores : CrossValidation or None
        Examples with what they were given by a network that had not learned from them; None where there are none.
    how : str
        On what it was judged, in a few words.
    told : str
        The same in sentences.
    warnings : tuple of str
        What is doubtful about the examples.
    """

    scores: CrossValidation | None
    how: str
    told: str
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """The scores for the console."""
        return [] if self.scores is None else score_lines(self.scores, self.how)

    def card(self) -> str:
        """The scores for the model card, in Markdown."""
        if self.scores is None:
            return "\n".join([self.told, "", *(f"- {warning}" for warning in self.warnings)])
        return f"{self.told}\n\n{score_card(self.lines(), self.warnings)}"


def judge_held(
    classified: Classified,
    held: np.ndarray,
    whole: str,
    probabilities: Callable[[np.ndarray], np.ndarray],
    seed: int,
    *,
    frozen: bool = False,
) -> Judgement:
    """Judge a network on the examples that only judged its training.

    Parameters
    ----------
    classified : Classified
        All examples.
    held, whole
        From `held_out`.
    probabilities : callable
        Numbers of crops to their class probabilities (N, K).
    seed : int
        Seed of the intervals.
    frozen : bool
        Whether nothing was held out because the encoder was kept as it is.
    """
    warnings = _warnings(classified)
    if not held.any():
        told = (
            f"Not measured: no examples were set aside, because {_FROZEN if frozen else _TOO_FEW}. Folds (--folds 5) "
            "judge by further networks, each on examples that it did not learn from."
        )
        return Judgement(None, "", told, tuple(warnings))
    given = np.zeros((len(held), len(classified.names)), np.float32)
    given[held] = probabilities(classified.rows[held])
    scores = _scores(classified, held, given, np.zeros(len(held), int), whole, seed)
    missing = [name for k, name in enumerate(classified.names) if not (scores.truth == k).any()]
    if missing:
        warnings.append(f"No example of {', '.join(missing)} was set aside: how well it is told apart is not known.")
    told = (
        f"{len(scores.truth):,} examples ({whole}) were set aside and judged by this network, which did not learn from "
        "them. But they also chose when to stop the training, so expect somewhat lower scores on new wells; folds "
        "(--folds 5) judge by further networks, each on wells or images that it never saw."
    )
    return Judgement(scores, _APART[whole], told, tuple(warnings))


def divided(classified: Classified, number: int, seed: int) -> tuple[str, np.ndarray]:
    """Divide examples into folds that share no well, or no image.

    Parameters
    ----------
    classified : Classified
        All examples.
    number : int
        Folds; fewer where there are fewer wells or images.
    seed : int
        Seed of the division.

    Returns
    -------
    whole : str
        What stays whole, a key of `Classified.groupings`.
    fold : (N,) int array
        Fold of each example, from 0.

    Raises
    ------
    InputError
        Where a division leaves a single class to learn from.
    """
    whole, kinds = next((w, k) for w, k in classified.groupings.items() if len(np.unique(k)) > 1)
    groups = len(np.unique(kinds))
    fold = stratified_folds(classified.classes, None if groups == len(kinds) else kinds, min(number, groups), seed)
    if any(len(np.unique(classified.classes[fold != k])) < 2 for k in range(fold.max() + 1)):
        raise InputError(
            "The examples cannot be divided by wells or images: without one part only one class is left. Annotate each "
            "class in several wells, or leave folds out."
        )
    return whole, fold


def judge_folds(
    classified: Classified,
    number: int,
    learned: Callable[[str, Classified, np.ndarray], np.ndarray],
    seed: int,
) -> Judgement:
    """Judge every example by a network that saw neither it nor any other of its well, or of its image.

    Parameters
    ----------
    classified : Classified
        All examples.
    number : int
        Folds, as `divided` takes them.
    learned : callable
        Trains a network: the name of the fold, the examples to learn from and the numbers of the crops to judge, to the
        probabilities (N, K) of all classes.
    seed : int
        Seed of the division and the intervals.

    Raises
    ------
    InputError
        As `divided` does.
    """
    whole, fold = divided(classified, number, seed)
    number = int(fold.max()) + 1
    given = np.zeros((len(fold), len(classified.names)), np.float32)
    for k in range(number):
        apart = fold == k
        given[apart] = learned(f"fold {k + 1} of {number}", classified.part(~apart), classified.rows[apart])
    scores = _scores(classified, np.ones(len(fold), bool), given, fold, whole, seed)
    alone = len(np.unique(classified.groupings[whole])) == len(np.unique(classified.examples))
    alike = "" if alone else f", nor any other of its {_KINDS[whole][:-1]}"
    told = (
        f"Every example was judged by a network that had not seen it{alike}: {number} further networks were trained, "
        "each without one part of the examples and with the settings of this one."
    )
    return Judgement(scores, _FOLDED[whole], told, tuple(_warnings(classified)))


def keep_probabilities(folder: Path, lesson: str, probabilities: np.ndarray) -> None:
    """Keep what the network of a fold gave, for a training that goes on."""
    with replacing(folder / _KEPT) as partial, partial.open("wb") as file:
        np.savez(file, lesson=np.array(lesson), probabilities=probabilities)


def kept_probabilities(folder: Path, lesson: str) -> np.ndarray | None:
    """What the network of a fold gave; None where it is not finished, or learned something else."""
    try:
        with np.load(folder / _KEPT, allow_pickle=False) as kept:
            return kept["probabilities"] if str(kept["lesson"]) == lesson else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def averaged(probabilities: np.ndarray, example: np.ndarray) -> np.ndarray:
    """Mean probabilities (M, K) of the crops (N, K) that show the same example, numbered 0 to M - 1."""
    sums = np.zeros((int(example.max()) + 1, probabilities.shape[1]))
    np.add.at(sums, example, probabilities)
    return sums / np.bincount(example)[:, None]


def _scores(
    classified: Classified, at: np.ndarray, probabilities: np.ndarray, fold: np.ndarray, whole: str, seed: int
) -> CrossValidation:
    """Scores of some crops, those of one example counted as one."""
    _, first, example = np.unique(classified.examples[at], return_index=True, return_inverse=True)
    means = averaged(probabilities[at], example).T.astype(np.float32)
    truth = classified.classes[at][first]
    known = _coarsest(classified)
    groups = classified.groupings[known][at][first]
    evaluation = evaluate_classes(truth, means.argmax(axis=0), classified.names, groups, seed=seed)
    if SINGLE_OBJECTS not in classified.groupings:
        words = {name: getattr(evaluation, name).replace("objects", "images") for name in ("units", "doubt")}
        evaluation = replace(evaluation, **words)
    grouped = whole != SINGLE_OBJECTS
    return CrossValidation(
        classified.names, truth, means, fold[at][first], groups, grouped, evaluation, [], _KINDS[known]
    )


def _coarsest(classified: Classified) -> str:
    """What may stay whole: wells, else images."""
    known = [whole for whole in (WHOLE_WELLS, WHOLE_IMAGES) if whole in classified.groupings]
    return next((whole for whole in known if len(np.unique(classified.groupings[whole])) > 1), known[-1])


def _warnings(classified: Classified) -> list[str]:
    _, first = np.unique(classified.examples, return_index=True)
    groups = classified.groupings[_coarsest(classified)][first]
    several = len(np.unique(groups)) > 1
    warnings = warnings_of_examples(classified.names, classified.classes[first], groups, several)
    wells = np.unique(classified.groupings.get(WHOLE_WELLS, ()))
    if several and len(wells) == 1:
        warnings.append(f"All examples are from one well ({wells[0]}); nothing is known of others.")
    if not len(wells) and SINGLE_OBJECTS not in classified.groupings:
        warnings.append(
            "The table names no wells (Metadata_Well), so images of one well may both teach and judge, and scores on "
            "new wells may be lower."
        )
    return warnings
