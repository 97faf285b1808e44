"""From boundary probabilities to small regions, and from judged edges to joined regions."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.features.region_edges import smoothed
from micrographia.geometry.agglomeration import agglomerate
from micrographia.geometry.region_graph import merged
from micrographia.geometry.watershed import watershed

_SURE = 0.01
"""Edge probabilities are kept this far from 0 and 1, so that no edge alone decides."""


def oversegmentation(probability: np.ndarray, smooth: float = 2.0, anisotropy: float = 1.0) -> np.ndarray:
    """Small regions whose outlines hold all boundaries: watershed of the smoothed boundary probability.

    Parameters
    ----------
    probability : ([Z,] Y, X) array
        Boundary probability.
    smooth : float
        Width of the Gaussian in pixels; less gives more and smaller regions.
    anisotropy : float
        How many times as large a pixel is along Z as along Y and X.

    Returns
    -------
    ([Z,] Y, X) int32 array
        Regions 1…n without gaps, one for each local minimum (lowest within two pixels).

    Raises
    ------
    InputError
        Where the probability holds NaN.
    """
    from scipy import ndimage

    levels = smoothed(np.asarray(probability), smooth, anisotropy)
    if not np.isfinite(levels).all():
        raise InputError("The boundary probabilities hold pixels that are not numbers (NaN or infinite).")
    size = (3 if anisotropy > 1.5 else 5, 5, 5)[-levels.ndim :]
    lowest = levels == ndimage.minimum_filter(levels, size)
    seeds, _ = ndimage.label(lowest, np.ones((3,) * levels.ndim), output=np.int32)
    return watershed(levels, seeds)


def join_regions(
    regions: np.ndarray, edges: np.ndarray, lengths: np.ndarray, boundary: np.ndarray, bias: float = 0.5,
    linkage: str = "sum",
) -> np.ndarray:  # fmt: skip
    """Join regions whose edges are no boundaries.

    Parameters
    ----------
    regions : ([Z,] Y, X) int32 array
        Regions 1…n.
    edges, lengths : (E, 2) and (E,) arrays
        Their graph's edges.
    boundary : (E,) array
        Probability of each edge to be a boundary.
    bias : float
        Edges above this probability keep regions apart: less splits more.
    linkage : "sum" or "mean"
        Multicut by greedy contraction of log-odds times lengths (Keuper et al. 2015), or average linkage.

    Returns
    -------
    ([Z,] Y, X) int32 array
    """
    p = np.clip(boundary.astype(np.float64), _SURE, 1 - _SURE)
    if linkage == "sum":
        bias = min(max(bias, _SURE), 1 - _SURE)
        weights, threshold = (np.log((1 - p) / p) + np.log(bias / (1 - bias))) * lengths, 0.0
    else:
        weights, threshold = 1 - p, 1 - bias
    count = int(regions.max(initial=0))
    return merged(regions, agglomerate(edges, weights, count, sizes=lengths, linkage=linkage, threshold=threshold))
