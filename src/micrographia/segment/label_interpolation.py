"""Labels between labelled slices, by their shape: the signed distances to the outlines are interpolated.

Raya & Udupa 1990, "Shape-based interpolation of multidimensional objects", IEEE Trans. Medical Imaging 9:32.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.geometry.distances import label_distance
from micrographia.segment.label_cleaning import label_array


def interpolate_labels(labels: np.ndarray, labelled: Sequence[int] | None = None, *, align: bool = True) -> np.ndarray:
    """Fill the slices between labelled ones.

    Parameters
    ----------
    labels : (Z, Y, X) integer array
        Objects, 0 for none; the same number is the same object in all slices.
    labelled : sequence of int, optional
        Slices that are labelled, also where they are empty; otherwise those that hold an object.
    align : bool
        Move the outlines of an object onto each other before they are interpolated, and the result back to where it
        belongs in between; without it an object that moves by more than its width vanishes in between.

    Returns
    -------
    (Z, Y, X) int32 array
        Labelled slices as they were; between two of them every object that is in both. Where two objects would
        overlap, the one that is deeper inside its outline wins.

    Raises
    ------
    InputError
        Where the labels are no whole numbers from 0, there are not two labelled slices, or a slice does not exist.
    """
    labels = label_array(labels)
    slices = labelled_slices(labels, labelled)
    out = labels.astype(np.int32)
    for below, above in zip(slices, slices[1:]):
        if above > below + 1:
            out[below + 1 : above] = _between(out[below], out[above], above - below - 1, align)
    return out


def labelled_slices(labels: Any, labelled: Sequence[int] | None = None) -> list[int]:
    """The slices between which labels are interpolated, in order.

    Parameters
    ----------
    labels : (Z, Y, X) integer array
        Anything with a shape and NumPy slicing.
    labelled : sequence of int, optional
        Their numbers; otherwise those that hold an object are looked for.

    Raises
    ------
    InputError
        As `interpolate_labels`.
    """
    if len(labels.shape) != 3:
        raise InputError(f"Labels of a stack (Z, Y, X) are interpolated, not of the shape {tuple(labels.shape)}.")
    depth = int(labels.shape[0])
    if labelled is None:
        slices = [z for z in range(depth) if np.any(labels[z])]
    else:
        try:
            slices = sorted({operator.index(z) for z in labelled})
        except TypeError:
            raise InputError(f"The numbers of slices must be whole numbers, not {list(labelled)}.") from None
    if any(not 0 <= z < depth for z in slices):
        raise InputError(f"There are slices 0 to {depth - 1}, not {slices}.")
    if len(slices) < 2:
        raise InputError("To interpolate, label at least two slices.")
    return slices


def _between(first: np.ndarray, last: np.ndarray, count: int, align: bool) -> np.ndarray:
    """`count` slices between two."""
    shape = first.shape
    out = np.zeros((count, *shape), np.int32)
    deepest = np.zeros((count, *shape), np.float32)
    for number in np.intersect1d(first[first > 0], last[last > 0]):
        pair = [first == number, last == number]
        places = [np.argwhere(mask) for mask in pair]
        extents = [(place.min(axis=0), place.max(axis=0)) for place in places]
        way = places[1].mean(axis=0) - places[0].mean(axis=0) if align else np.zeros(2)
        for k in range(count):
            share = (k + 1) / (count + 1)
            # Both move by whole pixels, and always to the same place on each other, wherever they are.
            moves = [_whole(share * way), _whole(share * way) - _whole(way)]
            low = np.min([first + move for (first, _), move in zip(extents, moves)], axis=0) - 1
            high = np.max([last + move for (_, last), move in zip(extents, moves)], axis=0) + 2
            box = tuple(slice(a, b) for a, b in zip(low, high))
            ends = [signed_distance(_window(mask, box, move)) for mask, move in zip(pair, moves)]
            depth = ((1 - share) * ends[0] + share * ends[1]).astype(np.float32)
            inner = tuple(slice(max(0, a), min(n, b)) for a, b, n in zip(low, high, shape))
            depth = depth[tuple(slice(i.start - a, i.stop - a) for i, a in zip(inner, low))]
            better = depth > deepest[k][inner]
            deepest[k][inner][better] = depth[better]
            out[k][inner][better] = number
    return out


def _whole(way: np.ndarray) -> np.ndarray:
    """The nearest whole numbers; halves go up, whether they are even or odd."""
    return np.floor(way + 0.5).astype(int)


def _window(mask: np.ndarray, box: tuple[slice, ...], move: np.ndarray) -> np.ndarray:
    """A window of a mask that was moved; what lies beyond the image is empty."""
    out = np.zeros([s.stop - s.start for s in box], bool)
    source = [slice(max(0, s.start - m), min(n, s.stop - m)) for s, m, n in zip(box, move, mask.shape)]
    if all(s.stop > s.start for s in source):
        place = tuple(slice(s.start + m - b.start, s.stop + m - b.start) for s, m, b in zip(source, move, box))
        out[place] = mask[tuple(source)]
    return out


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance to the outline, half-way between pixels: above 0 inside, below 0 outside; float32.

    Parameters
    ----------
    mask : ([Z,] Y, X) bool array
    """
    distance = label_distance(mask.astype(np.int32) + 1) - np.float32(0.5)
    distance[np.isinf(distance)] = np.float32(sum(mask.shape))
    return np.where(mask, distance, -distance)
