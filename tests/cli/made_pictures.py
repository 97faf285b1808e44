"""Pictures that the tests of the commands make."""

from __future__ import annotations

from typing import Any

import numpy as np


def spots(shape: tuple[int, int] = (64, 64), n: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    """A dark picture with ``n`` bright squares."""
    picture = np.full(shape, 10, dtype)
    for k in range(n):
        picture[5:15, 5 + 20 * k : 15 + 20 * k] = 200
    return picture
