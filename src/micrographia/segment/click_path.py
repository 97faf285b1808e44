"""A line that follows membranes from click to click: the cheapest way over the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from micrographia.arrays.blocks import Block, grown
from micrographia.arrays.errors import InputError
from micrographia.geometry.heap import grown as longer
from micrographia.geometry.heap import key, ordered_one, pop, push

_MARGIN = {2: 64, 3: 24}
_HIGHEST = 1_000_000
"""Highest floor: from there on evidence no longer shows in a sum of costs, which must stay finite."""
_WALL, _UNSEEN = -1.0, -2.0
_EVIDENCE = "The evidence for a path is a plane or volume of numbers from 0 to 1, without NaN."


@numba.njit(cache=True, nogil=True)
def _dijkstra(cost, offsets, lengths, start, goal, came):
    """Way from start to goal over flat, walled costs; `came` gets the step that led to each pixel.

    False where a way over pixels that are not seen might be cheaper.
    """
    far = np.full(len(cost), np.inf)
    done = np.zeros(len(cost), np.bool_)
    keys = np.empty(4096, np.uint64)
    items = np.empty(4096, np.int64)
    scratch = np.empty(1, np.float32)
    far[start] = 0.0
    push(keys, items, 0, key(ordered_one(0.0, scratch), 0), start)
    size = 1
    age = 1
    while size > 0:
        at = pop(keys, items, size)
        size -= 1
        if done[at]:
            continue
        done[at] = True
        if at == goal:
            return True
        for k in range(len(offsets)):
            there = at + offsets[k]
            if cost[there] == _UNSEEN:
                return False
            if cost[there] == _WALL or done[there]:
                continue
            length = far[at] + lengths[k] * 0.5 * (cost[at] + cost[there])
            if length < far[there]:
                far[there] = length
                came[there] = k
                if size == len(keys):
                    keys = longer(keys)
                    items = longer(items)
                push(keys, items, size, key(ordered_one(length, scratch), age), there)
                size += 1
                age += 1
    return False


def click_path(
    evidence: Any, clicks: Sequence[Sequence[int]], *, floor: float = 0.02, closed: bool = False
) -> np.ndarray:
    """The way through all clicks that keeps to where the evidence is high (Dijkstra; live-wire, Mortensen 1995).

    Only a window around each two clicks is read; it grows until no cheaper way can lead out of it.

    Parameters
    ----------
    evidence : ([Z,] Y, X) array
        0 to 1, high where the line should run: a membrane probability, or ``1 - image`` for dark membranes. Anything
        with a shape and NumPy slicing, for example a ``zarr.Array``.
    clicks : sequence of positions
        At least two (y, x) or (z, y, x).
    floor : float
        What a pixel of full evidence costs, above 0 and at most 1,000,000; one without costs 1 more. Larger values
        make straighter lines.
    closed : bool
        Go back to the first click.

    Returns
    -------
    (N, 2) or (N, 3) int64 array
        Pixels of the way from the first click to the last, each a neighbour (over corners, too) of the next.

    Raises
    ------
    InputError
        Where a click lies outside, the floor is none, or the evidence that is read is not between 0 and 1.
    """
    evidence = evidence if hasattr(evidence, "shape") else np.asarray(evidence)
    points = _checked(evidence.shape, clicks, floor)
    if closed:
        points = [*points, points[0]]
    way = [points[0][None]]
    for a, b in zip(points, points[1:]):
        box: Block = tuple(slice(min(p), max(p) + 1) for p in zip(a.tolist(), b.tolist(), strict=True))
        margin = _MARGIN[len(box)]
        while (part := _part(evidence, grown(box, margin, evidence.shape), a, b, floor)) is None:
            margin *= 2
        way.append(part)
    return np.concatenate(way)


def _part(evidence: Any, window: Block, first: np.ndarray, last: np.ndarray, floor: float) -> np.ndarray | None:
    """The cheapest way from one pixel to another, without the first; None where it may leave the window."""
    cost = _costs(evidence[window], floor)
    walled = np.full([n + 2 for n in cost.shape], _UNSEEN)
    for axis, (s, n) in enumerate(zip(window, evidence.shape, strict=True)):
        ends = np.moveaxis(walled, axis, 0)
        ends[0] = np.where(s.start == 0, _WALL, ends[0])
        ends[-1] = np.where(s.stop == n, _WALL, ends[-1])
    walled[(slice(1, -1),) * cost.ndim] = cost
    steps, lengths = _steps(cost.ndim)
    strides = np.cumprod([1, *walled.shape[:0:-1]])[::-1]
    offsets = (steps @ strides).astype(np.int64)
    corner = np.array([s.start - 1 for s in window])
    start, goal = (int(np.ravel_multi_index(tuple(p - corner), walled.shape)) for p in (first, last))
    came = np.full(walled.size, -1, np.int8)
    if not _dijkstra(walled.reshape(-1), offsets, lengths, start, goal, came):
        return None
    part = []
    while goal != start:
        part.append(goal)
        goal -= int(offsets[came[goal]])
    return np.stack(np.unravel_index(np.array(part[::-1], np.int64), walled.shape), axis=1) + corner


def path_cost_python(evidence: np.ndarray, clicks: Sequence[Sequence[int]], *, floor: float = 0.02) -> float:
    """Plain reference: the cost of the best way through all clicks, by relaxing until nothing changes."""
    cost, points = _costs(evidence, floor), _checked(evidence.shape, clicks, floor)
    steps, lengths = _steps(cost.ndim)
    total = 0.0
    for a, b in zip(points, points[1:]):
        far = np.full(cost.shape, np.inf)
        far[tuple(a)] = 0
        changed = True
        while changed:
            before = far.copy()
            for step, length in zip(steps, lengths):
                here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, cost.shape))
                there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, cost.shape))
                far[there] = np.minimum(far[there], far[here] + length * (cost[here] + cost[there]) / 2)
            changed = not np.array_equal(before, far)
        total += far[tuple(b)]
    return total


def path_cost(evidence: np.ndarray, path: np.ndarray, *, floor: float = 0.02) -> float:
    """What a way costs: half the sum of the costs of the two pixels of each step, times its length."""
    cost = _costs(evidence, floor)
    values = cost[tuple(np.asarray(path).T)]
    return float((np.linalg.norm(np.diff(path, axis=0), axis=1) * (values[1:] + values[:-1]) / 2).sum())


def _costs(evidence: np.ndarray, floor: float) -> np.ndarray:
    """What each pixel costs."""
    values = np.asarray(evidence, np.float64)
    if not (values.min(initial=0) >= 0 and values.max(initial=0) <= 1):
        raise InputError(_EVIDENCE)
    return floor + 1 - values


def _checked(shape: Sequence[int], clicks: Sequence[Sequence[int]], floor: float) -> list[np.ndarray]:
    """The clicks as int64 arrays."""
    if len(shape) not in (2, 3):
        raise InputError(_EVIDENCE)
    try:
        points = [np.asarray(p) for p in clicks]
    except TypeError:  # a single number
        points = []
    if len(points) < 2:
        raise InputError("A path needs at least two clicks.")
    for p in points:
        if p.shape != (len(shape),) or p.dtype.kind not in "iu" or (p < 0).any() or (p >= shape).any():
            raise InputError(f"The click {p.tolist()} lies outside the image of shape {tuple(shape)}.")
    if not 0 < floor <= _HIGHEST:
        raise InputError(f"The floor of a path's costs must be above 0 and at most {_HIGHEST:,}, not {floor}.")
    return [p.astype(np.int64) for p in points]


def _steps(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    steps = np.stack(np.meshgrid(*[np.arange(-1, 2)] * dimensions, indexing="ij"), -1).reshape(-1, dimensions)
    steps = steps[np.abs(steps).sum(axis=1) > 0]
    return steps, np.linalg.norm(steps, axis=1)
