"""Outlines on a picture: of constant width, and in different colours for neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit

ON_DARK = np.array(
    [[255, 212, 0], [0, 229, 255], [255, 92, 170], [124, 255, 77], [255, 138, 30], [190, 150, 255]], np.uint8
)
"""Yellow, cyan, pink, green, orange, violet: outlines of objects on dark backgrounds."""

ON_BRIGHT = np.array(
    [[0, 235, 70], [255, 225, 0], [0, 215, 255], [255, 85, 0], [190, 255, 0], [255, 255, 255]], np.uint8
)
"""Green, yellow, cyan, orange, lime, white: outlines that stand out from the dark objects of bright backgrounds."""


def bright_background(rgb: np.ndarray) -> bool:
    """Whether most of a picture is bright, as in brightfield and stained tissue.

    Parameters
    ----------
    rgb : (y, x, 3) uint8 array

    Returns
    -------
    bool
    """
    return bool(rgb.size and np.median(rgb[::4, ::4].mean(axis=-1)) > 120)


@njit(cache=True)
def outlined(labels: np.ndarray, width: int) -> np.ndarray:
    """The object that each pixel is an outline of.

    An outline is a band along the inside of its object, ``width`` pixels wide, and one pixel of background outside.

    Parameters
    ----------
    labels : (y, x) int32 array
    width : int
        At least 1. The edge of the image is not an outline.

    Returns
    -------
    (y, x) int32 array
        Labels of the objects; 0 where there is no outline.
    """
    height, across = labels.shape
    result = np.zeros(labels.shape, np.int32)
    for r in range(height):
        for c in range(across):
            here = labels[r, c]
            if c + 1 < across and labels[r, c + 1] != here:
                _mark(labels, result, r, c, width)
                _mark(labels, result, r, c + 1, width)
            if r + 1 < height and labels[r + 1, c] != here:
                _mark(labels, result, r, c, width)
                _mark(labels, result, r + 1, c, width)
    return result


@njit(cache=True)
def _mark(labels: np.ndarray, result: np.ndarray, row: int, column: int, width: int) -> None:
    """Paint the object of one border pixel around it; of a background pixel itself with its neighbour's."""
    here = labels[row, column]
    reach = 1 if here == 0 else width - 1
    for r in range(max(0, row - reach), min(labels.shape[0], row + reach + 1)):
        for c in range(max(0, column - reach), min(labels.shape[1], column + reach + 1)):
            there = labels[r, c]
            if here == 0 and there > 0 and (r == row or c == column):
                result[row, column] = there
            elif here > 0 and there == here and (r - row) ** 2 + (c - column) ** 2 <= reach * reach:
                result[r, c] = here


def outline_width(labels: np.ndarray) -> int:
    """Width that can be seen on a picture of this size and leaves the inside of its objects free.

    Parameters
    ----------
    labels : (y, x) integer array

    Returns
    -------
    int
        Pixels, at least 1.
    """
    sizes = np.bincount(labels.ravel())[1:]
    if not sizes.any():
        return 1
    diameter = np.sqrt(np.median(sizes[sizes > 0]))
    return int(max(1, min(round(max(labels.shape) / 500), diameter // 8)))


def neighbour_colours(labels: np.ndarray, colours: int, reach: int = 4) -> np.ndarray:
    """Give each object a colour that no object close to it has, as far as the number of colours allows.

    Parameters
    ----------
    labels : (y, x) int32 array
        Objects numbered 1…n.
    colours : int
        Number of colours.
    reach : int
        Objects up to this many pixels apart are close.

    Returns
    -------
    (n + 1,) int array
        For each object a number from 0 to ``colours - 1``; the first entry is the background's.
    """
    number = int(labels.max(initial=0))
    pairs = [np.zeros(0, np.int64)]
    for far in {1, reach // 2, reach} - {0}:
        for dy, dx in ((0, far), (far, 0), (far, far), (far, -far)):
            if dy >= labels.shape[0] or abs(dx) >= labels.shape[1]:
                continue
            a = labels[: labels.shape[0] - dy, max(0, -dx) : labels.shape[1] - max(0, dx)]
            b = labels[dy:, max(0, dx) : labels.shape[1] + min(0, dx)]
            near = np.flatnonzero(a != b)
            a, b = a.ravel()[near].astype(np.int64), b.ravel()[near].astype(np.int64)
            both = (a > 0) & (b > 0)
            pairs.append(np.unique(np.minimum(a, b)[both] * (number + 1) + np.maximum(a, b)[both]))
    neighbours: list[list[int]] = [[] for _ in range(number + 1)]
    for pair in np.unique(np.concatenate(pairs)).tolist():
        a, b = divmod(pair, number + 1)
        neighbours[a].append(b)
        neighbours[b].append(a)
    colour = [-1] * (number + 1)
    # Objects with many neighbours choose first; each begins its search at another colour so that all are used.
    for i in sorted(range(number + 1), key=lambda i: -len(neighbours[i])):
        taken = [colour[j] for j in neighbours[i]]
        colour[i] = min(((i * 5 + k) % colours for k in range(colours)), key=taken.count)
    return np.array(colour, int)
