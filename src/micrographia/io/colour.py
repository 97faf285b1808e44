"""Colours of printers turned into colours of screens."""

from __future__ import annotations

import numpy as np


def from_cmyk(ink: np.ndarray) -> np.ndarray:
    """RGB from cyan, magenta, yellow and black ink: (1 - ink) (1 - black), without a colour profile.

    Parameters
    ----------
    ink : ndarray
        (..., 4), unsigned integers, 0 no ink, the type's maximum full ink.

    Returns
    -------
    ndarray
        (..., 3), same type.
    """
    top = float(np.iinfo(ink.dtype).max)
    light = 1.0 - ink.astype(np.float32) / top
    return np.rint(light[..., :3] * light[..., 3:] * top).astype(ink.dtype)
