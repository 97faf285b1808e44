"""Pixels as Micrographia wants them: native byte order, real numbers, at least one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError


def checked_pixels(data: Any, name: str) -> Any:
    """The same pixels in native byte order; lazy data are only checked.

    Raises
    ------
    InputError
        Where there are no pixels, or they are not real numbers.
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
    if isinstance(data, np.ndarray) and not dtype.isnative:
        return data.astype(dtype.newbyteorder("="))
    return data
