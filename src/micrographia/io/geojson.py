"""GeoJSON as QuPath reads and writes it (https://qupath.readthedocs.io, "Exporting annotations")."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.io.atomic import replacing
from micrographia.io.outlines import label_outlines, ring_area

_CENTRE = 0.5
"""QuPath's coordinates count from the corner of the first pixel, indices from its centre."""


def write_geojson(
    path: str | Path,
    outlines: Sequence[np.ndarray | Sequence[np.ndarray]] | np.ndarray,
    properties: Sequence[Mapping[str, Any]] | None = None,
    *,
    classification: str | None = None,
    colour: tuple[int, int, int] = (200, 0, 0),
    object_type: str = "detection",
    planes: Sequence[tuple[int, int]] | None = None,
) -> Path:
    """Store outlines as GeoJSON, one feature for each object, which QuPath opens by drag and drop.

    Parameters
    ----------
    path : path
        Name ending in ``.geojson``.
    outlines : sequence of (n, 2) arrays or of lists of them, or (Y, X) label image
        Polygons, y and x in index coordinates (the centre of the first pixel is 0, 0). An object of several
        parts or with holes is a list of rings, as :func:`micrographia.io.outlines.label_outlines` gives them;
        objects of a label image keep theirs.
    properties : sequence of mappings, optional
        For each object (of a label image: in ascending order of labels) its measurements; the
        entries ``name`` and ``classification`` name and classify it, numbers become measurements,
        those that are not finite are left out.
    classification : str, optional
        Class of every object that has none of its own.
    colour : tuple of int
        Red, green, blue of the class.
    object_type : {"detection", "annotation", "cell"}
        QuPath's kind of object.
    planes : sequence of (z, t), optional
        Slice and time point of each object, from 0; the first of both otherwise.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where an outline has no points, or the properties or planes do not fit the outlines.
    InputError
        Where the file cannot be written.
    """
    path = Path(path)
    if isinstance(outlines, np.ndarray) and outlines.ndim == 2 and outlines.dtype.kind in "iu":
        rings = label_outlines(outlines)
        names, shapes = [str(label) for label in rings], list(rings.values())
    else:
        many = [len(one) > 0 and np.ndim(one[0]) == 2 for one in outlines]
        shapes = [
            [np.asarray(ring, np.float64) for ring in (one if parts else [one])]
            for one, parts in zip(outlines, many, strict=True)
        ]
        names = [str(i + 1) for i in range(len(shapes))]
    for name, shape in zip(names, shapes, strict=True):
        if not all(ring.ndim == 2 and ring.shape[1] == 2 and len(ring) for ring in shape):
            raise RequestError(f"{path}: outline {name} has no points of y and x.")
    given = [{} for _ in shapes] if properties is None else list(properties)
    places = [(0, 0)] * len(shapes) if planes is None else list(planes)
    for what, several in (("properties", given), ("planes", places)):
        if len(several) != len(shapes):
            raise RequestError(
                f"{path}: {what} of {len(several)} objects for {len(shapes)} outlines; give one for each."
            )
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for i, (shape, name, entries, place) in enumerate(zip(shapes, names, given, places, strict=True)):
            feature = {
                "type": "Feature",
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path.absolute().as_posix()}/{i}/{name}")),
                "geometry": _geometry(shape, place),
                "properties": _properties(entries, name, classification, colour, object_type),
            }
            file.write(("," if i else "") + "\n" + json.dumps(feature, ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")
    return path


def _properties(
    entries: Mapping[str, Any], name: str, classification: str | None, colour: tuple[int, int, int], object_type: str
) -> dict[str, Any]:
    measured = {}
    for key, value in entries.items():
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if key not in ("name", "classification") and number and math.isfinite(value):
            measured[key] = float(value) if isinstance(value, (float, np.floating)) else int(value)
    found: dict[str, Any] = {"objectType": object_type, "name": str(entries.get("name", name))}
    named = entries.get("classification", classification)
    if named:
        found["classification"] = {"name": str(named), "color": [int(part) for part in colour]}
    if measured:
        found["measurements"] = measured
    return found


def _geometry(rings: list[np.ndarray], place: tuple[int, int]) -> dict[str, Any]:
    """A Polygon, or a MultiPolygon for an object in parts; QuPath's name for the plane it lies in, but the first."""
    z, t = place
    plane = {"plane": {"c": -1, "z": int(z), "t": int(t)}} if (z, t) != (0, 0) else {}
    parts = _parts(rings)
    if len(parts) == 1:
        return {"type": "Polygon", **plane, "coordinates": parts[0]}
    return {"type": "MultiPolygon", **plane, "coordinates": parts}


def _parts(rings: list[np.ndarray]) -> list[list[list[list[float]]]]:
    """The parts of an object, each its outline and its holes; a hole goes to the part around it."""
    if len(rings) == 1:
        return [[_closed(rings[0])]]
    if not any(ring_area(ring) > 0 for ring in rings):  # drawn the other way round
        rings = [ring[::-1] for ring in rings]
    outer = [ring for ring in rings if ring_area(ring) > 0] or rings[:1]
    parts = [[ring] for ring in outer]
    for hole in (ring for ring in rings if ring_area(ring) <= 0):
        around = [part for part in parts if _contains(part[0], hole)]
        min(around or parts, key=lambda part: ring_area(part[0])).append(hole)
    return [[_closed(ring) for ring in part] for part in parts]


def _closed(ring: np.ndarray) -> list[list[float]]:
    """x and y in QuPath's coordinates, the first point repeated at the end."""
    points = np.round(np.asarray(ring, np.float64)[:, ::-1] + _CENTRE, 3)
    points = points if (points[0] == points[-1]).all() and len(points) > 1 else np.vstack([points, points[:1]])
    return [[float(x), float(y)] for x, y in points]


def _contains(ring: np.ndarray, hole: np.ndarray) -> bool:
    """Whether a point just inside the hole's first edge lies in the ring (ray casting)."""
    first, second = hole[0], hole[1]
    along = second - first
    length = math.hypot(*along)
    y, x = (first + second) / 2 + 0.25 * np.array([-along[1], along[0]]) / (length or 1.0)
    ys, xs = ring[:, 0], ring[:, 1]
    following_y, following_x = np.roll(ys, -1), np.roll(xs, -1)
    crosses = (ys > y) != (following_y > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = xs + (y - ys) / (following_y - ys) * (following_x - xs)
    return bool(np.count_nonzero(crosses & (x < at)) % 2)
