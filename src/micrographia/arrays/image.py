"""An image: an array that knows its axes, its pixel size and where it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError

AXES = "TCZYXS"
"""Axis letters: time, channel, z, y, x, and S for the samples of an RGB(A) picture."""

PixelSize = float | Sequence[float] | Mapping[str, float]
"""What :func:`named_sizes` takes."""


@dataclass(frozen=True)
class Image:
    """An n-dimensional picture with named axes.

    Parameters
    ----------
    data : array
        NumPy array, or anything lazy with ``shape``, ``dtype`` and NumPy indexing.
    axes : str
        One letter of ``"TCZYXS"`` for each dimension, in the array's order; small letters become capitals.
    pixel_size : dict
        Axis letter to size: micrometres for Z, Y, X; seconds for T. Empty where unknown. What else
        :func:`named_sizes` takes becomes such a dict.
    channels : tuple of str
        Channel names, one for each entry of C, or one where there is no C; empty where unknown.
    name : str
        The file's stem, or a name for messages.
    source : str
        Path of the file, empty for arrays.
    notes : tuple of str
        What was assumed while reading, in sentences for the user.

    Raises
    ------
    InputError
        Where the data are no array, the axes do not fit them, or a pixel size makes no sense.
    """

    data: Any
    axes: str
    pixel_size: dict[str, float] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    name: str = "image"
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (hasattr(self.data, "shape") and hasattr(self.data, "dtype")):
            raise InputError(
                f"{self.name}: the pixels are an array, not {self.data!r:.80}; numpy.asarray makes one of nested lists."
            )
        if not isinstance(self.axes, str):
            raise InputError(f"{self.name}: the axes are a text such as 'ZYX', not {self.axes!r:.80}.")
        object.__setattr__(self, "axes", self.axes.strip().upper())
        object.__setattr__(self, "pixel_size", named_sizes(self.pixel_size))
        if len(self.axes) != len(self.data.shape):
            raise InputError(
                f"{self.name}: {len(self.data.shape)} dimensions {tuple(self.data.shape)} but "
                f"{len(self.axes)} axes '{self.axes}'; name one letter of {AXES} for each dimension."
            )
        if len(set(self.axes)) != len(self.axes) or set(self.axes) - set(AXES):
            raise InputError(f"{self.name}: axes '{self.axes}' must be different letters of {AXES}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return np.dtype(self.data.dtype)

    def size(self, axis: str) -> int:
        """Length of an axis; 1 where the image does not have it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def take(self, **index: int) -> Image:
        """One position along some axes, which then disappear: ``image.take(T=0, Z=3)``.

        Lazy data are read only there. Axes that the image does not have are ignored.
        """
        key = tuple(index.get(a, slice(None)) for a in self.axes)
        axes = "".join(a for a in self.axes if a not in index)
        data = self.data[key] if any(a in index for a in self.axes) else self.data
        channels = self.channels
        if "C" in index and "C" in self.axes and channels:
            channels = (channels[index["C"]],)
        return replace(self, data=data, axes=axes, channels=channels)

    def project(self) -> Image:
        """The largest value over Z of each pixel; a pixel that is NaN in one slice is known from the others.

        Lazy data are read slice by slice. An image without Z stays as it is.
        """
        if "Z" not in self.axes:
            return self
        slices = (self.take(Z=k).array() for k in range(self.size("Z")))
        projected = next(slices).copy()
        for one in slices:
            np.fmax(projected, one, out=projected)
        sizes = {axis: size for axis, size in self.pixel_size.items() if axis != "Z"}
        return replace(self, data=projected, axes=self.axes.replace("Z", ""), pixel_size=sizes)

    def array(self, axes: str | None = None) -> np.ndarray:
        """The pixels as a NumPy array, in the order of ``axes`` (missing axes become length 1).

        Raises
        ------
        InputError
            Where the image has an axis longer than 1 that ``axes`` leaves out.
        """
        data = np.asarray(self.data[...] if not isinstance(self.data, np.ndarray) else self.data)
        if axes is None:
            return data
        have = self.axes
        for a in [a for a in have if a not in axes]:
            if self.size(a) > 1:
                raise InputError(f"{self.name}: axis {a} has {self.size(a)} entries; choose one of them.")
            data = np.take(data, 0, axis=have.index(a))
            have = have.replace(a, "")
        data = data.transpose([have.index(a) for a in axes if a in have])
        for i, a in enumerate(axes):
            if a not in have:
                data = np.expand_dims(data, i)
        return data


def named_sizes(given: PixelSize | None) -> dict[str, float]:
    """Size of a pixel by axis, from any of the ways to give it.

    Parameters
    ----------
    given : float, (y, x), mapping or None
        Micrometres for Y and X, or a mapping with the keys Z, Y, X (micrometres) and T (seconds), in capitals or not.
        None: nothing is known.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Where it is of another kind, a key is none of these axes, or a size is not a finite number above 0.
    """
    if given is None:
        return {}
    pairs = list(given.items()) if isinstance(given, Mapping) else _for_y_and_x(given)
    size: dict[str, float] = {}
    for key, value in pairs:
        axis = str(key).upper()
        if len(axis) != 1 or axis not in "TZYX" or axis in size:
            raise InputError(
                "A pixel size has each of the axes Z, Y and X (in micrometres) and T (in seconds) once at most, for "
                f"example {{'Y': 0.5, 'X': 0.5}}, not {list(dict(pairs))}."
            )
        try:
            size[axis] = float(value)
        except (TypeError, ValueError):
            raise InputError(f"The pixel size along {axis} must be a number, not {value!r:.80}.") from None
        if not (size[axis] > 0 and math.isfinite(size[axis])):
            raise InputError(f"The pixel size along {axis} must be a finite number above 0, not {size[axis]:g}.")
    return size


def _for_y_and_x(given: Any) -> list[tuple[str, Any]]:
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.shape not in ((), (2,)):
        raise InputError(
            f"A pixel size is one number, (y, x) or a mapping such as {{'Y': 0.5, 'X': 0.5}}, not {given!r:.80}."
        )
    return list(zip("YX", np.broadcast_to(values, 2)))


def refuse_path(given: Any, read: str = "read") -> None:
    """Raise InputError where a path was given for an image; `read` is the function that reads it."""
    if isinstance(given, str | PathLike):
        raise InputError(f'{given} is a path, not an image; read it first: mg.{read}("{given}").')
