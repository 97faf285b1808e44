"""Which regions of a label image touch, and where: a graph of regions whose edges know their pixel pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np


@dataclass(frozen=True)
class RegionGraph:
    """Regions 1…n of a label image and the edges between those that touch.

    Attributes
    ----------
    regions : int
        The largest label, n.
    edges : (E, 2) int32 array
        Labels of two touching regions, the smaller first; sorted.
    first : (E + 1,) int64 array
        Edge e has the pairs ``first[e]`` to ``first[e + 1]``.
    pairs : (P, 2) int64 array
        Flat positions of two neighbouring pixels, one on each side of the edge (that of the smaller label first); in
        reading order within each edge.
    """

    regions: int
    edges: np.ndarray
    first: np.ndarray
    pairs: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(E,) int64 array: pixel pairs (2-D) or voxel faces (3-D) of each edge."""
        return np.diff(self.first)


@numba.njit(cache=True, nogil=True)
def _count_pairs(labels, offsets):
    """Pixel pairs across regions; labels are flat, with a frame of zeros behind each axis."""
    count = 0
    for at in range(len(labels)):
        if labels[at] > 0:
            for offset in offsets:
                other = labels[at + offset] if at + offset < len(labels) else 0
                if other > 0 and other != labels[at]:
                    count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _find_pairs(labels, offsets, code, pairs):
    n = 0
    for at in range(len(labels)):
        here = np.int64(labels[at])
        if here > 0:
            for offset in offsets:
                there = at + offset
                other = np.int64(labels[there]) if there < len(labels) else np.int64(0)
                if other > 0 and other != here:
                    if here < other:
                        code[n] = (here << 32) | other
                        pairs[n, 0] = at
                        pairs[n, 1] = there
                    else:
                        code[n] = (other << 32) | here
                        pairs[n, 0] = there
                        pairs[n, 1] = at
                    n += 1


def region_graph(labels: np.ndarray) -> RegionGraph:
    """The graph of the regions that share an edge of a pixel (a face of a voxel).

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Regions 1…n; 0 belongs to none.

    Returns
    -------
    RegionGraph

    Raises
    ------
    ValueError
        Where a label is negative or beyond int32.
    """
    labels = np.asarray(labels)
    if labels.size and (labels.min() < 0 or labels.max() >= np.iinfo(np.int32).max):
        raise ValueError("A region graph needs labels from 0 to 2,147,483,646.")
    shape = labels.shape
    # one row, column, plane of zeros at each far end: no pair wraps around
    framed = np.pad(labels.astype(np.int32), [(0, 1)] * labels.ndim)
    strides = np.cumprod([1, *framed.shape[:0:-1]])[::-1].astype(np.int64)
    count = _count_pairs(framed.reshape(-1), strides)
    code, pairs = np.empty(count, np.int64), np.empty((count, 2), np.int64)
    _find_pairs(framed.reshape(-1), strides, code, pairs)
    order = np.argsort(code, kind="stable")
    code, pairs = code[order], pairs[order]
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])) if count else np.zeros(0, np.int64)
    edges = np.stack([code[first] >> 32, code[first] & 0xFFFFFFFF], 1).astype(np.int32)
    place = np.unravel_index(pairs, framed.shape)
    pairs = np.ravel_multi_index(place, shape) if count else pairs
    return RegionGraph(int(labels.max(initial=0)), edges, np.append(first, count).astype(np.int64), pairs)


def region_graph_numpy(labels: np.ndarray) -> RegionGraph:
    """Plain reference of `region_graph`."""
    place = np.arange(labels.size).reshape(labels.shape)
    found: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for axis in range(labels.ndim):
        near, far = (np.take(place, range(i, labels.shape[axis] - 1 + i), axis).ravel() for i in (0, 1))
        for a, b in zip(near.tolist(), far.tolist()):
            u, v = int(labels.flat[a]), int(labels.flat[b])
            if u and v and u != v:
                found.setdefault((min(u, v), max(u, v)), []).append((a, axis, b))
    edges = sorted(found)
    pairs = []
    for u, v in edges:
        for a, _, b in sorted(found[u, v]):
            pairs.append((a, b) if labels.flat[a] == u else (b, a))
    first = np.cumsum([0, *(len(found[e]) for e in edges)])
    return RegionGraph(
        int(labels.max(initial=0)), np.array(edges, np.int32).reshape(-1, 2), first.astype(np.int64),
        np.array(pairs, np.int64).reshape(-1, 2),
    )  # fmt: skip


def merged(labels: np.ndarray, node: np.ndarray) -> np.ndarray:
    """A label image whose regions are joined.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Regions 1…n, 0 for none.
    node : (n + 1,) integer array
        New label of each region, as from :func:`micrographia.geometry.agglomeration.agglomerate`.

    Returns
    -------
    ([Z,] Y, X) int32 array
    """
    table = np.array(node, np.int32)
    table[0] = 0
    return table[labels]
