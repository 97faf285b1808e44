"""What a star-polygon network learns: probability, distances and foreground of a label image."""

from __future__ import annotations

import numpy as np

from micrographia.geometry.contacts import importance
from micrographia.geometry.rays import object_probability, ray_distances


def star_targets(labels: np.ndarray, rays: int = 32, grid: int = 2, diameter: float = 20.0) -> dict[str, np.ndarray]:
    """Targets of a label image (Schmidt et al. 2018, section 2).

    Parameters
    ----------
    labels : (Y, X) int32 array
        0 background, negative where nothing is known.
    rays, grid : int
        Number of rays; sampling step in pixels.
    diameter : float
        Typical equivalent diameter of the objects, pixels; smaller ones count more (`importance`).

    Returns
    -------
    dict
        "probability" (y, x) and "distance" (rays, y, x) on the grid, "foreground" and "weight" (Y, X); float32,
        probability and foreground -1 where nothing is known.
    """
    unknown = labels < 0
    probability = object_probability(labels)
    probability[unknown] = -1
    foreground = (labels > 0).astype(np.float32)
    foreground[unknown] = -1
    return {
        "probability": np.ascontiguousarray(probability[::grid, ::grid]),
        "distance": ray_distances(np.maximum(labels, 0), rays, grid),
        "foreground": foreground,
        "weight": importance(labels, diameter),
    }
