"""Split objects at their necks: where the way between two thick parts is much narrower than both."""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.distances import label_distance
from micrographia.geometry.region_graph import merged, region_graph
from micrographia.geometry.watershed import watershed


@numba.njit(cache=True, nogil=True)
def _peaks(distance, labels, steps, seeds):
    """Number every pixel that none of its neighbours of the same label exceeds; arrays of three axes."""
    depth, height, width = distance.shape
    count = 0
    for i in range(depth):
        for j in range(height):
            for k in range(width):
                here = distance[i, j, k]
                if here <= 0:
                    continue
                highest = True
                for step in steps:
                    a, b, c = i + step[0], j + step[1], k + step[2]
                    if not (0 <= a < depth and 0 <= b < height and 0 <= c < width):
                        continue
                    if distance[a, b, c] > here and labels[a, b, c] == labels[i, j, k]:
                        highest = False
                        break
                if highest:
                    count += 1
                    seeds[i, j, k] = count


@numba.njit(cache=True, nogil=True)
def _join(edges, saddles, order, heights, neck):
    """Join basins in the order of their saddles, highest first, unless the saddle is a neck."""
    parent = np.arange(len(heights))
    for e in order:
        a, b = np.int64(edges[e, 0]), np.int64(edges[e, 1])
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b and saddles[e] >= neck * min(heights[a], heights[b]):
            keep, go = min(a, b), max(a, b)
            parent[go] = keep
            heights[keep] = max(heights[keep], heights[go])
    for n in range(len(parent)):
        parent[n] = parent[parent[n]]  # the parent is the smaller, so its own root is known
    return parent


def split_at_necks(labels: np.ndarray, neck: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Split each object where it is narrower than a share of the width of its parts.

    Watershed of the distance to the object's edge; basins are joined again, widest passage first, where the passage is
    at least `neck` times as wide as the smaller of the two. A piece is thus decided by its own object alone.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Objects, 0 for none: connected components, which do not share an edge of a pixel with each other.
    neck : float
        0 splits nothing, 1 at every constriction.
    spacing : tuple of float, optional
        Size of a pixel along each axis.

    Returns
    -------
    ([Z,] Y, X) int32 array
        Pieces 1…n, numbered in the order of their first peak.
    """
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    distance = label_distance(labels, spacing)
    distance[np.isinf(distance)] = 1.0  # one object fills the image
    volume = distance.reshape((1,) * (3 - distance.ndim) + distance.shape)
    seeds = np.zeros(volume.shape, np.int32)
    every = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    _peaks(volume, labels.reshape(volume.shape), every[np.abs(every).sum(1) > 0], seeds)
    basins = watershed(-distance, seeds.reshape(distance.shape), labels > 0)
    graph = region_graph(basins)
    heights = np.zeros(graph.regions + 1)
    where = seeds.reshape(-1) > 0
    heights[seeds.reshape(-1)[where]] = distance.reshape(-1)[where]
    passages = distance.reshape(-1)[graph.pairs].min(axis=1)
    saddles = np.maximum.reduceat(passages, graph.first[:-1]) if len(passages) else np.zeros(0, np.float32)
    return merged(basins, join_basins(graph.edges, saddles, heights, neck))


def join_basins(edges: np.ndarray, saddles: np.ndarray, heights: np.ndarray, neck: float) -> np.ndarray:
    """Join basins, highest saddle first, where the saddle is at least `neck` times the lower of the two peaks.

    Parameters
    ----------
    edges : (E, 2) integer array
        Basins 1…n that touch.
    saddles : (E,) array
        Height of the pass between them.
    heights : (n + 1,) array
        Height of each basin's peak; that of joined basins is the higher one.
    neck : float
        Share, 0 to 1.

    Returns
    -------
    (n + 1,) int64 array
        New number 1…m of each basin, in the order of the smallest old one; 0 for 0.
    """
    order = np.argsort(-np.asarray(saddles), kind="stable")
    parent = _join(
        np.ascontiguousarray(edges, dtype=np.int32), np.asarray(saddles, np.float64), order,
        np.array(heights, np.float64), float(neck),
    )  # fmt: skip
    return np.searchsorted(np.flatnonzero(parent == np.arange(len(parent))), parent)


def join_basins_python(edges: np.ndarray, saddles: np.ndarray, heights: np.ndarray, neck: float) -> np.ndarray:
    """Plain reference of `join_basins`."""
    group, top = list(range(len(heights))), [float(h) for h in heights]
    for e in sorted(range(len(edges)), key=lambda e: (-saddles[e], e)):
        a, b = (group[n] for n in edges[e])
        if a != b and saddles[e] >= neck * min(top[a], top[b]):
            top[min(a, b)] = max(top[a], top[b])
            group = [min(a, b) if g == max(a, b) else g for g in group]
    return np.array([sorted(set(group)).index(g) for g in group])
