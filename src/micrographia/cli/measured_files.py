"""The files that are measured: labels whose numbers are those of objects, and the image they were drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from micrographia.arrays.blocks import blocks
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.reading import read, read_labels

_BLOCK = 2048


def read_measured(labels: Path, image: Path | None, axes: str | None = None) -> tuple[Image, Image | None]:
    """Labels whose objects can be measured, and their image.

    Parameters
    ----------
    labels, image : Path
    axes : str, optional
        Axes of a label file that does not name them.

    Raises
    ------
    InputError
        Where a file cannot be read, the labels hold negative numbers, or the image has slices or time points among
        which labels without such an axis do not say theirs.
    """
    found = read_labels(labels, axes=axes)
    refuse_negative(found, labels.name)
    if image is None:
        return found, None
    pixels = read(image)
    for axis, many, one, how in (
        ("Z", "z slices", "slice or projection", ", or segment every slice (segment --z each)"),
        ("T", "time points", "time point", ""),
    ):
        if axis not in found.axes and pixels.size(axis) > 1:
            raise InputError(
                f"{image.name} has {pixels.size(axis)} {many}, but its labels {labels.name} have none: they belong to "
                f"one {one}. Measure them on that {one}, stored as an image of its own{how}."
            )
    return found, pixels


def refuse_negative(labels: Image, name: str) -> None:
    """Refuse labels below 0, which say in training and in checks that pixels were not annotated.

    Parameters
    ----------
    labels : Image
        Lazy ones are read block by block.
    name : str
        Their file.

    Raises
    ------
    InputError
        Where there are such labels.
    """
    if labels.dtype.kind == "u":
        return
    size = getattr(labels.data, "chunks", [_BLOCK if axis in "YX" else 1 for axis in labels.axes])
    for part in blocks(labels.shape, size):
        lowest = int(np.asarray(labels.data[part]).min(initial=0))
        if lowest < 0:
            raise InputError(
                f"{name} holds the negative number {lowest}, which is no label: objects are numbered from 1. Where it "
                "stands for background or for pixels that were not annotated, write 0 there."
            )
