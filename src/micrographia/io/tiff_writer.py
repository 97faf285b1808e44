"""Writing TIFF: OME-TIFF, and the kind that ImageJ opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from micrographia.io.tiff_metadata import SOFTWARE
from micrographia.io.vendor import fitting_names

_IMAGEJ_ORDER = "TZCYXS"
_OME_ORDER = "TCZYXS"
_ROWS_BYTES = 1 << 20
"""Size of a strip, uncompressed. ImageJ reads strips, not tiles, and no predictor with deflate."""

_OME_INSTEAD: dict[str, str] = {"bool": "uint8", "float16": "float32"}
"""OME-TIFF has no 16-bit floats; one bit a pixel cannot be compressed."""


def write_ome_tiff(
    path: Path, data: np.ndarray, axes: str, pixel_size: Mapping[str, float], channels: Sequence[str]
) -> None:
    """OME-TIFF, deflate.

    Parameters
    ----------
    path : Path
        Where to, as it is: not atomic by itself.
    data : ndarray
        Dimensions as named by ``axes``, letters of ``"TCZYXS"``.
    axes, pixel_size, channels
        As for :func:`micrographia.io.write`.
    """
    data, axes = _ordered(data, axes, _OME_ORDER)
    metadata: dict[str, Any] = {"axes": axes}
    for axis in "XYZ":
        if axis in pixel_size:
            metadata[f"PhysicalSize{axis}"] = pixel_size[axis]
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    if "T" in pixel_size:
        metadata |= {"TimeIncrement": pixel_size["T"], "TimeIncrementUnit": "s"}
    if names := fitting_names(channels, axes, data.shape):
        metadata["Channel"] = {"Name": list(names)}
    instead = _OME_INSTEAD.get(data.dtype.name)
    data = data if instead is None else data.astype(instead)
    tifffile.imwrite(
        path, data, ome=True, metadata=metadata, photometric=_photometric(axes), compression="zlib",
        rowsperstrip=_rows(data, axes),
    )  # fmt: skip


def write_imagej_tiff(
    path: Path, data: np.ndarray, axes: str, pixel_size: Mapping[str, float], channels: Sequence[str]
) -> None:
    """TIFF with ImageJ's description of its axes and calibration, deflate.

    ImageJ itself opens 8 and 16 bit, 32-bit integers (as float) and floats; float16 and int64
    only open in other programs.

    Parameters
    ----------
    path : Path
        Where to, as it is: not atomic by itself.
    data : ndarray
        Dimensions as named by ``axes``, letters of ``"TCZYXS"``.
    axes, pixel_size, channels
        As for :func:`micrographia.io.write`.
    """
    data, axes = _ordered(data, axes, _IMAGEJ_ORDER)
    data = data.astype(np.uint8) if data.dtype == bool else data  # one bit a pixel cannot be compressed
    counts = {a: data.shape[axes.index(a)] if a in axes else 1 for a in "TZC"}
    extratags: list[tuple[Any, ...]] = []
    planes = counts["T"] * counts["Z"] * counts["C"]
    if names := fitting_names(channels, axes, data.shape):
        labels = list(names) * (planes // counts["C"])
        extratags = list(tifffile.imagej_metadata_tag({"Labels": labels}, "<"))
    resolution = (1 / pixel_size.get("X", 1.0), 1 / pixel_size.get("Y", 1.0))
    tifffile.imwrite(
        path, data, byteorder="<", metadata=None, description=_description(counts, pixel_size), software=SOFTWARE,
        photometric=_photometric(axes), compression="zlib", rowsperstrip=_rows(data, axes),
        resolution=resolution, resolutionunit="NONE", extratags=extratags,
    )  # fmt: skip


def _description(counts: Mapping[str, int], pixel_size: Mapping[str, float]) -> str:
    """The lines that ImageJ reads axes and calibration from."""
    lines = ["ImageJ=1.54f"]
    planes = counts["T"] * counts["Z"] * counts["C"]
    if planes > 1:
        lines.append(f"images={planes}")
        lines += [f"{word}={counts[a]}" for a, word in (("C", "channels"), ("Z", "slices"), ("T", "frames"))
                  if counts[a] > 1]  # fmt: skip
        lines += ["hyperstack=true", "mode=grayscale"]
    if set(pixel_size) & set("ZYX"):
        lines.append("unit=\\u00B5m")
    if "Z" in pixel_size:
        lines.append(f"spacing={pixel_size['Z']!r}")
    if "T" in pixel_size:
        lines.append(f"finterval={pixel_size['T']!r}")
    return "\n".join([*lines, "loop=false", ""])


def _ordered(data: np.ndarray, axes: str, order: str) -> tuple[np.ndarray, str]:
    """Dimensions in a file format's order, contiguous."""
    wanted = "".join(a for a in order if a in axes)
    return np.ascontiguousarray(data.transpose([axes.index(a) for a in wanted])), wanted


def _photometric(axes: str) -> str:
    return "rgb" if "S" in axes else "minisblack"


def _rows(data: np.ndarray, axes: str) -> int:
    width = data.shape[axes.index("X")] * (data.shape[axes.index("S")] if "S" in axes else 1)
    return max(1, min(data.shape[axes.index("Y")], _ROWS_BYTES // max(1, width * data.dtype.itemsize)))
