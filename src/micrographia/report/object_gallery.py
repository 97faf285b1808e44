"""A page of small pictures of single objects, each with a word about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.report.display import display
from micrographia.report.outlines import ON_BRIGHT, ON_DARK, bright_background, outlined
from micrographia.report.page import jpeg, write_page

_SIDE = 192
_OUTSIDE = 235
"""Grey of what lies beyond the edge of the image."""


def object_picture(
    image: Image, centre: tuple[float, float] | None, side: int, labels: Image | None = None, number: int = 0
) -> np.ndarray:
    """The surroundings of one object, with the contrast of a screen.

    Parameters
    ----------
    image : Image
        Axes Y and X, channels or colour samples in addition; may be lazy.
    centre : (float, float) or None
        Row and column of the object; the middle of the image where None, as for a crop.
    side : int
        Side of the square that is cut, in pixels. The object is in its middle, also at the edge of the image, beyond
        which it is grey; no larger than the image.
    labels : Image, optional
        Axes YX, of the same size; may be lazy. The outline of the object with this `number` is drawn.

    Returns
    -------
    (y, x, 3) uint8 array

    Raises
    ------
    InputError
        Where the image has time or depth, the centre lies outside it, or the labels are of another size.
    """
    if deep := [axis for axis in "TZ" if image.size(axis) > 1]:
        raise InputError(
            f"{image.name}: pictures of objects are cut from planes, and this image has the axis {deep[0]}."
        )
    image = image.take(**{axis: 0 for axis in "TZ" if axis in image.axes})
    side = min(side, max(image.size("Y"), image.size("X")))
    spans, beyond = {}, []
    for axis, at in zip("YX", (None, None) if centre is None else centre):
        size = image.size(axis)
        middle = (size - 1) / 2 if at is None else float(at)
        if not 0 <= middle < size:
            raise InputError(f"{image.name}: an object lies at {middle:.0f} on the axis {axis}, outside the image.")
        first = round(middle) - side // 2 if at is not None else max(0, round(middle) - side // 2)
        spans[axis] = slice(max(0, first), min(size, first + side))
        beyond.append((0, 0) if at is None else (max(0, -first), max(0, first + side - size)))
    cut = image.data[tuple(spans.get(axis, slice(None)) for axis in image.axes)]
    cut = Image(np.asarray(cut), image.axes, name=image.name)
    if labels is not None and labels.shape != (image.size("Y"), image.size("X")):
        raise InputError(f"{image.name}: its labels have another size, {labels.size('X')} x {labels.size('Y')} pixels.")
    marked = np.zeros((cut.size("Y"), cut.size("X")), np.int32)
    if labels is not None:
        marked[:] = np.asarray(labels.data[tuple(spans[axis] for axis in "YX")]) == number
    shown = display(cut, Image(marked, "YX"), largest=_SIDE)
    rgb = shown.rgb
    lines = outlined(shown.marks(Image(marked, "YX")), 1)
    rgb[lines > 0] = (ON_BRIGHT if bright_background(rgb) else ON_DARK)[0]
    scale = rgb.shape[0] / cut.size("Y")
    edges = [(round(before * scale), round(after * scale)) for before, after in beyond]
    return np.pad(rgb, [*edges, (0, 0)], constant_values=_OUTSIDE)


def write_object_gallery(
    path: str | Path, pictures: Sequence[np.ndarray | None], captions: Sequence[tuple[str, str]], title: str
) -> Path:
    """Write the page.

    Parameters
    ----------
    path : path
        The .html file.
    pictures : sequence of (y, x, 3) uint8 arrays or None
        One for each object; None where its image is missing.
    captions : sequence of (str, str)
        Name of each object, and a word about it.
    title : str
        Heading.

    Returns
    -------
    Path
        The file.
    """
    shown = [
        {"picture": "" if rgb is None else jpeg(rgb, _SIDE), "name": name, "text": text}
        for rgb, (name, text) in zip(pictures, captions, strict=True)
    ]
    return write_page(path, "object_gallery.html", title=title, objects=shown)
