"""Reading TIFF in its dialects: OME-TIFF, ImageJ, plain, and what tifffile knows of vendors'."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import AXES, Image
from micrographia.io.axes import plan_axes, renamed
from micrographia.io.colour import from_cmyk
from micrographia.io.find import image_stem
from micrographia.io.ome_xml import companion_name, file_names
from micrographia.io.tiff_check import check_complete, cut_short
from micrographia.io.tiff_metadata import tiff_metadata
from micrographia.io.vendor import fitting_names, scene_note

LAZY_BYTES = 1 << 30
"""Series larger than this stay on disk and are read where they are asked for."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED = 0, 1, 2, 3, 5
_ALPHA = (1, 2)
_SEPARATE = 2

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it warns of is checked here instead


def read_tiff(path: Path, *, axes: str | None = None, scene: int = 0, level: int = 0, indexed: bool = False) -> Image:
    """One image out of a TIFF file.

    Parameters
    ----------
    path : Path
        The file.
    axes : str, optional
        What the user says about the axes, instead of what the file says.
    scene : int
        Which series.
    level : int
        Which level of a pyramid, 0 the finest.
    indexed : bool
        Keep the numbers of a palette picture instead of its colours (for labels).

    Returns
    -------
    Image
        In memory; lazy (:class:`StoredPixels`) where larger than ``LAZY_BYTES``.

    Raises
    ------
    InputError, RequestError
        Where the file is truncated, a part of it is missing, or its axes are unknown.
    """
    check_complete(path)
    tif, notes = _open(path)
    image = None
    try:
        series = _series(tif, path, scene)
        notes += scene_note(len(tif.series), scene)
        _check_planes(tif, series, path, scene)
        sizes, channels, told = tiff_metadata(tif, series, scene)
        data, stored, changed = _pixels(series, level, axes, str(path), indexed)
        shrunk = [whole / part for whole, part in zip(series.shape, series.levels[level].shape, strict=True)]
        factors = dict(zip(stored, shrunk, strict=True)) if len(stored) == len(shrunk) else {}
        image = Image(
            data=data,
            axes=stored,
            pixel_size={a: size * factors.get(a, 1.0) for a, size in sizes.items() if a in stored},
            channels=fitting_names(channels, stored, data.shape),
            name=image_stem(path),
            source=str(path),
            notes=(*notes, *changed, *told),
        )
        return image
    finally:
        if image is None or isinstance(image.data, np.ndarray):
            tif.close()


def tiff_levels(path: Path, scene: int = 0) -> int:
    """Number of pyramid levels of one series."""
    tif, _ = _open(path)
    with tif:
        return len(_series(tif, path, scene).levels)


def _open(path: Path) -> tuple[tifffile.TiffFile, tuple[str, ...]]:
    """The file; a part of a multi-file OME-TIFF together with its companion, where that is there."""
    tif = tifffile.TiffFile(path)
    companion = companion_name(tif.ome_metadata) if tif.is_ome and tif.ome_metadata else None
    if companion is None:
        return tif, ()
    master = path.parent / companion
    if not master.is_file():
        return tif, (f"the file is one part of an image that {companion} describes, which is missing; "
                     "the part was read alone",)  # fmt: skip
    tif.close()
    if master.suffix.lower() == ".ome":
        return tifffile.TiffFile(path, omexml=master.read_text(encoding="utf-8")), ()
    return tifffile.TiffFile(master), ()


def _series(tif: tifffile.TiffFile, path: Path, scene: int) -> tifffile.TiffPageSeries:
    if not tif.series:
        raise InputError(f"{path} holds no image; export it again.")
    if not 0 <= scene < len(tif.series):
        raise RequestError(f"{path} holds {len(tif.series)} image(s); there is no number {scene} (counted from 0).")
    return tif.series[scene]


def _check_planes(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path, scene: int) -> None:
    """Missing planes are an error: tifffile would read them as zeros."""
    missing = sum(page is None for page in series.pages)
    if missing:
        absent = sorted(
            name for name in file_names(tif.ome_metadata or "", scene)
            if name != path.name and not (path.parent / name).is_file()
        )  # fmt: skip
        where = f"; these files belong beside it: {', '.join(absent[:5])}" if absent else ""
        raise InputError(f"{path} lacks {missing} of {len(series.pages)} planes{where}; copy or export it again.")
    if series.is_multifile:
        files = {Path(page.parent.filehandle.path) for page in series.pages if page is not None}
        for other in files - {path}:
            check_complete(other)
    if series.kind == "imagej" and series.dataoffset is not None:
        needed, size = series.dataoffset + series.nbytes, path.stat().st_size
        if needed > size and len(tif.pages) == 1:  # planes without directories of their own
            raise cut_short(path, needed, size)
    if series.kind != "imagej" and tif.is_imagej and tif.imagej_metadata:
        images = int(tif.imagej_metadata.get("images", 1))
        if images > len(tif.pages):
            raise InputError(f"{path} lacks {images - len(tif.pages)} of {images} planes; copy or export it again.")


def _pixels(
    series: tifffile.TiffPageSeries, level: int, axes: str | None, name: str, indexed: bool
) -> tuple[Any, str, tuple[str, ...]]:
    """Pixels, axes and notes of one level; lazy where large and nothing has to be done to the pixels."""
    chosen = series.levels[level]
    page = chosen.keyframe
    changes = _changes(page, chosen.axes, series.kind in ("imagej", "ome") or indexed)
    stored, notes = _stored_axes(chosen, page)
    data = _lazy(series, level) if chosen.nbytes > LAZY_BYTES and changes is None else chosen.asarray()
    if axes is not None:
        full = series.get_shape(squeeze=False)
        if len(axes) == len(full) != len(stored) and level == 0 and isinstance(data, np.ndarray):
            data, stored = data.reshape(full), series.get_axes(squeeze=False)
        stored, notes = renamed(stored, axes, name), ()
    elif set(stored) - set(AXES):
        stored, data, notes = _guessed(stored, data, name)
    if changes is not None and ("S" in stored or changes in (_PALETTE, _WHITE_IS_ZERO)):
        data, stored, note = _changed(changes, data, stored, page)
        notes = (*notes, note)
    return data, stored, notes


def _lazy(series: tifffile.TiffPageSeries, level: int) -> Any:
    import zarr

    return zarr.open_array(store=series.aszarr(level=level), mode="r")


def _stored_axes(series: tifffile.TiffPageSeries, page: tifffile.TiffPage) -> tuple[str, tuple[str, ...]]:
    """Axes as the file names them; samples that are not colours become channels."""
    axes = str(series.axes)
    photometric = int(page.photometric)
    if "S" not in axes or photometric not in (_BLACK_IS_ZERO, _RGB):
        return axes, ()
    samples = series.shape[axes.index("S")]
    alpha = sum(int(extra) in _ALPHA for extra in page.extrasamples)
    colours = 3 if photometric == _RGB else 1
    if samples - alpha > colours and "C" not in axes:
        return axes.replace("S", "C"), (f"{samples} samples a pixel were taken as channels",)
    if photometric == _RGB and int(page.planarconfig) == _SEPARATE and series.kind == "shaped":
        hint = "if they are channels, say so with --axes CYX, axes= in Python"
        return axes, (f"the planes are stored as red, green and blue ({hint})",)
    return axes, ()


def _guessed(axes: str, data: Any, name: str) -> tuple[str, Any, tuple[str, ...]]:
    """Names for the dimensions that the file leaves open."""
    if "S" not in axes and not set(axes) & set("TCZ"):
        shape, planned, notes = plan_axes(tuple(data.shape), None, name)
        return planned, data if shape == tuple(data.shape) else data.reshape(shape), notes
    unknown = [a for a in axes if a not in AXES]
    letter = "C" if "S" not in axes and "C" not in axes and data.shape[axes.index(unknown[0])] <= 4 else "Z"
    if len(unknown) > 1 or letter in axes:
        raise InputError(
            f"{name} has the axes {axes} {tuple(data.shape)}, of which {', '.join(unknown)} could be anything; "
            "name all of them with --axes (axes= in Python), for example --axes TCYX."
        )
    meaning = {"C": "channels", "Z": "z"}[letter]
    note = f"the unnamed dimension of {tuple(data.shape)} was taken as {meaning} (change with --axes, axes= in Python)"
    return axes.replace(unknown[0], letter), data, (note,)


def _changes(page: tifffile.TiffPage, axes: str, as_it_is: bool) -> int | None:
    """What has to be done to the pixels: a photometric interpretation to undo, ``_RGB`` to drop alpha."""
    photometric = int(page.photometric)
    if photometric == _SEPARATED and page.samplesperpixel == 4:
        return _SEPARATED
    if photometric == _WHITE_IS_ZERO and page.bitspersample == 1:
        return None  # a mask: what wrote it meant 1 as true
    if photometric in (_PALETTE, _WHITE_IS_ZERO):
        return None if as_it_is or (photometric == _PALETTE and page.colormap is None) else photometric
    if "S" in axes and any(int(extra) in _ALPHA for extra in page.extrasamples):
        return _RGB
    return None


def _changed(change: int, data: np.ndarray, axes: str, page: tifffile.TiffPage) -> tuple[np.ndarray, str, str]:
    if change == _PALETTE:
        colours = np.moveaxis(np.asarray(page.colormap), 0, -1)
        colours = (colours >> 8).astype(np.uint8) if colours.dtype == np.uint16 else colours
        if (colours == colours[:, :1]).all():
            return colours[data, 0], axes, "the grey palette was applied"
        return colours[data], axes + "S", "the palette was expanded to colours"
    if change == _WHITE_IS_ZERO:
        white = np.invert(data) if data.dtype.kind in "bu" else data.max() - data
        return white, axes, "the file stores white as 0; it was inverted"
    samples = axes.index("S")
    if change == _SEPARATED:
        colours = from_cmyk(np.moveaxis(data, samples, -1))
        return np.moveaxis(colours, -1, samples), axes, "CMYK was converted to RGB"
    opaque = data.shape[samples] - sum(int(extra) in _ALPHA for extra in page.extrasamples)
    data = np.take(data, range(opaque), axis=samples)
    if opaque == 1:
        return np.take(data, 0, axis=samples), axes.replace("S", ""), "the transparency (alpha) was dropped"
    return data, axes, "the transparency (alpha) was dropped"
