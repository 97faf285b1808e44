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
from micrographia.features.feature_table import centre_columns
from micrographia.io.find import image_stem
from micrographia.io.reading import read
from micrographia.report.object_gallery import object_picture, write_object_gallery

if TYPE_CHECKING:
    import pandas as pd

_IMAGES = ("Metadata_Image", "image")


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
        Folder of images and size of the pictures.

    Raises
    ------
    RequestError
        Where the folder is missing or the table does not name images.
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
    pictures: list[np.ndarray | None] = []
    read_images: dict[str, Image | None] = {}
    for position, name in enumerate(objects[column].astype(str)):
        if name not in read_images:
            read_images = {name: _read(name, files)}  # lists go from image to image; one at a time is kept
        image = read_images[name]
        pictures.append(None if image is None else _cut(image, None if centres is None else centres[position], options))
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


def _cut(image: Image, centre: tuple[float, float] | None, options: Annotate) -> np.ndarray | None:
    try:
        return object_picture(image, centre, options.crop)
    except InputError as error:
        print(f"no picture: {error}", file=sys.stderr)
        return None


def _centres(objects: pd.DataFrame) -> list[tuple[float, float]] | None:
    """Row and column of each object; None where the table does not say, as for crops."""
    centre = centre_columns(list(objects.columns))
    if not centre:
        return None
    return [(float(y), float(x)) for x, y in zip(objects[centre[0]], objects[centre[1]])]
