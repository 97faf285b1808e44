"""CellProfiler's MeasureObjectIntensityDistribution: how intensity is spread from an object's middle to its edge.

Equal to cp_measure 0.3, ``get_radial_distribution``. The middle of an object is its pixel farthest from the edge (the
first in raster order of several). Distance from the middle is the length of the shortest path of straight and diagonal
steps inside the object; a part that no such path reaches does not count. The end of the image is no edge, so an object
that is cut there has its middle nearer to it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.edge_distance import squared_edge_distances
from micrographia.features.label_objects import LabelObjects

_WEDGES = 8


def radial_distribution(objects: LabelObjects, pixels: np.ndarray, bins: int = 4) -> dict[str, np.ndarray]:
    """Share, mean share and variation of intensity in rings from the middle (1) to the edge.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.
    pixels : (Y, X) float array
    bins : int
        Number of rings; a pixel lies in ring ``1 + floor(bins d / (d + e))``, d and e its distances from the
        middle and from the edge.

    Returns
    -------
    dict of str to (n,) float64 array
        ``FracAtD``: share of the object's intensity; ``MeanFrac``: that share divided by the share of its pixels;
        ``RadialCV``: coefficient of variation of the mean intensities of eight wedges. Names have ``{}`` for the
        channel.
    """
    ring, wedge = rings(objects.index, objects.box, objects.first, objects.position, bins)
    share, mean, variation = ring_statistics(objects.first, objects.of(pixels), ring, wedge, bins)
    out = {}
    for b in range(bins):
        for name, table in (("FracAtD", share), ("MeanFrac", mean), ("RadialCV", variation)):
            out[f"RadialDistribution_{name}_{{}}_{b + 1}of{bins}"] = np.ascontiguousarray(table[:, b])
    return out


@njit(cache=True, nogil=True)
def rings(
    index: np.ndarray, box: np.ndarray, first: np.ndarray, position: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ring (from 0; -1 where no path leads to) and wedge (0 to 7) of every object pixel, object after object."""
    width = index.shape[1] - 2
    ring = np.full(len(position), -1, np.int8)
    wedge = np.zeros(len(position), np.int8)
    for i in range(len(box)):
        if first[i] == first[i + 1]:
            continue
        y0, x0, y1, x1 = box[i]
        to_edge = squared_edge_distances(index, i + 1, y0, x0, y1, x1, False)
        best, my, mx = -1, 0, 0
        for y in range(y1 - y0):
            for x in range(x1 - x0):
                if to_edge[y, x] > best and index[y0 + y + 1, x0 + x + 1] == i + 1:
                    best, my, mx = to_edge[y, x], y, x
        walked = _path_lengths(index, i + 1, y0, x0, y1, x1, my, mx)
        for k in range(first[i], first[i + 1]):
            y, x = position[k] // width - y0, position[k] % width - x0
            d = walked[y, x]
            if d == np.inf:
                continue
            ring[k] = min(int(d / (d + np.sqrt(to_edge[y, x]) + 0.001) * bins), bins)
            wedge[k] = (y > my) + 2 * (x > mx) + 4 * (abs(y - my) > abs(x - mx))
    return ring, wedge


@njit(cache=True, nogil=True)
def _path_lengths(index: np.ndarray, number: int, y0: int, x0: int, y1: int, x1: int, my: int, mx: int) -> np.ndarray:
    """Length of the shortest path inside the object from (my, mx); sweeps forth and back until nothing changes."""
    height, width = y1 - y0, x1 - x0
    length = np.full((height + 2, width + 2), np.inf)
    length[my + 1, mx + 1] = 0
    diagonal = np.sqrt(2.0)
    changed = True
    while changed:
        changed = False
        for y in range(1, height + 1):
            for x in range(1, width + 1):
                if index[y0 + y, x0 + x] == number:
                    best = min(length[y, x - 1], length[y - 1, x]) + 1
                    best = min(best, min(length[y - 1, x - 1], length[y - 1, x + 1]) + diagonal)
                    if best < length[y, x]:
                        length[y, x] = best
                        changed = True
        for y in range(height, 0, -1):
            for x in range(width, 0, -1):
                if index[y0 + y, x0 + x] == number:
                    best = min(length[y, x + 1], length[y + 1, x]) + 1
                    best = min(best, min(length[y + 1, x - 1], length[y + 1, x + 1]) + diagonal)
                    if best < length[y, x]:
                        length[y, x] = best
                        changed = True
    return length[1:-1, 1:-1]


@njit(cache=True, nogil=True)
def ring_statistics(
    first: np.ndarray, values: np.ndarray, ring: np.ndarray, wedge: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of intensity, mean share and variation between wedges, each (n, bins) float64."""
    n = len(first) - 1
    share, mean, variation = np.empty((n, bins)), np.empty((n, bins)), np.zeros((n, bins))
    for i in range(n):
        sums, counts = np.zeros((bins + 1, _WEDGES)), np.zeros((bins + 1, _WEDGES))
        for k in range(first[i], first[i + 1]):
            if ring[k] >= 0:
                sums[ring[k], wedge[k]] += values[k]
                counts[ring[k], wedge[k]] += 1
        total, pixels = sums.sum(), counts.sum()
        for b in range(bins):
            share[i, b] = sums[b].sum() / total if total != 0 else np.nan
            at = counts[b].sum() / pixels if pixels > 0 else np.nan
            mean[i, b] = share[i, b] / (at + 2.220446049250313e-16)
            average, spread, used = 0.0, 0.0, 0
            for w in range(_WEDGES):
                if counts[b, w] > 0:
                    average += sums[b, w] / counts[b, w]
                    used += 1
            if used == 0:
                continue
            average /= used
            for w in range(_WEDGES):
                if counts[b, w] > 0:
                    spread += (sums[b, w] / counts[b, w] - average) ** 2
            spread = np.sqrt(spread / used)
            variation[i, b] = spread / average if average != 0 else spread
    return share, mean, variation
