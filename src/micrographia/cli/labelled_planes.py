"""Images with their label images as planes, for training and for checking."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.object_numbers import check_numbered
from micrographia.io.datasets import Dataset, Item
from micrographia.io.find import image_stem
from micrographia.io.reading import read, read_labels
from micrographia.segment.planes import choose_planes, read_plane


@dataclass(frozen=True)
class LabelledPlane:
    """One plane: pixels (YX, YXS or CYX) and labels (Y, X), with a name, the groups of its image, and its T and Z.

    `sizes` are the lengths of T and Z of the whole image, `notes` what was assumed of its channels, `doubts` what may
    be wrong with its labels.
    """

    name: str
    image: Image
    labels: np.ndarray
    groups: dict[str, str]
    index: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @cached_property
    def partly(self) -> bool:
        """Whether some of its pixels were not annotated."""
        return bool((self.labels < 0).any())


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
        if images.lower().endswith(".csv"):
            raise InputError(
                f"{images}: no labels for {missing[0]}{more}; name the label image of each image in the table's column "
                "'label' (paths count from the table's folder)."
            )
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
    item: Item,
    *,
    name: str = "",
    channel: str | None = None,
    all_channels: bool = False,
    axes: str | None = None,
    negative: bool = False,
    masks: bool = False,
) -> Iterator[LabelledPlane]:
    """The planes of one image with their labels.

    Parameters
    ----------
    item : Item
        With labels.
    name : str
        What the image is called (`result_names`, where others have the same file name); the file's stem otherwise.
    channel : str, optional
        The channel to look at.
    all_channels : bool
        Keep all channels.
    axes : str, optional
        Axes of image files that do not name them.
    negative : bool
        Whether labels may be below 0, which say of pixels that they were not annotated.
    masks : bool
        Whether masks are let through, as a doubt.

    Raises
    ------
    InputError
        Where a file cannot be read, its labels do not number objects (`check_numbered`) or say of no pixel that it is
        background though some were not annotated, or labels and image have different shapes.
    """
    image, truth = read_pair(item, axes)
    assert item.label is not None
    doubt = check_numbered(replace(truth, name=item.label.name), negative=negative, masks=masks)
    if negative:
        _refuse_without_background(truth, item.label.name)
    planes, _ = choose_planes(image, channel=channel, all_channels=all_channels)
    one = image.take(**{axis: 0 for axis in "TZ" if axis in image.axes})
    _, notes = choose_planes(one, channel=channel, all_channels=all_channels)  # of its channels alone
    sizes = {axis: image.size(axis) for axis in "TZ" if image.size(axis) > 1}
    for index in planes:
        at = {axis: int(index[axis]) for axis in sizes}
        called = (name or image_stem(item.image)) + "".join(f" {axis.lower()}{where}" for axis, where in at.items())
        plane = read_plane(image, index)
        labels = labels_of_plane(truth, plane, at, sizes, item.label.name, item.image.name)
        yield LabelledPlane(called, plane, labels, item.groups, at, sizes, tuple(notes), (doubt,) if doubt else ())


def _refuse_without_background(labels: Image, name: str) -> None:
    """Raise InputError where some labels are below 0 and none is 0."""
    if labels.dtype.kind == "u":
        return
    flat = "".join(axis for axis in labels.axes if axis in "TZ")
    below = False
    for at in np.ndindex(*(labels.size(axis) for axis in flat)):
        plane = labels.take(**dict(zip(flat, at))).array("YX")
        if not plane.all():
            return
        below |= bool((plane < 0).any())
    if below:
        raise InputError(
            f"{name}: some labels are below 0, which says that nothing is known of a pixel, and none is 0, which is "
            "background; write 0 where there is background."
        )


def not_judged(partly: Sequence[bool]) -> list[str]:
    """A sentence where images are only partly annotated; `partly` says which."""
    if not any(partly):
        return []
    return [
        f"{sum(partly)} of {len(partly)} images have labels below 0 (unknown): these pixels, and objects found mostly "
        "there, are not judged; where they are background, write 0."
    ]


def labels_of_plane(
    labels: Image, plane: Image, at: Mapping[str, int], sizes: Mapping[str, int], name: str, image: str
) -> np.ndarray:
    """The labels (Y, X) that an image of labels has for a plane of an image; `name` and `image` are their files.

    `at` and `sizes` as the attributes `index` and `sizes` of `LabelledPlane`.

    Raises
    ------
    InputError
        Where the labels are of an image of another shape.
    """
    for axis in dict.fromkeys((*"TZ", *labels.axes)):
        count, expected = labels.size(axis), sizes.get(axis, 1)
        if axis not in "YX" and count != expected:
            raise InputError(
                f"{name} has {count} along {axis}, but its image {image} has {expected}; labels must be of the same "
                "planes as the image."
            )
    found = labels.take(**{axis: at.get(axis, 0) for axis in labels.axes if axis not in "YX"})
    size = (plane.size("Y"), plane.size("X"))
    if found.shape != size:
        raise InputError(
            f"{name} is {found.shape[0]} x {found.shape[1]} pixels, but its image {image} is {size[0]} x {size[1]}."
        )
    return found.array("YX")
