"""The smallest circle around each object's pixel centres."""

from __future__ import annotations

import numpy as np
from numba import njit


def enclosing_circles(corners: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and radius of the smallest circle around the corners of each convex hull.

    Chrystal 1885, "On the problem to construct the minimum circle enclosing n given points in a plane", in the order
    of centrosome's ``minimum_enclosing_circle``: which corners lie on the circle up to rounding decides whether their
    pixels count in Zernike's moments, so the same operations are done in the same order.

    Parameters
    ----------
    corners : (k, 2) int64 array
    start : (n + 1,) int64 array
        From :func:`micrographia.features.convex_outline.convex_corners`.

    Returns
    -------
    centre : (n, 2) float64 array
        y, x; NaN for an object without pixels.
    radius : (n,) float64 array
    """
    n = len(start) - 1
    points = corners.astype(np.float64)
    centre, radius = np.full((n, 2), np.nan), np.zeros(n)
    count = np.diff(start)
    alone, pair = start[:-1][count == 1], start[:-1][count == 2]
    centre[count == 1] = points[alone]
    centre[count == 2] = (points[pair] + points[pair + 1]) / 2
    away = centre[count == 2] - points[pair]
    radius[count == 2] = np.sqrt(away[:, 0] ** 2 + away[:, 1] ** 2)
    ends = np.stack([start[:-1], start[:-1] + 1], axis=1)
    active = np.flatnonzero(count > 2)
    while len(active):
        at_second, at_first, where = _cosines(points, start, ends, active)
        second, first = np.abs(np.arccos(at_second)), np.abs(np.arccos(at_first))
        active = active[~_settle(points, ends, active, first, second, where, centre, radius)]
    return centre, radius


@njit(cache=True, nogil=True)
def _cosines(
    points: np.ndarray, start: np.ndarray, ends: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines of the angles that the chord of each active object makes with its other corners, at both ends."""
    room = 0
    for i in active:
        room += start[i + 1] - start[i]
    at_second, at_first = np.empty(room), np.empty(room)
    where = np.empty((room, 2), np.int64)  # which active object, which corner
    k = 0
    for number in range(len(active)):
        i = active[number]
        s0, s1 = ends[i]
        dy, dx = points[s0, 0] - points[s1, 0], points[s0, 1] - points[s1, 1]
        chord = dy * dy + dx * dx
        for v in range(start[i], start[i + 1]):
            if v in (s0, s1):
                continue
            ay, ax = points[v, 0] - points[s1, 0], points[v, 1] - points[s1, 1]
            by, bx = points[v, 0] - points[s0, 0], points[v, 1] - points[s0, 1]
            at_second[k] = (dy * ay + dx * ax) / np.sqrt(chord * (ay * ay + ax * ax))
            at_first[k] = (-dy * by - dx * bx) / np.sqrt(chord * (by * by + bx * bx))
            where[k, 0], where[k, 1] = number, v
            k += 1
    return at_second[:k], at_first[:k], where[:k]


@njit(cache=True, nogil=True)
def _settle(
    points: np.ndarray,
    ends: np.ndarray,
    active: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    where: np.ndarray,
    centre: np.ndarray,
    radius: np.ndarray,
) -> np.ndarray:
    """Write the circles that are decided, move a chord's end in the others; whether each active object is decided."""
    done = np.zeros(len(active), np.bool_)
    k = 0
    for number in range(len(active)):
        i = active[number]
        best, at = np.inf, k
        while k < len(where) and where[k, 0] == number:
            angle = np.pi - second[k] - first[k]
            if angle < best:
                best, at = angle, k
            k += 1
        s0, s1, v = ends[i, 0], ends[i, 1], where[at, 1]
        if best >= np.pi / 2:
            centre[i] = (points[s0] + points[s1]) / 2
            radius[i] = np.sqrt(((points[s0] - points[s1]) ** 2).sum()) / 2
            done[number] = True
        elif second[at] <= np.pi / 2 and first[at] <= np.pi / 2:
            (ay, ax), (by, bx), (cy, cx) = points[s0], points[s1], points[v]
            a, b, c = ay * ay + ax * ax, by * by + bx * bx, cy * cy + cx * cx
            d = 2 * (ax * (by - cy) + bx * (cy - ay) + cx * (ay - by))
            centre[i, 1] = (a * (by - cy) + b * (cy - ay) + c * (ay - by)) / d
            centre[i, 0] = (a * (cx - bx) + b * (ax - cx) + c * (bx - ax)) / d
            radius[i] = np.sqrt((ay - centre[i, 0]) ** 2 + (ax - centre[i, 1]) ** 2)
            done[number] = True
        elif first[at] > np.pi / 2:
            ends[i, 0] = v
        else:
            ends[i, 1] = v
    return done
