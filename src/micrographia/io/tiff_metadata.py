"""What the different kinds of TIFF say about pixel sizes and channels."""

from __future__ import annotations

import re
from typing import Any

from micrographia.io.ome_xml import ome_metadata
from micrographia.io.units import micrometres, seconds

_PER_INCH, _PER_CENTIMETRE = 2, 3
_LARGEST = 20.0
"""Plain TIFF: a resolution that means pixels larger than this (µm) is one for printers (72 dpi = 353 µm)."""

SOFTWARE = "micrographia"
"""What our own TIFF files name as their writer."""

_UNSET = 1.0
"""What Bio-Formats and SCIFIO write where they know no size."""


def tiff_metadata(tif: Any, series: Any, index: int) -> tuple[dict[str, float], tuple[str, ...], tuple[str, ...]]:
    """Sizes (micrometres for Z, Y, X; seconds for T), channel names and notes of one series.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open file.
    series : tifffile.TiffPageSeries
        One of its series.
    index : int
        Number of the series.
    """
    if series.kind == "ome" and tif.ome_metadata:
        return *ome_metadata(tif.ome_metadata, index), ()
    if series.kind == "imagej" and tif.imagej_metadata:
        return *_imagej(tif.imagej_metadata, tif.pages.first), ()
    if tif.is_lsm and tif.lsm_metadata:
        return *_lsm(tif.lsm_metadata), ()
    if tif.is_micromanager and tif.micromanager_metadata:
        return *_micromanager(tif.micromanager_metadata), ()
    page = series.keyframe
    if tif.is_svs and (found := re.search(r"MPP\s*=\s*([0-9.]+)", page.description or "")):
        size = micrometres(found.group(1), "µm")
        return ({"Y": size, "X": size} if size else {}), (), ()
    sizes = _resolution(page)
    if not sizes:
        return {}, (), ()
    note = f"the pixel size ({sizes['X']:.4g} µm) was taken from the TIFF resolution tags"
    return sizes, (), (note,)


def _imagej(metadata: dict[str, Any], page: Any) -> tuple[dict[str, float], tuple[str, ...]]:
    unit = str(metadata.get("unit", ""))
    per_unit = {axis: _ratio(page, f"{axis}Resolution") for axis in "XY"}
    found = {axis: micrometres(1 / ratio, unit) for axis, ratio in per_unit.items() if ratio}
    if int(metadata.get("slices", 1)) > 1:
        found["Z"] = micrometres(metadata.get("spacing"), unit)
    found["T"] = seconds(metadata.get("finterval"), str(metadata.get("tunit", "s")))
    planes = [int(metadata.get(key, 1)) for key in ("channels", "slices", "frames")]
    labels = metadata.get("Labels") or ()
    labels = [labels] if isinstance(labels, str) else labels
    channels: tuple[str, ...] = ()
    # Labels of one channel are those of its slices, except in our own files.
    named = planes[0] > 1 or page.software == SOFTWARE
    if named and len(labels) == planes[0] * planes[1] * planes[2]:
        names = [str(label).strip() for label in labels[: planes[0]]]
        repeated = all(str(label).strip() == names[i % planes[0]] for i, label in enumerate(labels))
        if repeated and len(set(names)) == len(names) and all(names):
            channels = tuple(names)
    return {axis: size for axis, size in found.items() if size is not None}, channels


def _lsm(metadata: dict[str, Any]) -> tuple[dict[str, float], tuple[str, ...]]:
    found = {axis: micrometres(metadata.get(f"VoxelSize{axis}"), "m") for axis in "ZYX"}
    found["T"] = seconds(metadata.get("TimeInterval"), "s")
    names = (metadata.get("ChannelColors") or {}).get("ColorNames") or ()
    return {axis: size for axis, size in found.items() if size is not None}, tuple(str(name) for name in names)


def _micromanager(metadata: dict[str, Any]) -> tuple[dict[str, float], tuple[str, ...]]:
    summary = metadata.get("Summary") or {}
    size = micrometres(summary.get("PixelSize_um"), "µm")
    found = {"Z": micrometres(summary.get("z-step_um"), "µm"), "Y": size, "X": size}
    found["T"] = seconds(summary.get("Interval_ms"), "ms")
    names = summary.get("ChNames") or ()
    return {axis: known for axis, known in found.items() if known is not None}, tuple(str(name) for name in names)


def _resolution(page: Any) -> dict[str, float]:
    """Pixel sizes from the resolution tags, where they can be a microscope's."""
    tag = page.tags.get("ResolutionUnit")
    unit = {_PER_INCH: "inch", _PER_CENTIMETRE: "cm"}.get(int(tag.value)) if tag is not None else None
    found: dict[str, float] = {}
    for axis in "YX":
        ratio = _ratio(page, f"{axis}Resolution")
        size = micrometres(1 / ratio, unit) if ratio else None
        if size is not None and size < _LARGEST and size != _UNSET:
            found[axis] = size
    return found if len(found) == 2 else {}


def _ratio(page: Any, name: str) -> float | None:
    tag = page.tags.get(name)
    if tag is None:
        return None
    try:
        numerator, denominator = tag.value
        ratio = float(numerator) / float(denominator)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None
