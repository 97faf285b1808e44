"""Join the regions of a graph, the most attractive edge first, until none attracts any more.

Greedy additive edge contraction (Keuper et al. 2015, ICCV, algorithm 1) where the weights of parallel edges are added
(``linkage="sum"``: a heuristic for the multicut), hierarchical clustering with average linkage where they are averaged
(``"mean"``): the two most useful cases of generalised signed-graph agglomeration (Bailoni et al. 2022, CVPR).
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.heap import grown, key, ordered_one, pop, push


@numba.njit(cache=True, nogil=True)
def _root(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@numba.njit(cache=True, nogil=True)
def _slot(table, a, b):
    """Place of the pair of nodes in the hash table, or the empty place where it belongs."""
    low, high = min(a, b), max(a, b)
    mask = np.uint64(len(table) - 1)
    wanted = (np.int64(low) << np.int64(32)) | np.int64(high)
    at = (np.uint64(wanted) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
    while True:
        place = np.int64(at & mask)
        if table[place] < 0 or table[place] == wanted:
            return place, wanted
        at += np.uint64(1)


@numba.njit(cache=True, nogil=True)
def _contract(edges, weights, sizes, regions, mean, threshold):
    count = len(edges)
    parent = np.arange(regions + 1)
    degree = np.zeros(regions + 1, np.int64)
    ends = edges.astype(np.int64)
    total = weights * sizes if mean else weights.copy()
    share = sizes.copy()
    version = np.zeros(count, np.int64)
    alive = np.ones(count, np.bool_)
    # the edges of each node, as linked lists: link 2 e + k is edge e in the list of its k-th end
    head = np.full(regions + 1, -1, np.int64)
    tail = np.full(regions + 1, -1, np.int64)
    link = np.full(2 * count, -1, np.int64)
    space = 16
    while space < 4 * count:
        space *= 2
    table = np.full(space, -1, np.int64)
    edge_of = np.empty(space, np.int64)
    filled = 0
    keys = np.empty(max(16, 2 * count), np.uint64)
    items = np.empty(max(16, 2 * count), np.int64)
    size = 0
    scratch = np.empty(1, np.float32)
    for e in range(count):
        for k in range(2):
            node = ends[e, k]
            if tail[node] < 0:
                head[node] = 2 * e + k
            else:
                link[tail[node]] = 2 * e + k
            tail[node] = 2 * e + k
            degree[node] += 1
        place, wanted = _slot(table, ends[e, 0], ends[e, 1])
        table[place] = wanted
        edge_of[place] = e
        filled += 1
        value = total[e] / share[e] if mean else total[e]
        if value > threshold:
            push(keys, items, size, key(ordered_one(-value, scratch), e), 0)
            size += 1
    while size > 0:
        taken = np.int64(keys[0] & np.uint64(0xFFFFFFFF))
        stamp = pop(keys, items, size)
        size -= 1
        if not alive[taken] or stamp != version[taken]:
            continue
        keep, go = ends[taken, 0], ends[taken, 1]
        if degree[keep] < degree[go] or (degree[keep] == degree[go] and go < keep):
            keep, go = go, keep
        parent[go] = keep
        alive[taken] = False
        entry = head[go]
        while entry >= 0:
            following = link[entry]
            f = entry >> 1
            side = entry & 1
            if alive[f]:
                other = ends[f, 1 - side]
                place, wanted = _slot(table, keep, other)
                g = edge_of[place] if table[place] >= 0 else np.int64(-1)
                if g >= 0 and alive[g]:
                    total[g] += total[f]
                    share[g] += share[f]
                    alive[f] = False
                    degree[other] -= 1
                    version[g] += 1
                    value = total[g] / share[g] if mean else total[g]
                    if value > threshold:
                        if size == len(keys):
                            keys = grown(keys)
                            items = grown(items)
                        push(keys, items, size, key(ordered_one(-value, scratch), g), version[g])
                        size += 1
                else:
                    ends[f, side] = keep
                    link[entry] = -1
                    if tail[keep] < 0:
                        head[keep] = entry
                    else:
                        link[tail[keep]] = entry
                    tail[keep] = entry
                    degree[keep] += 1
                    if table[place] < 0:
                        filled += 1
                    table[place] = wanted
                    edge_of[place] = f
                    if 2 * filled > len(table):
                        # most places name pairs that are gone: enter the living ones anew
                        table = np.full(2 * len(table), -1, np.int64)
                        edge_of = np.empty(len(table), np.int64)
                        filled = 0
                        for h in range(count):
                            if alive[h]:
                                place, wanted = _slot(table, _root(parent, ends[h, 0]), _root(parent, ends[h, 1]))
                                table[place] = wanted
                                edge_of[place] = h
                                filled += 1
            entry = following
        degree[keep] -= 1
    for node in range(regions + 1):
        parent[node] = _root(parent, node)
    return parent


def agglomerate(
    edges: np.ndarray,
    weights: np.ndarray,
    regions: int,
    *,
    sizes: np.ndarray | None = None,
    linkage: str = "sum",
    threshold: float = 0.0,
) -> np.ndarray:
    """Contract the edge with the highest weight until no weight is above a threshold.

    Parameters
    ----------
    edges : (E, 2) integer array
        Different regions 1…n; no pair twice.
    weights : (E,) array
        Attraction of each edge: above the threshold it wants its regions joined.
    regions : int
        Number of regions, n.
    sizes : (E,) array, optional
        What each edge counts in a mean (its length); 1 otherwise.
    linkage : "sum" or "mean"
        What becomes of the weights of edges that come to join the same two regions.
    threshold : float
        Where to stop; a weight must be above it.

    Returns
    -------
    (n + 1,) int32 array
        New label 1…m of each region, numbered in the order of the smallest old label; 0 for 0.

    Raises
    ------
    ValueError
        For an unknown linkage, sizes that are not above 0, weights that are not numbers, or edges out of range.
    """
    edges, weights, sizes = _checked(edges, weights, sizes, regions, linkage)
    parent = _contract(edges, weights, sizes, regions, linkage == "mean", float(threshold))
    return _numbered(parent)


def agglomerate_python(edges, weights, regions, *, sizes=None, linkage="sum", threshold=0.0) -> np.ndarray:
    """Plain reference of `agglomerate`."""
    edges, weights, sizes = _checked(edges, weights, sizes, regions, linkage)
    mean = linkage == "mean"
    # edge number → ends, total, share
    graph = {
        e: ({int(u), int(v)}, w * s if mean else w, s) for e, ((u, v), w, s) in enumerate(zip(edges, weights, sizes))
    }
    parent = np.arange(regions + 1)

    def value(e: int) -> float:
        return graph[e][1] / graph[e][2] if mean else graph[e][1]

    while graph:
        attracting = [e for e in graph if value(e) > threshold]
        if not attracting:
            break
        best = max(attracting, key=lambda e: (np.float32(value(e)), -e))
        keep, go = sorted(graph.pop(best)[0])
        degree = {n: sum(n in ends for ends, _, _ in graph.values()) for n in (keep, go)}
        if degree[keep] < degree[go]:
            keep, go = go, keep
        parent[parent == go] = keep
        for f in [f for f in graph if go in graph[f][0]]:
            ends = graph[f][0] - {go} | {keep}
            same = [g for g in graph if g != f and graph[g][0] == ends]
            if same:
                g = same[0]
                graph[g] = (ends, graph[g][1] + graph[f][1], graph[g][2] + graph[f][2])
                del graph[f]
            else:
                graph[f] = (ends, *graph[f][1:])
    return _numbered(parent)


def _checked(edges, weights, sizes, regions, linkage):
    edges = np.ascontiguousarray(edges, dtype=np.int32).reshape(-1, 2)
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    sizes = np.ones(len(edges)) if sizes is None else np.ascontiguousarray(sizes, dtype=np.float64)
    if linkage not in ("sum", "mean"):
        raise ValueError(f"The linkage is 'sum' or 'mean', not '{linkage}'.")
    if weights.shape != (len(edges),) or sizes.shape != (len(edges),):
        raise ValueError(f"{len(edges)} edges need as many weights and sizes, not {weights.size} and {sizes.size}.")
    if not np.isfinite(weights).all() or not (sizes > 0).all():
        raise ValueError("Edge weights must be numbers, and sizes above 0.")
    if len(edges) and (edges.min() < 1 or edges.max() > regions or (edges[:, 0] == edges[:, 1]).any()):
        raise ValueError(f"Edges join two different regions of 1 to {regions}.")
    return edges, weights, sizes


def _numbered(parent: np.ndarray) -> np.ndarray:
    """Roots as labels 1…m in the order of their first region; region 0 stays 0."""
    _, first, position = np.unique(parent[1:], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    return np.concatenate([np.zeros(1, np.int32), rank[position]]).astype(np.int32)
