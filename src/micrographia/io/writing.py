"""Writing images and labels; the suffix says as what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image, PixelSize, named_sizes
from micrographia.io.atomic import replacing
from micrographia.io.axes import checked_axes, plan_axes

_COLOUR_NAMES = ("red", "green", "blue")


def write(
    path: str | Path,
    image: Image | np.ndarray,
    *,
    axes: str | None = None,
    pixel_size: PixelSize | None = None,
    channels: str | Sequence[str] = (),
) -> Path:
    """Store an image: the whole file or none, an older one is replaced.

    - ``.ome.tif``: OME-TIFF, deflate; 64-bit integers do not fit, float16 becomes float32;
    - ``.tif``: a TIFF that ImageJ opens with its axes and calibration (as a hyperstack where there
      are several planes), deflate;
    - ``.ome.zarr`` or ``.zarr``: OME-Zarr 0.5 with a pyramid; colours become three channels named
      red, green, blue;
    - ``.png``: 8 or 16 bit, grey or colours, without pixel size; False and True become 0 and 255
      (0 and 1 in TIFF);
    - ``.npy``: the bare array, without axes and pixel size.

    Parameters
    ----------
    path : path
        Where to; missing folders are made.
    image : Image or array
        What; an array needs ``axes`` unless it is YX or YXS.
    axes : str, optional
        One letter of ``"TCZYXS"`` for each dimension; an Image brings its own.
    pixel_size : float, (y, x) or mapping, optional
        Micrometres for Y and X, or a mapping: micrometres for Z, Y, X; seconds for T. Instead of the Image's own.
    channels : str or sequence of str
        Names for the entries of C, or one where there is no C. Instead of the Image's own.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where the suffix is unknown or cannot hold such an image, the axes are missing, or there are more or fewer
        names than channels.
    InputError
        Where the file cannot be written (the disk is full, ...), or a pixel size makes no sense.
    """
    path = Path(path)
    image = _as_image(image, axes, pixel_size, channels, path)
    kind = _kind(path)
    if kind == "zarr":
        return _write_zarr(path, image, labels=False)
    data = np.asarray(image.data[...])
    if kind == "png":
        content = _png(data, image.axes, path)
        with replacing(path) as partial:
            partial.write_bytes(content)
    elif kind == "npy":
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, data, allow_pickle=False)
    else:
        from micrographia.io.tiff_writer import write_imagej_tiff, write_ome_tiff

        if kind == "ome" and data.dtype.kind in "iu" and data.dtype.itemsize == 8:
            raise RequestError(f"{path}: OME-TIFF cannot hold {data.dtype.name}; choose .tif or .ome.zarr.")
        store = write_ome_tiff if kind == "ome" else write_imagej_tiff
        with replacing(path) as partial:
            store(partial, data, image.axes, image.pixel_size, image.channels)
    return path


def write_labels(
    path: str | Path,
    labels: Image | np.ndarray,
    *,
    axes: str = "YX",
    pixel_size: PixelSize | None = None,
) -> Path:
    """Store labels as int32 (int64 where a number needs it): the whole file or none.

    - ``.tif``: one 32-bit integer plane for each z and time, deflate, with ImageJ's description.
      ImageJ shows it as 32-bit float, which is exact up to 16,777,216 objects; everything that
      reads TIFF gets the integers;
    - ``.ome.tif``: OME-TIFF;
    - ``.ome.zarr``: an OME-Zarr 0.5 label image, whose pyramid never mixes numbers;
    - ``.png``: up to 65,535 objects; ``.npy``: the bare array.

    Parameters
    ----------
    path : path
        Where to.
    labels : Image or array of integers
        0 is background.
    axes : str
        Letters of ``"TZYX"``; an Image brings its own.
    pixel_size : float, (y, x) or mapping, optional
        As for :func:`write`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where the labels are no whole numbers, or too many for the kind of file.
    InputError
        Where the file cannot be written, a number is above 2**63 - 1, or a pixel size makes no sense.
    """
    path = Path(path)
    image = _as_image(labels, axes, pixel_size, (), path)
    if image.dtype.kind not in "iub" or set(image.axes) & set("CS"):
        raise RequestError(f"{path}: labels are whole numbers with axes of TZYX, not {image.dtype} {image.axes}.")
    kind = _kind(path)
    if kind == "zarr":
        return _write_zarr(path, image, labels=True)
    data = np.asarray(image.data[...])
    _check_labels(data, path)
    if kind == "png":
        if data.size and (data.min() < 0 or data.max() > np.iinfo(np.uint16).max):
            raise RequestError(f"{path}: PNG holds labels up to 65,535 and these reach {data.max():,}; choose .tif.")
        return write(path, data.astype(np.uint16), axes=image.axes)
    return write(path, data.astype(_label_type(data), copy=False), axes=image.axes, pixel_size=image.pixel_size)


def _check_labels(data: np.ndarray, path: Path) -> None:
    """Numbers above those of int64 would become negative."""
    most = np.iinfo(np.int64).max
    if data.dtype.kind == "u" and data.dtype.itemsize == 8 and data.size and data.max() > most:
        raise InputError(f"{path}: label {data.max():,} is too large (at most {most:,}); number the objects anew.")


def _label_type(data: Any) -> type:
    if data.dtype.itemsize < 4 or data.dtype == np.int32 or not data.size:
        return np.int32
    limits = np.iinfo(np.int32)
    return np.int32 if data.min() >= limits.min and data.max() <= limits.max else np.int64


def _as_image(
    image: Image | np.ndarray, axes: str | None, pixel_size: PixelSize | None, channels: str | Sequence[str], path: Path
) -> Image:  # fmt: skip
    if isinstance(image, Image):
        found, size, names = image, image.pixel_size, image.channels
    else:
        data = image if hasattr(image, "dtype") and hasattr(image, "shape") else np.asarray(image)
        if axes is None:
            shape, planned, _ = plan_axes(tuple(data.shape), None, str(path))
            if shape != tuple(data.shape) or planned not in ("YX", "YXS"):
                raise RequestError(f"{path}: name the axes of an array of shape {tuple(data.shape)} with axes=.")
            axes = planned
        axes = checked_axes(axes, str(path))
        if len(axes) != len(data.shape):
            raise RequestError(f"{path}: axes '{axes}' do not fit an array of shape {tuple(data.shape)}.")
        found, size, names = Image(data, axes, name=str(path)), {}, ()
    if 0 in found.shape:
        raise RequestError(f"{path}: an image of shape {found.shape} holds no pixels.")
    if found.dtype.kind not in "biuf":
        raise RequestError(f"{path}: {found.dtype} cannot be stored as pixels.")
    known = size if pixel_size is None else named_sizes(pixel_size)
    sizes = {a: s for a, s in known.items() if a in found.axes}
    given = (channels,) if isinstance(channels, str) else tuple(channels)
    entries = found.size("C") if "C" in found.axes else 1
    if given and len(given) != entries:
        raise RequestError(f"{path}: {len(given)} channel names ({', '.join(given)}) for {entries} channels.")
    return Image(found.data, found.axes, sizes, given or names, name=str(path))


def _kind(path: Path) -> str:
    name = path.name.lower()
    if name.endswith((".ome.tif", ".ome.tiff")):
        return "ome"
    kind = {".tif": "tif", ".tiff": "tif", ".zarr": "zarr", ".png": "png", ".npy": "npy"}.get(path.suffix.lower())
    if kind is None:
        raise RequestError(f"{path}: choose a name that ends in .tif, .ome.tif, .ome.zarr, .png or .npy.")
    return kind


def _png(data: np.ndarray, axes: str, path: Path) -> bytes:
    import imagecodecs

    data = data.astype(np.uint8) * 255 if data.dtype == bool else data
    kept = "".join(a for i, a in enumerate(axes) if a in "YX" or data.shape[i] > 1)
    if not set(kept) <= set("YXS") or data.dtype not in (np.uint8, np.uint16):
        raise RequestError(f"{path}: PNG holds one uint8 or uint16 plane, not {data.dtype} {axes}; choose .tif.")
    data = Image(data, axes, name=str(path)).array("YXS" if "S" in kept else "YX")
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(data)))


def _write_zarr(path: Path, image: Image, *, labels: bool) -> Path:
    from micrographia.io.zarr_writer import create_zarr

    axes, channels = image.axes, image.channels
    if "S" in axes:
        if "C" in axes:
            raise RequestError(f"{path}: OME-Zarr cannot hold colours and channels at once; choose .ome.tif.")
        axes, channels = axes.replace("S", "C"), _COLOUR_NAMES[: image.size("S")]
    ordered = "".join(a for a in "TCZYX" if a in axes)
    shape = [image.shape[axes.index(a)] for a in ordered]
    dtype: Any = image.dtype.newbyteorder("=")
    if labels and (isinstance(image.data, np.ndarray) or dtype.itemsize < 4):
        dtype = _label_type(image.data)
    with create_zarr(path, shape, ordered, dtype, pixel_size=image.pixel_size, channels=channels, labels=labels) as new:
        rows = new.array.chunks[-2]
        for leading in np.ndindex(*shape[:-2]):
            for start in range(0, shape[-2], rows):
                target = (*leading, slice(start, start + rows), slice(None))
                key = tuple(target[ordered.index(a)] for a in axes)
                left = [a for a in axes if a in "YX"]
                block = np.asarray(image.data[key])
                if labels:
                    _check_labels(block, path)
                new.array[target] = block if left == ["Y", "X"] else block.T
    return path
