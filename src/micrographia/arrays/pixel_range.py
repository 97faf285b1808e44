"""Whether pixel values are within single precision, in which every network and most filters compute."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError

LARGEST = float(np.finfo(np.float32).max)
"""3.4e38; beyond it a float32 is infinite."""


def check_range(data: np.ndarray, name: str) -> None:
    """Refuse numbers that float32 cannot hold; NaN and infinity are let through, since they are left out later.

    Parameters
    ----------
    data : array
        Pixels of any type and shape; looked at only where the type can hold larger numbers than float32.
    name : str
        For the message.

    Raises
    ------
    InputError
        Where a finite value is above `LARGEST`.
    """
    if data.dtype.kind != "f" or data.dtype.itemsize <= 4 or not data.size:
        return
    reach = max(np.fmax.reduce(data, axis=None), -np.fmin.reduce(data, axis=None))
    if not reach > LARGEST:  # none, or nothing but NaN
        return
    if np.isinf(reach):
        reach = np.max(np.abs(data), initial=0.0, where=np.isfinite(data))
    if reach > LARGEST:
        raise InputError(
            f"{name} holds values that are too large ({reach:.3g}; pixels reach at most {LARGEST:.2g}); divide the "
            "image by a constant, or save pixels that have no value as NaN."
        )
