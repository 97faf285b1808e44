"""The scores of a classifier as lines of text, for the console and the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation

_SCORES = (("weighted_f1", "weighted F1"), ("macro_f1", "macro F1"), ("accuracy", "accuracy"))


def score_lines(found: CrossValidation, how: str, random: CrossValidation | None = None) -> list[str]:
    """Scores of each class with intervals, of all together, and the calibration error.

    Parameters
    ----------
    found : CrossValidation
        What was judged.
    how : str
        On what, in a few words: "wells never seen".
    random : CrossValidation, optional
        The same with random folds.
    """
    width = max(len("class"), *(len(name) for name in found.classes))
    lines = [f"{'class':<{width}}  examples  precision  recall     F1   (95 % interval)"]
    for row in found.evaluation.table.to_dict("records"):
        values = "".join(f"{_number(row[name]):>{w}}" for name, w in (("precision", 11), ("recall", 8), ("f1", 7)))
        lines.append(f"{row['class']:<{width}}{row['objects']:>10,}{values}   ({_interval(row, 'f1')})")
    overall = found.evaluation.overall
    for name, words in _SCORES:
        beside = f"; with random folds {_number(random.evaluation.overall[name])}" if random is not None else ""
        lines.append(f"{words}, {how}: {_number(overall[name])} ({_interval(overall, name)}){beside}")
    lines.append(f"calibration error: {_number(found.calibration()['calibration_error'])}")
    lines.append(f"intervals: drawn from {found.evaluation.units}")
    return [*lines, found.evaluation.doubt] if found.evaluation.doubt else lines


def score_card(lines: Sequence[str], warnings: Sequence[str]) -> str:
    """Lines of scores and warnings as Markdown for a model card."""
    return "\n".join(["```", *lines, "```", *(f"- {warning}" for warning in warnings)])


def _interval(row: Mapping[str, float], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{low:.3f} to {high:.3f}" if np.isfinite(low) else "–"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"
