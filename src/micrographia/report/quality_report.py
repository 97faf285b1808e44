"""The report on the quality of images: how many have which fault, the worst ones as pictures, all in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.features.plane_quality import PREFIX
from micrographia.features.quality_flags import FLAGS, Flagged, find_flags
from micrographia.report.charts import histogram
from micrographia.report.page import jpeg, machine, write_page
from micrographia.report.run_report import FailedImage

if TYPE_CHECKING:
    import pandas as pd

PICTURED = 24
"""So many of the worst images are shown as pictures."""

LISTED = 2000
"""So many rows the table on the page has at most; the worst come first."""

SHOWN = (
    ("BlurSigma", "Blur (px)"), ("InFocus", "In focus"), ("PowerLogLogSlope", "Spectrum slope"),
    ("PercentObjectsSaturated", "Objects saturated (%)"), ("BackgroundSpan", "Background span"),
    ("PercentDebris", "Debris (%)"), ("Signal", "Signal"),
)  # fmt: skip
"""Columns on the page, and what they are called there."""


def write_quality_report(
    path: str | Path,
    table: pd.DataFrame,
    sources: Mapping[str, str],
    failures: Sequence[FailedImage] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
) -> Path:
    """Write the report as one HTML file.

    Parameters
    ----------
    path : path
        The .html file.
    table : pandas.DataFrame
        Rows of `micrographia.features.image_quality.image_quality`, with ``Metadata_Image``.
    sources : mapping
        ``Metadata_Image`` to the file, from which the pictures of the worst images are made.
    failures : sequence of FailedImage
        Inputs that could not be used.
    settings : mapping, optional
        What decided the result.
    command : str
        What was typed.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    records = table.to_dict("records")
    found = [find_flags(record) for record in records]
    order = sorted(range(len(records)), key=lambda i: -_badness(found[i]))
    worst = [i for i in order if found[i]][:PICTURED]
    endings = _endings(table)
    return write_page(
        path,
        "quality.html",
        title="Quality of images",
        images=len(records),
        flagged=sum(bool(flags) for flags in found),
        counts=[(flag.name, n) for flag in FLAGS if (n := _count(found, flag.name))],
        failures=list(failures),
        worst=[(_name(records[i]), _picture(records[i], sources), [f.sentence for f in found[i]]) for i in worst],
        head=[f"{words}{f' {ending}' if ending else ''}" for ending in endings for _, words in SHOWN],
        rows=[(_name(records[i]), [f.text for f in found[i]], _values(records[i], endings)) for i in order[:LISTED]],
        unlisted=max(0, len(records) - LISTED),
        charts=[chart for ending in endings for chart in _charts(table, ending)],
        limits=[(flag.name, f"{flag.column} {'above' if flag.above else 'below'} {flag.limit:g}") for flag in FLAGS],
        settings={key: "not set" if value is None else str(value) for key, value in (settings or {}).items()},
        command=command,
        machine=machine(),
    )


def _badness(flags: Sequence[Flagged]) -> float:
    """Images with more faults, then those that are further beyond a limit, come first."""
    return len({f.flag.name for f in flags}) + sum(1 - 1 / f.flag.excess(f.value) for f in flags) / (1 + len(flags))


def _count(found: Sequence[Sequence[Flagged]], name: str) -> int:
    return Counter(name for flags in found for name in {f.flag.name for f in flags})[name]


def _endings(table: pd.DataFrame) -> list[str]:
    start = f"{PREFIX}{SHOWN[0][0]}"
    return [str(name).removeprefix(start).removeprefix("_") for name in table.columns if str(name).startswith(start)]


def _column(name: str, ending: str) -> str:
    return f"{PREFIX}{name}_{ending}" if ending else f"{PREFIX}{name}"


def _name(record: Mapping[str, Any]) -> str:
    places = [f"{axis.lower()} = {record[f'Metadata_{axis}']:g}" for axis in "TZ" if _known(record, f"Metadata_{axis}")]
    return " · ".join([str(record["Metadata_Image"]), *places])


def _known(record: Mapping[str, Any], name: str) -> bool:
    return name in record and np.isfinite(record[name])


def _values(record: Mapping[str, Any], endings: Sequence[str]) -> list[float]:
    return [float(record.get(_column(name, ending), np.nan)) for ending in endings for name, _ in SHOWN]


def _charts(table: pd.DataFrame, ending: str) -> list[Any]:
    words = dict(SHOWN)
    named = f" {ending}" if ending else ""
    return [
        histogram(table[_column(name, ending)].to_numpy(float), words[name] + named, width=560)
        for name in ("BlurSigma", "PowerLogLogSlope", "BackgroundSpan", "PercentObjectsSaturated")
        if _column(name, ending) in table.columns
    ]


def _picture(record: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    """The image, small; empty where its file is gone: the report is of use without it."""
    from micrographia.arrays.image import Image
    from micrographia.io.reading import read
    from micrographia.report.display import display

    source = sources.get(str(record["Metadata_Image"]))
    if source is None:
        return ""
    try:
        image = read(source)
    except InputError:
        return ""
    at = {axis: int(record[f"Metadata_{axis}"]) if _known(record, f"Metadata_{axis}") else 0 for axis in "TZ"}
    shape = (image.size("Y"), image.size("X"))
    plane = Image(image.data, image.axes, channels=image.channels, name=image.name).take(**at)
    return jpeg(display(plane, Image(np.broadcast_to(np.int32(0), shape), "YX"), 480).rgb, 480)
