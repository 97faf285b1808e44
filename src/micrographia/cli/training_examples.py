"""Examples for any method that learns from images with labels, of the kind that its ``fit`` asks for.

The annotation of the first argument of ``fit`` says what a method learns from. Where that is a dataclass with the
fields ``images`` and ``labels``, images and label files can be brought into it; what else it has a field for
(``names``, ``groups``, ``validation``, ``classes``) may be given too. Images are given plane by plane, or as they are
in their files where the dataclass says ``whole = True``.
"""

from __future__ import annotations

import csv
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.arrays.image import Image
from micrographia.cli.batch import counted
from micrographia.io.datasets import Item
from micrographia.method import Method
from micrographia.metrics.folds import FILE


@dataclass(frozen=True)
class _Labelled:
    """One image, or one plane of it, with its labels."""

    name: str
    image: Image
    labels: Image | np.ndarray
    groups: dict[str, str]


def examples_kind(method: type[Method]) -> Any:
    """The dataclass that a method learns from.

    Raises
    ------
    RequestError
        Where the method does not learn from images with labels.
    """
    arguments = list(inspect.signature(method.fit).parameters.values())
    kind: Any = arguments[1].annotation if len(arguments) > 1 else None
    if isinstance(kind, str):
        kind = vars(sys.modules[method.fit.__module__]).get(kind)
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    if not {"images", "labels"} <= fields:
        raise RequestError(f"The method '{method.name}' does not learn from images with labels; use it in Python.")
    return kind


def make_examples(
    method: type[Method],
    images: str,
    labels: str | None,
    *,
    validation_images: str | None = None,
    validation_labels: str | None = None,
    classes: str | None = None,
    channel: str | None = None,
    all_channels: bool = False,
    axes: str | None = None,
) -> Any:
    """Read images and labels into what a method learns from; says how many they are.

    Parameters
    ----------
    method : type
        The method.
    images, labels : str
        As :func:`micrographia.io.datasets.dataset` takes them.
    validation_images, validation_labels : str, optional
        Images that only judge the training.
    classes : str, optional
        Names of the classes, separated by commas, or a CSV with the columns label and name.
    channel : str, optional
        The channel to learn from.
    all_channels : bool
        Learn from all channels; methods that take images whole do so unless a channel is chosen.
    axes : str, optional
        Axes of image files that do not name them.

    Raises
    ------
    RequestError
        Where the method has no use for what was given.
    InputError
        Where images and labels do not match or cannot be read.
    """
    from micrographia.cli.labelled_planes import labelled_dataset
    from micrographia.cli.result_names import result_names

    kind = examples_kind(method)
    fields = {field.name for field in dataclasses.fields(kind)}
    if validation_images is not None and "validation" not in fields:
        raise RequestError(f"The method '{method.name}' has no use for --validation-images: it sets no images aside.")
    if classes is not None and "classes" not in fields:
        raise RequestError(f"The method '{method.name}' has no use for --classes: it does not learn classes.")
    names = None if classes is None else class_names(classes)
    whole = getattr(kind, "whole", False)
    items = list(labelled_dataset(images, labels, strokes=whole))
    held = [] if validation_images is None else list(labelled_dataset(validation_images, validation_labels))
    read = _whole if whole else _planes
    called = result_names([item.image for item in (*items, *held)])
    used = [one for item in items for one in read(item, called[item.image], channel, all_channels, axes)]
    judging = [one for item in held for one in read(item, called[item.image], channel, all_channels, axes)]
    print(f"learning from {counted(len(used), 'image')}" + (f", judged on {len(judging)}" if held else ""))
    everything = [*used, *judging]
    if not whole:
        _say_unknown([one.labels for one in everything])
    given = {
        "images": [one.image for one in everything],
        "labels": [one.labels for one in everything],
        "names": [one.name for one in everything],
        "groups": [one.groups for one in everything],
        "validation": list(range(len(used), len(everything))) if held else None,
        "classes": names,
    }
    return kind(**{key: value for key, value in given.items() if key in fields})


def class_names(text: str) -> list[str]:
    """Names of the classes 1, 2, ...: separated by commas, or from a CSV with the columns label and name.

    Raises
    ------
    RequestError
        Where the table lacks a column or a label, or a name is empty.
    """
    if not text.lower().endswith(".csv"):
        names = [name.strip() for name in text.split(",")]
    else:
        path = Path(text).expanduser()
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
            found = {int(row["label"]): str(row["name"]).strip() for row in rows}
        except OSError as error:
            raise RequestError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (KeyError, ValueError, TypeError, csv.Error) as error:
            raise RequestError(f"{path}: a table of classes has the columns label (1, 2, ...) and name.") from error
        if sorted(found) != list(range(1, len(found) + 1)):
            raise RequestError(f"{path}: the labels of the classes must be 1, 2, ... without gaps.")
        names = [found[k] for k in sorted(found)]
    if not names or not all(names):
        raise RequestError(f'--classes {text}: a name is missing; write them as "membrane,cytoplasm".')
    return names


def _planes(item: Item, name: str, channel: str | None, all_channels: bool, axes: str | None) -> Iterator[_Labelled]:
    from micrographia.cli.labelled_planes import labelled_planes

    planes = list(
        labelled_planes(item, name=name, channel=channel, all_channels=all_channels, axes=axes, negative=True)
    )
    for doubt in planes[0].doubts:
        print(f"warning: {doubt}", file=sys.stderr)
    for plane in planes:
        yield _Labelled(plane.name, plane.image, plane.labels, _groups(item))


def _say_unknown(labels: list[Any]) -> None:
    """Say how many pixels have labels below 0, of which nothing is learned."""
    unknown = sum(int(np.count_nonzero(one < 0)) for one in labels)
    if unknown:
        share = unknown / sum(one.size for one in labels)
        print(
            f"labels below 0 (unknown, not learned from): {share:.1%} of all pixels; where they are background, write 0"
        )


def _whole(item: Item, _name: str, channel: str | None, all_channels: bool, axes: str | None) -> Iterator[_Labelled]:
    from micrographia.cli.labelled_planes import read_pair
    from micrographia.segment.planes import choose_planes

    image, labels = read_pair(item, axes)
    for note in image.notes:
        print(f"{item.image.name}: {note}", file=sys.stderr)
    if channel is not None:
        planes, _ = choose_planes(image, channel=channel)
        image = image.take(**{axis: int(at) for axis, at in planes[0].items() if axis in "CS"})
    yield _Labelled(item.image.name, image, labels, _groups(item))


def _groups(item: Item) -> dict[str, str]:
    """The groups of an image, and its file, whose planes are not independent."""
    return {**item.groups, FILE: str(item.image)}
