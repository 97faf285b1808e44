"""The files that are measured: labels whose numbers are those of objects, and the image they were drawn on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.object_numbers import check_numbered
from micrographia.io.reading import read, read_labels


def read_measured(labels: Path, image: Path | None, axes: str | None = None) -> tuple[Image, Image | None, str]:
    """Labels whose objects can be measured, their image, and a doubt about the labels, to be said.

    The doubt is that of `check_numbered`: a mask may be one object, or several. It is empty where there is none.

    Parameters
    ----------
    labels, image : Path
    axes : str, optional
        Axes of a label file that does not name them.

    Raises
    ------
    InputError
        Where a file cannot be read, the labels surely do not number objects (`check_numbered`), or the image has slices
        or time points among which labels without such an axis do not say theirs.
    """
    found = read_labels(labels, axes=axes)
    doubt = check_numbered(replace(found, name=labels.name), masks=True)
    if image is None:
        return found, None, doubt
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
    return found, pixels, doubt
