"""The metadata of OME-Zarr 0.4 and 0.5 (https://ngff.openmicroscopy.org/0.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_KINDS = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
_COLOURS = ("00FFFF", "FF00FF", "FFFF00", "FF0000", "00FF00", "0000FF")
_SCREEN = {"red": "FF0000", "green": "00FF00", "blue": "0000FF"}


def multiscale_attributes(
    version: str,
    name: str,
    axes: str,
    pixel_size: Mapping[str, float],
    factors: Sequence[int],
    *,
    labels: bool,
    channels: Sequence[str] = (),
    window: tuple[float, float] | None = None,
    dtype: np.dtype | None = None,
) -> dict[str, Any]:
    """Attributes of a multiscale group.

    Parameters
    ----------
    version : str
        "0.4" or "0.5".
    name : str
        Name of the image.
    axes : str
        Letters of "TCZYX".
    pixel_size : mapping
        Micrometres for Z, Y, X; seconds for T. An axis without a size gets no unit.
    factors : sequence of int
        By how much Y and X of each level are reduced, beginning with 1.
    labels : bool
        Whether it is a label image. Its levels keep every n-th pixel, so their first pixels lie
        on top of each other; an image's levels are means, whose centres move by (n - 1) / 2 pixels.
    channels : sequence of str
        Names, for viewers.
    window : tuple of float
        Darkest and brightest value, for viewers.
    dtype : dtype
        Of the pixels; their range is the limit of the window.
    """
    datasets = []
    for level, factor in enumerate(factors):
        scale = [pixel_size.get(a, 1.0) * (factor if a in "YX" else 1) for a in axes]
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if factor > 1 and not labels:
            shift = [pixel_size.get(a, 1.0) * (factor - 1) / 2 if a in "YX" else 0.0 for a in axes]
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    multiscale: dict[str, Any] = {
        "name": name,
        "axes": [_axis(a, pixel_size) for a in axes],
        "datasets": datasets,
        "type": "nearest" if labels else "local mean",
    }
    attributes: dict[str, Any] = {"multiscales": [multiscale]}
    if labels:
        attributes["image-label"] = {"version": "0.4"} if version == "0.4" else {}
    elif channels and window is not None and dtype is not None:
        attributes["omero"] = _omero(channels, window, dtype)
    if version == "0.4":
        multiscale["version"] = version
        return attributes
    return {"ome": {"version": version, **attributes}}


def _axis(axis: str, pixel_size: Mapping[str, float]) -> dict[str, str]:
    entry = {"name": axis.lower(), "type": _KINDS[axis]}
    if axis in pixel_size and axis != "C":
        entry["unit"] = "second" if axis == "T" else "micrometer"
    return entry


def _omero(channels: Sequence[str], window: tuple[float, float], dtype: np.dtype) -> dict[str, Any]:
    low, high = window
    if dtype.kind in "iu":
        limits = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    else:
        limits = min(0.0, low), max(1.0, high)
    return {
        "channels": [
            {
                "label": channel,
                "color": _SCREEN.get(channel.lower(), _COLOURS[i % len(_COLOURS)]),
                "active": True,
                "window": {"min": limits[0], "max": limits[1], "start": low, "end": max(high, low + 1e-6)},
            }
            for i, channel in enumerate(channels)
        ]
    }
