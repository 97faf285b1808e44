"""Images whose channels, planes or times are files of their own, as screening microscopes write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.io.find import image_stem, natural_order
from micrographia.io.reading import read

AXES = {"t": "T", "channel": "C", "z": "Z"}
"""Groups of a pattern that say where in its image a file belongs, and the axis of each; in the order of axes."""


@dataclass(frozen=True)
class SpreadImage:
    """One image that is spread over several files.

    Parameters
    ----------
    name : str
        What the image is called.
    axes : str
        The axes that files are numbered along, of ``"TCZ"``.
    values : tuple of tuple of str
        The values along each of these axes, in natural order, for all images of the pattern.
    files : dict
        One value for each axis to the file that holds it.
    """

    name: str
    axes: str
    values: tuple[tuple[str, ...], ...]
    files: dict[tuple[str, ...], Path]


def spread_images(paths: Iterable[str | Path], pattern: str) -> list[SpreadImage]:
    r"""Sort files into the images that they are parts of, by their names.

    Parameters
    ----------
    paths : iterable of paths
        The files.
    pattern : str
        A regular expression that is searched for in the name without suffix. Its groups ``channel``, ``z`` and ``t``
        say which part a file is. The image's name is what is left when the pattern's match is replaced by its other
        groups: ``Channel(?P<channel>\d)-`` makes ``01-A-01`` of ``Channel2-01-A-01.tif``.

    Returns
    -------
    list of SpreadImage
        In natural order of their names.

    Raises
    ------
    RequestError
        Where the pattern is no regular expression or has none of these groups.
    InputError
        Where it does not fit a name, two files are the same part of an image, or nothing is left as a name.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise RequestError(f"'{pattern}' is no regular expression: {error}.") from error
    groups = [group for group in AXES if group in compiled.groupindex]
    if not groups:
        raise RequestError(
            rf"'{pattern}' names no part; it needs a group such as (?P<channel>\d), (?P<z>\d) or (?P<t>\d)."
        )
    images: dict[str, dict[tuple[str, ...], Path]] = {}
    for path in map(Path, paths):
        stem = image_stem(path)
        match = compiled.search(stem)
        if match is None:
            raise InputError(
                f"{path.name}: the pattern '{pattern}' does not fit this name (without its ending: {stem})."
            )
        others = "".join(text or "" for group, text in match.groupdict().items() if group not in AXES)
        name = (stem[: match.start()] + others + stem[match.end() :]).strip("_- .")
        if not name:
            raise InputError(
                f"{path.name}: the pattern '{pattern}' takes the whole name; put what tells images apart into a group "
                "of its own, such as (?P<well>...)."
            )
        part = tuple(match[group] or "" for group in groups)
        other = images.setdefault(name, {}).setdefault(part, path)
        if other is not path:
            said = ", ".join(f"{group} {value}" for group, value in zip(groups, part, strict=True))
            raise InputError(f"{other} and {path} are both {said} of the image {name}.")
    every = [{part[k] for parts in images.values() for part in parts} for k in range(len(groups))]
    values = tuple(tuple(sorted(one, key=natural_order)) for one in every)
    axes = "".join(AXES[group] for group in groups)
    return [SpreadImage(name, axes, values, images[name]) for name in sorted(images, key=natural_order)]


def join(image: SpreadImage, channels: Sequence[str] = ()) -> Image:
    """Read the files of one image and put them together.

    Parameters
    ----------
    image : SpreadImage
        As `spread_images` returns it.
    channels : sequence of str
        Names of the channels in the natural order of what the files call them; these where not given.

    Returns
    -------
    Image
        Axes in the order T, C, Z, Y, X; pixel size as the first file has it.

    Raises
    ------
    InputError
        Where a part is missing, a file cannot be read, holds colours or an axis that files are numbered along, or
        differs in shape or type of pixels from the others.
    RequestError
        Where there are more or fewer names than channels.
    """
    found = image.values[image.axes.index("C")] if "C" in image.axes else ()
    if channels and len(channels) != len(found):
        given = f"{len(channels)} channel name{'s' * (len(channels) != 1)}"
        raise RequestError(f"{given}, but the files have {len(found)}: {', '.join(found)}.")
    parts: list[np.ndarray] = []
    first: Image | None = None
    for part in product(*image.values):
        if part not in image.files:
            said = ", ".join(f"{_group(a)} {value}" for a, value in zip(image.axes, part, strict=True))
            raise InputError(f"{image.name}: there is no file of {said}.")
        one = read(image.files[part])
        first = first or one
        again = [a for a in one.axes if a in f"{image.axes}S" and one.size(a) > 1]
        if again:
            what = "colours" if again == ["S"] else f"several {', '.join(map(_group, again))}"
            raise InputError(f"{image.files[part].name} holds {what} itself; it cannot be a part of {image.name}.")
        kept = "".join(a for a in one.axes if a not in f"{image.axes}S")
        pixels = one.array(kept)
        if parts and (pixels.shape, pixels.dtype) != (parts[0].shape, parts[0].dtype):
            raise InputError(
                f"{image.files[part].name} is {pixels.dtype} {pixels.shape}, but {Path(first.source).name} is "
                f"{parts[0].dtype} {parts[0].shape}."
            )
        parts.append(pixels)
    assert first is not None
    inner = "".join(a for a in first.axes if a not in f"{image.axes}S")
    stacked = np.stack(parts).reshape(*map(len, image.values), *parts[0].shape)
    axes = "".join(a for a in "TCZYX" if a in image.axes + inner)
    names = tuple(channels or found) or first.channels
    joined = Image(stacked, image.axes + inner, first.pixel_size, names, name=image.name, source=first.source)
    return replace(joined, data=joined.array(axes), axes=axes)


def _group(axis: str) -> str:
    return next((group for group, letter in AXES.items() if letter == axis), axis)
