"""The votes of a forest, for tiles of 256 pixels.

A tree is not descended by one pixel after the other: all pixels of a tile go down together as a set of 256 bits.
Features are first replaced by their ranks among the forest's thresholds, one byte each. A node then compares 256
bytes with its own rank, which takes a few instructions and gives 256 bits again, and two more give the pixels that go
right and those that go left. Neighbouring pixels are alike, so that a tile visits few nodes: about 30 leaves of trees
with 600. Several tiles take one tree after the other, so that its nodes are at hand. Leaves with one class only are
counted, bit by bit as in an adder, for 64 pixels at once; what other leaves vote is added in the order of the trees.
Each pixel's sum is therefore the same number whichever tile it lies in.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.classify.learners.bit_sets import above, lowest
from micrographia.classify.learners.forest_layout import LEAF, TWINS, Layout, rank

TILE = 16
"""Height and width of a tile in pixels."""

_PIXELS = TILE * TILE
_WORDS = _PIXELS // 64
_AT_HAND = 2**17
_U = np.uint64


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
    used, borders = layout.borders.shape
    group = max(1, _AT_HAND // (used * _PIXELS))
    _sum(
        planes, layout.nodes, layout.roots, layout.borders, layout.grid, layout.only, layout.votes, layout.depth,
        TILE if features.ndim == 3 else 1, len(layout.roots).bit_length(),
        np.empty(group * used * _PIXELS, np.uint8 if borders <= 256 else np.uint16), group, out,
    )  # fmt: skip
    return out.reshape(n_classes, *features.shape[1:])


def sum_votes_numpy(
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    votes: np.ndarray,
    roots: np.ndarray,
    features: np.ndarray,
) -> np.ndarray:
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
def _load(features, borders, grid, y, x, height, width, values, cell, ranks, start):
    """The ranks of one tile's features, feature by feature; what lies beyond the border repeats it."""
    rows, columns = features.shape[1:]
    inside = y + height <= rows and x + width <= columns
    for f in range(len(borders)):
        at = _U(0)
        for i in range(height):
            for j in range(width):
                if inside:
                    values[at] = features[_U(f), _U(y + i), _U(x + j)]
                else:
                    values[at] = features[f, min(y + i, rows - 1), min(x + j, columns - 1)]
                at += _U(1)
        rank(
            values, borders[f], grid.low[f], grid.scale[f], grid.first[f], grid.steps[f], cell,
            ranks, start + _U(f * _PIXELS),
        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _walk(nodes, root, ranks, start, only, waiting, sets, chosen, others, other_sets):
    """One tile goes down one tree: ``chosen`` (K sets) of leaves of one class; number of the other leaves met.

    Pixels that wait at a left child are kept on a stack, ``waiting`` and ``sets``.
    """
    words, met = _U(_WORDS), 0
    for w in range(_WORDS):
        sets[_U(w)] = ~_U(0)
    waiting[_U(0)] = nodes[root]
    waits = _U(1)
    while waits > _U(0):
        waits -= _U(1)
        node, here = waiting[waits], waits * words
        while True:
            child, feature = node >> _U(32), (node >> _U(16)) & _U(0xFFFF)
            if feature == _U(LEAF):
                k = only[child]
                if k >= 0:
                    for w in range(_WORDS):
                        chosen[_U(k) * words + _U(w)] |= sets[here + _U(w)]
                else:
                    others[met] = child
                    for w in range(_WORDS):
                        other_sets[met * _WORDS + w] = sets[here + _U(w)]
                    met += 1
                break
            cut = ranks.dtype.type(node & _U(0xFFFF))
            if feature >= _U(TWINS):
                first = start + (feature - _U(TWINS)) * _U(_PIXELS)
                left, right = (child & _U(0xFFFF)) * words, (child >> _U(16)) * words
                for w in range(_WORDS):
                    pixels = sets[here + _U(w)]
                    larger = pixels & above(ranks, first + _U(64 * w), cut)  # type: ignore[call-arg]
                    chosen[right + _U(w)] |= larger
                    chosen[left + _U(w)] |= pixels ^ larger
                break
            yes, no, first = _U(0), _U(0), start + feature * _U(_PIXELS)
            for w in range(_WORDS):
                pixels = sets[here + _U(w)]
                right = pixels & above(ranks, first + _U(64 * w), cut)  # type: ignore[call-arg]
                sets[here + words + _U(w)] = right
                yes |= right
                no |= pixels ^ right
            if yes == _U(0):
                node = nodes[child]
            elif no == _U(0):
                node = nodes[child + _U(1)]
            else:
                for w in range(_WORDS):
                    sets[here + _U(w)] ^= sets[here + words + _U(w)]
                waiting[waits] = nodes[child]
                waits += _U(1)
                here += words
                node = nodes[child + _U(1)]
    return met


@numba.njit(cache=True, nogil=True)
def _count(chosen, classes, digits, counter, start):
    """Add one to the counters of the pixels in the set of each class: binary digits, one set a digit."""
    for k in range(classes):
        for w in range(_WORDS):
            carry = chosen[_U(k * _WORDS + w)]
            chosen[_U(k * _WORDS + w)] = 0
            at = start + _U(k * digits * _WORDS + w)
            while carry != _U(0):
                digit = counter[at]
                counter[at] = digit ^ carry
                carry &= digit
                at += _U(_WORDS)


@numba.njit(cache=True, nogil=True)
def _add(votes, leaf, pixels, first, sums):
    """Add a leaf's votes to the pixels in a set."""
    for w in range(_WORDS):
        bits = pixels[first + w]
        while bits != _U(0):
            at = 64 * w + lowest(bits)
            bits &= bits - _U(1)
            for k in range(votes.shape[1]):
                sums[k, at] += votes[leaf, k]


@numba.njit(cache=True, nogil=True)
def _write(counter, start, digits, sums, y, x, height, width, out):
    """Counters and sums of a tile into the result."""
    classes, rows, columns = out.shape
    for k in range(classes):
        first = start + _U(k * digits * _WORDS)
        for i in range(min(height, rows - y)):
            for j in range(min(width, columns - x)):
                pixel = i * width + j
                at, value = first + _U(pixel // 64), _U(0)
                for d in range(digits):
                    value |= ((counter[at + _U(d * _WORDS)] >> _U(pixel % 64)) & _U(1)) << _U(d)
                out[k, y + i, x + j] = np.float32(value) + sums[k, pixel]


@numba.njit(cache=True, nogil=True)
def _sum(features, nodes, roots, borders, grid, only, votes, depth, height, digits, ranks, group, out):
    classes, rows, columns = out.shape
    width, size = _PIXELS // height, len(borders) * _PIXELS
    across = (columns + width - 1) // width
    tiles = across * ((rows + height - 1) // height)
    values, cell = np.empty(_PIXELS, np.float32), np.empty(_PIXELS, np.int32)
    waiting, sets = np.empty(depth + 1, np.uint64), np.empty((depth + 2) * _WORDS, np.uint64)
    others, other_sets = np.empty(_PIXELS, np.int64), np.empty(_PIXELS * _WORDS, np.uint64)
    chosen, each = np.zeros(classes * _WORDS, np.uint64), classes * digits * _WORDS
    counter, sums = np.empty(group * each, np.uint64), np.empty((group, classes, _PIXELS), np.float32)
    for first in range(0, tiles, group):
        here = min(group, tiles - first)
        counter[:] = 0
        sums[:] = 0
        for n in range(here):
            y, x = (first + n) // across * height, (first + n) % across * width
            _load(features, borders, grid, y, x, height, width, values, cell, ranks, _U(n * size))
        for tree in range(len(roots)):
            for n in range(here):
                met = _walk(
                    nodes, roots[tree], ranks, _U(n * size), only, waiting, sets, chosen, others, other_sets
                )  # fmt: skip
                _count(chosen, classes, digits, counter, _U(n * each))
                for leaf in range(met):
                    _add(votes, others[leaf], other_sets, leaf * _WORDS, sums[n])
        for n in range(here):
            y, x = (first + n) // across * height, (first + n) % across * width
            _write(counter, _U(n * each), digits, sums[n], y, x, height, width, out)
