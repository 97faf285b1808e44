"""What is doubtful about examples and scores, in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation

FEW = 25
"""Examples of a class below which its score says little."""

_APART = 0.05
_ONE = "well or image"


def example_warnings(grouped: CrossValidation, random: CrossValidation | None = None) -> list[str]:
    """Sentences for the person who annotated.

    Parameters
    ----------
    grouped : CrossValidation
        Folds by plate and well where these are known, or by a column.
    random : CrossValidation, optional
        The same with random folds.

    Returns
    -------
    list of str
        Empty where nothing is doubtful.
    """
    found = list(grouped.notes)
    found += warnings_of_examples(grouped.classes, grouped.truth, grouped.groups, grouped.grouped, grouped.kind)
    found += filter(None, [warning_of_groups(grouped)])
    if random is not None and grouped.grouped:
        ours, theirs = grouped.evaluation.overall["weighted_f1"], random.evaluation.overall["weighted_f1"]
        if theirs - ours > _APART:
            found.append(
                f"The score falls apart under grouping: weighted F1 is {theirs:.2f} with random folds and {ours:.2f} "
                f"when {_several(grouped.kind)} are kept together. A part of what is learned is the "
                f"{_one(grouped.kind)} (leakage); "
                "expect the lower score on new ones."
            )
    notes = Counter(note for model in grouped.models for note in model.notes_)
    return found + [f"In {n} of the {len(grouped.models)} folds that judge: {note}" for note, n in notes.items()]


def warning_of_groups(found: CrossValidation) -> str:
    """What is doubtful about groups that hold one row each; empty where one holds more."""
    if not found.grouped or found.groups is None or len(np.unique(found.groups)) < len(found.groups):
        return ""
    return (
        f"Folds by {found.kind} are the same as random folds: there is one row in each. Where rows belong together "
        "otherwise, such as those of one compound, name the column that says so with --group."
    )


def warnings_of_examples(
    classes: Sequence[str], truth: np.ndarray, groups: np.ndarray | None, grouped: bool, kind: str = ""
) -> list[str]:
    """What is doubtful about examples, whatever the scores; the attributes of `CrossValidation`."""
    one = _one(kind)
    found = []
    counts = np.bincount(truth, minlength=len(classes))
    few = [f"{name} ({count})" for name, count in zip(classes, counts) if count < FEW]
    if few:
        found.append(
            f"Too few examples of {_listed(few)}: with fewer than {FEW} a class's score is uncertain: a few objects "
            "decide it. Annotate more of them."
        )
    if groups is None:
        found.append(
            "The table says neither plate and well nor image, so folds are random: objects of one image teach and "
            "judge, and scores on new images will be lower."
        )
        return found
    if not grouped:
        found.append(
            f"All examples are from one {'plate, well or image' if one == _ONE else one}, so folds are random; "
            "nothing is known of others. "
            "Annotate in several."
        )
        return found
    for k, name in enumerate(classes):
        wells = np.unique(groups[truth == k])
        if len(wells) == 1 and counts[k] > 1:
            found.append(
                f"All {counts[k]} examples of {name} are from one {one} ({wells[0]}): what is learned may be the {one} "
                "and not the class, and no fold can tell. Annotate it in others."
            )
    return found


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _several(kind: str) -> str:
    """The kind of groups that a person chose, else wells or images."""
    return kind if kind.startswith("groups of ") else "wells (or images)"


def _one(kind: str) -> str:
    return kind.replace("groups", "group", 1) if kind.startswith("groups of ") else _ONE
