"""Strokes written as an ilastik project: images, selected features, class names and colours, strokes.

The groups, data sets, types and attributes are those that ilastik 1.4 writes (see
:mod:`micrographia.classify.ilastik.project_file`), without its pickles, for which it has defaults, and without a
forest, which it trains from the strokes. There is no ilastik here to open the result with: tests hold its structure
against real projects and read it back.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block, blocks
from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.ilastik.project_file import FEATURES, Lane
from micrographia.classify.ilastik.project_images import read_lane
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.strokes import PaintedField, Strokes, painted
from micrographia.features.pixel_bank import Bank
from micrographia.io.atomic import replacing
from micrographia.io.find import PICTURE_SUFFIXES
from micrographia.io.pixels import StoredPixels

SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""Scales that ilastik offers first; others are written behind them."""

COLOURS = (
    (255, 225, 25), (0, 130, 200), (230, 25, 75), (60, 180, 75), (245, 130, 48), (145, 30, 180), (70, 240, 240),
    (240, 50, 230), (210, 245, 60), (250, 190, 190), (0, 128, 128), (230, 190, 255), (170, 110, 40), (255, 250, 200),
)  # fmt: skip
"""Colours of the classes."""

_VERSION = b"1.4.1"
_BLOCK = {2: 256, 3: 64}
_COMPARED = 1024
_MOST_CLASSES = 255
_BRIGHTEST = 255


def write_project(
    path: str | Path,
    strokes: Strokes,
    *,
    bank: Bank | None = None,
    colours: Sequence[tuple[int, int, int]] = COLOURS,
) -> Path:
    """Write strokes as a project of ilastik's workflow Pixel Classification.

    Parameters
    ----------
    path : path
        The ``.ilp`` to write; replaced where it exists.
    strokes : Strokes
        Images that are just what is in their file (``Image.source``) are named in the project, relative to it where
        they are in its folder or below; the pixels of others are stored in it, also those of a single channel or slice
        of a file. The fourth sample of a colour picture (alpha) is left out.
    bank : Bank, optional
        Features to select, of ilastik's kinds; all of them at all its scales, and two dimensions, where not given.
    colours : sequence of (red, green, blue)
        Colour of each class, 0 to 255; begun anew where there are more classes.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        Where images and strokes do not fit each other, or the file cannot be written.
    RequestError
        Where a feature is not one of ilastik's, there are more classes than it allows, the colours are none, or h5py
        is not installed.
    """
    path = Path(path).expanduser()
    try:
        import h5py
    except ImportError:
        raise RequestError(
            f"{path}: ilastik projects are HDF5 files, which need the package h5py; install it with: "
            "pip install micrographia[formats]"
        ) from None
    palette = np.asarray(colours)
    if palette.shape != (len(colours), 3) or not len(colours) or palette.dtype.kind not in "iu":
        raise RequestError("The colours of the classes are three whole numbers each (red, green, blue), at least one.")
    if palette.min() < 0 or palette.max() > _BRIGHTEST:
        raise RequestError(f"The colours of the classes are numbers from 0 to {_BRIGHTEST}.")
    bank = bank or Bank.grid()
    chosen = _selection(bank)
    found = painted(strokes, bank.dimensions)
    channels = [ImageChannels(image, bank.dimensions) for image in strokes.images]
    if len(found.classes) > _MOST_CLASSES:
        raise RequestError(f"ilastik has at most {_MOST_CLASSES} classes; these strokes have {len(found.classes)}.")
    with replacing(path) as partial, h5py.File(partial, "w", libver="earliest") as file:
        _write(file, {
            "currentApplet": 2,
            "ilastikVersion": _VERSION,
            "time": time.asctime().encode(),
            "workflowName": b"Pixel Classification",
            "Input Data/Role Names": np.array([b"Raw Data", b"Prediction Mask"], object),
            "Input Data/StorageVersion": b"0.2",
            "FeatureSelections": chosen,
            "PixelClassification/StorageVersion": b"0.1",
            "Prediction Export/OutputFilenameFormat": b"{dataset_dir}/{nickname}_{result_type}",
            "Prediction Export/OutputFormat": b"hdf5",
            "Prediction Export/OutputInternalPath": b"exported_data",
            "Prediction Export/StorageVersion": b"0.1",
        })  # fmt: skip
        file.create_group("Input Data/local_data")
        classes = file["PixelClassification"]
        table = palette[np.arange(len(found.classes)) % len(palette)].astype(np.int64)
        for key, value in {
            "LabelNames": np.array([name.encode() for name in found.classes], object),
            "LabelColors": table,
            "PmapColors": table,
        }.items():
            _write(classes, {key: value})
            classes[key].attrs["isEmpty"] = False
        for number, one in enumerate(channels):
            name = str(strokes.names[number]) if strokes.names is not None else one.title
            _lane(file, path, number, name, one, [field for field in found.fields if field.image == number])
    return path


def _selection(bank: Bank) -> dict[str, Any]:
    """The data sets of ``FeatureSelections``."""
    ours = list(FEATURES.values())
    if others := {name for name, _ in bank.selection} - set(ours):
        raise RequestError(f"ilastik has no feature '{sorted(others)[0]}'; it has {', '.join(ours)}.")
    scales = [*SCALES, *sorted({sigma for _, sigma in bank.selection} - set(SCALES))]
    matrix = np.zeros((len(ours), len(scales)), bool)
    for name, sigma in bank.selection:
        matrix[ours.index(name), scales.index(sigma)] = True
    return {
        "StorageVersion": b"0.1",
        "FeatureIds": np.array([name.encode() for name in FEATURES], object),
        "Scales": np.array(scales, np.float64),
        "SelectionMatrix": matrix,
        "ComputeIn2d": np.array([bank.dimensions == 2 or sigma in bank.flat for sigma in scales]),
    }


def _lane(
    file: Any, path: Path, number: int, name: str, channels: ImageChannels, fields: Sequence[PaintedField]
) -> None:
    """Write one image and its strokes."""
    image = channels.image
    key = tuple(slice(0, 3) if axis == "S" else slice(None) for axis in image.axes)
    image = replace(image, data=image.data[key]) if image.size("S") > 3 else image
    stored, kind, location = _file(image, path)
    axes, shape = image.axes.replace("S", "C"), image.shape
    if "C" not in axes and (not stored or stored.lower().endswith(PICTURE_SUFFIXES)):
        axes, shape = f"{axes}C", (*shape, 1)  # as ilastik reads pictures
    raw = file.create_group(f"Input Data/infos/lane{number:04d}/Raw Data")
    file.create_group(f"Input Data/infos/lane{number:04d}/Prediction Mask")
    identity = str(uuid.uuid4())
    if not stored:
        file[f"Input Data/local_data/{identity}"] = np.asarray(image.data[...]).reshape(shape)
        file[f"Input Data/local_data/{identity}"].attrs["axistags"] = _tags(axes)
    _write(raw, {
        "__class__": kind,
        "allowLabels": True,
        "axistags": _tags(axes).encode(),
        "datasetId": identity.encode(),
        "display_mode": b"default",
        "filePath": stored.encode() or name.encode(),
        "location": location,
        "nickname": name.encode(),
        "normalizeDisplay": False,
        "scale_locked": False,
        "shape": np.array(shape, np.int64),
        "working_scale": b"",
    })  # fmt: skip
    group = file.create_group(f"PixelClassification/LabelSets/labels{number:03d}")
    shown = axes if "C" in axes else f"{axes}C"
    for count, (where, data) in enumerate(_painted_blocks(fields, shown)):
        dataset = group.create_dataset(f"block{count:04d}", data=data)
        dataset.attrs["axistags"] = _tags(shown)
        dataset.attrs["blockSlice"] = f"[{','.join(f'{s.start}:{s.stop}' for s in where)}]"


def _file(image: Image, path: Path) -> tuple[str, bytes, bytes]:
    """Path to store, and what ilastik calls this; an empty path where the pixels are to be stored."""
    if not _is_its_file(image):
        return "", b"ProjectInternalDatasetInfo", b"ProjectInternal"
    source, folder = Path(image.source).resolve(), path.parent.resolve()
    if source.is_relative_to(folder):
        return source.relative_to(folder).as_posix(), b"RelativeFilesystemDatasetInfo", b"FileSystem"
    return source.as_posix(), b"FilesystemDatasetInfo", b"FileSystem"


def _is_its_file(image: Image) -> bool:
    """Whether reading its file gives an image again: its axes, its shape and its pixels."""
    if not image.source:
        return False
    axes = image.axes.replace("S", "C")
    try:
        again = read_lane(Path(image.source), Lane(image.name, image.source, "", axes, image.shape))
        return (again.axes.replace("S", "C"), again.shape) == (axes, image.shape) and _same_pixels(image, again)
    except (InputError, RequestError):
        return False


def _same_pixels(image: Image, again: Image) -> bool:
    """Whether two images of one shape have the same pixels; those of one array on disk are not read for it."""
    one, other = image.data, again.data
    if isinstance(one, StoredPixels) and isinstance(other, StoredPixels) and one.array == other.array:
        return True
    chunks = zip(image.axes, getattr(other, "chunks", again.shape), strict=True)
    sides = [max(1, _COMPARED // n) * n if axis in "YX" else n for axis, n in chunks]
    return all(np.array_equal(one[block], other[block], equal_nan=True) for block in blocks(image.shape, sides))


def _painted_blocks(fields: Sequence[PaintedField], axes: str) -> Iterator[tuple[Block, np.ndarray]]:
    """Blocks in some axes with the strokes in them, each no larger than its strokes."""
    if not fields:
        return
    has = fields[0].channels.stack_axes + fields[0].channels.space
    places = np.concatenate([np.hstack([np.tile(f.at, (len(f.where), 1)), f.where]) for f in fields]).astype(np.int64)
    columns = [places[:, has.index(axis)] if axis in has else np.zeros(len(places), np.int64) for axis in axes]
    places, classes = np.stack(columns, axis=1), np.concatenate([field.classes for field in fields]) + 1
    _, block = np.unique(places // _BLOCK[len(fields[0].channels.space)], axis=0, return_inverse=True)
    for members in (np.flatnonzero(block.reshape(-1) == k) for k in range(block.max() + 1)):
        low, high = places[members].min(axis=0), places[members].max(axis=0) + 1
        data = np.zeros(high - low, np.uint8)
        data[tuple((places[members] - low).T)] = classes[members]
        yield tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)), data


def _tags(axes: str) -> str:
    """Axes as vigra writes them in JSON."""
    flags = {"C": 1, "T": 8}
    keys = [{"key": a.lower(), "typeFlags": flags.get(a, 2), "resolution": 0, "description": ""} for a in axes]
    return json.dumps({"axes": keys}, indent=2)


def _write(group: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _write(group.create_group(key), value)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            import h5py

            group.create_dataset(key, data=value, dtype=h5py.string_dtype("ascii"))
        else:
            group.create_dataset(key, data=value)
