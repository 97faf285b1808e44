"""Pixels as Micrographia wants them: native byte order, real numbers, at least one of them, none of them damaged."""

from __future__ import annotations

import atexit
import contextlib
from functools import cache
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.pixel_range import check_range


class StoredPixels:
    """Pixels that stay on disk: read only where they are indexed, and checked there.

    Parameters
    ----------
    array : zarr.Array
        The pixels; also an attribute, for what needs more of it than indexing.
    name : str
        For messages.
    """

    def __init__(self, array: Any, name: str) -> None:
        self.array, self.name = array, name
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        self.chunks: tuple[int, ...] = tuple(array.chunks)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """A part of the pixels, as the array gives it.

        Raises
        ------
        InputError
            Where the part is damaged, cannot be read, or holds values that are too large.
        """
        try:
            found = self.array[key]
        except (IndexError, MemoryError):
            raise
        except Exception as error:  # every compression raises what it likes
            _stop_reading_at_exit()
            if isinstance(error, OSError) and error.strerror:
                raise InputError(f"{self.name} cannot be read: {error.strerror}.") from error
            raise InputError(f"{self.name}: a part of this image is damaged; export it again.") from error
        if self.dtype.kind == "f":
            check_range(np.asarray(found), self.name)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Pixels on disk cannot become an array without a copy.")
        return np.asarray(self[...], dtype)

    def __repr__(self) -> str:
        return f"StoredPixels({self.name!r}, shape={self.shape}, dtype={self.dtype})"


@cache
def _stop_reading_at_exit() -> None:
    """After a damaged part zarr still reads those beside it; a program that ends meanwhile would print tracebacks."""
    atexit.register(_stop_reading)


def _stop_reading() -> None:
    with contextlib.suppress(Exception):  # not a public part of zarr
        from zarr.core.sync import sync

        sync(_cancelled(), timeout=5)


async def _cancelled() -> None:
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def checked_pixels(data: Any, name: str) -> np.ndarray | StoredPixels:
    """The same pixels in native byte order; lazy data are checked where they are indexed.

    Raises
    ------
    InputError
        Where there are no pixels, they are not real numbers, or some are too large for float32.
    """
    dtype = np.dtype(data.dtype)
    if 0 in tuple(data.shape):
        raise InputError(f"{name} holds no pixels (its shape is {tuple(data.shape)}); export it again.")
    if dtype.kind == "c":
        raise InputError(
            f"{name} holds complex numbers ({dtype}); save its magnitude or its phase as an image and use that."
        )
    if dtype.kind not in "biuf":
        raise InputError(f"{name} holds {dtype}, not numbers that could be pixels.")
    if not isinstance(data, np.ndarray):
        return StoredPixels(data, name)
    check_range(data, name)
    return data if dtype.isnative else data.astype(dtype.newbyteorder("="))
