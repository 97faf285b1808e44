"""A forest in the order in which it is read: thresholds as ranks, nodes packed into one number each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from micrographia.arrays.errors import InputError

LEAF = 0xFFFF
"""Feature number of a leaf."""

TWINS = 0x8000
"""Added to the feature number of a node above two leaves of one class each, which are not stored."""

_CELLS = 2048
_MOST_STEPS = 6
_U = np.uint64


@dataclass(frozen=True)
class Layout:
    """A forest as it is read. A threshold is the border with the number `cut` among those of its feature.

    Attributes
    ----------
    nodes : (nodes,) uint64 array
        Bits 32 to 63: first child (the second is next to it); number of a leaf; classes of twins, 16 bits each. Bits 16
        to 31: feature, `LEAF`, or feature with `TWINS`. Bits 0 to 15: cut.
    roots : (trees,) int64 array
        First node of each tree.
    borders : (F, 2^n) float32 array
        Thresholds of each feature, rising; behind them infinity.
    grid : Grid
        Where to begin to look for a value's rank.
    only : (leaves,) int32 array
        The class that a leaf votes for with all its weight of 1; -1 where it votes otherwise.
    votes : (leaves, K) float32 array
        What each leaf votes.
    depth : int
        Most nodes on the way to a leaf.
    """

    nodes: np.ndarray
    roots: np.ndarray
    borders: np.ndarray
    grid: Grid
    only: np.ndarray
    votes: np.ndarray
    depth: int


class Grid(NamedTuple):
    """Cells of equal width between the first and the last border of each feature.

    Attributes
    ----------
    low, scale : (F,) float32 arrays
        A value lies in the cell ``(value - low) * scale``, cut off to the first and the last cell.
    first : (F, cells + 1) uint8 or uint16 array
        Borders in the cells before; of NaN, which has a cell of its own behind the last, more than there are.
    steps : (F,) int64 array
        Most borders in one cell; a feature with too many of them is searched otherwise.
    """

    low: np.ndarray
    scale: np.ndarray
    first: np.ndarray
    steps: np.ndarray


def lay_out(
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    votes: np.ndarray,
    roots: np.ndarray,
) -> Layout:
    """Bring a forest's arrays (see `forest.Forest`) into the order in which they are read.

    Raises
    ------
    InputError
        Where a feature has more than 65,535 different thresholds, or there are more than 32,767 features.
    """
    inner = feature >= 0
    place = np.flatnonzero(inner)
    place = place[np.lexsort((threshold[place], feature[place]))]
    f, t = feature[place], threshold[place]
    other = np.diff(f, prepend=-1) > 0
    new = other | np.append(True, t[1:] != t[:-1])[: len(t)]
    number = np.cumsum(new) - 1
    cut = number - np.maximum.accumulate(np.where(other, number, 0))
    most, features = int(cut.max(initial=-1)) + 1, int(f.max(initial=0)) + 1
    if most >= 2**16 or features >= TWINS:
        raise InputError(f"The forest is too large: {features} features, one with {most} thresholds (65,535 at most).")
    borders = np.full((features, max(256, 1 << most.bit_length())), np.inf, np.float32)
    borders[f[new], cut[new]] = t[new]
    question = np.full(len(feature), LEAF << 16, np.int64)
    question[place] = (f.astype(np.int64) << 16) | cut
    leaves = np.ascontiguousarray(votes[~inner], np.float32)
    pure = (leaves.max(1, initial=0) == 1) & (np.count_nonzero(leaves, axis=1) == 1)
    only = np.where(pure, leaves.argmax(1), -1).astype(np.int32)
    nodes, starts, depth = _preorder(question, left, right, np.cumsum(~inner) - 1, only, roots)
    return Layout(nodes, starts, borders, grid_of(borders), only, leaves, int(depth))


def grid_of(borders: np.ndarray) -> Grid:
    """The grid of borders (F, 2^n)."""
    count = np.isfinite(borders).sum(1)
    low = borders[:, 0]
    high = borders[np.arange(len(borders)), np.maximum(count - 1, 0)]
    with np.errstate(all="ignore"):
        scale = np.where(high > low, np.float32(_CELLS - 1) / (high - low), np.float32(1)).astype(np.float32)
    usable = (count > 0) & np.isfinite(low) & np.isfinite(scale) & (scale > 0)
    low, scale = np.where(usable, low, np.float32(0)), np.where(usable, scale, np.float32(1))
    first = np.empty((len(borders), _CELLS + 1), np.uint8 if borders.shape[1] <= 256 else np.uint16)
    cell = np.empty(borders.shape[1], np.int32)
    steps = np.full(len(borders), _CELLS)
    for f in range(len(borders)):
        _cells(borders[f], low[f], scale[f], cell)
        first[f] = np.searchsorted(cell[: count[f]], np.arange(_CELLS + 1))
        first[f, _CELLS] = borders.shape[1] - 1  # NaN lies above every border, also above one that is infinite
        if usable[f]:
            steps[f] = np.diff(first[f, :_CELLS].astype(np.int64), append=count[f]).max()
    return Grid(low, scale, first, steps)


@numba.njit(cache=True, nogil=True)
def _cells(values, low, scale, out):
    """The cell of each value. Of two values the larger one is never in a lower cell, whatever the rounding."""
    for n in range(len(values)):
        at = (values[n] - low) * scale
        at = at if at < np.float32(_CELLS - 1) else np.float32(_CELLS - 1)
        at = at if at > np.float32(0) else np.float32(0)
        out[n] = np.int32(at) if values[n] == values[n] else np.int32(_CELLS)


@numba.njit(cache=True, nogil=True)
def _preorder(question, left, right, leaf, only, roots):
    size, most, used = len(question) + len(roots), 1, 0
    nodes, starts = np.empty(size, np.uint64), np.empty(len(roots), np.int64)
    old, place, level = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    for tree in range(len(roots)):
        starts[tree] = used
        old[0], place[0], level[0] = roots[tree], used, 1
        used += 1
        waiting = 1
        while waiting > 0:
            waiting -= 1
            node, at, deep = old[waiting], place[waiting], level[waiting]
            most = max(most, deep)
            if question[node] >> 16 == LEAF:
                nodes[at] = (_U(leaf[node]) << _U(32)) | _U(question[node])
                continue
            one, two = left[node], right[node]
            if question[one] >> 16 == LEAF and question[two] >> 16 == LEAF:
                first, second = only[leaf[one]], only[leaf[two]]
                if first >= 0 and second >= 0:
                    twins = (_U(second) << _U(16)) | _U(first)
                    nodes[at] = (twins << _U(32)) | _U(question[node] | (TWINS << 16))
                    continue
            nodes[at] = (_U(used) << _U(32)) | _U(question[node])
            old[waiting], place[waiting], level[waiting] = one, used, deep + 1
            old[waiting + 1], place[waiting + 1], level[waiting + 1] = two, used + 1, deep + 1
            used += 2
            waiting += 2
    return nodes[:used].copy(), starts, most


@numba.njit(cache=True, nogil=True)
def rank(values, borders, low, scale, first, steps, cell, out, start):
    """Ranks of values among one feature's borders: how many borders are below (of NaN, at least all of them).

    Parameters
    ----------
    values : (n,) float32 array
    borders : (2^m,) float32 array
        Rising, with infinity at the end.
    low, scale, first, steps
        The feature's row of the grid.
    cell : (n,) int32 array
        Scratch.
    out : uint8 or uint16 array
        Ranks are written behind ``start``.
    start : uint64
    """
    if steps > _MOST_STEPS:
        for n in range(len(values)):
            x, at, half = values[n], _U(0), _U(len(borders) >> 1)
            while half > _U(0):
                at += half * _U(not (x <= borders[at + half - _U(1)]))
                half >>= _U(1)
            out[start + _U(n)] = at
        return
    _cells(values, low, scale, cell)
    if steps == 1:
        for n in range(len(values)):
            at = _U(first[_U(cell[n])])
            out[start + _U(n)] = at + _U(values[n] > borders[at])
    elif steps == 2:
        for n in range(len(values)):
            at = _U(first[_U(cell[n])])
            at += _U(values[n] > borders[at])
            out[start + _U(n)] = at + _U(values[n] > borders[at])
    else:
        for n in range(len(values)):
            at = _U(first[_U(cell[n])])
            for _ in range(steps):
                at += _U(values[n] > borders[at])
            out[start + _U(n)] = at


def rank_numpy(values: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Plain reference of `rank`."""
    return np.where(np.isnan(values), np.isfinite(borders).sum(), (values[:, None] > borders).sum(1))
