"""The report of a run: every image with its outlines, counts, sizes and warnings, and how to repeat the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from micrographia.report.charts import histogram, sparkline
from micrographia.report.page import jpeg, machine, write_page

_SIZES = ((24, 1000), (120, 640), (500, 360))
"""Up to so many images, pictures this large: the page stays below about 30 MB."""


@dataclass(frozen=True)
class ImageResult:
    """What a run found in one image.

    Attributes
    ----------
    source : str
        Path of the input.
    name : str
        What the results are called.
    objects : int
        Number of objects.
    diameters : sequence of float
        Equivalent diameter of each object in pixels.
    pixel_size : float, optional
        Micrometres a pixel; sizes are then given in micrometres too.
    files : sequence of str
        Result files, relative to the report. The picture is the one that ends in ``_overlay.png``.
    overlay : (y, x, 3) uint8 array, optional
        The picture, where it is not a file.
    shape, axes, planes, kind : optional
        Shape and axes of the input, number of planes segmented, kind of image that the model saw.
    warnings, notes : sequence of str
        Sentences: what may be wrong; what was assumed.
    fingerprint : str
        Hash of the input.
    seconds : float
        Time it took.
    """

    source: str
    name: str
    objects: int
    diameters: Sequence[float] = ()
    pixel_size: float | None = None
    files: Sequence[str] = ()
    overlay: np.ndarray | None = None
    shape: Sequence[int] = ()
    axes: str = ""
    planes: int = 1
    kind: str = ""
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    fingerprint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class FailedImage:
    """An input that could not be used: its path, one sentence that says why, and details for a bug report."""

    source: str
    problem: str
    details: str = ""


def write_run_report(
    path: str | Path,
    images: Sequence[ImageResult | Mapping[str, Any]],
    failures: Sequence[FailedImage | Mapping[str, Any]] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
    title: str = "Segmentation report",
) -> Path:
    """Write the report of a run as one HTML file that works anywhere, without a network.

    Parameters
    ----------
    path : path
        The .html file.
    images : sequence of ImageResult, or of dicts with its fields (as they come back from JSON)
        What was found. Unknown fields of dicts are ignored.
    failures : sequence of FailedImage, or of dicts with its fields
        Inputs that could not be used.
    settings : dict, optional
        Everything that decided the result: parameters, model and its hash.
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
    path = Path(path)
    results = [_of(ImageResult, image) for image in images]
    failed = [_of(FailedImage, failure) for failure in failures]
    pooled = np.concatenate([np.asarray(r.diameters, float) for r in results] or [np.zeros(0)])
    ends = np.percentile(pooled, [0.5, 99.5]) if len(pooled) else (0.0, 0.0)
    longest, pictured = _pictured(results)
    rows = []
    for i, result in enumerate(results):
        rows.append(
            {
                "result": result,
                "picture": _picture(path.parent, result, longest) if i in pictured else "",
                "sizes": _sizes(result),
                "spark": sparkline(result.diameters, 0.9 * ends[0], 1.1 * ends[1]),
                "shape": " × ".join(f"{n:,}" for n in result.shape) + (f" {result.axes}" if result.axes else ""),
            }
        )
    return write_page(
        path,
        "run.html",
        title=title,
        rows=rows,
        inputs=[(r.source, r.fingerprint) for r in results],
        failures=failed,
        objects=sum(r.objects for r in results),
        median=float(np.median(pooled)) if len(pooled) else float("nan"),
        warned=sum(bool(r.warnings) for r in results),
        seconds=sum(r.seconds for r in results),
        charts=_charts(results, pooled),
        most=max([r.objects for r in results], default=0),
        unpictured=len(results) - len(pictured),
        settings={k: _text(v) for k, v in (settings or {}).items()},
        command=command,
        machine=machine(),
    )


def _of(kind: type[Any], given: Any) -> Any:
    if isinstance(given, kind):
        return given
    known = {f.name for f in fields(kind)}
    return kind(**{key: value for key, value in given.items() if key in known})


def _pictured(results: Sequence[ImageResult]) -> tuple[int, set[int]]:
    """Longest side of the pictures, and which images get one: where not all can, those with warnings go first."""
    for most, longest in _SIZES:
        if len(results) <= most:
            return longest, set(range(len(results)))
    order = sorted(range(len(results)), key=lambda i: not results[i].warnings)
    return longest, set(order[:most])


def _picture(folder: Path, result: ImageResult, longest: int) -> str:
    if result.overlay is not None:
        return jpeg(result.overlay, longest)
    name = next((name for name in result.files if str(name).endswith("_overlay.png")), None)
    if name is None:
        return ""
    from PIL import Image as Picture

    try:
        with Picture.open(folder / name) as file:
            return jpeg(np.asarray(file.convert("RGB")), longest)
    except (OSError, ValueError):  # moved or damaged since: the report is still of use
        return ""


def _sizes(result: ImageResult) -> list[tuple[float, float, float, str]]:
    """Median and quartiles, in pixels and where possible in micrometres."""
    if not len(result.diameters):
        return []
    low, middle, high = np.percentile(np.asarray(result.diameters, float), [25, 50, 75])
    sizes = [(middle, low, high, "px")]
    if result.pixel_size:
        sizes.append((middle * result.pixel_size, low * result.pixel_size, high * result.pixel_size, "µm"))
    return sizes


def _charts(results: Sequence[ImageResult], pooled: np.ndarray) -> list[Markup]:
    """Sizes in pixels and, where every image with objects knows its pixel size, in micrometres."""
    found = [r for r in results if len(r.diameters)]
    if not found or not all(r.pixel_size for r in found):
        return [histogram(pooled, "equivalent diameter of all objects (pixels)", width=1150, height=230)]
    sizes = np.concatenate([np.asarray(r.diameters, float) * float(r.pixel_size or 1) for r in found])
    return [
        histogram(pooled, "equivalent diameter of all objects (pixels)", width=560),
        histogram(sizes, "equivalent diameter of all objects (µm)", width=560),
    ]


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
