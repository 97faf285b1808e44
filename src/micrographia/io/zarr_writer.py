"""Writing OME-Zarr block by block, with a pyramid, in bounded memory."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from micrographia.arrays.blocks import blocks
from micrographia.arrays.errors import RequestError
from micrographia.arrays.image import PixelSize, named_sizes
from micrographia.io.atomic import move_into_place, remove, sibling, write_problem
from micrographia.io.find import image_stem
from micrographia.io.vendor import fitting_names
from micrographia.io.zarr_metadata import multiscale_attributes

_CHUNK = 1024
"""Edge of a chunk: 1024² int32 is 4 MB, and a 20,000² level has 400 files."""

_SMALLEST = 512
"""The pyramid ends with the first level of which no edge is longer than this."""

VERSIONS = ("0.4", "0.5")


class ZarrWriter:
    """An OME-Zarr in the making; made by :func:`create_zarr`.

    As a context manager it finishes at the end of the block, and discards where that fails.

    Attributes
    ----------
    array : zarr.Array
        The finest level, to be written into in any order; whole chunks are quickest, and different
        chunks may be written by different threads. What is never written is 0.
    path : Path
        The final name, which does not exist (or holds an older result) until :meth:`finish`.
    """

    def __init__(
        self, path: Path, array: zarr.Array, group: zarr.Group, partial: Path, axes: str,
        pixel_size: Mapping[str, float], channels: Sequence[str], version: str, labels: bool,
    ) -> None:  # fmt: skip
        self.path = path
        self.array = array
        self._group = group
        self._partial = partial
        self._axes = axes
        self._pixel_size = dict(pixel_size)
        self._channels = tuple(channels)
        self._version = version
        self._labels = labels
        self._done = False

    def finish(self) -> Path:
        """Build the pyramid, write the metadata and rename the folder to its final name.

        Levels are halved in Y and X: labels by keeping every second pixel, images by the mean of
        2 x 2 pixels. Needs memory for a few chunks.

        Returns
        -------
        Path
            The final name.

        Raises
        ------
        InputError
            Where the disk is full, or the name belongs to a folder that is no Zarr.
        """
        if self._done:
            return self.path
        try:
            factors = self._pyramid()
            coarsest = self._group[str(len(factors) - 1)]
            assert isinstance(coarsest, zarr.Array)
            attributes = multiscale_attributes(
                self._version, image_stem(self.path), self._axes, self._pixel_size, factors,
                labels=self._labels, channels=self._channels, dtype=np.dtype(self.array.dtype),
                window=None if self._labels else _window(coarsest),
            )  # fmt: skip
            self._group.attrs.update(attributes)
            move_into_place(self._partial, self.path)
        except OSError as error:
            self.discard()
            raise write_problem(self.path, error) from error
        except BaseException:
            self.discard()
            raise
        self._done = True
        return self.path

    def discard(self) -> None:
        """Delete what was written so far; the final name is as it was before."""
        if not self._done:
            self._done = True
            remove(self._partial)

    def __enter__(self) -> ZarrWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
            return
        self.discard()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise write_problem(self.path, error) from error

    def _pyramid(self) -> list[int]:
        factors, finer = [1], self.array
        flat = [self._axes.index(a) for a in "YX"]
        while max(finer.shape[i] for i in flat) > _SMALLEST:
            shape = [-(-n // 2) if i in flat else n for i, n in enumerate(finer.shape)]
            chunks = [min(c, n) for c, n in zip(self.array.chunks, shape, strict=True)]
            coarser = _new_array(
                self._group, str(len(factors)), shape, chunks, self.array.dtype, self._axes, self._version
            )
            for block in blocks(coarser.shape, coarser.chunks):
                source = tuple(
                    slice(s.start * 2, min(s.stop * 2, finer.shape[i])) if i in flat else s for i, s in enumerate(block)
                )
                coarser[block] = halved(np.asarray(finer[source]), flat, nearest=self._labels)
            factors.append(factors[-1] * 2)
            finer = coarser
        return factors


def create_zarr(
    path: str | Path,
    shape: Sequence[int],
    axes: str,
    dtype: Any,
    *,
    pixel_size: PixelSize | None = None,
    chunks: Sequence[int] | None = None,
    version: str = "0.5",
    labels: bool = False,
    channels: Sequence[str] = (),
) -> ZarrWriter:
    """Begin an OME-Zarr that is written block by block.

    Everything goes to a hidden folder beside ``path`` and is renamed when finished. Chunks are
    compressed with Zstandard and not gathered into shards: a shard is rewritten whole for every
    block written into it.

    Parameters
    ----------
    path : path
        Final name, ending in ``.zarr``.
    shape : sequence of int
        Shape of the finest level.
    axes : str
        One letter of ``"TCZYX"`` for each dimension, in this order.
    dtype : dtype
        Type of the pixels; whole numbers for labels.
    pixel_size : float, (y, x) or mapping, optional
        Micrometres for Z, Y, X; seconds for T.
    chunks : sequence of int, optional
        Default: 1024 along Y and X, 1 along the others.
    version : {"0.5", "0.4"}
        OME-Zarr version.
    labels : bool
        Whether it is a label image, whose pyramid never mixes numbers.
    channels : sequence of str
        Names for the entries of C, or one where there is no C.

    Returns
    -------
    ZarrWriter
        Write into its ``array``, then call ``finish()`` or ``discard()``.

    Raises
    ------
    RequestError
        Where the axes or the type make no sense.
    InputError
        Where the folder cannot be written to.

    Examples
    --------
    >>> with create_zarr("labels.ome.zarr", (20000, 20000), "YX", "int32", labels=True) as new:  # doctest: +SKIP
    ...     new.array[:1024, :1024] = block
    """
    path = Path(path)
    shape, dtype = tuple(int(n) for n in shape), np.dtype(dtype)
    _check(path, shape, axes, dtype, version, labels)
    if chunks is None:
        chunks = [_CHUNK if a in "YX" else 1 for a in axes]
    chunks = [max(1, min(int(c), n)) for c, n in zip(chunks, shape, strict=True)]
    partial = sibling(path)
    names = fitting_names(channels, axes, shape)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        group = zarr.create_group(store=str(partial), zarr_format=2 if version == "0.4" else 3)
        array = _new_array(group, "0", shape, chunks, dtype, axes, version)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise write_problem(path, error) from error
    return ZarrWriter(path, array, group, partial, axes, named_sizes(pixel_size), names, version, labels)


def halved(data: np.ndarray, along: Sequence[int], *, nearest: bool) -> np.ndarray:
    """Half as large along some axes: every second entry, or the mean of two (an odd last one stays).

    Parameters
    ----------
    data : ndarray
        Any shape.
    along : sequence of int
        Axes to halve.
    nearest : bool
        Keep the first of two entries (labels) instead of their mean.
    """
    if nearest:
        key = tuple(slice(None, None, 2) if i in along else slice(None) for i in range(data.ndim))
        return data[key]
    for turn, axis in enumerate(along):
        ahead = (slice(None),) * axis
        first, second = data[(*ahead, slice(0, None, 2))], data[(*ahead, slice(1, None, 2))]
        paired = (*ahead, slice(0, second.shape[axis]))
        half = first.copy()
        half[paired] = _mean(first[paired], second, up=bool(turn % 2))
        data = half
    return data


def _mean(a: np.ndarray, b: np.ndarray, *, up: bool) -> np.ndarray:
    """Mean in the type of a and b without overflow; whole numbers are rounded up or down."""
    if a.dtype.kind == "f":
        return a / 2 + b / 2
    if a.dtype.kind == "b":
        return a | b if up else a & b
    return (a | b) - ((a ^ b) >> 1) if up else (a & b) + ((a ^ b) >> 1)


def _check(path: Path, shape: tuple[int, ...], axes: str, dtype: np.dtype, version: str, labels: bool) -> None:
    if path.suffix.lower() != ".zarr":
        raise RequestError(f"{path}: the name of an OME-Zarr ends in .zarr; choose such a name.")
    if version not in VERSIONS:
        raise RequestError(f"OME-Zarr version {version} cannot be written; choose {' or '.join(VERSIONS)}.")
    if "".join(a for a in "TCZYX" if a in axes) != axes or not axes.endswith("YX") or len(axes) != len(shape):
        raise RequestError(
            f"OME-Zarr needs one letter of TCZYX, in this order, for each dimension; '{axes}' does not fit {shape}."
        )
    if 0 in shape:
        raise RequestError(f"{path}: an image of shape {shape} holds no pixels.")
    if dtype.kind not in "biuf" or (labels and dtype.kind not in "iu"):
        raise RequestError(f"{path}: {dtype} cannot be the type of {'labels' if labels else 'pixels'}.")


def _new_array(
    group: zarr.Group, name: str, shape: Sequence[int], chunks: Sequence[int], dtype: Any, axes: str, version: str
) -> zarr.Array:
    if version == "0.4":
        return group.create_array(
            name, shape=tuple(shape), chunks=tuple(chunks), dtype=dtype, fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )  # fmt: skip
    return group.create_array(
        name, shape=tuple(shape), chunks=tuple(chunks), dtype=dtype, fill_value=0,
        compressors=ZstdCodec(level=3), dimension_names=[a.lower() for a in axes],
    )  # fmt: skip


def _window(array: zarr.Array) -> tuple[float, float]:
    """Darkest and brightest value of the coarsest level, chunk by chunk."""
    low, high = np.inf, -np.inf
    for block in blocks(array.shape, array.chunks):
        values = np.asarray(array[block])
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 1.0)
