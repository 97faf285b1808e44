"""The pixels of a plane, channels first, read by windows."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.arrays.normalize import sample


class Plane:
    """A plane as (C, Y, X), read by windows; NaN and infinity are left to `normalise`.

    Parameters
    ----------
    image : Image or array
        Axes YX, YXS, SYX or CYX; the fourth sample of a colour picture (alpha) is left out.

    Raises
    ------
    InputError
        Where the axes are others, or the pixels are no intensities.
    """

    def __init__(self, image: Image | np.ndarray) -> None:
        if not isinstance(image, Image):
            data = np.asarray(image)
            image = Image(data, "YXS" if data.ndim == 3 and data.shape[2] in (3, 4) else "YX"[-data.ndim :])
        axes = image.axes
        if axes not in ("YX", "YXS", "CYX", "SYX"):
            raise InputError(f"{image.name}: axes '{axes}'; one plane has YX, YXS (colour) or CYX.")
        if image.dtype.kind not in "buif":
            raise InputError(f"{image.name}: pixels of type {image.dtype} are not intensities.")
        self.image, self.name = image, image.name
        self.shape = (image.size("Y"), image.size("X"))
        self._y = axes.index("Y")
        self._stacked = axes[0] if axes[0] in "CS" else (axes[2] if len(axes) == 3 else "")
        samples = image.size(self._stacked) if self._stacked else 1
        self.count = 3 if self._stacked == "S" and samples == 4 else samples

    def read(self, window: tuple[slice, slice]) -> np.ndarray:
        """Pixels (C, y, x) of the part of a window that lies in the plane."""
        rows, columns = (slice(w.start, min(w.stop, n)) for w, n in zip(window, self.shape, strict=True))
        key = (rows, columns) if self._y == 0 else (slice(None), rows, columns)
        return self._first(np.asarray(self.image.data[key]))

    def sample(self) -> np.ndarray:
        """Pixels (C, y, x) on a lattice, float32 and finite."""
        return self._first(sample(self.image.data, (self._y, self._y + 1)))

    def _first(self, data: np.ndarray) -> np.ndarray:
        if not self._stacked:
            return data[None]
        return (np.moveaxis(data, 2, 0) if self._y == 0 else data)[: self.count]


def repeated(pixels: np.ndarray, count: int) -> np.ndarray:
    """Pixels (count, Y, X): as they are, or one channel repeated."""
    return pixels if len(pixels) == count else np.ascontiguousarray(np.broadcast_to(pixels, (count, *pixels.shape[1:])))
