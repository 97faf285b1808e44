"""The report of an evaluation: scores over IoU thresholds with intervals, every image, groups, and the worst cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.metrics.instances import InstanceEvaluation
from micrographia.metrics.matching import match
from micrographia.report.charts import curves
from micrographia.report.overlay import comparison, comparison_colours
from micrographia.report.page import jpeg, machine, write_page

if TYPE_CHECKING:
    import pandas as pd

_SCORES = {
    "ap_image_mean": "AP (mean over images)",
    "ap_pooled": "AP (pooled)",
    "precision_pooled": "Precision",
    "recall_pooled": "Recall",
    "f1_pooled": "F1",
    "pq_pooled": "PQ",
}
_MOST_LINES = 6


def write_evaluation_report(
    path: str | Path,
    evaluation: InstanceEvaluation,
    worst: Mapping[str, tuple[Any, Any, Any]] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
    title: str = "Evaluation",
    warnings: Sequence[str] = (),
) -> Path:
    """Write the report of an evaluation as one HTML file that works anywhere, without a network.

    Parameters
    ----------
    path : path
        The .html file.
    evaluation : InstanceEvaluation
        From :func:`micrographia.metrics.instances.evaluate_instances`.
    worst : dict, optional
        Image name to (image, true labels, predicted labels) of the images to show, for example those that
        ``evaluation.worst(6)`` names.
    settings : dict, optional
        What was evaluated: model, thresholds, data.
    command : str
        What was typed.
    title : str
        Heading.
    warnings : sequence of str
        What the reader of the scores must know before anything else.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Where the file cannot be written or a picture's shapes do not fit.
    """
    first = evaluation.thresholds[0]
    return write_page(
        path,
        "evaluation.html",
        title=title,
        warnings=warnings,
        evaluation=evaluation,
        first=first,
        best=evaluation.overall.iloc[0].to_dict(),
        counts=evaluation.counts.iloc[0].to_dict(),
        ap_curve=_ap_curve(evaluation),
        score_curve=_score_curve(evaluation),
        scores=_SCORES,
        overall=evaluation.overall.to_dict("records"),
        groups=[_group_rows(evaluation, column) for column in dict.fromkeys(evaluation.groups.get("group", []))],
        images=_image_rows(evaluation),
        worst=[_case(name, *case, threshold=first) for name, case in (worst or {}).items()],
        settings={k: "not set" if v is None else str(v) for k, v in (settings or {}).items()},
        command=command,
        machine=machine(),
    )


def _ap_curve(evaluation: InstanceEvaluation) -> dict[str, Any]:
    """AP over IoU: all images with their interval, and the values of the first group column that has few."""
    overall = evaluation.overall
    name = "ap_image_mean"
    series: list[Any] = [("all images", overall[name], overall[f"{name}_low"], overall[f"{name}_high"])]
    groups = evaluation.groups
    columns = [c for c in dict.fromkeys(groups.get("group", [])) if _few(groups, c)]
    for value, part in groups[groups["group"] == columns[0]].groupby("value") if columns else []:
        series.append((f"{columns[0]}: {value}", part[name].tolist(), None, None))
    return _chart(evaluation.thresholds, series, "AP, mean over images")


def _few(groups: pd.DataFrame, column: str) -> bool:
    return 2 <= groups[groups["group"] == column]["value"].nunique() < _MOST_LINES


def _score_curve(evaluation: InstanceEvaluation) -> dict[str, Any]:
    names = ("precision_pooled", "recall_pooled", "f1_pooled", "pq_pooled")
    table = evaluation.overall
    series = [(_SCORES[n], table[n], table[f"{n}_low"], table[f"{n}_high"]) for n in names]
    return _chart(evaluation.thresholds, series, "score, pooled over objects")


def _chart(thresholds: tuple[float, ...], series: list[Any], label: str) -> dict[str, Any]:
    drawn = curves(thresholds, series, x_label="IoU threshold", y_label=label, width=560, height=330)
    return {"svg": drawn, "names": [name for name, *_ in series]}


def _group_rows(evaluation: InstanceEvaluation, column: str) -> dict[str, Any]:
    """One row a value of a group column: its scores at the first threshold, its AP at all, its counts."""
    groups, counts = evaluation.groups, evaluation.counts
    rows = []
    for value, part in groups[groups["group"] == column].groupby("value"):
        count = counts[(counts["group"] == column) & (counts["value"] == value)].iloc[0]
        rows.append(
            {"value": value, "mean_ap": part["ap_image_mean"].mean(), **part.iloc[0], "counts": count.to_dict()}
        )
    return {"column": column, "rows": rows}


def _image_rows(evaluation: InstanceEvaluation) -> list[dict[str, Any]]:
    at = f"{round(evaluation.thresholds[0] * 100):02d}"
    known = {c for c in evaluation.images if str(c).endswith(f"_{at}")}
    known |= {"image", "n_truth", "n_predicted", "count_error", "count_error_relative", "ap"}
    rows = []
    for record in evaluation.images.to_dict("records"):
        row = {str(k): v for k, v in record.items()}
        scores = {k.removesuffix(at) + "first": v for k, v in row.items() if k.endswith(f"_{at}")}
        groups = ", ".join(f"{k} {v}" for k, v in row.items() if k not in known and v is not None and v == v)
        rows.append({**row, **scores, "group_text": groups})
    return rows


def _case(name: str, image: Any, truth: Any, predicted: Any, *, threshold: float) -> dict[str, Any]:
    shown = comparison(image, truth, predicted, threshold=threshold)
    result = match(truth, predicted, [threshold])[0]
    colours = {k: f"rgb{v}" for k, v in comparison_colours(shown).items()}
    return {"name": name, "picture": jpeg(shown, 1000), "match": result, "colours": colours}
