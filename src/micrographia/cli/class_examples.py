"""Images whose objects, or which themselves, have classes: found, matched with their table, read when needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.io.datasets import Dataset, Item, dataset

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OnePlane:
    """One plane of an image, its labels where there are any, and the columns that say where it lies in a stack."""

    image: Image
    labels: np.ndarray | None
    place: dict[str, int]


class PlaneImages(Sequence[Image]):
    """The images of a data set, each a single plane, read when their turn comes.

    Parameters
    ----------
    items : Dataset
        The images.
    channel : str, optional
        The channel to look at; all otherwise.
    """

    def __init__(self, items: Dataset, channel: str | None = None) -> None:
        self.items, self.channel = items, channel

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return only_plane(self.items[index], self.channel).image


class PlaneLabels(PlaneImages):
    """The label images of a data set, read when their turn comes."""

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return only_plane(self.items[index], self.channel).labels


def planes_of(item: Item, channel: str | None = None, *, masks: bool = True) -> Iterator[OnePlane]:
    """The planes of one image of a data set, with labels where it has any; `masks` are let through with a warning.

    Raises
    ------
    InputError
        Where a file cannot be read, or labels and image have different shapes.
    """
    from micrographia.cli.labelled_planes import labelled_planes
    from micrographia.io.reading import read
    from micrographia.segment.planes import choose_planes, read_plane

    if item.label is not None:
        found = labelled_planes(item, channel=channel, all_channels=channel is None, masks=masks)
        for number, plane in enumerate(found):
            for doubt in plane.doubts if masks and number == 0 else ():  # of the whole image
                print(f"warning: {doubt}", file=sys.stderr)
            yield OnePlane(plane.image, plane.labels, {f"Metadata_{axis}": at for axis, at in plane.index.items()})
        return
    image = read(item.image)
    planes, _ = choose_planes(image, channel=channel, z="each", all_channels=channel is None)
    for index in planes:
        place = {f"Metadata_{axis}": int(index[axis]) for axis in "TZ" if axis in index and image.size(axis) > 1}
        yield OnePlane(read_plane(image, index), None, place)


def say_channels(image: Image, learned: Sequence[str], name: str, said: set[str]) -> None:
    """Say, once, where an image's channels have other names than those that the model learned from."""
    from micrographia.classify.pixels.image_channels import ImageChannels, same_channels

    _, note = same_channels(ImageChannels(image).names, learned, name)
    if note and note not in said:
        said.add(note)
        print(f"{name}: {note}", file=sys.stderr)


def one_channel(path: Path, said: set[str]) -> str | None:
    """The channel of an image that a model of one channel looks at, None where there is one; a choice is said, once."""
    from micrographia.io.reading import read
    from micrographia.segment.planes import nuclei_channel

    image = read(path)
    chosen, note = nuclei_channel(image, "is looked at")
    if not note:
        return None
    if note not in said:
        said.add(note)
        print(f"{path.name}: {note}", file=sys.stderr)
    return image.channels[chosen] if chosen < len(image.channels) and image.channels[chosen] else str(chosen)


def only_plane(item: Item, channel: str | None = None) -> OnePlane:
    """The plane of an image that has one; raises InputError where it has several."""
    planes = planes_of(item, channel, masks=False)
    first = next(planes)
    if next(planes, None) is not None:
        raise InputError(f"{item.image} holds several planes; a table of classes names images, so give each its file.")
    return first


def class_table(table: str | None, items: Dataset) -> pd.DataFrame:
    """The table with the classes: a file, or the other columns of the CSV that lists the images.

    Raises
    ------
    RequestError
        Where there is neither.
    """
    import pandas as pd

    from micrographia.cli.result_names import result_names
    from micrographia.cli.row_keys import metadata
    from micrographia.io.tables import read_table

    if table is not None:
        return read_table(Path(table).expanduser())
    known = {name.lower(): name for name in items.group_names}
    if "class" not in known:
        raise RequestError(
            "Say which classes there are: --table TABLE.csv with the columns Metadata_Image (for objects also "
            "ObjectNumber) and Class, or a column Class in the CSV that lists the images."
        )
    columns = {
        "Metadata_Image": list(result_names([item.image for item in items]).values()),
        "Class": items.groups(known["class"]),
    }
    for name in items.group_names:
        if name != known["class"]:
            columns |= dict.fromkeys(metadata({name: ""}), items.groups(name))
    return pd.DataFrame(columns)


def found_images(images: Sequence[str] | str, labels: str | None, *, some: bool = False) -> Dataset:
    """The images, with their labels where a folder of labels or a table names them; `some` as in `dataset`."""
    if isinstance(images, str):
        return dataset(images, labels, some=some)
    return dataset(images[0] if len(images) == 1 else list(images), labels, some=some)
