"""What is doubtful about examples and scores, in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation

FEW = 25
"""Examples of a class below which its score says little."""

_APART = 0.05


def example_warnings(grouped: CrossValidation, random: CrossValidation | None = None) -> list[str]:
    """Sentences for the person who annotated.

    Parameters
    ----------
    grouped : CrossValidation
        Folds by plate and well, where these are known.
    random : CrossValidation, optional
        The same with random folds.

    Returns
    -------
    list of str
        Empty where nothing is doubtful.
    """
    found = warnings_of_examples(grouped.classes, grouped.truth, grouped.groups, grouped.grouped)
    if random is not None and grouped.grouped:
        ours, theirs = grouped.evaluation.overall["weighted_f1"], random.evaluation.overall["weighted_f1"]
        if theirs - ours > _APART:
            found.append(
                f"The score falls apart under grouping: weighted F1 is {theirs:.2f} with random folds and {ours:.2f} "
                "when wells (or images) are kept together. A part of what is learned is the well or image (leakage); "
                "expect the lower score on new ones."
            )
    notes = Counter(note for model in grouped.models for note in model.notes_)
    return found + [f"In {n} of the {len(grouped.models)} folds that judge: {note}" for note, n in notes.items()]


def warnings_of_examples(
    classes: Sequence[str], truth: np.ndarray, groups: np.ndarray | None, grouped: bool
) -> list[str]:
    """What is doubtful about examples, whatever the scores; the attributes of `CrossValidation`."""
    found = []
    counts = np.bincount(truth, minlength=len(classes))
    few = [f"{name} ({count})" for name, count in zip(classes, counts) if count < FEW]
    if few:
        found.append(
            f"Too few examples of {_listed(few)}: with fewer than {FEW} a class's score is little more than chance. "
            "Annotate more of them."
        )
    if groups is None:
        found.append(
            "The table says neither plate and well nor image, so folds are random: objects of one image teach and "
            "judge, and scores on new images will be lower."
        )
        return found
    if not grouped:
        found.append(
            "All examples are from one well or image, so folds are random; nothing is known of other wells. "
            "Annotate in several."
        )
        return found
    for k, name in enumerate(classes):
        wells = np.unique(groups[truth == k])
        if len(wells) == 1 and counts[k] > 1:
            found.append(
                f"All {counts[k]} examples of {name} are from one well or image ({wells[0]}): what is learned may be "
                "the well and not the class, and no fold can tell. Annotate it in other wells."
            )
    return found


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
