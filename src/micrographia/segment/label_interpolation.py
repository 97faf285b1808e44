"""Labels between labelled slices, by their shape: the signed distances to the outlines are interpolated.

Raya & Udupa 1990, "Shape-based interpolation of multidimensional objects", IEEE Trans. Medical Imaging 9:32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.geometry.distances import label_distance


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
        Where there are not two labelled slices, or a slice does not exist.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "biu":
        raise InputError(
            f"Labels of a stack (Z, Y, X) are interpolated, whole numbers, not {labels.ndim}-D of {labels.dtype}."
        )
    depth = len(labels)
    slices = [z for z in range(depth) if labels[z].any()] if labelled is None else sorted(set(labelled))
    if any(not 0 <= z < depth for z in slices):
        raise InputError(f"There are slices 0 to {depth - 1}, not {slices}.")
    if len(slices) < 2:
        raise InputError("To interpolate, label at least two slices.")
    out = labels.astype(np.int32)
    for below, above in zip(slices, slices[1:]):
        if above > below + 1:
            out[below + 1 : above] = _between(out[below], out[above], above - below - 1, align)
    return out


def _between(first: np.ndarray, last: np.ndarray, count: int, align: bool) -> np.ndarray:
    """`count` slices between two."""
    shape = first.shape
    out = np.zeros((count, *shape), np.int32)
    deepest = np.zeros((count, *shape), np.float32)
    for number in np.intersect1d(first[first > 0], last[last > 0]):
        pair = [first == number, last == number]
        middles = np.array([np.argwhere(mask).mean(axis=0) for mask in pair])
        low = np.min([np.argwhere(mask).min(axis=0) for mask in pair], axis=0) - 1
        high = np.max([np.argwhere(mask).max(axis=0) for mask in pair], axis=0) + 2
        for k in range(count):
            share = (k + 1) / (count + 1)
            middle = middles[0] * (1 - share) + middles[1] * share
            moves = [np.rint(middle - m).astype(int) if align else np.zeros(2, int) for m in middles]
            box = tuple(slice(a, b) for a, b in zip(low, high))
            ends = [signed_distance(_window(mask, box, move)) for mask, move in zip(pair, moves)]
            depth = ((1 - share) * ends[0] + share * ends[1]).astype(np.float32)
            inner = tuple(slice(max(0, a), min(n, b)) for a, b, n in zip(low, high, shape))
            depth = depth[tuple(slice(i.start - a, i.stop - a) for i, a in zip(inner, low))]
            better = depth > deepest[k][inner]
            deepest[k][inner][better] = depth[better]
            out[k][inner][better] = number
    return out


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
