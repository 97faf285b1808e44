"""The report of an object classifier: scores by class with intervals, confusion, calibration, what to annotate next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation
from micrographia.io.atomic import replacing
from micrographia.metrics.calibration import reliability
from micrographia.report.charts import curves
from micrographia.report.page import machine, write_page

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20
_SCORES = ("weighted_f1", "macro_f1", "accuracy")


def classification_numbers(
    grouped: CrossValidation,
    random: CrossValidation | None = None,
    *,
    curve: pd.DataFrame | None = None,
    importance: pd.DataFrame | None = None,
    warnings: Sequence[str] = (),
    how: str = "",
    told: str = "",
) -> dict[str, Any]:
    """Everything that is known of a classifier, as JSON values (NaN as None).

    Parameters
    ----------
    grouped, random : CrossValidation
        With folds that keep plate and well together, and with random folds.
    curve : pandas.DataFrame, optional
        From :func:`micrographia.classify.objects.learning_curve.learning_curve`.
    importance : pandas.DataFrame, optional
        From :func:`micrographia.classify.objects.feature_importance.permutation_importance`.
    warnings : sequence of str
        From :func:`micrographia.classify.objects.example_warnings.example_warnings`.
    how, told : str
        On what it was judged, in a few words and in sentences, where not by nested cross-validation.
    """
    evaluation = grouped.evaluation
    return _plain(
        {
            "classes": list(grouped.classes),
            "examples": len(grouped.truth),
            "kind": grouped.kind,
            "one_of_kind": grouped.one_of_kind,
            "folds_by_group": grouped.grouped,
            "units": evaluation.units,
            "doubt": evaluation.doubt,
            "overall": evaluation.overall,
            "folds": grouped.fold_scores(),
            "calibration": grouped.calibration(),
            "random_split": None if random is None else random.evaluation.overall,
            "by_class": evaluation.table.to_dict("records"),
            "confusion": evaluation.confusion.tolist(),
            "reliability": reliability(grouped.truth, grouped.probabilities),
            "settings": [
                [{"kind": member.kind, **member.setting} for member in model.fitted_.members]
                for model in grouped.models
            ],
            "learning_curve": [] if curve is None else curve.to_dict("records"),
            "importance": [] if importance is None else importance.to_dict("records"),
            "warnings": list(warnings),
            "how": how,
            "told": told,
        }
    )


def write_classification_report(
    path: str | Path,
    numbers: Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
    title: str = "Object classifier",
) -> Path:
    """Write the report as one HTML file that works anywhere, without a network.

    Parameters
    ----------
    path : path
        The .html file.
    numbers : mapping
        From `classification_numbers`.
    settings : mapping, optional
        What was trained.
    command : str
        What was typed.
    title : str
        Heading.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    return write_page(
        path,
        "classification.html",
        title=title,
        numbers=numbers,
        confusion=_confusion(numbers),
        unseen=_unseen(numbers),
        curve=_curve(numbers["learning_curve"], _unseen(numbers)),
        reliability=_reliability(numbers["reliability"]),
        bins=_bins(numbers["reliability"]),
        importance=numbers["importance"][:_SHOWN],
        settings={k: "not set" if v is None else str(v) for k, v in (settings or {}).items()},
        command=command,
        machine=machine(),
    )


def write_numbers(path: str | Path, numbers: Mapping[str, Any]) -> Path:
    """Write the numbers of a report as JSON.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    with replacing(path) as partial:
        partial.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def _confusion(numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix; the depth of a cell's colour is its share of the true class."""
    rows = []
    for name, counts in zip(numbers["classes"], numbers["confusion"]):
        total = max(sum(counts), 1)
        cells = [{"count": count, "percent": round(100 * count / total)} for count in counts]
        rows.append({"name": name, "cells": cells})
    return rows


def _unseen(numbers: Mapping[str, Any]) -> str:
    """What a classifier was judged on, in words."""
    if not numbers["folds_by_group"]:
        return "examples never seen"
    return f"{numbers['kind'] or 'groups'} never seen"


def _curve(rows: Sequence[Mapping[str, Any]], unseen: str) -> Any:
    if len(rows) < 2:
        return None
    series: list[Any] = [
        (words, [row[name] for row in rows], None, None)
        for words, name in (("weighted F1", "weighted_f1"), ("macro F1", "macro_f1"))
    ]
    at = [row["examples"] for row in rows]
    return curves(at, series, x_label="examples that teach", y_label=f"F1 on {unseen}", width=560, height=330)


def _bins(found: Mapping[str, Sequence[Any]]) -> list[tuple[float, float, int]]:
    """Mean probability, share that is right and number of examples of each bin that has any."""
    bins = zip(found["confidence"], found["accuracy"], found["objects"])
    return [(c, a, n) for c, a, n in bins if c is not None and a is not None]


def _reliability(found: Mapping[str, Sequence[Any]]) -> Any:
    known = _bins(found)
    if len(known) < 2:
        return None
    at = [c for c, _, _ in known]
    series: list[Any] = [("found", [a for _, a, _ in known], None, None), ("as it should be", at, None, None)]
    return curves([round(c, 3) for c in at], series, x_label="probability of the class that was found",
                  y_label="share that is right", width=560, height=330)  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
