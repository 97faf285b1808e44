"""One self-contained HTML page: templates inside the package, pictures as data, nothing loaded from a network."""

from __future__ import annotations

import base64
import io
import os
import platform
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from micrographia import __version__
from micrographia.io.atomic import replacing
from micrographia.report.durations import duration

_PACKAGES = ("numpy", "scipy", "numba", "onnxruntime", "torch", "tifffile", "zarr", "imagecodecs")


def write_page(path: str | Path, template: str, **content: Any) -> Path:
    """Fill a template and write it as one file, in one step.

    Parameters
    ----------
    path : path
        The .html file; one that exists is replaced when the new one is complete.
    template : str
        Name of a file in ``micrographia/report/templates``.
    **content
        What the template shows. Text is escaped, so a file name can never become markup.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("micrographia.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = link
    environment.filters["number"] = number
    environment.filters["duration"] = duration
    text = environment.get_template(template).render(now=datetime.now().astimezone(), **content)
    with replacing(path) as partial:
        # Names of files that are not valid text must not stop the report.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    return Path(path)


def jpeg(rgb: np.ndarray, longest: int) -> str:
    """A picture as a ``data:`` address.

    Parameters
    ----------
    rgb : (y, x, 3) uint8 array
    longest : int
        Longest side; larger pictures are scaled down.

    Returns
    -------
    str
        Empty for a picture without pixels.
    """
    from PIL import Image as Picture

    if 0 in rgb.shape:
        return ""
    picture = Picture.fromarray(np.ascontiguousarray(rgb))
    picture.thumbnail((longest, longest), Picture.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=86, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def link(name: str) -> str:
    """Address of a file beside the report, whatever characters its name has."""
    return "./" + quote(os.fsencode(name).replace(b"\\", b"/"))


def number(value: float, digits: int = 3) -> str:
    """A number for a reader: thousands separated, three significant digits, a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    if float(value) == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def machine() -> dict[str, str]:
    """What this run ran on: versions of the packages that matter, Python, system and processor.

    Returns
    -------
    dict
        Name to text.
    """
    found = {"micrographia": __version__, "Python": f"{sys.version.split()[0]} ({platform.python_implementation()})"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["System"] = platform.platform()
    found["Processor"] = f"{_processor()}, {os.cpu_count()} cores"
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return names[0] if names else platform.machine()
    except OSError:
        return platform.processor() or platform.machine()
