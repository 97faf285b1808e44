"""Reading OME-Zarr 0.1 to 0.5: images, label images, bioformats2raw collections, plates and wells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import AXES, Image
from micrographia.io.axes import plan_axes, renamed
from micrographia.io.find import image_stem, natural_order
from micrographia.io.ome_xml import ome_metadata
from micrographia.io.units import micrometres, seconds
from micrographia.io.vendor import fitting_names

_OLDEST_AXES = "TCZYX"
_COLOUR_NAMES = (("red", "green", "blue"), ("r", "g", "b"))


@dataclass(frozen=True)
class _Place:
    """A multiscale image inside a Zarr folder, and what was assumed in finding it."""

    path: Path
    attributes: Mapping[str, Any]
    notes: tuple[str, ...]
    series: int = 0


def read_zarr(path: Path, *, axes: str | None = None, scene: int = 0, level: int = 0, labels: bool = False) -> Image:
    """An image of a Zarr folder, left on disk (``data`` is :class:`StoredPixels`).

    Parameters
    ----------
    path : Path
        A multiscale group, a collection of them, a plate, a well, or a bare array.
    axes : str, optional
        What the user says about the axes, instead of what the file says.
    scene : int
        Which image of a collection, which field of a plate or well.
    level : int
        Which level of the pyramid, 0 the finest.
    labels : bool
        Where the group is an image with label images of its own, take the first of those.

    Raises
    ------
    InputError, RequestError
        Where there is no image, or no such scene.
    """
    node = _open(path)
    if isinstance(node, zarr.Array):
        return _bare_array(node, path, axes)
    place = _find(path, _attributes(node, path), scene)
    if labels and "image-label" not in place.attributes:
        place = _first_label(place)
    multiscale = place.attributes["multiscales"][0]
    datasets = multiscale.get("datasets") or []
    if not datasets:
        raise InputError(f"{path} names no resolution levels; export it again.")
    data = _open(place.path / str(datasets[level]["path"]))
    if not isinstance(data, zarr.Array):
        raise InputError(f"{path} lacks the array '{datasets[level]['path']}' that its metadata name.")
    named, units, notes = _axes(multiscale, data, path, axes)
    stored = renamed(named, axes, str(path))
    notes = notes if axes is None else ()
    sizes = _sizes(multiscale, datasets[level], stored, units)
    channels = fitting_names(_channels(place.attributes), named, data.shape)
    if not sizes or not channels:
        sizes, channels = _from_xml(path, place, named, stored, sizes, channels, data.shape)
    if named.find("C") != stored.find("C"):  # the names are those of a dimension that is something else now
        channels = ()
    if axes is None and _is_colour(stored, data, channels):
        stored, channels = stored.replace("C", "S"), ()
        notes += ("channels named red, green, blue were taken as one colour picture",)
    return Image(
        data=data, axes=stored, pixel_size=sizes, channels=channels, name=_name(path), source=str(path),
        notes=(*place.notes, *notes),
    )  # fmt: skip


def zarr_levels(path: Path, scene: int = 0) -> int:
    """Number of levels of the pyramid; 1 for a bare array."""
    node = _open(path)
    if isinstance(node, zarr.Array):
        return 1
    return len(_find(path, _attributes(node, path), scene).attributes["multiscales"][0].get("datasets") or [])


def _open(path: Path) -> zarr.Group | zarr.Array:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about small deviations from the Zarr specification
            return zarr.open(store=str(path), mode="r")
    except Exception as error:  # zarr raises anything from KeyError to JSONDecodeError for damaged metadata
        raise InputError(f"{path} is no readable Zarr folder ({error}); export it again.") from error


def _attributes(group: zarr.Group | zarr.Array, path: Path) -> dict[str, Any]:
    """Attributes, those of version 0.5 lifted out of their ``ome`` entry."""
    attributes = dict(group.attrs)
    ome = attributes.get("ome")
    return {**attributes, **ome} if isinstance(ome, dict) else attributes


def _find(path: Path, attributes: Mapping[str, Any], scene: int, notes: tuple[str, ...] = ()) -> _Place:
    """Descend from a plate, well or collection to one multiscale image."""
    if attributes.get("multiscales"):
        if scene:
            raise RequestError(f"{path} holds one image; there is no number {scene} (counted from 0).")
        return _Place(path, attributes, notes)
    if "plate" in attributes:
        wells = [str(well["path"]) for well in attributes["plate"].get("wells", [])]
        fields = [f"{well}/{field}" for well in wells for field in _fields(path / well)]
        return _choose(path, fields, scene, f"a plate of {len(wells)} wells")
    if "well" in attributes:
        return _choose(path, _fields(path), scene, "a well")
    if "bioformats2raw.layout" in attributes:
        return _choose(path, _series(path), scene, "a collection")
    if attributes.get("labels"):
        return _choose(path, [str(name) for name in attributes["labels"]], scene, "a group of label images")
    raise InputError(
        f"{path} is a Zarr group without an image (no multiscales metadata); give the path of an OME-Zarr image in it."
    )


def _choose(path: Path, names: list[str], scene: int, what: str) -> _Place:
    if not names:
        raise InputError(f"{path} is {what} without images; export it again.")
    if not 0 <= scene < len(names):
        raise RequestError(f"{path} is {what} with {len(names)} image(s); there is no number {scene} (from 0).")
    chosen = path / names[scene]
    notes = () if len(names) == 1 else (
        f"the file is {what} with {len(names)} images; {names[scene]} was read"
        + ("" if scene else " (another: --scene where a command has it, scene= in Python, or the path of one image)"),
    )  # fmt: skip
    place = _find(chosen, _attributes(_open(chosen), chosen), 0, notes)
    return _Place(place.path, place.attributes, place.notes, scene)


def _fields(well: Path) -> list[str]:
    if not well.is_dir():
        return []
    return [str(image["path"]) for image in _attributes(_open(well), well).get("well", {}).get("images", [])]


def _series(path: Path) -> list[str]:
    """Images of a bioformats2raw collection: as its OME group lists them, else by number."""
    if (path / "OME").is_dir():
        try:
            listed = _attributes(_open(path / "OME"), path).get("series")
        except InputError:
            listed = None
        if listed:
            return [str(name) for name in listed]
    folders = [entry.name for entry in path.iterdir() if entry.is_dir() and entry.name.isdecimal()]
    return sorted(folders, key=natural_order)


def _first_label(place: _Place) -> _Place:
    folder = place.path / "labels"
    if not folder.is_dir():
        return place
    names = [str(name) for name in _attributes(_open(folder), folder).get("labels", [])]
    if not names:
        return place
    chosen = folder / names[0]
    found = _find(chosen, _attributes(_open(chosen), chosen), 0)
    note = f"the label image '{names[0]}' of {', '.join(names)} was read"
    return _Place(found.path, found.attributes, (*place.notes, note), place.series)


def _axes(
    multiscale: Mapping[str, Any], data: zarr.Array, path: Path, given: str | None
) -> tuple[str, tuple[str | None, ...], tuple[str, ...]]:
    """Axis letters as the file has them (? for others, where the user gives axes), the unit of each, and notes."""
    entries = multiscale.get("axes")
    if not entries:  # versions 0.1 and 0.2
        if len(data.shape) == len(_OLDEST_AXES):
            return _OLDEST_AXES, (None,) * len(_OLDEST_AXES), ()
        shape, stored, notes = plan_axes(data.shape, given, str(path))
        if shape != data.shape:
            raise InputError(f"{path} does not name its axes {data.shape}; name them with --axes (axes= in Python).")
        return stored, (None,) * len(stored), notes
    names = [str(entry["name"] if isinstance(entry, dict) else entry) for entry in entries]
    units = tuple(entry.get("unit") if isinstance(entry, dict) else None for entry in entries)
    stored = "".join(name.upper() for name in names)
    if given is not None:
        if len(names) != len(data.shape):
            return "?" * len(data.shape), (None,) * len(data.shape), ()
        return "".join(name.upper() if name.upper() in set(AXES) else "?" for name in names), units, ()
    if len(stored) != len(names) or set(stored) - set(AXES) or len(names) != len(data.shape):
        raise InputError(
            f"{path} has the axes {', '.join(names)} for the shape {data.shape}; "
            f"name one letter of {AXES} for each with --axes (axes= in Python)."
        )
    return stored, units, ()


def _sizes(
    multiscale: Mapping[str, Any], dataset: Mapping[str, Any], axes: str, units: tuple[str | None, ...]
) -> dict[str, float]:
    """Sizes where the axes have units: the level's scale times the scale of the whole pyramid.

    A dimension keeps its unit whatever the user calls it, so one of seconds that is called Z has no size.
    """
    scale = [1.0] * len(axes)
    for transforms in (dataset.get("coordinateTransformations"), multiscale.get("coordinateTransformations")):
        for transform in transforms or ():
            values = transform.get("scale") if transform.get("type") == "scale" else None
            if isinstance(values, list) and len(values) == len(axes):
                scale = [known * float(value) for known, value in zip(scale, values, strict=True)]
    sizes = {}
    for axis, value, unit in zip(axes, scale, units, strict=True):
        size = (seconds if axis == "T" else micrometres)(value, unit) if axis in "TZYX" else None
        if size is not None:
            sizes[axis] = size
    return sizes


def _channels(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    entries = (attributes.get("omero") or {}).get("channels") or []
    names = [str(entry.get("label", "")) for entry in entries]
    return tuple(names) if all(names) else ()


def _from_xml(
    path: Path, place: _Place, named: str, axes: str, sizes: dict[str, float], channels: tuple[str, ...],
    shape: tuple[int, ...],
) -> tuple[dict[str, float], tuple[str, ...]]:  # fmt: skip
    """Fill in from the OME-XML that bioformats2raw keeps beside the images; ``axes`` are what the user calls them."""
    for folder in dict.fromkeys((path, place.path.parent)):
        document = folder / "OME" / "METADATA.ome.xml"
        if document.is_file():
            known, names = ome_metadata(document.read_text(encoding="utf-8", errors="replace"), place.series)
            sizes = sizes or {
                axis: known[name] for name, axis in zip(named, axes, strict=True)
                if name in known and axis in "TZYX" and (name == "T") == (axis == "T")
            }  # fmt: skip
            channels = channels or fitting_names(names, named, shape)
            break
    return sizes, channels


def _is_colour(axes: str, data: zarr.Array, channels: tuple[str, ...]) -> bool:
    lower = tuple(name.lower() for name in channels)
    return "C" in axes and data.dtype.kind == "u" and data.dtype.itemsize <= 2 and lower in _COLOUR_NAMES


def _bare_array(data: zarr.Array, path: Path, axes: str | None) -> Image:
    names = getattr(data.metadata, "dimension_names", None)
    stored = "".join(str(name).upper() for name in names) if names and all(names) else ""
    notes: tuple[str, ...] = ()
    pixels: Any = data
    if len(stored) == len(data.shape) and len(set(stored)) == len(stored) and not set(stored) - set(AXES):
        stored = renamed(stored, axes, str(path))
    else:
        shape, stored, notes = plan_axes(data.shape, axes, str(path))
        pixels = np.asarray(data[...]).reshape(shape) if shape != data.shape else data
    return Image(data=pixels, axes=stored, name=_name(path), source=str(path), notes=notes)


def _name(path: Path) -> str:
    """The folder's stem; for an image inside a plate or collection the path below the Zarr folder, too."""
    parts = path.parts
    outer = next((i for i, part in enumerate(parts) if part.lower().endswith(".zarr")), len(parts) - 1)
    return "_".join([image_stem(parts[outer]), *parts[outer + 1 :]])
