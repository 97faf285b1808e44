"""Pixel sizes, time step and channel names out of OME-XML (schema 2003 to 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from micrographia.io.units import micrometres, seconds


def ome_metadata(xml: str, index: int = 0) -> tuple[dict[str, float], tuple[str, ...]]:
    """Sizes (micrometres for Z, Y, X; seconds for T) and channel names of one image.

    Parameters
    ----------
    xml : str
        The OME-XML document.
    index : int
        Which ``Image`` element.

    Returns
    -------
    sizes, channels
        Empty where the document does not say, or cannot be parsed.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return {}, ()
    images = list(_children(root, "Image"))
    if index >= len(images):
        return {}, ()
    pixels = next(_children(images[index], "Pixels"), None)
    if pixels is None:
        return {}, ()
    known: dict[str, float] = {}
    for axis in "XYZ":
        size = micrometres(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if size is not None:
            known[axis] = size
    step = seconds(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")) or _mean_step(pixels)
    if step is not None:
        known["T"] = step
    return known, _channel_names(pixels)


def companion_name(xml: str) -> str | None:
    """The file that holds the metadata, for a part of a multi-file OME-TIFF that has none itself."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    part = next(_children(root, "BinaryOnly"), None)
    return None if part is None else part.get("MetadataFile")


def file_names(xml: str, index: int = 0) -> set[str]:
    """Names of the files over which an image is spread."""
    try:
        images = list(_children(ElementTree.fromstring(xml), "Image"))
    except ElementTree.ParseError:
        return set()
    if index >= len(images):
        return set()
    return {part.get("FileName", "") for part in images[index].iter() if _local(part) == "UUID"} - {""}


def _mean_step(pixels: ElementTree.Element) -> float | None:
    """Mean time between frames from the planes' own times (first channel, first z)."""
    times: dict[int, float] = {}
    for plane in _children(pixels, "Plane"):
        if plane.get("TheC", "0") == "0" and plane.get("TheZ", "0") == "0" and plane.get("DeltaT"):
            time = seconds(plane.get("DeltaT"), plane.get("DeltaTUnit", "s"))
            times[int(plane.get("TheT", "0"))] = time or 0.0
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    step = (times[last] - times[first]) / (last - first)
    return step if step > 0 else None


def _channel_names(pixels: ElementTree.Element) -> tuple[str, ...]:
    channels = list(_children(pixels, "Channel"))
    if any(int(channel.get("SamplesPerPixel", "1")) > 1 for channel in channels):
        return ()
    names = [channel.get("Name") for channel in channels]
    if not any(names):
        return ()
    return tuple(name or f"channel {i + 1}" for i, name in enumerate(names))


def _children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if _local(child) == name)


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]
