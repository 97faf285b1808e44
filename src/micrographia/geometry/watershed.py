"""Watershed from seeds: regions grow from their seeds over the lowest levels first, until they meet."""

from __future__ import annotations

import heapq
import itertools

import numba
import numpy as np

from micrographia.geometry.heap import grown, key, ordered, pop, push

_WALL, _QUEUED, _LINE = -1, -2, -3
_BUCKETS = 4096


@numba.njit(cache=True, nogil=True)
def _flood(levels, rank, labels, offsets, lines, low, scale):
    """Flood flat, walled arrays in place.

    Only the pixels of the lowest occupied bucket of levels are kept in order, in a heap; those of the buckets above are
    plain lists. What is popped is the same as from one heap of all.
    """
    keys = np.empty(4096, np.uint64)
    items = np.empty(4096, np.int64)
    size = 0
    later_key = np.empty(4096, np.uint64)
    later_item = np.empty(4096, np.int64)
    later_next = np.empty(4096, np.int64)
    used = 0
    unused = np.int64(-1)  # first of the list of places that are free again
    first = np.full(_BUCKETS, -1, np.int64)
    bucket = -1
    waiting = 0
    age = 0
    at = np.int64(-1)
    seed = np.int64(0)
    while True:
        # the seeds in reading order, then what is lowest
        if seed < len(labels):
            at = seed
            seed += 1
            if labels[at] <= 0:
                continue
            free = False
            for offset in offsets:
                if labels[at + offset] == 0:
                    free = True
            if not free:
                continue
            begin, end = -1, 0
        else:
            while size == 0 and waiting > 0:
                bucket += 1
                place = first[bucket]
                while place >= 0:
                    if size == len(keys):
                        keys = grown(keys)
                        items = grown(items)
                    push(keys, items, size, later_key[place], later_item[place])
                    size += 1
                    waiting -= 1
                    following = later_next[place]
                    later_next[place] = unused
                    unused = place
                    place = following
            if size == 0:
                break
            at = pop(keys, items, size)
            size -= 1
            if lines and labels[at] == _QUEUED:
                label = np.int32(0)
                for offset in offsets:
                    other = labels[at + offset]
                    if other > 0:
                        label = other if label == 0 or label == other else np.int32(_LINE)
                labels[at] = label
                if label < 0:
                    continue
            begin, end = 0, len(offsets)
        for k in range(begin, end):
            there = at if k < 0 else at + offsets[k]
            if k >= 0:
                if labels[there] != 0:
                    continue
                labels[there] = np.int32(_QUEUED) if lines else labels[at]
            new = key(rank[there], age)
            age += 1
            into = min(int((levels[there] - low) * scale), _BUCKETS - 1)
            if into <= bucket:
                if size == len(keys):
                    keys = grown(keys)
                    items = grown(items)
                push(keys, items, size, new, there)
                size += 1
                continue
            place = unused
            if place >= 0:
                unused = later_next[place]
            else:
                if used == len(later_key):
                    later_key = grown(later_key)
                    later_item = grown(later_item)
                    later_next = grown(later_next)
                place = used
                used += 1
            later_key[place] = new
            later_item[place] = there
            later_next[place] = first[into]
            first[into] = place
            waiting += 1


def watershed(
    levels: np.ndarray,
    seeds: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    connectivity: int = 1,
    lines: bool = False,
) -> np.ndarray:
    """Grow seeds over a landscape until they meet (Meyer 1994, Signal Processing 38).

    The pixel with the lowest level beside the regions is taken next; of equals the one that was reached first, so that
    plateaus are divided half-way. The result depends on nothing but the input.

    Parameters
    ----------
    levels : ([Z,] Y, X) array
        Height of each pixel, compared as float32; regions meet on ridges.
    seeds : ([Z,] Y, X) integer array
        Numbers above 0 where regions start; several pixels may share one.
    mask : ([Z,] Y, X) bool array, optional
        Where regions may grow; everywhere otherwise. Seeds outside are left out.
    connectivity : int
        1: neighbours share an edge (a face in 3-D); 2, 3: also a corner.
    lines : bool
        Leave a line of zeros one pixel wide between regions.

    Returns
    -------
    ([Z,] Y, X) int32 array
        The seed's number for each pixel it reached, else 0.

    Raises
    ------
    ValueError
        Where the shapes differ, a level within the mask is NaN, or a seed is negative or beyond int32.
    """
    levels, seeds, mask = _checked(levels, seeds, mask)
    if not mask.any():
        return np.zeros(levels.shape, np.int32)
    low, high = (np.float32(f(levels, where=mask, initial=i)) for f, i in ((np.min, np.inf), (np.max, -np.inf)))
    levels = np.pad(np.clip(levels, low, high), 1)
    labels = np.pad(np.where(mask, seeds, _WALL).astype(np.int32), 1, constant_values=_WALL)
    span = float(high) - float(low)
    scale = _BUCKETS / span if 0 < span < np.inf else 0.0
    offsets = _offsets(labels.shape, connectivity)
    _flood(levels.reshape(-1), ordered(levels).reshape(-1), labels.reshape(-1), offsets, lines, float(low), scale)
    inner = labels[(slice(1, -1),) * labels.ndim]
    return np.maximum(inner, 0)


def watershed_python(
    levels: np.ndarray,
    seeds: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    connectivity: int = 1,
    lines: bool = False,
) -> np.ndarray:
    """Plain reference of `watershed`."""
    levels, seeds, mask = _checked(levels, seeds, mask)
    labels = {p: int(seeds[p]) for p in np.ndindex(*levels.shape) if mask[p] and seeds[p]}
    age = itertools.count()
    queue = [(float(levels[p]), next(age), p) for p in labels]
    heapq.heapify(queue)
    queued = set(labels)
    steps = _steps(levels.ndim, connectivity)
    while queue:
        here = heapq.heappop(queue)[2]
        near = [tuple(int(a + b) for a, b in zip(here, step)) for step in steps]
        if here not in labels:
            around = {labels[p] for p in near if labels.get(p)}
            labels[here] = around.pop() if len(around) == 1 else 0
            if not labels[here]:
                continue
        for p in near:
            if p in queued or not all(0 <= a < n for a, n in zip(p, levels.shape)) or not mask[p]:
                continue
            queued.add(p)
            if not lines:
                labels[p] = labels[here]
            heapq.heappush(queue, (float(levels[p]), next(age), p))
    out = np.zeros(levels.shape, np.int32)
    for p, label in labels.items():
        out[p] = label
    return out


def _checked(levels, seeds, mask):
    levels = np.asarray(levels, np.float32)
    seeds = np.asarray(seeds)
    mask = np.ones(levels.shape, bool) if mask is None else np.asarray(mask, bool)
    if levels.ndim not in (2, 3) or seeds.shape != levels.shape or mask.shape != levels.shape:
        raise ValueError(
            f"The watershed needs levels, seeds and mask of the same plane or volume, "
            f"not of shapes {levels.shape}, {seeds.shape} and {mask.shape}."
        )
    if seeds.dtype.kind not in "biu" or (seeds.size and (seeds.min() < 0 or seeds.max() > np.iinfo(np.int32).max)):
        raise ValueError("Seeds of the watershed are whole numbers from 0 (no seed) to 2,147,483,647.")
    if np.isnan(levels[mask]).any():
        raise ValueError("The watershed's levels hold NaN pixels; replace them or leave them out by a mask.")
    return levels, seeds, mask


def _steps(dimensions: int, connectivity: int) -> np.ndarray:
    """Steps to the neighbours: nearest first, in reading order."""
    steps = np.array(
        [s for s in itertools.product((-1, 0, 1), repeat=dimensions) if 0 < np.abs(s).sum() <= connectivity]
    )
    return steps[np.argsort(np.abs(steps).sum(1), kind="stable")]


def _offsets(shape: tuple[int, ...], connectivity: int) -> np.ndarray:
    """Steps to the neighbours in the flat array of a shape."""
    strides = np.cumprod([1, *shape[:0:-1]])[::-1]
    return np.ascontiguousarray(_steps(len(shape), connectivity) @ strides).astype(np.int64)
