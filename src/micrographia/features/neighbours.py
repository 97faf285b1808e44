"""CellProfiler's MeasureObjectNeighbors: who is next to whom, with objects expanded until they touch.

Equal to cp_measure 0.3, ``measureobjectneighbors`` in its default mode, also where that differs from CellProfiler:

- NumberOfNeighbors counts objects whose *unexpanded* pixels lie beside the expanded object; CellProfiler counts the
  expanded ones, so its numbers are larger where objects are apart.
- FirstClosestObjectNumber is as a rule the object itself and SecondClosestObjectNumber the nearest other one, since
  cp_measure counts the object as its own neighbour there. The distances and the angle are those of the nearest and the
  second nearest other object; they are measured from the centre of the expanded object to the centres of the others.

A single object has no neighbours and zeros throughout (cp_measure fails on it).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.label_objects import LabelObjects


def neighbours(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Neighbours of each object of a plane.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.

    Returns
    -------
    dict of str to (n,) float64 array
        ``Neighbors_..._Expanded``: numbers, distances in pixels, degrees, percent. Object numbers are ids of the label
        image.
    """
    names = ("NumberOfNeighbors", "FirstClosestObjectNumber", "FirstClosestDistance", "SecondClosestObjectNumber",
             "SecondClosestDistance", "AngleBetweenNeighbors", "PercentTouching")  # fmt: skip
    n = len(objects)
    table = np.zeros((n, len(names)))
    if n > 1:
        numbers = np.ascontiguousarray(objects.numbers)
        expanded = expand(numbers)
        table[:, 0] = neighbour_counts(expanded, numbers, n)
        centres, outline, touching = expanded_outlines(expanded, n)
        table[:, 6] = touching * 100 / outline
        table[:, 1:6] = _nearest(objects, centres)
    return {f"Neighbors_{name}_Expanded": table[:, k].copy() for k, name in enumerate(names)}


def expand(numbers: np.ndarray, most: float = np.inf) -> np.ndarray:
    """Give every background pixel to the nearest object, as far as `most` pixels away; int32 of the same shape."""
    from scipy.ndimage import distance_transform_edt

    if most == np.inf:
        nearest = distance_transform_edt(numbers == 0, return_distances=False, return_indices=True)
        return numbers[tuple(nearest)]
    away, nearest = distance_transform_edt(numbers == 0, return_indices=True)
    return np.where(away <= most, numbers[tuple(nearest)], 0)


def _nearest(objects: LabelObjects, centres: np.ndarray) -> np.ndarray:
    """Closest object, distance, second closest, distance, angle; for the objects' expanded centres, (n, 5) float64."""
    from scipy.spatial import cKDTree

    n = len(objects)
    out = np.zeros((n, 5))
    own = np.add.reduceat(objects.place, objects.first[:-1], axis=1).T / objects.area[:, None]
    _, order = cKDTree(own).query(centres, k=min(n, 3))
    out[:, 0], out[:, 2] = objects.ids[order[:, 0]], objects.ids[order[:, 1]]
    first = own[order[:, 1]] - centres
    out[:, 1] = np.sqrt((first**2).sum(1))
    if n > 2:
        second = own[order[:, 2]] - centres
        out[:, 3] = np.sqrt((second**2).sum(1))
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))
        out[:, 4] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return out


@njit(cache=True, nogil=True)
def expanded_outlines(expanded: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (n, 2), number of outline pixels and of those that touch another object, all float64.

    An outline pixel has another number beside it, also diagonally, or lies at the end of the image.
    """
    height, width = expanded.shape
    sums, area = np.zeros((n, 2)), np.zeros(n)
    outline, touching = np.zeros(n), np.zeros(n)
    for y in range(height):
        for x in range(width):
            i = expanded[y, x] - 1
            if i < 0:
                continue
            area[i] += 1
            sums[i, 0] += y
            sums[i, 1] += x
            touches = False
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    touches = touches or (expanded[v, u] != i + 1 and expanded[v, u] != 0)
            touching[i] += touches
            outline[i] += touches or y == 0 or x == 0 or y == height - 1 or x == width - 1
    for i in range(n):
        sums[i] /= area[i]
    return sums, outline, touching


def neighbour_counts(expanded: np.ndarray, numbers: np.ndarray, n: int) -> np.ndarray:
    """How many other objects have pixels on or right beside (not diagonally) each expanded object; (n,) int64."""
    shifted = (
        (expanded[:-1], numbers[1:]),
        (expanded[1:], numbers[:-1]),
        (expanded[:, :-1], numbers[:, 1:]),
        (expanded[:, 1:], numbers[:, :-1]),
    )
    found = [np.zeros((0,), np.int64)]
    for own, beside in shifted:
        differ = (own != beside) & (beside > 0)
        found.append(own[differ].astype(np.int64) * (n + 1) + beside[differ])
    both = np.unique(np.concatenate(found))
    return np.bincount(both // (n + 1), minlength=n + 1)[1 : n + 1]
