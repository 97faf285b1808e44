"""Sharpen star polygons by asking again half-way along each ray.

A point near an object's edge knows the edge better than its middle does, above all in large and elongated
objects. The idea of looking along the rays is that of CPP-Net (Chen et al. 2023, IEEE TIP, section III-B),
which learns how to weigh the answers; here the second answer is taken outright and nothing is learned.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.rays import ray_directions

REACH = 32.0
"""Farthest look-up from an anchor in pixels, so that tiles know how much they must see."""

TRUST = 0.1
"""Smallest object probability of a point that is asked."""


@numba.njit(cache=True, nogil=True)
def _refine(points, distance, fold, probability, directions, grid, out):
    height, width = probability.shape
    for n in range(len(points)):
        y, x = points[n, 0], points[n, 1]
        for r in range(len(directions)):
            own = distance[(r * fold + y % fold) * fold + x % fold, y // fold, x // fold]
            out[n, r] = own
            step = min(np.float32(0.5) * own, np.float32(REACH)) / np.float32(grid)
            i = int(np.rint(np.float32(y) + step * directions[r, 0]))
            j = int(np.rint(np.float32(x) + step * directions[r, 1]))
            i = min(max(i, 0), height - 1)
            j = min(max(j, 0), width - 1)
            if probability[i, j] > np.float32(TRUST):
                dy = np.float32(i - y)
                dx = np.float32(j - x)
                there = distance[(r * fold + i % fold) * fold + j % fold, i // fold, j // fold]
                out[n, r] = np.float32(grid) * np.sqrt(dy * dy + dx * dx) + there


def refine(points: np.ndarray, distance: np.ndarray, probability: np.ndarray, grid: int = 2) -> np.ndarray:
    """Ray lengths of objects, as they are predicted half-way along each ray.

    Parameters
    ----------
    points : (n, 2) int array
        Anchors: row and column on the grid.
    distance : (R·k², y/k, x/k) float32 array
        Predicted ray lengths in pixels. With k = 1 one channel a ray; a network that decides k × k grid points in
        each of its places gives ray r of the grid point (ki + a, kj + b) in channel (rk + a)k + b at (i, j).
    probability : (y, x) float32 array
        Object probability; points below `TRUST` are not asked.
    grid : int
        Pixels between grid points.

    Returns
    -------
    (n, R) float32 array
        Pixels; at least half a pixel.
    """
    fold = _fold(distance, probability)
    directions = ray_directions(len(distance) // fold**2)
    out = np.empty((len(points), len(directions)), np.float32)
    _refine(np.ascontiguousarray(points, dtype=np.int32), distance, fold, probability, directions, grid, out)
    return np.maximum(out, np.float32(0.5))


def refine_numpy(points: np.ndarray, distance: np.ndarray, probability: np.ndarray, grid: int = 2) -> np.ndarray:
    """Plain reference of `refine`."""
    distance = unfolded(distance, probability)
    rays, height, width = distance.shape
    own = distance[:, points[:, 0], points[:, 1]].T
    step = np.minimum(np.float32(0.5) * own, np.float32(REACH)) / np.float32(grid)
    there = np.rint(points[:, None].astype(np.float32) + step[..., None] * ray_directions(rays)).astype(int)
    there = np.clip(there, 0, (height - 1, width - 1))
    moved = grid * np.hypot(*(there - points[:, None]).transpose(2, 0, 1).astype(np.float32))
    other = moved + distance[np.arange(rays), there[..., 0], there[..., 1]]
    asked = probability[there[..., 0], there[..., 1]] > TRUST
    return np.maximum(np.where(asked, other, own), 0.5).astype(np.float32)


def unfolded(distance: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Ray lengths as `refine` takes them, one channel a ray: (R·k², y/k, x/k) to (R, y, x)."""
    fold = _fold(distance, probability)
    rays, height, width = len(distance) // fold**2, *distance.shape[1:]
    places = distance.reshape(rays, fold, fold, height, width).transpose(0, 3, 1, 4, 2)
    return places.reshape(rays, fold * height, fold * width)


def _fold(distance: np.ndarray, probability: np.ndarray) -> int:
    """Grid points along each side of a place of the distance map."""
    return probability.shape[0] // distance.shape[1]
