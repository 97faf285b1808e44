"""One function that opens every kind of image, and one for labels."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.io.axes import checked_axes
from micrographia.io.find import PICTURE_SUFFIXES, TIFF_SUFFIXES, is_zarr
from micrographia.io.pixels import checked_pixels

_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read(path: str | Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """Open an image.

    TIFF (plain, OME-TIFF also spread over several files, ImageJ), PNG, JPEG, BMP, GIF, WebP,
    JPEG 2000, NumPy ``.npy`` and OME-Zarr (0.1 to 0.5) are read directly; CZI, LIF and ND2 with
    ``pip install micrographia[formats]``; anything else through bioio where that is installed.
    What a file is, is decided by its content, then by its suffix.

    Parameters
    ----------
    path : path
        File, or folder of an OME-Zarr image, plate, well or collection.
    axes : str, optional
        One letter of ``"TCZYXS"`` for each dimension, instead of what the file says.
    scene : int
        Which image, where the file holds several, counted from 0.

    Returns
    -------
    Image
        Pixels with named axes, pixel sizes (micrometres), time step (seconds), channel names, and
        in ``notes`` what was assumed. A picture in colours has the axis S with 3 entries;
        transparency is dropped. Dimensions of length 1 of TIFF and makers' files are dropped.
        OME-Zarr, and TIFF above 1 GiB, stay on disk: their ``data`` have a shape, a type and NumPy
        indexing (and the ``zarr.Array`` as ``data.array``), and raise InputError where a part that is
        asked for is damaged.

    Raises
    ------
    InputError
        Where the file is missing, empty, truncated, damaged, of unknown kind, holds no pixels or
        complex or too large ones (above 3.4e38), or does not say which of more than three dimensions is which.
    RequestError
        Where the path is none, ``axes`` makes no sense, or ``scene`` is no whole number or there is no such scene.

    Examples
    --------
    >>> image = read("cells.ome.tif")  # doctest: +SKIP
    >>> image.axes, image.pixel_size  # doctest: +SKIP
    ('CYX', {'Y': 0.325, 'X': 0.325})
    """
    return _read(path, axes=axes, scene=scene)


def read_pyramid(path: str | Path, *, axes: str | None = None, scene: int = 0) -> list[Image]:
    """Every resolution of an image, the finest first; one where the file has no pyramid.

    Parameters
    ----------
    path : path
        File, or folder of an OME-Zarr image, plate, well or collection.
    axes : str, optional
        One letter of ``"TCZYXS"`` for each dimension, instead of what the file says.
    scene : int
        Which image, where the file holds several, counted from 0.

    Returns
    -------
    list of Image
        As :func:`read` gives them, each with pixel sizes of its own.

    Raises
    ------
    InputError, RequestError
        As for :func:`read`.
    """
    path = _as_path(path)
    _check_scene(scene)
    levels = 1
    if path.exists() and path.is_dir():
        from micrographia.io.ome_zarr import zarr_levels

        levels = zarr_levels(path, scene)
    elif path.is_file() and _head(path).startswith(_TIFF_HEADS):
        from micrographia.io.tiff import tiff_levels

        levels = tiff_levels(path, scene)
    return [_read(path, axes=axes, scene=scene, level=level) for level in range(levels)]


def read_labels(path: str | Path, *, axes: str | None = None, scene: int = 0) -> Image:
    """Open a label image: every object has its own whole number, background is 0.

    Palette pictures keep their numbers; of an OME-Zarr image with label images of its own the
    first of these is taken. OME-Zarr labels stay on disk in the type they have.

    Parameters
    ----------
    path : path
        File, or folder of an OME-Zarr image, plate, well or collection.
    axes : str, optional
        One letter of ``"TCZYXS"`` for each dimension, instead of what the file says.
    scene : int
        Which image, where the file holds several, counted from 0.

    Returns
    -------
    Image
        int32, or int64 where a number needs it; axes without C and S.

    Raises
    ------
    InputError
        Where the file is a colour picture, has several channels, or holds fractions; else as for
        :func:`read`.
    """
    image = _read(path, axes=axes, scene=scene, labels=True)
    if "S" in image.axes:
        raise InputError(f"{path} is a colour picture, not a label image (one whole number for each object).")
    if "C" in image.axes:
        if image.size("C") > 1:
            raise InputError(
                f"{path} has {image.size('C')} channels; a label image has one. Where they are slices or time points, "
                "name its axes with --axes (axes= in Python), for example --axes ZYX."
            )
        image = image.take(C=0)
    if not isinstance(image.data, np.ndarray) and image.dtype.kind in "iu":
        return image
    return replace(image, data=_whole(np.asarray(image.data[...]), str(path)))


def _whole(data: np.ndarray, name: str) -> np.ndarray:
    """The same numbers as int32, or int64 where they need it."""
    if data.dtype.kind == "f":
        if not np.isfinite(data).all() or (data != np.rint(data)).any():
            raise InputError(f"{name} holds fractions, not labels (one whole number for each object).")
        if np.abs(data).max() >= 2.0**63:
            raise InputError(f"{name} holds numbers too large for labels.")
    if data.dtype == bool or (data.dtype.itemsize < 4 and data.dtype.kind in "iu"):
        return data.astype(np.int32)
    low, high = int(data.min()), int(data.max())
    if high > np.iinfo(np.int64).max:
        raise InputError(f"{name} holds numbers too large for labels.")
    limits = np.iinfo(np.int32)
    return data.astype(np.int32 if limits.min <= low and high <= limits.max else np.int64, copy=False)


def _read(path: str | Path, *, axes: str | None = None, scene: int = 0, level: int = 0, labels: bool = False) -> Image:
    path = _as_path(path)
    _check_scene(scene)
    axes = None if axes is None else checked_axes(axes, str(path))
    try:
        image = _open(path, axes, scene, level, labels)
    except (InputError, RequestError):
        raise
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory; convert it to OME-Zarr, which is read in parts.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # the packages that parse files raise whatever they stumble over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} is damaged or of an unknown variety ({reason}); export it again.") from error
    return replace(image, data=checked_pixels(image.data, str(path)))


def _as_path(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except TypeError as error:
        raise RequestError(f"An image is read from the path of its file, not from {type(path).__name__}.") from error


def _open(path: Path, axes: str | None, scene: int, level: int, labels: bool) -> Image:
    """Choose the reader by content, then by suffix."""
    if path.is_dir():
        if not is_zarr(path):
            raise InputError(f"{path} is a folder, not an image; give the files in it.")
        from micrographia.io.ome_zarr import read_zarr

        return read_zarr(path, axes=axes, scene=scene, level=level, labels=labels)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    head, suffix = _head(path), path.suffix.lower()
    if not head:
        raise InputError(f"{path} is empty (0 bytes); copy or export it again.")
    if head.startswith(_TIFF_HEADS) or suffix in TIFF_SUFFIXES:
        from micrographia.io.tiff import read_tiff

        return read_tiff(path, axes=axes, scene=scene, level=level, indexed=labels)
    from micrographia.io.pictures import picture_kind, read_picture

    if picture_kind(head):
        _only_scene(path, scene)
        return read_picture(path, axes=axes, indexed=labels)
    if head.startswith(b"\x93NUMPY") or suffix == ".npy":
        from micrographia.io.npy import read_npy

        _only_scene(path, scene)
        return read_npy(path, axes=axes)
    if suffix in PICTURE_SUFFIXES:
        raise InputError(f"{path} is named like a picture but is none; export it again or give the right file.")
    if suffix == ".czi":
        from micrographia.io.czi import read_czi

        return read_czi(path, axes=axes, scene=scene)
    from micrographia.io import vendor

    reader = {".lif": vendor.read_lif, ".nd2": vendor.read_nd2}.get(suffix, vendor.read_bioio)
    return reader(path, axes=axes, scene=scene)


def _check_scene(scene: int) -> None:
    if not isinstance(scene, Integral):
        raise RequestError(f"The scene is a whole number, counted from 0, not {scene!r:.80}.")


def _only_scene(path: Path, scene: int) -> None:
    if scene:
        raise RequestError(f"{path} holds one image; there is no number {scene} (counted from 0).")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
