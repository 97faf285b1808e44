"""Strokes: a few labelled pixels on a few images, checked and brought into one list of places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.pixels.image_channels import ImageChannels, notes_of_images
from micrographia.classify.pixels.label_layers import LabelLayer
from micrographia.classify.pixels.object_labels import FEW, look_like_objects
from micrographia.classify.pixels.painted_pixels import drawn, shares

MOST_CLASSES = 100
"""More classes than this are taken for a mistake: a label image with objects instead of classes."""


@dataclass(frozen=True)
class Strokes:
    """Images with some labelled pixels.

    Parameters
    ----------
    images : sequence of Image or array
        As :class:`micrographia.classify.pixels.image_channels.ImageChannels` takes them; all with the same channels.
    labels : sequence of integer arrays or Images
        One for each image and of its shape without channels: 0 where nothing was said, 1 for the first class, 2 for
        the second, and so on.
    names : sequence of str, optional
        Name of each image for messages and for the model card; otherwise the images' own. Those that share a name are
        told apart by the folders of their files, else by numbers.
    classes : sequence of str, optional
        Name of each class. More than ten classes that look like objects, nearly every label in one piece, need names.
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
    notes : tuple of str
        What was assumed, and which class was not painted, in sentences.
    """

    fields: list[PaintedField]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    counts: dict[str, list[int]]
    notes: tuple[str, ...]

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
        Where images and labels do not fit each other, or the images have different channels.
    RequestError
        Where nothing or only one class was painted, fewer classes are named than were painted, or the labels number
        objects, not classes.
    """
    channels = _channels(strokes, dimensions)
    channels = [one.like(channels[0]) for one in channels]
    layers = [LabelLayer(labels, one) for labels, one in zip(strokes.labels, channels, strict=True)]
    places = [
        (number, at, window)
        for number, (one, layer) in enumerate(zip(channels, layers, strict=True))
        for at in one.positions
        for window in layer.windows()
    ]
    counts = _counts([_histogram(layers[number].read(at, window), layers[number]) for number, at, window in places])
    _check_classes(counts.sum(axis=0), strokes.classes)
    used = np.count_nonzero(counts.any(axis=0))
    read = (layers[number].read(at, window) for number, at, window in places)
    if strokes.classes is None and used > FEW and look_like_objects(read):
        raise _objects(f"there are {used} labels, and nearly each is one piece in every image")
    kinds = max(counts.shape[1], len(strokes.classes or ()))
    counts = np.pad(counts, [(0, 0), (0, kinds - counts.shape[1])])
    fields = _drawn_fields(places, shares(counts, most), channels, layers, np.random.default_rng(seed))
    table: dict[str, list[int]] = {}
    for number in sorted({number for number, _, _ in places}):
        mine = counts[[k for k, place in enumerate(places) if place[0] == number]].sum(axis=0)
        if mine.any():
            table[channels[number].title] = mine.tolist()
    classes = tuple(strokes.classes or class_names(kinds))
    notes = notes_of_images((layer.title, layer.note) for layer in layers if layer.note)
    if missing := [classes[k] for k in np.flatnonzero(counts.sum(axis=0) == 0)]:
        notes += (f"No pixel of {' or '.join(missing)} was painted: the model cannot find any.",)
    return Painted(fields, classes, channels[0].names, table, notes)


def class_names(count: int) -> tuple[str, ...]:
    """Names of classes that have none of their own."""
    return tuple(f"class {k + 1}" for k in range(count))


def class_number(text: str, classes: Sequence[str]) -> int:
    """Number, from 0, of a class by its name or its number from 1.

    Raises
    ------
    RequestError
        Where there is no such class.
    """
    folded = [name.casefold() for name in classes]
    if text.casefold() in folded:
        return folded.index(text.casefold())
    if text.isdecimal() and 1 <= int(text) <= len(classes):
        return int(text) - 1
    known = ", ".join(f"{k} ({name})" for k, name in enumerate(classes, 1))
    raise RequestError(f"There is no class '{text}'; there are {known}.")


def _channels(strokes: Strokes, dimensions: int) -> list[ImageChannels]:
    if len(strokes.images) != len(strokes.labels):
        raise InputError(f"{len(strokes.images)} images but {len(strokes.labels)} label images.")
    if not len(strokes.images):
        raise InputError("There are no images to learn from.")
    channels = [
        ImageChannels(image, dimensions, _first_axis(image, labels))
        for image, labels in zip(strokes.images, strokes.labels, strict=True)
    ]
    if strokes.names is not None and len(strokes.names) != len(channels):
        raise InputError(f"{_number(channels, 'image')} but {_number(strokes.names, 'name')}.")
    unnamed = strokes.names is None and len(channels) > 1
    for number, one in enumerate(channels):
        if strokes.names is not None:
            one.title = str(strokes.names[number])
        elif unnamed and one.title == "image":
            one.title = f"image {number}"
    for one, title in zip(channels, _distinct(channels), strict=True):
        one.title = title
    return channels


def _distinct(channels: Sequence[ImageChannels]) -> list[str]:
    """Titles of images, each another: those that are alike with the folder of the file, then with a number."""
    shared = Counter(one.title for one in channels)
    titles = [
        f"{Path(one.image.source).parent.name}/{one.title}" if shared[one.title] > 1 and one.image.source else one.title
        for one in channels
    ]
    taken, counts = set(titles), Counter[str]()
    for number, title in enumerate(titles):
        counts[title] += 1
        while counts[title] > 1 and titles[number] in taken:
            titles[number] = f"{title} ({counts[title]})"
            counts[title] += titles[number] in taken
        taken.add(titles[number])
    return titles


def _number(things: Sequence[Any], what: str) -> str:
    return f"{len(things)} {what}{'s' * (len(things) != 1)}"


def _first_axis(image: Any, labels: Any) -> int | None:
    """Number of channels of a bare array that has them first, as its labels tell."""
    first = not isinstance(image, Image) and not isinstance(labels, Image)
    return len(image) if first and np.shape(image)[1:] == np.shape(labels) else None


def _histogram(labels: np.ndarray, layer: LabelLayer) -> np.ndarray:
    """Pixels of each class, the first of which is label 1."""
    highest = int(labels.max(initial=0))
    if highest > MOST_CLASSES:
        raise _objects(f"the labels of {layer.title} reach {highest:,}")
    return np.array([np.count_nonzero(labels == k) for k in range(1, highest + 1)], np.int64)


def _objects(why: str) -> RequestError:
    return RequestError(
        f"The labels seem to number objects, not classes: {why}. To find such objects, use 'train stardist'. To learn "
        "classes of pixels, label them 1 for the first class, 2 for the second, ... (0 unlabelled). If each label is "
        f"a class indeed (of at most {MOST_CLASSES}), name the classes: --classes (classes= in Python)."
    )


def _counts(histograms: Sequence[np.ndarray]) -> np.ndarray:
    """Painted pixels of each window (rows) and class (columns)."""
    counts = np.zeros((len(histograms), max(map(len, histograms))), np.int64)
    for row, histogram in zip(counts, histograms, strict=True):
        row[: len(histogram)] = histogram
    if not counts.any():
        raise RequestError("No stroke was painted: every label is 0. Paint some pixels of each class (1, 2, ...).")
    return counts


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
        raise RequestError(
            f"Only one class was painted ({only}, {counts[used[0]]:,} pixels); paint at least one more, for example "
            "the background."
        )


def _drawn_fields(
    places: Sequence[tuple[int, tuple[int, ...], Block]],
    kept: np.ndarray,
    channels: Sequence[ImageChannels],
    layers: Sequence[LabelLayer],
    rng: np.random.Generator,
) -> list[PaintedField]:
    """The painted pixels of every position, as many of each window and class as are kept."""
    parts: dict[tuple[int, tuple[int, ...]], list[tuple[np.ndarray, np.ndarray]]] = {}
    for (number, at, window), some in zip(places, kept, strict=True):
        if not some.any():
            continue
        labels = layers[number].read(at, window)
        used = np.flatnonzero(some)
        chosen = drawn([np.flatnonzero(labels == k + 1) for k in used], some[used], rng)
        where = np.stack(np.unravel_index(np.concatenate(chosen), labels.shape), axis=1)
        classes = np.repeat(used, some[used])
        parts.setdefault((number, at), []).append((where + [s.start for s in window], classes))
    fields = []
    for (number, at), found in parts.items():
        where, classes = (np.concatenate(one) for one in zip(*found, strict=True))
        fields.append(PaintedField(channels[number], at, where, classes, number))
    return fields
