"""Which files are images: names, suffixes, folders and patterns."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from micrographia.arrays.errors import InputError
from micrographia.io.atomic import ZARR_MARKERS

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk", ".svs", ".ndpi", ".scn", ".qptiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".jp2")
VENDOR_SUFFIXES = (".czi", ".lif", ".nd2")
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, ".npy", ".zarr", *VENDOR_SUFFIXES)
"""What a folder is searched for."""

_RESULTS = ("_labels", "_overlay", "_probabilities", "_classes", "_uncertainty", "_strokes")
"""Endings of Micrographia's own results, and of strokes, which are no images where they lie beside their image."""


def image_stem(path: str | Path) -> str:
    """The name without folder and suffix; ``.ome.tif`` and ``.ome.zarr`` count as one suffix."""
    name = Path(path).name
    stem = name
    for suffix in IMAGE_SUFFIXES:
        if name.lower().endswith(suffix):
            stem = name[: -len(suffix)]
            break
    else:
        stem = Path(path).stem
    return stem[:-4] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def is_zarr(path: str | Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    path = Path(path)
    try:
        return path.is_dir() and any((path / marker).is_file() for marker in ZARR_MARKERS)
    except PermissionError:  # looking into it will say so
        return False


def find_images(
    paths: str | Path | Iterable[str | Path], *, errors: list[InputError] | None = None, results: bool = False
) -> list[Path]:
    """The image files that files, folders and patterns stand for.

    A folder stands for the images directly in it; an OME-Zarr folder is one image; a pattern may
    use ``*``, ``?``, ``[...]`` and ``**``. Of both, hidden files are left out, and strokes, labels
    and overlays that lie beside their image. A file named outright is taken whatever
    its suffix, so that reading it can say what is wrong with it.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders, patterns.
    errors : list, optional
        Where given, problems are appended to it and the other inputs are still found;
        otherwise the first problem is raised.
    results : bool
        Do not leave out what lies beside its image.

    Returns
    -------
    list of Path
        Without repetitions, in the order asked for; inside a folder or pattern in natural
        order (2 before 10).

    Raises
    ------
    InputError
        For a missing file, a folder without images, a pattern that matches nothing.
    """
    asked = [paths] if isinstance(paths, (str, Path)) else list(paths)
    found: dict[str, Path] = {}
    for item in asked:
        try:
            for path in _expand(item, results):
                found.setdefault(os.path.abspath(path), path)
        except InputError as error:
            if errors is None:
                raise
            errors.append(error)
    return list(found.values())


def natural_order(path: str | Path) -> list[tuple[int, int, str]]:
    """Sorting key that puts ``a2`` before ``a10``."""
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def images_in(folder: Path, *, results: bool = False) -> list[Path]:
    """Images directly in a folder, in natural order; empty where there are none.

    Labels and overlays that Micrographia wrote beside their image only where ``results`` is true.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural_order(path.name))
    except OSError as error:
        raise InputError(f"{folder} cannot be opened: {error.strerror or error}.") from error
    images = [path for path in entries if _is_image(path)]
    return images if results else _without_results(images)


def _expand(item: str | Path, results: bool) -> list[Path]:
    try:
        return _images_of(item, results)
    except OSError as error:  # a folder that may not be looked into
        raise InputError(f"{item} cannot be opened: {error.strerror or error}.") from error


def _images_of(item: str | Path, results: bool) -> list[Path]:
    path = Path(item).expanduser()
    if path.is_dir() and not is_zarr(path):
        if path.suffix.lower() == ".zarr":
            raise InputError(f"{path} is an empty or damaged Zarr folder; export it again.")
        images = images_in(path, results=results)
        if not images:
            known = ", ".join(IMAGE_SUFFIXES)
            raise InputError(f"{path} holds no image; micrographia looks in a folder for files that end in {known}.")
        return images
    if path.exists():
        return [path]
    if not glob.has_magic(str(item)):
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    matches = sorted(glob.glob(str(path), recursive=True), key=natural_order)
    images = [match for match in map(Path, matches) if _is_image(match)]
    images = images if results else _without_results(images)
    if not images:
        raise InputError(f"No image matches the pattern {item}; check the spelling and the folder.")
    return images


def _is_image(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_zarr(path)
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def _without_results(images: list[Path]) -> list[Path]:
    """Those that are no results and no strokes of another one in the same folder."""
    stems = {(path.parent, image_stem(path)) for path in images}

    def is_result(path: Path) -> bool:
        stem = image_stem(path)
        return any(stem.endswith(end) and (path.parent, stem[: -len(end)]) in stems for end in _RESULTS)

    return [path for path in images if not is_result(path)]
