"""Memory for what lies between two steps, taken from the system once and used again.

Fresh pages are slow, since the system clears each of them: a third of the feature bank's time went there before it used
its pages again.
"""

from __future__ import annotations

import math

import numpy as np


class Scratch:
    """Arrays by name. One object serves one thread, as long as its arrays are in use.

    Examples
    --------
    >>> scratch = Scratch()
    >>> scratch.array("gradient", (2, 3)).shape
    (2, 3)
    """

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], kind: type | np.dtype = np.float32) -> np.ndarray:
        """A contiguous array with any content; the array taken before under this name is no longer valid."""
        size = math.prod(shape)
        kept = self._kept.get(name)
        if kept is None or kept.size < size or kept.dtype != kind:
            kept = self._kept[name] = np.empty(size, kind)
        return kept[:size].reshape(shape)
