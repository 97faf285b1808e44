"""The page with pictures beside a list of ``micrographia annotate``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.cli.annotate import Annotate
from micrographia.features.feature_table import centre_columns, key_words
from micrographia.io.datasets import dataset
from micrographia.io.find import image_stem
from micrographia.io.reading import read, read_labels
from micrographia.report.object_gallery import object_picture, write_object_gallery

if TYPE_CHECKING:
    import pandas as pd

_IMAGES = ("Metadata_Image", "image")
_NUMBERS = ("ObjectNumber", "label")


def write_gallery(path: Path, objects: pd.DataFrame, listed: pd.DataFrame, options: Annotate) -> Path:
    """Write pictures of the listed objects; those whose image is missing are named on stderr and shown without one.

    Parameters
    ----------
    path : Path
        The page.
    objects : pandas.DataFrame
        Rows of the table, in the order of the list.
    listed : pandas.DataFrame
        The list.
    options : Annotate
        Folders of images and labels, and size of the pictures.

    Raises
    ------
    RequestError
        Where a folder is missing or the table does not name images (or, for outlines, objects).
    """
    folder = Path(options.images or "").expanduser()
    column = next((name for name in _IMAGES if name in objects.columns), None)
    if not folder.is_dir() or column is None:
        what = f"{folder}: there is no such folder of images" if column else f"The table lacks {' or '.join(_IMAGES)}"
        raise RequestError(f"{what}, so that no pictures can be shown.")
    files = _files(folder)
    centres = _centres(objects)
    if centres is None and "ObjectNumber" in objects.columns:
        print("note: the table does not say where objects lie; pictures show the middle of each image", file=sys.stderr)
    numbers, label_files = _numbers(objects, options), _label_files(options)
    pictures: list[np.ndarray | None] = []
    read_images: dict[str, tuple[Image | None, Image | None]] = {}
    for position, name in enumerate(key_words(objects[column]).tolist()):
        if name not in read_images:  # lists go from image to image; one at a time is kept
            read_images = {name: (_read(name, files), _read_labels(name, label_files))}
        image, labels = read_images[name]
        centre = None if centres is None else centres[position]
        number = 0 if labels is None else numbers[position]
        pictures.append(None if image is None else _cut(image, centre, options.crop, labels, number))
    reasons = listed["Reason"].tolist()
    left_out = ("Reason", "Score", "Cluster", *(["ImageNumber"] if "Metadata_Image" in listed.columns else []))
    keys = {name: name.removeprefix("Metadata_") for name in listed.columns if name not in left_out}
    rows = listed[list(keys)].itertuples(index=False)
    names = [", ".join(f"{key} {value}" for key, value in zip(keys.values(), row)) for row in rows]
    return write_object_gallery(path, pictures, list(zip(names, reasons)), "Objects to annotate")


def _files(folder: Path) -> dict[str, Path]:
    """Every file below a folder by its name and its stem."""
    found: dict[str, Path] = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            found.setdefault(name, Path(place) / name)
            found.setdefault(image_stem(Path(name)), Path(place) / name)
    return found


def _read(name: str, files: dict[str, Path]) -> Image | None:
    path = files.get(Path(name).name) or files.get(image_stem(Path(name)))
    try:
        if path is None:
            raise InputError(f"{name}: this image is not in the folder.")
        return read(path)
    except InputError as error:
        print(f"no picture: {error}", file=sys.stderr)
        return None


def _label_files(options: Annotate) -> dict[str, Path] | None:
    """The label image of each image, by the image's stem; None where no outlines are wanted."""
    if options.labels is None:
        return None
    folder = Path(options.labels).expanduser()
    if not folder.is_dir():
        raise RequestError(f"{folder}: there is no such folder of label images, so that no outlines can be drawn.")
    return {
        image_stem(item.image): item.label for item in dataset(options.images or "", [folder], some=True) if item.label
    }


def _numbers(objects: pd.DataFrame, options: Annotate) -> np.ndarray:
    """The label of each object; of no use, and empty, where no outlines are wanted."""
    if options.labels is None:
        return np.zeros(0)
    column = next((name for name in _NUMBERS if name in objects.columns), None)
    if column is None:
        raise RequestError(f"The table lacks {' or '.join(_NUMBERS)}, so that no outlines can be drawn.")
    return objects[column].to_numpy()


def _read_labels(name: str, files: dict[str, Path] | None) -> Image | None:
    if files is None:
        return None
    path = files.get(image_stem(Path(name)))
    try:
        if path is None:
            raise InputError(f"{name}: this image has no labels in the folder.")
        labels = read_labels(path)
        return labels.take(**{axis: 0 for axis in labels.axes if axis not in "YX"})
    except InputError as error:
        print(f"no outline: {error}", file=sys.stderr)
        return None


def _cut(
    image: Image, centre: tuple[float, float] | None, side: int, labels: Image | None, number: int
) -> np.ndarray | None:
    try:
        return object_picture(image, centre, side, labels, number)
    except InputError as error:
        print(f"no picture: {error}", file=sys.stderr)
        return None


def _centres(objects: pd.DataFrame) -> list[tuple[float, float]] | None:
    """Row and column of each object; None where the table does not say, as for crops."""
    centre = centre_columns(list(objects.columns))
    if not centre:
        return None
    return [(float(y), float(x)) for x, y in zip(objects[centre[0]], objects[centre[1]])]
