"""Reading Zeiss CZI, through czifile: the present one, and the one that Python 3.11 gets."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.units import micrometres, seconds
from micrographia.io.vendor import check_scene, package, scene_note, squeezed, vendor_image

_ZSTD, _ZSTD_WITH_HEADER = 5, 6


def read_czi(path: Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """A CZI file: one scene of it, mosaics put together by their stage positions.

    Raises
    ------
    InputError, RequestError
        Where czifile is missing, the file cannot be read, or there is no such scene.
    """
    czifile = package("czifile", path)
    _check_complete(path)
    with czifile.CziFile(str(path)) as czi:
        if hasattr(czi, "scenes"):
            scenes = list(czi.scenes)
            check_scene(path, scene, len(scenes))
            picture = czi.scenes[scenes[scene]]
            data, stored, number = np.asarray(picture.asarray()), "".join(picture.dims), len(scenes)
        else:  # the last one for Python 3.11
            data, stored, number = _older_pixels(czi, path, scene)
        xml = czi.metadata()
    data, stored = squeezed(data, stored)
    known, channels = _metadata(xml)
    return vendor_image(path, data, stored, axes, known, channels, scene_note(number, scene))


def _check_complete(path: Path) -> None:
    """The directory, the metadata and the attachments, to which the header points, lie inside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(112)
        if not head.startswith(b"ZISRAWFILE") or len(head) < 112:
            raise InputError(f"{path} is named like a CZI file but is none, or only its beginning; copy it again.")
        directory, metadata, _, attachments = struct.unpack("<qqiq", head[84:112])
        for place in (directory, metadata, attachments):
            file.seek(place)
            segment = file.read(32) if place else b""
            if place and (len(segment) < 32 or place + 32 + struct.unpack("<q", segment[24:32])[0] > size):
                raise InputError(f"{path} is cut short: a part of it is missing; copy it again.")


def _older_pixels(czi: Any, path: Path, scene: int) -> tuple[np.ndarray, str, int]:
    """Pixels of one scene, its axes with S for samples, and the number of scenes.

    czifile 2019 neither separates scenes nor leaves out the pyramid, and lacks the Zstandard
    compression that newer microscopes write, so the tiles are placed here.
    """
    entries = [entry for entry in czi.filtered_subblock_directory if tuple(entry.stored_shape) == tuple(entry.shape)]
    letters = str(czi.axes)
    axis = letters.find("S")
    scenes = sorted({entry.start[axis] for entry in entries}) if axis >= 0 else [0]
    check_scene(path, scene, len(scenes) if entries else 0)
    if axis >= 0:
        entries = [entry for entry in entries if entry.start[axis] == scenes[scene]]
    starts = np.array([tuple(entry.start) for entry in entries])
    shapes = np.array([tuple(entry.shape) for entry in entries])
    origin = starts.min(axis=0)
    data = np.zeros((starts + shapes).max(axis=0) - origin, czi.dtype)
    for entry, start in zip(entries, starts, strict=True):
        segment = entry.data_segment()
        zstd = entry.compression in (_ZSTD, _ZSTD_WITH_HEADER)
        tile = _unpacked(segment.data(raw=True), entry) if zstd else segment.data()
        data[tuple(slice(i, i + n) for i, n in zip(start - origin, tile.shape, strict=True))] = tile
    return data, letters.replace("S", "#").replace("0", "S"), len(scenes)


def _unpacked(content: bytes, entry: Any) -> np.ndarray:
    """A tile compressed with Zstandard, with or without the short header (ZISRAW format, 2021)."""
    import imagecodecs

    bytes_apart = False
    if entry.compression == _ZSTD_WITH_HEADER:
        bytes_apart = content[0] == 3 and content[1] == 1 and bool(content[2] & 1)
        content = content[content[0] :]
    values = np.frombuffer(imagecodecs.zstd_decode(content), np.uint8)
    dtype = np.dtype(entry.dtype).base
    if bytes_apart:  # all low bytes first, then all high bytes
        values = np.ascontiguousarray(values.reshape(2, -1).T).ravel()
    tile = values.view(dtype).reshape(entry.stored_shape)
    if tile.shape[-1] in (3, 4):  # blue, green, red
        tile = np.concatenate([tile[..., 2::-1], tile[..., 3:]], axis=-1)
    return tile


def _metadata(xml: str | None) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Sizes and channel names out of the file's XML."""
    try:
        root = ElementTree.fromstring(xml or "")
    except ElementTree.ParseError:
        return {}, ()
    known = {axis: micrometres(root.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value"), "m") for axis in "ZYX"}
    known["T"] = seconds(root.findtext(".//Information/Image/Dimensions/T/Positions/Interval/Increment"), "s")
    channels = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    names = [channel.get("Name") or "" for channel in channels]
    if not all(names):
        shown = root.findall(".//DisplaySetting/Channels/Channel")
        names = _shown_names([channel.get("Id") or "" for channel in channels], names, shown)
    return known, tuple(names) if all(names) else ()


def _shown_names(ids: list[str], names: list[str], shown: list[ElementTree.Element]) -> list[str]:
    """Names of channels; those without one get that of the display setting with their id, else in their place.

    Where both list as many channels, the order counts for those with an id of their own in the display setting.
    """
    by_id = {channel.get("Id"): channel.get("Name") or "" for channel in shown}
    in_place = [""] * len(ids)
    if len(shown) == len(ids):
        in_place = [channel.get("Name") or "" if channel.get("Id") not in ids else "" for channel in shown]
    return [
        name or by_id.get(identity, "") or other for identity, name, other in zip(ids, names, in_place, strict=True)
    ]
