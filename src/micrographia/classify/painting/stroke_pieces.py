"""The connected pieces of painted pixels, found from the pixels alone: each counts as one stroke."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def stroke_pieces(pixels: np.ndarray, labels: np.ndarray, shape: Sequence[int]) -> list[tuple[np.ndarray, int]]:
    """The pixels of each piece and its label: label by label, those that begin first in the image first.

    Pixels of the same label that touch, also over corners and from slice to slice, are one piece. Along the last axis
    they are runs, and pieces are what runs that touch in the other axes make up (He, Chao and Suzuki 2008).

    Parameters
    ----------
    pixels : (n,) int array
        Flat indices, growing.
    labels : (n,) int array
        The label of each.
    shape : sequence of int
        Of the image.
    """
    if not len(pixels):
        return []
    parted = (np.diff(pixels, prepend=-2) != 1) | (np.diff(labels, prepend=0) != 0) | (pixels % shape[-1] == 0)
    starts = np.flatnonzero(parted)
    lengths, kind = np.diff(starts, append=len(pixels)), labels[starts]
    framed = [n + 2 for n in shape]  # a run looks one pixel farther, and never into another row
    first = np.ravel_multi_index(tuple(i + 1 for i in np.unravel_index(pixels[starts], shape)), framed)
    touching = [_touching(first, first + lengths - 1, shift) for shift in _later_rows(framed)]
    one, other = np.concatenate(touching, axis=1)
    same = kind[one] == kind[other]
    graph = coo_array((np.ones(np.count_nonzero(same), bool), (one[same], other[same])), (len(first), len(first)))
    _, number = connected_components(graph, directed=False)
    _, head, number = np.unique(number, return_index=True, return_inverse=True)
    order = np.lexsort((head, kind[head]))
    piece = np.repeat(np.argsort(order)[number], lengths)
    parts = np.split(pixels[np.argsort(piece, kind="stable")], np.cumsum(np.bincount(piece))[:-1])
    return list(zip(parts, kind[head][order].tolist(), strict=True))


def _later_rows(shape: Sequence[int]) -> list[int]:
    """How far away, in flat indices, the rows lie that touch a row and come after it."""
    strides = np.cumprod([1, *shape[:0:-1]])[:0:-1].astype(np.int64)
    steps = itertools.product((-1, 0, 1), repeat=len(strides))
    return [int(step @ strides) for step in map(np.array, steps) if tuple(step) > (0,) * len(strides)]


def _touching(first: np.ndarray, last: np.ndarray, shift: int) -> np.ndarray:
    """Pairs (2, m) of runs that touch, the second of them in the row that lies `shift` after that of the first."""
    low = np.searchsorted(last, first - 1 + shift)
    count = np.searchsorted(first, last + 1 + shift, "right") - low
    one = np.repeat(np.arange(len(first)), count)
    return np.stack([one, np.arange(len(one)) - np.repeat(np.cumsum(count) - count - low, count)])
