"""The channels of an image as a pixel classifier reads them: by windows, channels first, finite float32."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.axes import plan_axes

LARGEST = 1e18
"""Features square the intensities in 32 bits, which hold numbers up to about 1e38."""

_COLOURS = ("red", "green", "blue")
_UNNAMED = re.compile(r"intensity|channel \d+")
"""What channels without names are called."""


class ImageChannels:
    """An image of any axes as planes (C, Y, X) or volumes (C, Z, Y, X), read only where asked.

    Time points, and z slices where the classifier looks at planes, are positions of a stack, each on its own. The
    fourth sample of a colour picture (alpha) is left out.

    Parameters
    ----------
    image : Image or array
        An array may be (Y, X), (Y, X, 3) or (C, Y, X) with few channels, (Z, Y, X) otherwise; for volumes (Z, Y, X)
        or (C, Z, Y, X). An Image says itself what it has, and may be lazy.
    dimensions : {2, 3}
        Whether planes or volumes are looked at.
    count : int, optional
        Number of channels, where it is known: an array with so many entries along its first axis has its channels
        there.

    Attributes
    ----------
    names : tuple of str
        Name of each channel.
    shape : tuple of int
        (Y, X) or (Z, Y, X).
    stack_axes : str
        ``"T"``, ``"Z"``, ``"TZ"`` or ``""``.
    stack_shape : tuple of int
        Length of each of them.

    Raises
    ------
    InputError
        Where the image does not have these axes, holds no pixels, or its pixels are no intensities.
    """

    def __init__(self, image: Image | np.ndarray, dimensions: int = 2, count: int | None = None) -> None:
        image = image if isinstance(image, Image) else _named(image, dimensions, count)
        self.image, self.dimensions, self.title = image, dimensions, image.name
        self.space = "YX" if dimensions == 2 else "ZYX"
        if missing := set(self.space) - set(image.axes):
            need = "volumes (Z, Y, X)" if missing == {"Z"} else "images with Y and X"
            raise InputError(f"{self.title}: axes {image.axes}, but this classifier looks at {need}.")
        if 0 in image.shape:
            raise InputError(f"{self.title}: the image is empty (shape {image.shape}).")
        if image.dtype.kind not in "buif":
            raise InputError(f"{self.title}: pixels of type {image.dtype} are not intensities.")
        if "C" in image.axes and image.size("S") > 1:
            raise InputError(f"{self.title}: axes {image.axes} have both channels and colours; choose one of them.")
        self.shape = tuple(image.size(axis) for axis in self.space)
        self.stack_axes = "".join(a for a in "TZ" if a not in self.space and image.size(a) > 1)
        self.stack_shape = tuple(image.size(axis) for axis in self.stack_axes)
        self._axis = "S" if image.size("S") > 1 else "C" if "C" in image.axes else ""
        self.names = _channel_names(image, self._axis)
        self._chosen: tuple[int, ...] | None = None
        self.not_finite, self._assumed = False, ""

    @property
    def lazy(self) -> bool:
        """Whether the pixels are read from disk where asked."""
        return not isinstance(self.image.data, np.ndarray)

    @property
    def positions(self) -> list[tuple[int, ...]]:
        """Every position of the stack; one empty position where there is no stack."""
        return list(np.ndindex(*self.stack_shape))

    @property
    def notes(self) -> list[str]:
        """What was assumed of the channels, and found and changed while reading, in sentences."""
        changed = "Pixels that are not numbers (NaN or infinite) were taken as 0." if self.not_finite else ""
        return [note for note in (self._assumed, changed) if note]

    def choose(self, wanted: Sequence[str]) -> ImageChannels:
        """The same image with some of its channels, by name or by number from 0, in the order given.

        Raises
        ------
        InputError
            Where there is no such channel.
        """
        found = []
        folded = [name.casefold() for name in self.names]
        for text in map(str, wanted):
            if text.casefold() in folded:
                found.append(folded.index(text.casefold()))
            elif text.isdecimal() and int(text) < len(self.names):
                found.append(int(text))
            else:
                known = ", ".join(f"{i} ({name})" for i, name in enumerate(self.names))
                raise InputError(f"{self.title}: there is no channel '{text}'; it has {known}.")
        return self._only(found)

    def matching(self, learned: Sequence[str]) -> ImageChannels:
        """The channels that a classifier has learned from, found (or refused) as by `same_channels`."""
        numbers, note = same_channels(self.names, learned, self.title, "--channels (channels= in Python)")
        found = self._only(numbers)
        found._assumed = note
        return found

    def like(self, first: ImageChannels) -> ImageChannels:
        """The channels of the first of the images that are learned from, found (or refused) as by `same_channels`."""
        numbers, note = same_channels(
            self.names, first.names, self.title, than=f"the first image, {first.title}, has",
            remedy="give all images the same channels, or learn from one of them: --channel (Image.take in Python)",
        )  # fmt: skip
        found = self._only(numbers)
        found._assumed = note
        return found

    def read(self, at: Sequence[int], window: Block) -> np.ndarray:
        """Pixels of a window, channels first, as float32; what is no number is 0.

        Parameters
        ----------
        at : sequence of int
            Position in the stack.
        window : tuple of slice
            One for each axis of `shape`.

        Raises
        ------
        InputError
            Where intensities are beyond `LARGEST`.
        """
        if self._chosen is None or not self._axis:
            parts = slice(0, 3) if self._axis == "S" else slice(None)
            data = self._read(at, window, parts)
        else:
            data = np.stack([self._read(at, window, k) for k in self._chosen])
        if data.dtype.kind == "f":
            if not (finite := np.isfinite(data)).all():
                self.not_finite = True
                data = np.where(finite, data, data.dtype.type(0))
            if (highest := float(max(data.max(initial=0), -data.min(initial=0)))) > LARGEST:
                raise InputError(
                    f"{self.title}: its intensities are too large (up to {highest:.4g}); divide them by a number that "
                    f"leaves them below {LARGEST:g}."
                )
        return np.ascontiguousarray(data, np.float32)

    def _read(self, at: Sequence[int], window: Block, channel: int | slice) -> np.ndarray:
        here = dict(zip(self.stack_axes, at, strict=True)) | dict(zip(self.space, window, strict=True))
        axes = self.image.axes
        key = tuple(channel if axis == self._axis else here.get(axis, 0) for axis in axes)
        data = np.asarray(self.image.data[key])
        left = [axis for axis, k in zip(axes, key, strict=True) if isinstance(k, slice)]
        order = ([self._axis] if isinstance(channel, slice) and self._axis else []) + list(self.space)
        data = data.transpose([left.index(axis) for axis in order])
        return data if self._axis else data[None]

    def _only(self, numbers: Sequence[int]) -> ImageChannels:
        if list(numbers) == list(range(len(self.names))):
            return self
        chosen = ImageChannels(self.image, self.dimensions)
        before = self._chosen or tuple(range(len(self.names)))
        chosen._chosen = tuple(before[k] for k in numbers)
        chosen.names, chosen.title = tuple(self.names[k] for k in numbers), self.title
        return chosen


def learned_channels(
    x: Image | np.ndarray, dimensions: int, learned: Sequence[str], chosen: Sequence[str] = ()
) -> ImageChannels:
    """The channels of an image that a model looks at.

    Parameters
    ----------
    x : Image or array
        As `ImageChannels` takes it.
    dimensions : {2, 3}
        Whether planes or volumes are looked at.
    learned : sequence of str
        Names of the channels that were learned from.
    chosen : sequence of str
        Which channels stand for them, by name or number from 0, in their order; otherwise those of the same names, else
        all in their order, which a note then says.

    Raises
    ------
    InputError
        Where the image does not have them.
    """
    found = ImageChannels(x, dimensions, None if chosen else len(learned))
    if chosen:
        found = found.choose(chosen)
        if len(found.names) == len(learned):  # whatever their names: they were chosen in this order
            return found
    return found.matching(learned)


def notes_of_images(notes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Notes, given as pairs of an image's name and a sentence: each sentence once, after the first of its images."""
    images: dict[str, list[str]] = {}
    for name, note in notes:
        images.setdefault(note, []).append(name)
    return tuple(
        f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: {note}" for note, names in images.items()
    )


def same_channels(
    here: Sequence[str],
    learned: Sequence[str],
    title: str,
    choose: str = "",
    *,
    than: str = "the model was trained on",
    remedy: str = "give it an image with the same channels",
) -> tuple[list[int], str]:
    """Which of an image's channels a model was trained on: those of the same names, else all in their order.

    Parameters
    ----------
    here, learned : sequence of str
        Names of the image's channels, and of those that were learned from.
    title : str
        The image, for the message.
    choose : str
        How channels can be chosen, for the messages.
    than, remedy : str
        What has the channels `learned`, and what to do where they differ, for the message.

    Returns
    -------
    numbers : list of int
        The image's channels, in the order of those that were learned from.
    note : str
        Says that the order was trusted against the names; empty where it was not, or where there are no names.

    Raises
    ------
    InputError
        Where the image has others or fewer; the message names them.
    """
    folded, wanted = ([name.casefold() for name in names] for names in (here, learned))
    if len(set(folded)) == len(folded) and set(wanted) <= set(folded):
        return [folded.index(name) for name in wanted], ""
    if len(here) != len(learned):
        hint = f", or choose them with {choose}" if choose else ""
        raise InputError(f"{title} has {_counted(here)}, but {than} {_counted(learned)}; {remedy}{hint}.")
    named = [not all(map(_UNNAMED.fullmatch, names)) for names in (here, learned)]
    note = ""
    if folded != wanted and (all(named) or (any(named) and len(here) > 1)):
        hint = f"; to choose others, use {choose}" if choose else ""
        note = (
            f"The names of the channels differ: {', '.join(here)} took the place of {', '.join(learned)}, which "
            f"{than}{hint}."
        )
    return list(range(len(here))), note


def _named(data: np.ndarray, dimensions: int, count: int | None) -> Image:
    data = np.asarray(data)
    if data.ndim == dimensions + 1 and data.shape[0] == count:
        return Image(data, "CZYX" if dimensions == 3 else "CYX")
    if dimensions == 3 and data.ndim in (3, 4):
        return Image(data, "CZYX"[-data.ndim :])
    shape, axes, _ = plan_axes(data.shape, None, "image")
    return Image(data.reshape(shape), axes)


def _channel_names(image: Image, axis: str) -> tuple[str, ...]:
    count = image.size(axis) if axis else 1
    if axis == "S":
        return _COLOURS[: min(count, 3)]
    if len(image.channels) == count:
        return tuple(name or f"channel {i}" for i, name in enumerate(image.channels))
    return ("intensity",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} channel{'s' * (len(names) != 1)} ({', '.join(names)})"
