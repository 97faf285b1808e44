"""ImageJ regions of interest, with sub-pixel coordinates."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.atomic import replacing
from micrographia.io.outlines import label_outlines, largest_ring

_CENTRE = 0.5
"""ImageJ's coordinates count from the corner of the first pixel, indices from its centre."""


def write_rois(
    path: str | Path,
    outlines: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[str] | None = None,
    *,
    z: int | Sequence[int] | None = None,
    t: int | Sequence[int] | None = None,
) -> Path:
    """Store outlines as an ImageJ ROI zip, which ImageJ's ROI Manager opens.

    Coordinates are stored as floats, which hold in images of any size (ImageJ's integers wrap
    above 32,767).

    Parameters
    ----------
    path : path
        Name ending in ``.zip``.
    outlines : sequence of (n, 2) arrays, or (Y, X) label image
        Polygons, y and x in index coordinates (the centre of the first pixel is 0, 0). Of an object
        of a label image the outer ring of its largest part is stored.
    names : sequence of str, optional
        Default: the label, or 1, 2, 3, …
    z, t : int or sequence of int, optional
        Slice and frame, counted from 0, of all or of each.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where the names do not fit the outlines.
    InputError
        Where the file cannot be written.
    """
    import roifile

    path = Path(path)
    if isinstance(outlines, np.ndarray) and outlines.ndim == 2 and outlines.dtype.kind in "iu":
        rings = label_outlines(outlines)
        names = [str(label) for label in rings] if names is None else names
        outlines = [largest_ring(parts) for parts in rings.values()]
    names = [str(i + 1) for i in range(len(outlines))] if names is None else [str(name) for name in names]
    if len(names) != len(outlines):
        raise RequestError(f"{path}: {len(names)} names for {len(outlines)} outlines; give one for each.")
    places = [_each(place, len(outlines)) for place in (z, t)]
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        used: set[str] = set()
        for outline, name, in_z, in_t in zip(outlines, names, *places, strict=True):
            points = np.asarray(outline, np.float64)[:, ::-1] + _CENTRE
            roi = roifile.ImagejRoi.frompoints(points, name=name, z=in_z, t=in_t)
            archive.writestr(_unused(name, used) + ".roi", roi.tobytes())
    return path


def read_rois(path: str | Path) -> tuple[list[np.ndarray], list[str]]:
    """Outlines and names from an ImageJ ``.zip`` or ``.roi`` file.

    Returns
    -------
    outlines : list of (n, 2) ndarray
        y and x in index coordinates.
    names : list of str

    Raises
    ------
    InputError
        Where the file is missing or holds no regions.
    """
    import roifile

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    try:
        found = roifile.roiread(path)
    except Exception as error:  # roifile and zipfile raise what they stumble over
        raise InputError(f"{path} holds no ImageJ regions ({error}); save them again in the ROI Manager.") from error
    regions = found if isinstance(found, list) else [found]
    outlines, names = [], []
    for region in regions:
        points = region.coordinates()
        if isinstance(points, list):  # a region in several parts: the largest
            points = max(points, key=len) if points else np.zeros((0, 2))
        outlines.append(np.asarray(points, np.float64)[:, ::-1] - _CENTRE)
        names.append(region.name)
    return outlines, names


def _each(place: int | Sequence[int] | None, count: int) -> list[int | None]:
    if place is None or isinstance(place, (int, np.integer)):
        return [None if place is None else int(place)] * count
    return [int(one) for one in place]


def _unused(name: str, used: set[str]) -> str:
    """A file name inside the zip that is not taken yet."""
    plain = name.replace("/", "_").replace("\\", "_") or "roi"
    unique, number = plain, 1
    while unique in used:
        number += 1
        unique = f"{plain}-{number}"
    used.add(unique)
    return unique
