"""Reading LIF and ND2, and anything else through bioio; what all makers' files share."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import AXES, Image
from micrographia.io.axes import renamed
from micrographia.io.find import image_stem
from micrographia.io.units import micrometres, seconds, sizes


def read_lif(path: Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """A Leica LIF file, through liffile."""
    liffile = package("liffile", path)
    with liffile.LifFile(str(path)) as lif:
        number = len(lif.images)
        check_scene(path, scene, number)
        picture = lif.images[scene]
        data, stored = np.asarray(picture.asarray()), "".join(picture.dims)
        known: dict[str, float | None] = {}
        for axis in set(stored) & set("TZYX"):
            places = np.asarray(picture.coords.get(axis, ()), float)
            if len(places) > 1:
                step = abs(places[-1] - places[0]) / (len(places) - 1)
                known[axis] = seconds(step, "s") if axis == "T" else micrometres(step, "m")
        element = getattr(picture, "xml_element", None)
    channels: tuple[str, ...] = ()
    if element is not None:
        described = element.findall(".//ImageDescription/Channels/ChannelDescription")
        names = [channel.get("NameOfMeasuredQuantity") or channel.get("LUTName") or "" for channel in described]
        channels = tuple(names) if all(names) and len(set(names)) == len(names) else ()
    return vendor_image(path, data, stored, axes, known, channels, scene_note(number, scene))


def read_nd2(path: Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """A Nikon ND2 file, through nd2; stage positions count as scenes."""
    nd2 = package("nd2", path)
    with nd2.ND2File(str(path)) as file:
        number = int(file.sizes.get("P", 1))
        check_scene(path, scene, number)
        stored = "".join(file.sizes)
        data = np.asarray(file.asarray(position=scene if "P" in stored else None))
        if "P" in stored:
            data, stored = np.take(data, 0, axis=stored.index("P")), stored.replace("P", "")
        voxel = file.voxel_size()
        known = {axis: micrometres(getattr(voxel, axis.lower()), "µm") for axis in "ZYX"}
        period = next((getattr(loop.parameters, "periodMs", None) for loop in file.experiment
                       if loop.type == "TimeLoop"), None)  # fmt: skip
        known["T"] = seconds(period, "ms")
        described = getattr(file.metadata, "channels", None) or ()
        channels = tuple(str(channel.channel.name) for channel in described)
    return vendor_image(path, data, stored, axes, known, channels, scene_note(number, scene))


def read_bioio(path: Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """Anything bioio has a plugin for, where the user has installed bioio.

    Raises
    ------
    InputError
        Where bioio is missing, or has no plugin for the file.
    """
    try:
        bioio = importlib.import_module("bioio")
    except ImportError:
        suffix = f"files ending in {path.suffix}" if path.suffix else "files without a suffix"
        raise InputError(
            f"{path} is no image that micrographia can read: it knows TIFF, OME-Zarr, PNG, JPEG, NumPy, CZI, LIF and "
            f"ND2. For other {suffix}, export as OME-TIFF, or pip install bioio with the plugin for them."
        ) from None
    try:
        picture = bioio.BioImage(str(path))
    except Exception as error:  # bioio and its plugins raise what they like
        raise InputError(f"{path} could not be opened by bioio ({error}); export it as OME-TIFF.") from error
    scenes = list(picture.scenes)
    check_scene(path, scene, len(scenes))
    picture.set_scene(scenes[scene])
    data, stored = squeezed(np.asarray(picture.data), str(picture.dims.order))
    voxel = picture.physical_pixel_sizes
    known = {axis: micrometres(getattr(voxel, axis, None), "µm") for axis in "ZYX"}
    channels = tuple(str(name) for name in picture.channel_names or ())
    return vendor_image(
        path, data, stored, axes, known, channels, (*scene_note(len(scenes), scene), "read through bioio")
    )


def package(name: str, path: Path) -> ModuleType:
    """The package that reads a file; InputError says how to install it where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"{path} needs the package {name}; install it with: pip install micrographia[formats]"
        ) from None


def check_scene(path: Path, scene: int, number: int) -> None:
    """Refuse a file without images (InputError), and a number that none of its images has (RequestError)."""
    if number == 0:
        raise InputError(f"{path} holds no image; export it again.")
    if not 0 <= scene < number:
        raise RequestError(f"{path} holds {number} image(s); there is no number {scene} (counted from 0).")


def scene_note(number: int, scene: int) -> tuple[str, ...]:
    """What is said of a file that holds several images; nothing of one that holds one."""
    hint = "" if scene else " (another: --scene where a command has it, scene= in Python)"
    return (f"the file holds {number} images; number {scene} was read{hint}",) if number > 1 else ()


def fitting_names(channels: Sequence[str], axes: str, shape: Sequence[int]) -> tuple[str, ...]:
    """The names of channels where there are as many as channels, one of a grey picture without C; else none."""
    count = shape[axes.index("C")] if "C" in axes else int("S" not in axes)
    return tuple(channels) if len(channels) == count else ()


def squeezed(data: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Without dimensions of length 1, except Y and X."""
    kept = [i for i, axis in enumerate(axes) if data.shape[i] > 1 or axis in "YX"]
    return data.reshape([data.shape[i] for i in kept]), "".join(axes[i] for i in kept)


def vendor_image(
    path: Path, data: np.ndarray, stored: str, axes: str | None, known: dict[str, Any], channels: tuple[str, ...],
    notes: tuple[str, ...],
) -> Image:  # fmt: skip
    """An image of what a maker's file holds: `stored` names its dimensions, `axes` what the user says they are."""
    stored = renamed(stored, axes, str(path))
    if set(stored) - set(AXES):
        raise InputError(
            f"{path} has the axes {stored} {data.shape}; micrographia knows {AXES}: "
            "name one of these letters for each with --axes (axes= in Python), or export the part you need."
        )
    if "S" in stored and data.shape[stored.index("S")] == 4:
        data = np.take(data, range(3), axis=stored.index("S"))
        notes += ("the transparency (alpha) was dropped",)
    return Image(
        data=data, axes=stored, pixel_size=sizes(stored, **known), channels=fitting_names(channels, stored, data.shape),
        name=image_stem(path), source=str(path), notes=notes,
    )  # fmt: skip
