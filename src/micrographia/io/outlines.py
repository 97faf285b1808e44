"""Outlines of labelled objects along the edges of their pixels."""

from __future__ import annotations

import numpy as np

_UP, _RIGHT, _DOWN, _LEFT = 0, 1, 2, 3
_STEPS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def label_outlines(labels: np.ndarray) -> dict[int, list[np.ndarray]]:
    """Closed outlines of every object, exactly along its pixels' edges.

    Parameters
    ----------
    labels : ndarray
        (Y, X) integers, 0 is background.

    Returns
    -------
    dict
        Label, in ascending order, to its rings. A ring is (n, 2), y and x in index coordinates (the
        centre of the first pixel is 0, 0, so corners are at halves), without repeating the first
        corner. An object in several parts (pixels that touch at a corner only count as apart) has
        several outer rings, holes are rings too: outer rings run clockwise as seen on the screen,
        holes counter-clockwise, see :func:`ring_area`. Rings with the largest area come first.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise ValueError(f"outlines need a (Y, X) label image, not shape {labels.shape}")
    padded = np.pad(labels, 1)
    inside = padded[1:-1, 1:-1]
    starts, directions, owners = [], [], []
    # Each pixel edge next to another label is walked with the object on the right hand.
    for towards, neighbour, corner in (
        (_RIGHT, padded[:-2, 1:-1], (0, 0)),
        (_DOWN, padded[1:-1, 2:], (0, 1)),
        (_LEFT, padded[2:, 1:-1], (1, 1)),
        (_UP, padded[1:-1, :-2], (1, 0)),
    ):
        y, x = np.nonzero((inside != neighbour) & (inside != 0))
        starts.append(np.stack([y + corner[0], x + corner[1]], axis=1))
        directions.append(np.full(len(y), towards))
        owners.append(inside[y, x])
    start, direction, owner = np.concatenate(starts), np.concatenate(directions), np.concatenate(owners)
    if not len(start):
        return {}
    following = _following(start, direction, owner, labels.shape[1] + 1)
    return _rings(start, direction, owner, following)


def ring_area(ring: np.ndarray) -> float:
    """Signed area of a ring in pixels: positive where it runs clockwise on the screen (y downwards)."""
    y, x = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def largest_ring(rings: list[np.ndarray]) -> np.ndarray:
    """The outer ring of the largest part of an object."""
    return max(rings, key=ring_area)


def _following(start: np.ndarray, direction: np.ndarray, owner: np.ndarray, width: int) -> np.ndarray:
    """For every edge the one that goes on where it ends, of the same object, turning right first."""
    end = start + _STEPS[direction]
    place = start[:, 0].astype(np.int64) * width + start[:, 1]
    goal = end[:, 0].astype(np.int64) * width + end[:, 1]
    _, compact = np.unique(owner, return_inverse=True)
    places = (int(goal.max()) if len(goal) else 0) + width + 1
    key = (compact.astype(np.int64) * places + place) * 4 + direction
    order = np.argsort(key)
    ordered = key[order]
    following = np.full(len(start), -1)
    for turn in (1, 0, 3):  # right, straight on, left
        wanted = (compact.astype(np.int64) * places + goal) * 4 + (direction + turn) % 4
        found = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        fits = (following < 0) & (ordered[found] == wanted)
        following[fits] = order[found[fits]]
    return following


def _rings(
    start: np.ndarray, direction: np.ndarray, owner: np.ndarray, following: np.ndarray
) -> dict[int, list[np.ndarray]]:
    order = np.lexsort((start[:, 1], start[:, 0], owner))
    nexts, turns, owners = following.tolist(), direction.tolist(), owner.tolist()
    seen = bytearray(len(nexts))
    found: dict[int, list[np.ndarray]] = {}
    for first in order.tolist():
        if seen[first]:
            continue
        edge, corners = first, []
        while not seen[edge]:
            seen[edge] = 1
            after = nexts[edge]
            if turns[after] != turns[edge]:
                corners.append(after)
            edge = after
        found.setdefault(int(owners[first]), []).append(start[corners] - 0.5)
    for rings in found.values():
        rings.sort(key=lambda ring: -abs(ring_area(ring)))
    return found
