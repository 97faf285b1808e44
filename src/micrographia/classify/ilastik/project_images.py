"""The images of an ilastik project: found inside it, beside it, or where the user says, and brought into its axes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.ilastik.project_file import Lane, Project, array, opened
from micrographia.io.find import find_images, image_stem
from micrographia.io.reading import read

_INSIDE_HDF5 = re.compile(r"(.+\.(?:h5|hdf5|ilp))/(.+)", re.IGNORECASE)


def lane_image(project: Project, lane: Lane, given: Sequence[str | Path] = ()) -> Image | None:
    """The image of a lane.

    Parameters
    ----------
    project : Project
        Its file says where the search begins.
    lane : Lane
        Which image.
    given : sequence of paths
        Images, folders or patterns to look in first. A single image stands for the lane of a project that has only
        one; otherwise the names must be those in the project.

    Returns
    -------
    Image or None
        None where the file is not found.

    Raises
    ------
    InputError
        Where it is found but cannot be read, or is of another size than in the project.
    """
    if lane.inside:
        with opened(project.path) as file:
            return Image(array(file, lane.inside), lane.axes, name=lane.name, source=str(project.path))
    stored = lane.file.replace("\\", "/")
    split = _INSIDE_HDF5.fullmatch(stored)
    at, inside = split.groups() if split else (stored, "")
    for path in _candidates(project, at, given):
        if path.exists():
            image = _read_hdf5(path, inside, lane) if inside else read_lane(path, lane)
            return replace(image, name=lane.name)
    return None


def found_image(project: Project, lane: Lane, given: Sequence[str | Path] = ()) -> Image:
    """As `lane_image`, but raises InputError where the image is not found."""
    image = lane_image(project, lane, given)
    if image is None:
        raise InputError(
            f"{project.path}: its image {lane.file} was not found; say where it is with --images (images= in Python), "
            "or put it beside the project."
        )
    return image


def label_order(labels: np.ndarray, lane: Lane, dimensions: int) -> np.ndarray:
    """Strokes of a lane as strokes of its image: (T, Z, Y, X) without T and Z of length 1, but Z kept in volumes."""
    axes = lane.axes.replace("C", "")
    wanted = [axis for axis in "TZYX" if axis in axes]
    labels = labels.transpose([axes.index(axis) for axis in wanted])
    keep = "YX" if dimensions == 2 else "ZYX"
    kept = [n for n, axis in zip(labels.shape, wanted, strict=True) if n > 1 or axis in keep]
    return labels.reshape(kept)


def _candidates(project: Project, stored: str, given: Sequence[str | Path]) -> Iterator[Path]:
    stem = image_stem(stored)
    if given:
        found = find_images(given)
        yield from (path for path in found if image_stem(path) == stem)
        if len(project.lanes) == 1 and len(found) == 1:
            yield found[0]
    folder = project.path.parent
    yield folder / stored
    yield folder / Path(stored).name


def read_lane(path: Path, lane: Lane) -> Image:
    """An image file in axes that fit the lane's; where a file does not name its axes, the project does.

    Raises
    ------
    InputError
        Where it cannot be read, or is of another size than in the project.
    """
    if path.suffix.lower() == ".npy":
        try:
            stored = np.load(path, mmap_mode="r", allow_pickle=False).ndim
        except (OSError, ValueError, EOFError):
            stored = 0  # `read` says what is wrong
        axes = next((axes for axes in (lane.axes, lane.axes.replace("C", "")) if len(axes) == stored), None)
        image = read(path, axes=axes)
    else:
        image = read(path)
        if not _fits(image, lane):
            long = "".join(axis for axis in lane.axes if lane.size(axis) > 1)
            if len(long) == len(image.axes):
                image = replace(image, axes=long)
    if not _fits(image, lane):
        raise InputError(
            f"{path}: this image has the shape {image.shape} ({image.axes}), but the ilastik project was made with one "
            f"of {lane.shape} ({lane.axes})."
        )
    return image


def _read_hdf5(path: Path, inside: str, lane: Lane) -> Image:
    with opened(path, "image") as file:
        return Image(array(file, inside).reshape(lane.shape), lane.axes, name=lane.name, source=str(path))


def _fits(image: Image, lane: Lane) -> bool:
    channels = image.size("S") * image.size("C")
    return all(image.size(axis) == lane.size(axis) for axis in "TZYX") and channels == lane.size("C")
