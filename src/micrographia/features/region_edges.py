"""Numbers that say whether the line between two touching regions is a true boundary.

What is measured follows the boundary workflow of ilastik (Andres et al. 2012, ECCV; Beier et al. 2017, Nature Methods
14:101): how the boundary probability and the intensities are distributed along the edge, how long it is, how the two
regions differ, and the width of the passage between them beside the width of the regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.geometry.distances import label_distance
from micrographia.geometry.region_graph import RegionGraph

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
PROBABILITY_SIGMAS = (0.0, 1.0, 2.5)
INTENSITY_SIGMAS = (0.0, 1.5)
"""Widths of the Gaussians, in pixels, with which values are smoothed before they are read along the edges."""


def edge_features(
    graph: RegionGraph,
    labels: np.ndarray,
    probability: np.ndarray,
    intensity: np.ndarray | None = None,
    anisotropy: float = 1.0,
) -> np.ndarray:
    """Features of all edges of a region graph.

    Parameters
    ----------
    graph : RegionGraph
        Of `labels`.
    labels : ([Z,] Y, X) int32 array
        Regions 1…n.
    probability : ([Z,] Y, X) float32 array
        Boundary probability.
    intensity : (C, [Z,] Y, X) float32 array, optional
        Channels of the image.
    anisotropy : float
        How many times as large a pixel is along Z as along Y and X.

    Returns
    -------
    (F, E) float32 array
        Named by `edge_feature_names`.
    """
    channels = np.zeros((0, *labels.shape), np.float32) if intensity is None else intensity
    read = [(probability, sigma) for sigma in PROBABILITY_SIGMAS]
    read += [(channel, sigma) for channel in channels for sigma in INTENSITY_SIGMAS]
    rows: list[np.ndarray] = []
    for values, sigma in read:
        rows += _along(graph, smoothed(values, sigma, anisotropy))
    ids = labels.reshape(-1)
    size = np.bincount(ids, minlength=graph.regions + 1).astype(np.float64)
    length = graph.lengths.astype(np.float64)
    outline = np.bincount(graph.edges.ravel(), np.repeat(length, 2), minlength=graph.regions + 1)
    rows += [length, *np.log(_two(graph, size)), *(length / _two(graph, outline))]
    for values in (probability, *channels):
        mean, spread = _moments(ids, values.reshape(-1).astype(np.float64), size)
        for low, high in (_two(graph, mean), _two(graph, spread)):
            rows += [low, high, high - low]
    rows += _passage(graph, ids, probability, anisotropy)
    return np.ascontiguousarray(np.stack(rows), dtype=np.float32)


def edge_feature_names(channels: Sequence[str] = ()) -> list[str]:
    """Names of the rows of `edge_features`, for an image with these channels."""
    read = [("boundary", sigma) for sigma in PROBABILITY_SIGMAS]
    read += [(channel, sigma) for channel in channels for sigma in INTENSITY_SIGMAS]
    names = []
    for name, sigma in read:
        along = f"{name} (σ={sigma:g}) along the edge" if sigma else f"{name} along the edge"
        names += [f"{along}: {what}" for what in ("mean", *(f"quantile {q:g}" for q in QUANTILES))]
    names += ["length", "log size of the smaller region", "log size of the larger region"]
    names += ["length by the shorter outline", "length by the longer outline"]
    for name in ("boundary", *channels):
        names += [
            f"{what} {name} of the regions: {k}" for what in ("mean", "spread") for k in ("low", "high", "difference")
        ]
    names += [f"{what} width" for what in ("smaller", "larger", "passage", "passage by smaller")]
    return names


def smoothed(values: np.ndarray, sigma: float, anisotropy: float = 1.0) -> np.ndarray:
    """Gaussian smoothing of a plane or a volume, narrower along Z where pixels are larger there."""
    from scipy import ndimage

    values = values.astype(np.float32)
    if not sigma:
        return values
    widths = (sigma / anisotropy, sigma, sigma)[-values.ndim :]
    return ndimage.gaussian_filter(values, widths, truncate=3.0)


def _along(graph: RegionGraph, values: np.ndarray) -> list[np.ndarray]:
    """Mean and quantiles along each edge of the higher of the two pixels of each pair."""
    first, length = graph.first[:-1], graph.lengths
    high = values.reshape(-1)[graph.pairs].max(axis=1)
    mean = np.add.reduceat(high.astype(np.float64), first) / length if len(first) else np.zeros(0)
    ranked = high[np.lexsort((high, np.repeat(np.arange(len(length)), length)))]
    return [mean, *(ranked[first + ((length - 1) * q).astype(np.int64)] for q in QUANTILES)]


def _two(graph: RegionGraph, of_region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the higher value of the two regions of each edge."""
    low, high = np.sort(of_region[graph.edges], axis=1).T
    return low, high


def _moments(ids: np.ndarray, values: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = np.maximum(size, 1)
    mean = np.bincount(ids, values, len(size)) / count
    return mean, np.sqrt(np.maximum(np.bincount(ids, values**2, len(size)) / count - mean**2, 0))


def _passage(graph: RegionGraph, ids: np.ndarray, probability: np.ndarray, anisotropy: float) -> list[np.ndarray]:
    """Half the width of both regions and of the way between them, where the boundary probability is below 1/2."""
    spacing = (anisotropy, 1.0, 1.0)[-probability.ndim :]
    distance = label_distance(probability < 0.5, spacing).reshape(-1)
    distance[np.isinf(distance)] = np.sqrt(len(distance))
    widest = np.zeros(graph.regions + 1, np.float32)
    np.maximum.at(widest, ids, distance)
    low, high = _two(graph, widest)
    through = distance[graph.pairs].min(axis=1)
    way = np.maximum.reduceat(through, graph.first[:-1]) if len(through) else np.zeros(0, np.float32)
    return [low, high, way, way / (low + 1)]
