"""The cheapest cut of a graph between two sets of nodes, by two search trees that grow towards each other.

Boykov & Kolmogorov 2004, "An experimental comparison of min-cut/max-flow algorithms for energy minimization in vision"
(IEEE PAMI 26:1124), with the marks of section 3.2.3 of V. Kolmogorov's thesis (2004), by which an orphan finds the
nearest root. Capacities are whole numbers, so that the flow is exact and the algorithm ends.
"""

from __future__ import annotations

import numba
import numpy as np

_BITS = 50
"""Binary digits of the dearest edge."""

_FREE, _SOURCE, _SINK = 0, 1, 2
_NONE, _ROOT, _ORPHAN = -1, -2, -3


def minimum_cut(pairs: np.ndarray, costs: np.ndarray, source: np.ndarray, sink: np.ndarray) -> np.ndarray:
    """The nodes on the side of the source, as few as the cheapest cut allows.

    Parameters
    ----------
    pairs : (2, E) integer array
        Nodes that an edge joins.
    costs : (E,) float array
        Of cutting each edge, in either direction, 0 or more; rounded to 2⁻⁵⁰ of the dearest, and at least that.
    source, sink : (N,) bool arrays
        Nodes that stay on either side; none on both.

    Returns
    -------
    (N,) bool array
    """
    digits = int(np.frexp(costs.max(initial=0))[1])
    capacity = np.maximum(np.rint(np.ldexp(costs, _BITS - digits)), 1).astype(np.int64)
    tree = np.where(source, _SOURCE, np.where(sink, _SINK, _FREE)).astype(np.int8)
    first, head, mirror, left = _arcs(pairs[0].astype(np.int64), pairs[1].astype(np.int64), capacity, len(tree))
    _flow(first, head, mirror, left, tree)
    return tree == _SOURCE


@numba.njit(cache=True, nogil=True)
def _arcs(one, other, capacity, count):
    """Each edge as two arcs, sorted by the node they leave, and where the opposite arc is."""
    first = np.zeros(count + 1, np.int64)
    for e in range(len(one)):
        first[one[e] + 1] += 1
        first[other[e] + 1] += 1
    for node in range(count):
        first[node + 1] += first[node]
    place = first[:-1].copy()
    head, mirror = np.empty(2 * len(one), np.int64), np.empty(2 * len(one), np.int64)
    left = np.empty(2 * len(one), np.int64)
    for e in range(len(one)):
        a = place[one[e]]
        place[one[e]] += 1
        b = place[other[e]]
        place[other[e]] += 1
        head[a], head[b] = other[e], one[e]
        mirror[a], mirror[b] = b, a
        left[a] = left[b] = capacity[e]
    return first, head, mirror, left


@numba.njit(cache=True, nogil=True)
def _flow(first, head, mirror, left, tree):
    """Push flow until no way is left from source to sink; `tree` then holds the side of each node.

    Node x of a tree has the arc ``parent[x]`` to its parent. In the tree of the source flow comes from the parent, in
    that of the sink it goes to it. ``seen[x]`` is when the distance of x from its root was last known.
    """
    count = len(tree)
    parent = np.full(count, _NONE, np.int64)
    seen, distance = np.zeros(count, np.int64), np.zeros(count, np.int64)
    active, waiting = np.empty(count + 1, np.int64), np.zeros(count, np.bool_)
    orphans = np.empty(count + 1, np.int64)
    begin = end = now = 0
    for node in range(count):
        if tree[node] != _FREE:
            parent[node] = _ROOT
            active[end] = node
            waiting[node] = True
            end += 1
    while begin != end:
        node = active[begin]
        begin = (begin + 1) % (count + 1)
        waiting[node] = False
        while tree[node] != _FREE:
            # grow
            bridge = -1
            for arc in range(first[node], first[node + 1]):
                if left[arc if tree[node] == _SOURCE else mirror[arc]] == 0:
                    continue
                next_node = head[arc]
                if tree[next_node] == _FREE:
                    tree[next_node] = tree[node]
                    nearer = True
                    if not waiting[next_node]:
                        active[end] = next_node
                        waiting[next_node] = True
                        end = (end + 1) % (count + 1)
                elif tree[next_node] != tree[node]:
                    bridge = arc if tree[node] == _SOURCE else mirror[arc]
                    break
                else:
                    nearer = parent[next_node] != _ROOT and (
                        seen[next_node] <= seen[node] and distance[next_node] > distance[node] + 1
                    )
                if nearer:
                    parent[next_node] = mirror[arc]
                    seen[next_node], distance[next_node] = seen[node], distance[node] + 1
            if bridge < 0:
                break
            # push as much as goes through
            now += 1
            most = left[bridge]
            x = head[mirror[bridge]]
            while parent[x] != _ROOT:
                most = min(most, left[mirror[parent[x]]])
                x = head[parent[x]]
            x = head[bridge]
            while parent[x] != _ROOT:
                most = min(most, left[parent[x]])
                x = head[parent[x]]
            left[bridge] -= most
            left[mirror[bridge]] += most
            oldest = newest = 0
            for side in range(2):
                x = head[mirror[bridge]] if side == 0 else head[bridge]
                while parent[x] != _ROOT:
                    up = parent[x]
                    arc = mirror[up] if side == 0 else up
                    left[arc] -= most
                    left[mirror[arc]] += most
                    if left[arc] == 0:
                        parent[x] = _ORPHAN
                        orphans[newest] = x
                        newest = (newest + 1) % (count + 1)
                    x = head[up]
            # find new parents for those that were cut off
            while oldest != newest:
                x = orphans[oldest]
                oldest = (oldest + 1) % (count + 1)
                best, nearest = -1, count + 1
                for arc in range(first[x], first[x + 1]):
                    if tree[head[arc]] == tree[x] and left[mirror[arc] if tree[x] == _SOURCE else arc] > 0:
                        far = _root_distance(head[arc], now, parent, head, seen, distance)
                        if 0 <= far < nearest:
                            best, nearest = arc, far
                if best >= 0:
                    parent[x] = best
                    seen[x], distance[x] = now, nearest + 1
                    continue
                for arc in range(first[x], first[x + 1]):
                    y = head[arc]
                    if tree[y] != tree[x]:
                        continue
                    if left[mirror[arc] if tree[x] == _SOURCE else arc] > 0 and not waiting[y]:
                        active[end] = y
                        waiting[y] = True
                        end = (end + 1) % (count + 1)
                    if parent[y] >= 0 and head[parent[y]] == x:
                        parent[y] = _ORPHAN
                        orphans[newest] = y
                        newest = (newest + 1) % (count + 1)
                tree[x] = _FREE
                parent[x] = _NONE


@numba.njit(cache=True, nogil=True)
def _root_distance(node, now, parent, head, seen, distance):
    """How far a node is from the root of its tree, -1 where it hangs on an orphan; remembered along the way."""
    steps, x = 0, node
    while seen[x] != now and parent[x] != _ROOT:
        if parent[x] < 0:
            return -1
        x = head[parent[x]]
        steps += 1
    if parent[x] == _ROOT:
        seen[x], distance[x] = now, 0
    total = distance[x] + steps
    x, far = node, total
    while seen[x] != now:
        seen[x], distance[x] = now, far
        x = head[parent[x]]
        far -= 1
    return total
