"""CellProfiler's MeasureObjectIntensity: statistics of the pixels of each object, of its edge, and where its mass lies.

Equal to cp_measure 0.3, ``get_intensity``. Pixels that are not finite are left out; an object without a finite pixel
gets zeros, as there (NaN would be truer). Quartiles are those of ``numpy.percentile``, and the median absolute
deviation is the median of ``|x - median|``; CellProfiler itself takes quartiles at position ``n q`` of the sorted
pixels.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.label_objects import LabelObjects

_STATISTICS = ("IntegratedIntensity", "MeanIntensity", "StdIntensity", "MinIntensity", "MaxIntensity",
               "LowerQuartileIntensity", "MedianIntensity", "MADIntensity", "UpperQuartileIntensity",
               "MassDisplacement")  # fmt: skip
_EDGE = ("IntegratedIntensityEdge", "MeanIntensityEdge", "StdIntensityEdge", "MinIntensityEdge", "MaxIntensityEdge")
_LOCATIONS = ("CenterMassIntensity", "MaxIntensity")


def intensity(objects: LabelObjects, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Intensities of each object.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane or a volume.
    pixels : float array of the shape of the labels
        0 to 1.

    Returns
    -------
    dict of str to (n,) float64 array
        Names have ``{}`` for the channel. Locations are in pixels; Z is 0 in a plane. An edge pixel has a pixel of
        another object or of the background beside it (not diagonally); the end of the image is no edge.
    """
    place = np.zeros((3, len(objects.position)), np.int64)
    place[3 - len(objects.shape) :] = objects.place
    values = objects.of(pixels)
    inner = objects.index if objects.index.ndim == 3 else objects.index[None]
    table = intensity_statistics(objects.first, values, place, _edge(inner, objects.position))
    names = [f"Intensity_{name}_{{}}" for name in (*_STATISTICS, *_EDGE)]
    names += [f"Location_{name}_{axis}_{{}}" for name in _LOCATIONS for axis in "ZYX"]
    return {name: np.ascontiguousarray(column) for name, column in zip(names, table.T)}


@njit(cache=True, nogil=True)
def intensity_statistics(first: np.ndarray, values: np.ndarray, place: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """One row an object, in the order of the names of this module.

    Parameters
    ----------
    first : (n + 1,) int64 array
    values : (pixels,) float64 array
    place : (3, pixels) int64 array
        z, y, x.
    edge : (pixels,) bool array

    Returns
    -------
    (n, 21) float64 array
    """
    n = len(first) - 1
    out = np.zeros((n, 21))
    for i in range(n):
        start, stop = first[i], first[i + 1]
        finite = np.empty(stop - start)
        count, most = 0, 0
        at = np.zeros(3)
        mass = np.zeros(3)
        total = 0.0
        on_edge, edge_sum = 0, 0.0
        low, high = np.inf, -np.inf
        for k in range(start, stop):
            value = values[k]
            if not np.isfinite(value):
                continue
            if count == 0 or value > values[most]:
                most = k
            finite[count] = value
            count += 1
            total += value
            for a in range(3):
                at[a] += place[a, k]
                mass[a] += place[a, k] * value
            if edge[k]:
                on_edge += 1
                edge_sum += value
                low, high = min(low, value), max(high, value)
        if count == 0:
            continue
        finite = finite[:count]
        mean = total / count
        squares = 0.0
        for value in finite:
            squares += (value - mean) ** 2
        finite.sort()
        median = _quantile(finite, 0.5)
        deviations = np.abs(finite - median)
        deviations.sort()
        moved = 0.0
        for a in range(3):
            centre = mass[a] / total if total != 0 else np.nan
            moved += (centre - at[a] / count) ** 2
            out[i, 15 + a] = centre
            out[i, 18 + a] = place[a, most]
        constant = finite[0] == finite[count - 1]  # then the rounding of the mean must not look like a spread
        out[i, 0], out[i, 1], out[i, 2] = total, mean, 0.0 if constant else np.sqrt(squares / count)
        out[i, 3], out[i, 4] = finite[0], finite[count - 1]
        out[i, 5], out[i, 6] = _quantile(finite, 0.25), median
        out[i, 7], out[i, 8] = _quantile(deviations, 0.5), _quantile(finite, 0.75)
        out[i, 9] = np.sqrt(moved)
        if on_edge > 0:
            edge_mean, squares = edge_sum / on_edge, 0.0
            for k in range(start, stop):
                if edge[k] and np.isfinite(values[k]):
                    squares += (values[k] - edge_mean) ** 2
            out[i, 10], out[i, 11], out[i, 12] = edge_sum, edge_mean, 0.0 if low == high else np.sqrt(squares / on_edge)
            out[i, 13], out[i, 14] = low, high
    return out


@njit(cache=True, nogil=True)
def _quantile(ordered: np.ndarray, q: float) -> float:
    where = (len(ordered) - 1) * q
    low = int(where)
    high = min(low + 1, len(ordered) - 1)
    share = where - low
    return ordered[low] * (1.0 - share) + ordered[high] * share


@njit(cache=True, nogil=True)
def _edge(index: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Whether a pixel has another number beside it, inside the image; index is (Z, Y + 2, X + 2)."""
    depth, height, width = index.shape[0], index.shape[1] - 2, index.shape[2] - 2
    edge = np.zeros(len(position), np.bool_)
    for k in range(len(position)):
        z, rest = divmod(position[k], height * width)
        y, x = divmod(rest, width)
        own = index[z, y + 1, x + 1]
        edge[k] = (
            (y > 0 and index[z, y, x + 1] != own)
            or (y < height - 1 and index[z, y + 2, x + 1] != own)
            or (x > 0 and index[z, y + 1, x] != own)
            or (x < width - 1 and index[z, y + 1, x + 2] != own)
            or (z > 0 and index[z - 1, y + 1, x + 1] != own)
            or (z < depth - 1 and index[z + 1, y + 1, x + 1] != own)
        )
    return edge
