"""Which two-dimensional pictures of an image are segmented: every time point, one channel, z as asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image

Z_CHOICES = ("each", "max", "best-focus")
"""What to do with a z stack: every slice on its own, the brightest value of each pixel, the sharpest slice."""

_NUCLEI = re.compile(r"dapi|hoechst|h2b|dna|nucle|nuclei|draq|syto|to-?pro|histone", re.IGNORECASE)
_RGB = ("red", "green", "blue")

Index = dict[str, int | str]
"""Where a plane comes from: axis letter to position, or ``"max"`` for a projection over Z."""


def choose_planes(
    image: Image, *, channel: str | int | None = None, z: str = "each", all_channels: bool = False
) -> tuple[list[Index], list[str]]:
    """The planes that will be segmented, without reading their pixels.

    Parameters
    ----------
    image : Image
        Any axes; Y and X are needed.
    channel : str or int, optional
        A channel's name or its number, counted from 0; for a colour picture also ``red``, ``green``, ``blue``.
        Without it the channel whose name says nuclei is taken, else the first.
    z : {"each", "max", "best-focus"}
        What to do with a z stack. ``best-focus`` reads all slices to find the sharpest one of each time point.
    all_channels : bool
        Keep all channels together, for a model that looks at several.

    Returns
    -------
    planes : list of dict
        For each plane the index to give to :func:`read_plane`; T first, then Z.
    notes : list of str
        What was assumed, in sentences.

    Raises
    ------
    InputError
        Where the image has no Y and X, no pixels, or no such channel.
    RequestError
        Where ``z`` is none of the choices.
    """
    if z not in Z_CHOICES:
        raise RequestError(f"z must be one of {', '.join(Z_CHOICES)}; got '{z}'.")
    _check(image)
    notes: list[str] = []
    fixed: Index = {}
    if channel is not None or not all_channels:
        fixed = _channel(image, channel, notes)
    positions = []
    for t in range(image.size("T")) if "T" in image.axes else [None]:
        at: Index = {} if t is None else {"T": t}
        positions += [at | fixed | where for where in _z_positions(image, at | fixed, z)]
    if image.size("T") > 1:
        notes.append(f"{image.size('T')} time points, each segmented on its own; objects are not followed over time.")
    if image.size("Z") > 1:
        said = {
            "each": "each slice segmented on its own; --z max or --z best-focus (z= in Python) gives one result",
            "max": "segmented in the maximum projection",
            "best-focus": "segmented in the sharpest one"
            + (f" (slice {positions[0]['Z']})" if image.size("T") == 1 else " of each time point"),
        }[z]
        notes.append(f"{image.size('Z')} z slices, {said}.")
    return positions, notes


def read_plane(image: Image, index: Index) -> Image:
    """One plane of an image, read from its file.

    Parameters
    ----------
    image : Image
        The whole image.
    index : dict
        Which plane, as :func:`choose_planes` says it: axis letter to position, or ``"max"`` over Z.

    Returns
    -------
    Image
        Axes YX; YXS for a colour picture, CYX where all channels are kept.
    """
    index = dict(index)
    project = index.pop("Z", None) if index.get("Z") == "max" else None
    sample = index.pop("S", None)
    plane = image.take(**{axis: int(at) for axis, at in index.items()})
    if project is not None:
        plane = plane.project()
    if sample is not None:
        plane = plane.take(S=int(sample))
    order = "".join(axis for axis in "CYXS" if axis in plane.axes)
    if plane.axes == order and "C" not in order:
        return plane
    data = plane.array(order)
    if "C" in order and data.shape[0] == 1:
        data, order = data[0], order[1:]
    return _like(plane, data, order)


def _like(image: Image, data: np.ndarray, axes: str) -> Image:
    sizes = {axis: size for axis, size in image.pixel_size.items() if axis in axes}
    return Image(data, axes, sizes, image.channels, image.name, image.source, image.notes)


def _check(image: Image) -> None:
    if "Y" not in image.axes or "X" not in image.axes:
        raise InputError(
            f"{image.name}: axes {image.axes} have no Y and X; name the axes with --axes (axes= in Python), for "
            "example --axes ZYX."
        )
    if 0 in image.shape:
        raise InputError(f"{image.name}: the image is empty (shape {image.shape}).")


def _channel(image: Image, channel: str | int | None, notes: list[str]) -> Index:
    """The position on C, or on S where one colour of a colour picture is asked for."""
    n = image.size("C")
    if "C" not in image.axes or n == 1:
        at: Index = {"C": 0} if "C" in image.axes else {}
        if channel is None:
            return at
        if "S" in image.axes:
            return at | {"S": _number(image, channel, _RGB[: image.size("S")], image.size("S"))}
        _number(image, channel, image.channels, 1)
        return at
    if channel is not None:
        return {"C": _number(image, channel, image.channels, n)}
    chosen, why = nuclei_channel(image, "was segmented")
    notes.append(why)
    return {"C": chosen}


def nuclei_channel(image: Image, done: str) -> tuple[int, str]:
    """The channel that is taken where none is named, and a sentence that says so; empty where there is only one.

    Parameters
    ----------
    image : Image
        Of one channel or more.
    done : str
        What is done to the channel, for the sentence: "was segmented".
    """
    n = image.size("C")
    if n == 1:
        return 0, ""
    names = [image.channels[i] if i < len(image.channels) else "" for i in range(n)]
    named = [i for i, name in enumerate(names) if _NUCLEI.search(name)]
    chosen = named[0] if named else 0
    shown = f"{chosen} ('{names[chosen]}')" if names[chosen] else f"{chosen}"
    why = "because its name says nuclei" if named else "because it is the first"
    return chosen, f"{n} channels; channel {shown} {done} {why}; choose another with --channel (channel= in Python)."


def _number(image: Image, channel: str | int, names: Sequence[str], n: int) -> int:
    text = str(channel).strip()
    folded = [name.casefold() for name in names]
    if text.casefold() in folded:
        return folded.index(text.casefold())
    if text.isdecimal() and int(text) < n:
        return int(text)
    raise InputError(f"{image.name}: there is no channel '{text}'; it has {_known(names, n)}.")


def _known(names: Sequence[str], n: int) -> str:
    """The channels in words: one channel, 0 (DAPI); 2 channels, 0 and 1."""
    *most, last = [f"{i} ({names[i]})" if i < len(names) and names[i] else str(i) for i in range(n)]
    if not most:
        return f"one channel, {last}"
    if n > 4 and not any(names):
        return f"{n} channels, 0 to {last}"
    return f"{n} channels, {', '.join(most)} and {last}"


def _z_positions(image: Image, at: Index, z: str) -> list[Index]:
    if "Z" not in image.axes:
        return [{}]
    n = image.size("Z")
    if n == 1:
        return [{"Z": 0}]
    if z == "each":
        return [{"Z": k} for k in range(n)]
    if z == "max":
        return [{"Z": "max"}]
    return [{"Z": int(np.argmax([_focus(read_plane(image, at | {"Z": k})) for k in range(n)]))}]


def looks_like_labels(plane: Image) -> bool:
    """Whether a plane has flat regions of several whole numbers on a background of 0, as no camera makes them."""
    if plane.axes != "YX" or plane.dtype.kind not in "iu" or plane.size("X") < 2:
        return False
    data = plane.array()[:2048, :2048]
    inside = data[:, :-1] > 0
    if data.min() != 0 or not inside.any():
        return False
    flat = np.count_nonzero(inside & (data[:, :-1] == data[:, 1:])) / np.count_nonzero(inside)
    empty = np.count_nonzero(data == 0) / data.size
    return bool(flat > 0.8 and empty > 0.05 and len(np.unique(data)) > 3)


def _focus(plane: Image) -> float:
    from micrographia.features.quality import focus_score

    data = plane.array().astype(np.float32)
    while data.ndim > 2:
        data = data.mean(axis=0 if plane.axes[0] == "C" else -1)
    return focus_score(data)
