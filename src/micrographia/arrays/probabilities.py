"""Probabilities as they are given or stored: numbers from 0 to 1, or spread over all values of uint8 or uint16."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError

_ROUNDING = 1e-3
"""So far beyond 0 and 1 a probability may lie: a softmax in 16 bits does."""


def as_probabilities(values: np.ndarray, name: str = "The probabilities", *, missing: bool = False) -> np.ndarray:
    """Probabilities as float32, 0 to 1.

    Parameters
    ----------
    values : array
        0 to 1; as uint8 or uint16 spread over 0 to 255 or 65,535.
    name : str
        For the messages, which it begins.
    missing : bool
        Let NaN through.

    Returns
    -------
    float32 array

    Raises
    ------
    InputError
        Where they are no numbers from 0 to 1.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise InputError(f"{name} are no numbers, but of the type {values.dtype}.")
    stored = values.dtype.kind == "u" and values.dtype.itemsize <= 2
    with np.errstate(over="ignore"):
        found = values.astype(np.float32, copy=False)
    if stored:
        found = found / np.float32(np.iinfo(values.dtype).max)
    low, high = float(found.min(initial=0)), float(found.max(initial=0))
    if not missing and not np.isfinite([low, high]).all():
        raise InputError(f"{name} hold pixels that are not numbers (NaN or infinite).")
    if np.isnan(low):
        low, high = float(np.fmin.reduce(found, axis=None)), float(np.fmax.reduce(found, axis=None))
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise InputError(
            f"{name} must lie between 0 and 1 (as uint8 or uint16: 0 and their highest value); these reach from "
            f"{low:.4g} to {high:.4g}."
        )
    return found
