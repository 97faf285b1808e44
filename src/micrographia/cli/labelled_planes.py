"""Images with their label images as planes, for training and for checking."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.datasets import Dataset, Item
from micrographia.io.reading import read, read_labels
from micrographia.segment.planes import choose_planes, read_plane


@dataclass(frozen=True)
class LabelledPlane:
    """One plane: pixels (YX, YXS or CYX) and labels (Y, X), with a name, the groups of its image, and its T and Z."""

    name: str
    image: Image
    labels: np.ndarray
    groups: dict[str, str]
    index: dict[str, int] = field(default_factory=dict)


def labelled_dataset(images: str, labels: str | None, *, some: bool = False, strokes: bool = False) -> Dataset:
    """Images matched with their labels; strokes need not be on every image, nor labels where `some` have to do.

    Raises
    ------
    InputError
        Where they do not match, or an image has no labels.
    """
    from micrographia.io.datasets import dataset

    found = dataset(images, labels, some=some, strokes=strokes)
    missing = [item.image.name for item in found if item.label is None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{missing[0]}{more}: no labels; give their folder with --labels.")
    return found


def say_left_out(data: Dataset) -> int:
    """Name each image that has no labels, and all labels that have no image, as failed; how many there are."""
    for path in data.unlabelled:
        print(f"failed: {path.name}: it has no labels.", file=sys.stderr)
    for path in data.imageless:
        print(f"failed: {path.name}: there is no image of this name.", file=sys.stderr)
    return len(data.unlabelled) + len(data.imageless)


def read_pair(item: Item, axes: str | None = None) -> tuple[Image, Image]:
    """An image and its labels.

    Parameters
    ----------
    item : Item
        With labels.
    axes : str, optional
        Axes of image files that do not name them; labels have the same without channels (C) and samples (S).

    Raises
    ------
    InputError
        Where a file cannot be read.
    """
    assert item.label is not None
    of_labels = None if axes is None else "".join(axis for axis in axes.upper() if axis not in "CS")
    return read(item.image, axes=axes), read_labels(item.label, axes=of_labels)


def labelled_planes(
    item: Item, *, channel: str | None = None, z: str = "each", all_channels: bool = False, axes: str | None = None
) -> Iterator[LabelledPlane]:
    """The planes of one image with their labels; ``axes`` names the axes of image files that do not.

    Raises
    ------
    InputError
        Where a file cannot be read, or labels and image have different shapes.
    """
    image, truth = read_pair(item, axes)
    assert item.label is not None
    planes, _ = choose_planes(image, channel=channel, z=z, all_channels=all_channels)
    for index in planes:
        at = {axis: int(where) for axis, where in index.items() if axis in truth.axes and where != "max"}
        labels = truth.take(**at)
        if labels.axes != "YX":
            raise InputError(f"{item.label}: labels with axes {truth.axes} do not fit the image's axes {image.axes}.")
        plane = read_plane(image, index)
        size = (plane.size("Y"), plane.size("X"))
        if labels.shape != size:
            raise InputError(
                f"{item.label.name} is {labels.shape[0]} x {labels.shape[1]} pixels, but its image {item.image.name} "
                f"is {size[0]} x {size[1]}."
            )
        at = {
            axis: int(index[axis]) for axis in "TZ" if axis in index and image.size(axis) > 1 and index[axis] != "max"
        }
        place = "".join(f" {axis.lower()}{index[axis]}" for axis in "TZ" if axis in index and image.size(axis) > 1)
        yield LabelledPlane(f"{item.image.stem}{place}", plane, labels.array("YX"), item.groups, at)
