"""The result of a comparison: tables of scores and of paired differences, and one report for all methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.io.tables import write_table
from micrographia.metrics.instances import InstanceEvaluation
from micrographia.metrics.paired import paired_difference
from micrographia.report.charts import curves
from micrographia.report.page import machine, write_page

if TYPE_CHECKING:
    import pandas as pd

_MOST_LINES = 6
_SCORES = ("ap_image_mean", "f1_pooled", "pq_pooled")
_COUNTS = ("count_error_mean", "count_error_mean_absolute", "count_error_relative")


@dataclass(frozen=True)
class Compared:
    """One method of a comparison.

    Attributes
    ----------
    name : str
        As it was asked for.
    evaluation : InstanceEvaluation
        Its scores; those of all methods are of the same images in the same order.
    seconds_train, seconds_predict : float
        Time of all trainings and of finding the objects in all images.
    note : str
        What the reader of its scores must know.
    """

    name: str
    evaluation: InstanceEvaluation
    seconds_train: float
    seconds_predict: float
    note: str = ""


def write_comparison(
    folder: str | Path,
    compared: Sequence[Compared],
    *,
    groups: Sequence[Mapping[str, Any]] | None = None,
    unit: str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
) -> str:
    """Write ``comparison.csv``, ``comparison_images.csv``, ``comparison_differences.csv`` and ``report.html``.

    Parameters
    ----------
    folder : path
        Where to.
    compared : sequence of Compared
        The methods; differences are to the first.
    groups, unit, seed
        As for :func:`micrographia.metrics.paired.paired_difference`.
    settings : dict, optional
        What was compared, for the report.
    command : str
        What was typed.

    Returns
    -------
    str
        The scores at the first IoU threshold as a small table.

    Raises
    ------
    InputError
        Where a file cannot be written.
    """
    import pandas as pd

    folder, first = Path(folder), compared[0]
    scores = pd.concat([_scores(one) for one in compared], ignore_index=True)
    images = pd.concat([_named(one.name, one.evaluation.images) for one in compared], ignore_index=True)
    write_table(folder / "comparison.csv", scores)
    write_table(folder / "comparison_images.csv", images)
    found = [
        _named(one.name, paired_difference(first.evaluation, one.evaluation, groups=groups, unit=unit, seed=seed))
        for one in compared[1:]
    ]
    differences = pd.concat(found, ignore_index=True) if found else pd.DataFrame({"method": [], "iou": []})
    if found:
        differences.insert(1, "against", first.name)
        write_table(folder / "comparison_differences.csv", differences)
    else:
        (folder / "comparison_differences.csv").unlink(missing_ok=True)
    thresholds = first.evaluation.thresholds
    summary = differences[differences["iou"].isin([thresholds[0], "mean"])]
    write_page(
        folder / "report.html",
        "comparison.html",
        title="Comparison of methods",
        methods=compared,
        rows=scores[scores["iou"] == thresholds[0]].to_dict("records"),
        means={one.name: one.evaluation.images["ap"].mean() for one in compared},
        overall=scores.to_dict("records"),
        differences=summary.to_dict("records"),
        chart=_chart(compared),
        first=thresholds[0],
        interval=first.evaluation.interval,
        images=_image_rows(compared),
        settings={k: "not set" if v is None else str(v) for k, v in (settings or {}).items()},
        command=command,
        machine=machine(),
    )
    return _text(scores[scores["iou"] == thresholds[0]], summary)


def _named(name: str, table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    table.insert(0, "method", name)
    return table


def _scores(one: Compared) -> pd.DataFrame:
    """One row an IoU threshold; counts and seconds are the same in each."""
    columns = ["iou", "images", *(f"{name}{end}" for name in _SCORES for end in ("", "_low", "_high"))]
    table = _named(one.name, one.evaluation.overall[columns])
    every = one.evaluation.counts.iloc[0]
    table = table.assign(**{f"{name}{end}": every[f"{name}{end}"] for name in _COUNTS for end in ("", "_low", "_high")})
    return table.assign(seconds_train=round(one.seconds_train, 2), seconds_predict=round(one.seconds_predict, 3))


def _chart(compared: Sequence[Compared]) -> dict[str, Any]:
    """AP over IoU of up to six methods, with their intervals."""
    shown, name = compared[:_MOST_LINES], "ap_image_mean"
    tables = [(one.name, one.evaluation.overall) for one in shown]
    lines = [(label, t[name].tolist(), t[f"{name}_low"].tolist(), t[f"{name}_high"].tolist()) for label, t in tables]
    thresholds = compared[0].evaluation.thresholds
    svg = curves(thresholds, lines, x_label="IoU threshold", y_label="AP, mean over images", width=720, height=380)
    return {"svg": svg, "names": [one.name for one in shown], "left_out": len(compared) - len(shown)}


def _image_rows(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    tables = [one.evaluation.images for one in compared]
    names, truth = tables[0]["image"], tables[0]["n_truth"]
    aps = zip(*(table["ap"] for table in tables))
    return [{"image": name, "n_truth": n, "ap": ap} for name, n, ap in zip(names, truth, aps)]


def _text(rows: pd.DataFrame, differences: pd.DataFrame) -> str:
    width = max(len("method"), *(len(name) for name in rows["method"]))
    iou = f"AP at {rows['iou'].iloc[0]:g}"
    lines = [f"{'method':<{width}}{iou:>11}{'95 % interval':>18}{'F1':>7}{'PQ':>7}{'count error':>13}"]
    for row in rows.to_dict("records"):
        between = f"{row['ap_image_mean_low']:.3f} to {row['ap_image_mean_high']:.3f}"
        lines.append(
            f"{row['method']:<{width}}{row['ap_image_mean']:>11.3f}{between:>18}{row['f1_pooled']:>7.3f}"
            f"{row['pq_pooled']:>7.3f}{row['count_error_mean']:>+13.1f}"
        )
    lines.append("AP is the mean over images; F1 and PQ are of all objects together; count error is objects an image")
    for row in differences[differences["iou"] == "mean"].to_dict("records"):
        lines.append(
            f"{row['method']} - {row['against']}: AP (mean over IoU) {row['difference']:+.3f} "
            f"({row['low']:+.3f} to {row['high']:+.3f}), better in {row['better']} of {row['images']} images"
        )
    return "\n".join(lines)
