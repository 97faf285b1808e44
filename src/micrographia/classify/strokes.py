"""Strokes: a few labelled pixels on a few images, checked and brought into one list of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.image_channels import ImageChannels, label_array

MOST_CLASSES = 100
"""More classes than this are taken for a mistake: a label image with objects instead of classes."""

_FEWEST = 1000


@dataclass(frozen=True)
class Strokes:
    """Images with some labelled pixels.

    Parameters
    ----------
    images : sequence of Image or array
        As :class:`micrographia.classify.image_channels.ImageChannels` takes them; all with the same channels.
    labels : sequence of integer arrays or Images
        One for each image and of its shape without channels: 0 where nothing was said, 1 for the first class, 2 for
        the second, and so on.
    names : sequence of str, optional
        Name of each image for messages and for the model card; otherwise the images' own.
    classes : sequence of str, optional
        Name of each class.
    """

    whole: ClassVar[bool] = True
    """Images are given as they are in their files, not plane by plane."""

    images: Sequence[Image | np.ndarray]
    labels: Sequence[Image | np.ndarray]
    names: Sequence[str] | None = None
    classes: Sequence[str] | None = None


@dataclass(frozen=True)
class PaintedField:
    """One plane or volume with the places where something was painted.

    Attributes
    ----------
    channels : ImageChannels
        The image.
    at : tuple of int
        Position in the image's stack.
    where : (N, D) int64 array
        Painted pixels.
    classes : (N,) int64 array
        Class of each, counted from 0.
    image : int
        Number of the image, counted from 0.
    """

    channels: ImageChannels
    at: tuple[int, ...]
    where: np.ndarray
    classes: np.ndarray
    image: int

    def only(self, chosen: np.ndarray) -> PaintedField:
        """The same field with some of its places (a mask or indices)."""
        return PaintedField(self.channels, self.at, self.where[chosen], self.classes[chosen], self.image)


@dataclass(frozen=True)
class Painted:
    """All strokes, checked.

    Attributes
    ----------
    fields : list of PaintedField
        Only those where something was painted.
    classes : tuple of str
        Name of each class.
    channels : tuple of str
        Name of each channel.
    counts : dict
        Name of each image with strokes to the number of painted pixels of each class.
    """

    fields: list[PaintedField]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    counts: dict[str, list[int]]

    def all_classes(self) -> np.ndarray:
        """Class of every place of all fields, in their order."""
        return np.concatenate([field.classes for field in self.fields])


def painted(strokes: Strokes, dimensions: int = 2, *, most: int = 0, seed: int = 0) -> Painted:
    """Check strokes and list the painted pixels.

    Parameters
    ----------
    strokes : Strokes
        Images and labels.
    dimensions : {2, 3}
        Whether planes or volumes are looked at.
    most : int
        Most pixels to keep, drawn at random in the proportion of the classes, but of each class at least 1,000 (or
        all); 0 keeps all.
    seed : int
        Seed of the drawing.

    Raises
    ------
    InputError
        Where images and labels do not fit each other, nothing or only one class was painted, or the images have
        different channels.
    RequestError
        Where fewer classes are named than were painted.
    """
    channels = _channels(strokes, dimensions)
    learned = channels[0].names
    fields: list[PaintedField] = []
    named: list[str] = []
    for number, (one, labels) in enumerate(zip(channels, strokes.labels, strict=True)):
        one = one.matching(learned)
        data = label_array(labels, one)
        before = len(fields)
        for at in one.positions:
            plane = np.asarray(data[at])
            where = np.argwhere(plane > 0)
            if len(where):
                fields.append(PaintedField(one, at, where, plane[tuple(where.T)].astype(np.int64) - 1, number))
        named += [one.title] * (len(fields) - before)
    if not fields:
        raise InputError("No stroke was painted: every label is 0. Paint some pixels of each class (1, 2, ...).")
    counts = _counts(fields)
    _check_classes(counts.sum(axis=0), strokes.classes)
    count = max(counts.shape[1], len(strokes.classes or ()))
    names = tuple(strokes.classes or (f"class {k + 1}" for k in range(count)))
    table: dict[str, list[int]] = {}
    for name, row in zip(named, counts.tolist(), strict=True):
        row += [0] * (count - len(row))
        table[name] = [a + b for a, b in zip(table.get(name, [0] * count), row, strict=True)]
    return Painted(_drawn(fields, most, seed), names, learned, table)


def _channels(strokes: Strokes, dimensions: int) -> list[ImageChannels]:
    if len(strokes.images) != len(strokes.labels):
        raise InputError(f"{len(strokes.images)} images but {len(strokes.labels)} label images.")
    if not len(strokes.images):
        raise InputError("There are no images to learn from.")
    channels = [ImageChannels(image, dimensions) for image in strokes.images]
    unnamed = strokes.names is None and len(channels) > 1
    for number, one in enumerate(channels):
        if strokes.names is not None:
            one.title = str(strokes.names[number])
        elif unnamed and one.title == "image":
            one.title = f"image {number}"
    return channels


def _counts(fields: Sequence[PaintedField]) -> np.ndarray:
    """Painted pixels of each field (rows) and class (columns)."""
    highest = max(fields, key=lambda field: int(field.classes.max()))
    count = int(highest.classes.max()) + 1
    if count > MOST_CLASSES:
        raise InputError(
            f"{highest.channels.title}: its labels reach {count:,}. Labels of pixels are classes: 1 for the first, 2 "
            "for the second, ... (0 unlabelled); a label image with a number for each object has to be turned into "
            "classes first."
        )
    return np.stack([np.bincount(field.classes, minlength=count) for field in fields])


def _check_classes(counts: np.ndarray, names: Sequence[str] | None) -> None:
    if names is not None and len(names) < len(counts):
        raise RequestError(
            f"{len(names)} classes are named ({', '.join(names)}), but labels up to {len(counts)} were painted."
        )
    if names is not None and len(set(names)) < len(names):
        raise RequestError(f"The names of the classes must differ: {', '.join(names)}.")
    used = np.flatnonzero(counts)
    if len(used) == 1:
        only = names[used[0]] if names else f"label {used[0] + 1}"
        raise InputError(
            f"Only one class was painted ({only}, {counts[used[0]]:,} pixels); paint at least one more, for example "
            "the background."
        )


def _drawn(fields: list[PaintedField], most: int, seed: int) -> list[PaintedField]:
    classes = np.concatenate([field.classes for field in fields])
    if not most or len(classes) <= most:
        return fields
    rng = np.random.default_rng(seed)
    keep = np.zeros(len(classes), bool)
    for k in np.unique(classes):
        here = np.flatnonzero(classes == k)
        share = max(round(most * len(here) / len(classes)), min(len(here), _FEWEST))
        keep[rng.choice(here, share, replace=False)] = True
    starts = np.cumsum([0, *(len(field.classes) for field in fields)])
    drawn = [field.only(keep[a:b]) for field, a, b in zip(fields, starts[:-1], starts[1:], strict=True)]
    return [field for field in drawn if len(field.classes)]
