"""Nuclei, cells and cytoplasm: which cell a nucleus lies in, and what of the cell is not nucleus."""

from __future__ import annotations

import numpy as np

from micrographia.features.label_objects import LabelObjects, label_objects
from micrographia.features.neighbours import expand


def parents(children: LabelObjects, of: LabelObjects) -> np.ndarray:
    """The object that each child shares most pixels with (the first of several), as CellProfiler's RelateObjects.

    Parameters
    ----------
    children : LabelObjects
        For example nuclei.
    of : LabelObjects
        For example cells, of the same image.

    Returns
    -------
    (n,) int64 array
        Position of the parent among the objects `of`; -1 where the child lies in none.
    """
    parent = of.numbers.reshape(-1)[children.position].astype(np.int64)
    child = np.repeat(np.arange(len(children)), children.area)
    inside = parent > 0
    pair, count = np.unique(child[inside] * (len(of) + 1) + parent[inside], return_counts=True)
    out = np.full(len(children), -1, np.int64)
    order = np.lexsort((-pair, count))  # the last one written to a child is the largest, of equal ones the first
    out[pair[order] // (len(of) + 1)] = pair[order] % (len(of) + 1) - 1
    return out


def cytoplasm(cells: LabelObjects, nuclei: LabelObjects) -> LabelObjects:
    """What of each cell belongs to no nucleus; one object a cell, in their order, empty where nothing is left.

    Parameters
    ----------
    cells, nuclei : LabelObjects
        Of the same image.

    Returns
    -------
    LabelObjects
    """
    return label_objects(np.where(nuclei.numbers > 0, 0, _ids(cells)), cells.ids)


def ring(nuclei: LabelObjects, width: float) -> LabelObjects:
    """A ring around each nucleus, in place of the cytoplasm where cells are not segmented.

    A pixel belongs to the ring of the nearest nucleus, so that a ring reaches into no other ring and no nucleus.

    Parameters
    ----------
    nuclei : LabelObjects
    width : float
        How far from the nucleus the ring reaches, in pixels (Euclidean, between pixel centres).

    Returns
    -------
    LabelObjects
        One object a nucleus, in their order; empty where there is no room.
    """
    if not len(nuclei):
        return nuclei
    numbers = nuclei.numbers
    wide = expand(numbers, width)
    return label_objects(np.where(numbers > 0, 0, np.concatenate([[0], nuclei.ids])[wide]), nuclei.ids)


def _ids(objects: LabelObjects) -> np.ndarray:
    return np.concatenate([[0], objects.ids])[objects.numbers]
