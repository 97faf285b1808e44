"""The votes of a forest, for a tile of 256 pixels at a time.

A tree is not descended by one pixel after the other: all pixels of a tile go down together as a set of 256 bits. A node
asks ``x > threshold`` of all of them at once; the answers are 256 bits too, kept for the many other nodes that ask the
same,
and two operations give the pixels that go right and those that go left. Neighbouring pixels are alike, so that
a tile visits few nodes: about 30 leaves of trees with 600. Leaves with one class only are counted, bit by bit as in an
adder,
for 64 pixels at once; what other leaves vote is added in the order of the trees. Each pixel's sum is therefore the
same number
whichever tile it lies in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from micrographia.classify.bit_sets import above, lowest

TILE = 16
"""Height and width of a tile in pixels."""

_WORDS = TILE * TILE // 64
_LEAF = np.uint64(0xFFFFFFFF)
_U = np.uint64


@dataclass(frozen=True)
class Layout:
    """A forest in the order in which it is read.

    Attributes
    ----------
    nodes : (nodes,) uint64 array
        First child in the upper 32 bits (the second is next to it), number of the question in the lower. For a leaf the
        lower bits are all set and the upper are its number.
    roots : (trees,) int64 array
        First node of each tree.
    asked : (questions,) int64 array
        Feature of each question.
    threshold : (questions,) float32 array
        Its threshold: yes is more, or NaN.
    only : (leaves,) int32 array
        The class that a leaf votes for with all its weight of 1; -1 where it votes otherwise.
    votes : (leaves, K) float32 array
        What each leaf votes.
    depth : int
        Most questions on the way to a leaf.
    """

    nodes: np.ndarray
    roots: np.ndarray
    asked: np.ndarray
    threshold: np.ndarray
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
    """Bring a forest's arrays (see `forest.Forest`) into the order in which they are read."""
    inner = feature >= 0
    order = np.lexsort((threshold[inner], feature[inner]))
    f, t = feature[inner][order], threshold[inner][order]
    new = np.ones(len(f), bool)
    new[1:] = (f[1:] != f[:-1]) | (t[1:] != t[:-1])
    question = np.full(len(feature), -1, np.int64)
    question[np.flatnonzero(inner)[order]] = np.cumsum(new) - 1
    leaf = np.cumsum(~inner) - 1
    nodes, starts, depth = _preorder(question, left, right, leaf, roots)
    leaves = np.ascontiguousarray(votes[~inner], np.float32)
    pure = (leaves.max(1, initial=0) == 1) & (np.count_nonzero(leaves, axis=1) == 1)
    return Layout(
        nodes, starts, f[new].astype(np.int64), t[new].astype(np.float32),
        np.where(pure, leaves.argmax(1), -1).astype(np.int32), leaves, int(depth),
    )  # fmt: skip


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
            if question[node] < 0:
                nodes[at] = (_U(leaf[node]) << _U(32)) | _LEAF
                continue
            nodes[at] = (_U(used) << _U(32)) | _U(question[node])
            old[waiting], place[waiting], level[waiting] = left[node], used, deep + 1
            old[waiting + 1], place[waiting + 1], level[waiting + 1] = right[node], used + 1, deep + 1
            used += 2
            waiting += 2
    return nodes[:used].copy(), starts, most


def sum_votes(layout: Layout, features: np.ndarray) -> np.ndarray:
    """The sum of all trees' votes for every pixel.

    Parameters
    ----------
    layout : Layout
        The forest.
    features : (F, Y, X) or (F, N) float32 array
        Features of the pixels of a plane, or of any pixels. A plane is faster.

    Returns
    -------
    (K, Y, X) or (K, N) float32 array
        The sums. Single-threaded; the GIL is released.
    """
    n_classes = layout.votes.shape[1]
    planes = features if features.ndim == 3 else features[:, None]
    out = np.empty((n_classes, *planes.shape[1:]), np.float32)
    height = TILE if features.ndim == 3 else 1
    _sum(
        planes, layout.nodes, layout.roots, layout.asked, layout.threshold, layout.only, layout.votes, layout.depth,
        height, len(layout.roots).bit_length(), bool((layout.only < 0).any()), out,
    )  # fmt: skip
    return out.reshape(n_classes, *features.shape[1:])


def sum_votes_numpy(
    feature: np.ndarray, threshold: np.ndarray, left: np.ndarray, right: np.ndarray, votes: np.ndarray,
    roots: np.ndarray, features: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Plain reference of `sum_votes`, from a forest's own arrays; features (F, N)."""
    counted = np.zeros((votes.shape[1], features.shape[1]), np.float32)
    added = counted.copy()
    for root in roots:
        node = np.full(features.shape[1], root)
        while (inner := feature[node] >= 0).any():
            x = features[np.maximum(feature[node], 0), np.arange(features.shape[1])]
            node = np.where(inner, np.where(x <= threshold[node], left[node], right[node]), node)
        vote = votes[node].T
        pure = (vote.max(0) == 1) & (np.count_nonzero(vote, axis=0) == 1)
        counted += np.where(pure, vote, np.float32(0))
        added += np.where(pure, np.float32(0), vote)
    return counted + added


@numba.njit(cache=True, nogil=True)
def _load(features, y, x, height, width, out):
    """One tile's features, feature by feature; what lies beyond the border repeats it."""
    n_features, rows, columns = features.shape
    at = _U(0)
    inside = y + height <= rows and x + width <= columns
    for f in range(n_features):
        for i in range(height):
            for j in range(width):
                if inside:
                    out[at] = features[_U(f), _U(y + i), _U(x + j)]
                else:
                    out[at] = features[f, min(y + i, rows - 1), min(x + j, columns - 1)]
                at += _U(1)


@numba.njit(cache=True, nogil=True)
def _answer(values, asked, threshold, question, tile, answers):
    """Ask the tile's pixels one question: bits, and behind them the number of the tile."""
    at = question * _U(_WORDS + 1)
    for w in range(_WORDS):
        start = _U(asked[question]) * _U(64 * _WORDS) + _U(64 * w)
        answers[at + _U(w)] = above(values, start, threshold[question])  # type: ignore[call-arg]
    answers[at + _U(_WORDS)] = tile


@numba.njit(cache=True, nogil=True)
def _add(votes, leaf, pixels, sums):
    """Add a leaf's votes to the pixels in the set."""
    for w in range(_WORDS):
        bits = pixels[w]
        while bits != _U(0):
            at = 64 * w + lowest(bits)
            bits &= bits - _U(1)
            for k in range(votes.shape[1]):
                sums[k, at] += votes[leaf, k]


@numba.njit(cache=True, nogil=True)
def _count(chosen, classes, digits, counter):
    """Add one to the counters of the pixels in the set of each class: binary digits, one set a digit."""
    for k in range(classes):
        for w in range(_WORDS):
            carry = chosen[k * _WORDS + w]
            at = k * digits * _WORDS + w
            while carry != _U(0):
                digit = counter[_U(at)]
                counter[_U(at)] = digit ^ carry
                carry &= digit
                at += _WORDS


@numba.njit(cache=True, nogil=True)
def _counted(counter, first, digits, pixel):
    """Value of one pixel's counter."""
    value, word, bit = _U(0), pixel // 64, _U(pixel % 64)
    for d in range(digits):
        value |= ((counter[_U((first + d) * _WORDS + word)] >> bit) & _U(1)) << _U(d)
    return np.float32(value)


@numba.njit(cache=True, nogil=True)
def _walk(root, tile, values, nodes, asked, threshold, only, votes, answers, waiting, sets, chosen, sums):
    """One tree: all pixels of a tile go down; those that wait at a left child are kept on a stack."""
    words = _U(_WORDS)
    for w in range(_WORDS):
        sets[_U(w)] = ~_U(0)
    waiting[0] = nodes[root]
    waits = _U(1)
    while waits > _U(0):
        waits -= _U(1)
        node, here = waiting[waits], waits * words
        while True:
            child, question = node >> _U(32), node & _LEAF
            if question == _LEAF:
                k = only[child]
                if k >= 0:
                    for w in range(_WORDS):
                        chosen[_U(k) * words + _U(w)] |= sets[here + _U(w)]
                else:
                    _add(votes, np.int64(child), sets[np.int64(here) :], sums)
                break
            answer = question * (words + _U(1))
            if answers[answer + words] != tile:
                _answer(values, asked, threshold, question, tile, answers)
            yes, no = _U(0), _U(0)
            for w in range(_WORDS):
                pixels, larger = sets[here + _U(w)], answers[answer + _U(w)]
                yes |= pixels & larger
                no |= pixels & ~larger
            if yes == _U(0):
                node = nodes[child]
            elif no == _U(0):
                node = nodes[child + _U(1)]
            else:
                for w in range(_WORDS):
                    pixels, larger = sets[here + _U(w)], answers[answer + _U(w)]
                    sets[here + words + _U(w)] = pixels & larger
                    sets[here + _U(w)] = pixels & ~larger
                waiting[waits] = nodes[child]
                waits += _U(1)
                here += words
                node = nodes[child + _U(1)]


@numba.njit(cache=True, nogil=True)
def _sum(features, nodes, roots, asked, threshold, only, votes, depth, height, digits, adding, out):
    n_features, rows, columns = features.shape
    classes, width = votes.shape[1], 64 * _WORDS // height
    values = np.empty(n_features * 64 * _WORDS, np.float32)
    answers = np.zeros(len(threshold) * (_WORDS + 1), np.uint64)
    waiting, sets = np.empty(depth + 1, np.uint64), np.empty((depth + 1) * _WORDS, np.uint64)
    chosen, counter = np.empty(classes * _WORDS, np.uint64), np.empty(classes * digits * _WORDS, np.uint64)
    sums = np.zeros((classes, 64 * _WORDS), np.float32)
    tile = _U(0)
    for y in range(0, rows, height):
        for x in range(0, columns, width):
            tile += _U(1)
            _load(features, y, x, height, width, values)
            counter[:] = 0
            if adding:
                sums[:] = 0
            for tree in range(len(roots)):
                chosen[:] = 0
                _walk(
                    roots[tree],
                    tile,
                    values,
                    nodes,
                    asked,
                    threshold,
                    only,
                    votes,
                    answers,
                    waiting,
                    sets,
                    chosen,
                    sums,
                )
                _count(chosen, classes, digits, counter)
            for k in range(classes):
                for i in range(min(height, rows - y)):
                    for j in range(min(width, columns - x)):
                        pixel = i * width + j
                        out[k, y + i, x + j] = _counted(counter, k * digits, digits, pixel) + sums[k, pixel]
