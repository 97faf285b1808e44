"""Labels larger than memory, cleaned and interpolated: the same as in memory.

See :mod:`micrographia.segment.label_cleaning` and :mod:`micrographia.segment.label_interpolation`.

Labels are read block by block from one array and written to another, for example from one ``zarr.Array`` to the next.
Memory holds a block with its surroundings, and a few numbers for each label or hole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block, grown, inside
from micrographia.arrays.errors import InputError, RequestError
from micrographia.segment.block_plans import block_plan
from micrographia.segment.label_cleaning import (
    NONE,
    check_sigma,
    check_sizes,
    label_array,
    labels_beside,
    smooth_labels,
)
from micrographia.segment.label_interpolation import interpolate_labels, labelled_slices
from micrographia.segment.pieces import Pieces, touching, write_pieces


def fill_holes_in_blocks(
    labels: Any, target: Any, largest: int | None = None, *, block: int | Sequence[int] | None = None
) -> None:
    """Fill background that one object encloses; as :func:`micrographia.segment.label_cleaning.fill_holes`.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    target : ([Z,] Y, X) int32 array
        Another array of the same shape, written and read again. Its chunks should divide `block`.
    largest : int, optional
        Fill holes of at most so many pixels; all otherwise.
    block : int or sequence of int, optional
        Side of the blocks; 2048 for planes and 192 for volumes where not given.

    Raises
    ------
    InputError
        Where the shapes differ, or the values are not whole numbers from 0.
    RequestError
        Where the target is the array that is read, or the blocks have no pixel.
    """
    from scipy import ndimage

    plan, shape = _plan(labels, target, block), tuple(labels.shape)
    every = np.ones((3,) * len(shape))
    found, lowest, highest = Pieces(len(shape)), [], []
    for part in plan:
        window = grown(part, 1, shape)
        around = label_array(labels[window])
        holes = np.zeros(around.shape, np.int32)
        core = inside(part, window)
        ndimage.label(around[core] == 0, every, output=holes[core])
        low, high = labels_beside(holes, around)
        lowest.append(low)
        highest.append(high)
        write_pieces(target, part, holes[core], found, holes[core] > 0, shape)
    table = found.joined(touching(target, plan, shape, corners=True))
    low, high = np.full(len(found), NONE), np.zeros(len(found), np.int64)
    np.minimum.at(low, table[1:] - 1, np.concatenate([np.zeros(0, np.int64), *lowest]))
    np.maximum.at(high, table[1:] - 1, np.concatenate([np.zeros(0, np.int64), *highest]))
    open_ = (found.box[..., 0] == 0).any(1) | (found.box[..., 1] == shape).any(1)
    full = (low == high) & ~open_ & (found.count <= (np.inf if largest is None else largest))
    filling = np.append(0, np.where(full, high, 0)).astype(np.int32)[table]
    for part in plan:
        target[part] = label_array(labels[part]).astype(np.int32) + filling[np.asarray(target[part])]


def choose_sizes_in_blocks(
    labels: Any, target: Any, smallest: int = 0, largest: int = 0, *, block: int | Sequence[int] | None = None
) -> None:
    """Leave out objects by their number of pixels; as :func:`micrographia.segment.label_cleaning.choose_sizes`.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    target : ([Z,] Y, X) int32 array
        Another array of the same shape, written and read again. Its chunks should divide `block`.
    smallest, largest : int
        Fewest and most pixels; 0 for no limit.
    block : int or sequence of int, optional
        Side of the blocks; 2048 for planes and 192 for volumes where not given.

    Raises
    ------
    InputError, RequestError
        As for `fill_holes_in_blocks`.
    """
    check_sizes(smallest, largest)
    plan = _plan(labels, target, block)
    seen = [np.unique(label_array(labels[part]), return_counts=True) for part in plan]
    ids, place = np.unique(np.concatenate([np.zeros(0, np.int64), *(one for one, _ in seen)]), return_inverse=True)
    sizes = np.bincount(place, np.concatenate([np.zeros(0), *(count for _, count in seen)]), len(ids))
    kept = ids[(sizes >= smallest) & ((sizes <= largest) | (largest == 0))]
    for part in plan:
        own = label_array(labels[part]).astype(np.int32)
        target[part] = np.where(np.isin(own, kept), own, 0)


def smooth_labels_in_blocks(
    labels: Any, target: Any, sigma: float = 1.0, *, block: int | Sequence[int] | None = None
) -> None:
    """Smooth outlines; as :func:`micrographia.segment.label_cleaning.smooth_labels`.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    target : ([Z,] Y, X) int32 array
        Another array of the same shape, written and read again. Its chunks should divide `block`.
    sigma : float
        Width of the neighbourhood in pixels.
    block : int or sequence of int, optional
        Side of the blocks; 2048 for planes and 192 for volumes where not given.

    Raises
    ------
    InputError, RequestError
        As for `fill_holes_in_blocks`.
    """
    check_sigma(sigma)
    halo = int(np.ceil(4 * sigma)) + 1
    for part in _plan(labels, target, block):
        window = grown(part, halo, labels.shape)
        target[part] = smooth_labels(np.asarray(labels[window]), sigma)[inside(part, window)]


def interpolate_labels_in_blocks(
    labels: Any, target: Any, labelled: Sequence[int] | None = None, *, align: bool = True
) -> None:
    """Fill the slices between labelled ones; as :func:`micrographia.segment.label_interpolation.interpolate_labels`.

    Parameters
    ----------
    labels : (Z, Y, X) integer array
        Anything with a shape and NumPy slicing; memory holds the slices from one labelled slice to the next.
    target : (Z, Y, X) int32 array
        Another array of the same shape.
    labelled : sequence of int, optional
        Slices that are labelled, also where they are empty; otherwise those that hold an object.
    align : bool
        Move the outlines of an object onto each other before they are interpolated; without it an object that moves by
        more than its width vanishes in between.

    Raises
    ------
    InputError, RequestError
        As for `interpolate_labels` and `fill_holes_in_blocks`.
    """
    _plan(labels, target, None)
    slices = labelled_slices(labels, labelled)
    for z in (*range(slices[0]), *range(slices[-1], int(labels.shape[0]))):
        target[z] = label_array(labels[z])
    for below, above in zip(slices, slices[1:]):
        part = label_array(labels[below : above + 1])
        target[below:above] = interpolate_labels(part, (0, above - below), align=align)[:-1]


def _plan(labels: Any, target: Any, block: int | Sequence[int] | None) -> list[Block]:
    shape = tuple(int(n) for n in labels.shape)
    if target is labels:
        raise RequestError("What is cleaned is read again while the result is written; give the result another array.")
    if tuple(target.shape) != shape:
        raise InputError(f"The target has the shape {tuple(target.shape)}, the labels {shape}.")
    return block_plan(shape, block, 2048, 192)
