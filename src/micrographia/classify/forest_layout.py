"""A forest in the order in which it is read: thresholds as ranks, nodes packed into one number each."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from micrographia.arrays.errors import InputError

LEAF = 0xFFFF
"""Feature number of a leaf."""

_U = np.uint64


@dataclass(frozen=True)
class Layout:
    """A forest as it is read. A threshold is the border with the number `cut` among those of its feature.

    Attributes
    ----------
    nodes : (nodes,) uint64 array
        Bits 32 to 63: first child (the second is next to it), of a leaf its number. Bits 16 to 31: feature, `LEAF` for
        a leaf. Bits 0 to 15: cut.
    roots : (trees,) int64 array
        First node of each tree.
    borders : (F, 2^n) float32 array
        Thresholds of each feature, rising; behind them infinity.
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
    only: np.ndarray
    votes: np.ndarray
    depth: int


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
        Where a feature has more than 65,535 different thresholds, or there are as many features.
    """
    inner = feature >= 0
    place = np.flatnonzero(inner)
    place = place[np.lexsort((threshold[place], feature[place]))]
    f, t = feature[place], threshold[place]
    other = np.diff(f, prepend=-1) > 0
    new = other | (np.diff(t, prepend=np.float32(np.nan)) != 0)  # NaN is unequal to everything
    number = np.cumsum(new) - 1
    cut = number - np.maximum.accumulate(np.where(other, number, 0))
    most, features = int(cut.max(initial=-1)) + 1, int(f.max(initial=0)) + 1
    if most >= 2**16 or features > LEAF:
        raise InputError(f"The forest is too large: {features} features, one with {most} thresholds (65,535 at most).")
    borders = np.full((features, max(256, 1 << most.bit_length())), np.inf, np.float32)
    borders[f[new], cut[new]] = t[new]
    question = np.full(len(feature), LEAF << 16, np.int64)
    question[place] = (f.astype(np.int64) << 16) | cut
    nodes, starts, depth = _preorder(question, left, right, np.cumsum(~inner) - 1, roots)
    leaves = np.ascontiguousarray(votes[~inner], np.float32)
    pure = (leaves.max(1, initial=0) == 1) & (np.count_nonzero(leaves, axis=1) == 1)
    return Layout(nodes, starts, borders, np.where(pure, leaves.argmax(1), -1).astype(np.int32), leaves, int(depth))


@numba.njit(cache=True, nogil=True)
def _preorder(question, left, right, leaf, roots):
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
            nodes[at] = (_U(used) << _U(32)) | _U(question[node])
            old[waiting], place[waiting], level[waiting] = left[node], used, deep + 1
            old[waiting + 1], place[waiting + 1], level[waiting + 1] = right[node], used + 1, deep + 1
            used += 2
            waiting += 2
    return nodes[:used].copy(), starts, most


@numba.njit(cache=True, nogil=True)
def rank(values, borders, coarse, out, start):
    """Ranks of a tile's values among one feature's borders: how many of them are below (of NaN, all).

    Parameters
    ----------
    values : (n,) float32 array
    borders : (2^m,) float32 array
        Rising, with infinity at the end.
    coarse : (n,) uint8 array
        Scratch.
    out : uint8 or uint16 array
        Ranks are written behind ``start``.
    start : uint64
    """
    if len(borders) == 256:
        for n in range(len(values)):
            coarse[n] = 0
        for b in range(15, 255, 16):
            border = borders[_U(b)]
            for n in range(len(values)):
                coarse[n] += np.uint8(not (values[n] <= border))
        for n in range(len(values)):
            x, at = values[n], _U(coarse[n]) * _U(16)
            at += _U(8) * _U(not (x <= borders[at + _U(7)]))
            at += _U(4) * _U(not (x <= borders[at + _U(3)]))
            at += _U(2) * _U(not (x <= borders[at + _U(1)]))
            at += _U(not (x <= borders[at]))
            out[start + _U(n)] = at
    else:
        for n in range(len(values)):
            x, at, step = values[n], _U(0), _U(len(borders) >> 1)
            while step > _U(0):
                at += step * _U(not (x <= borders[at + step - _U(1)]))
                step >>= _U(1)
            out[start + _U(n)] = at


def rank_numpy(values: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Plain reference of `rank`; the last border is not asked."""
    return (~(values[:, None] <= borders[:-1])).sum(1)
