"""How an object looks above rising thresholds: a mitosis falls apart, a hole opens, a plate gets thin."""

from __future__ import annotations

import numpy as np

SHARES = (0.25, 0.4, 0.55, 0.7, 0.85)
"""Thresholds between the background (0) and the 98th percentile of the object's brightness (1)."""

_NEAR = np.ones((3, 3))


def level_sets(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Parts, holes, area, elongation and spread of what lies above each threshold.

    The background is the 5th percentile of the window, so that neither the gain nor the offset of a camera counts.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel; what lies within two pixels of it counts too.
    image : (Y, X) float array

    Returns
    -------
    dict of str to float
        For each threshold ``Level40...``: ``Area`` (root of the area, px), ``Share`` (of the object's area), ``Parts``
        (logarithm of one plus the parts of four pixels or more), ``Largest`` and ``Second`` (shares of the two largest
        parts), ``Holes`` (root of their share), ``Compactness`` (edge pixels by the root of the area), ``Major`` and
        ``Minor`` (standard deviations along the axes, px), ``Elongation`` (minor by major), ``Looseness``
        (major times minor by the area).
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(image, 0.7)
    back = np.percentile(smooth, 5)
    top = max(np.percentile(smooth[mask], 98) - back, 1e-9)
    near = ndimage.binary_dilation(mask, iterations=2)
    found: dict[str, float] = {}
    for share in SHARES:
        above = near & (smooth > back + share * top)
        name = f"Level{round(100 * share)}"
        labels, parts = ndimage.label(above, _NEAR)
        sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1].astype(float)
        area = max(float(above.sum()), 1.0)
        holes = (ndimage.binary_fill_holes(above) ^ above).sum()
        edge = above.sum() - ndimage.binary_erosion(above).sum()
        place = np.stack(np.nonzero(above)).astype(float)
        spread = np.cov(place) if place.shape[1] > 2 else np.eye(2)
        minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 1e-3))
        found |= {
            f"{name}Area": np.sqrt(area),
            f"{name}Share": area / mask.sum(),
            f"{name}Parts": np.log1p((sizes >= 4).sum()),
            f"{name}Largest": sizes[0] / area if parts else 0.0,
            f"{name}Second": sizes[1] / area if parts > 1 else 0.0,
            f"{name}Holes": np.sqrt(holes / area),
            f"{name}Compactness": edge / np.sqrt(area),
            f"{name}Major": major,
            f"{name}Minor": minor,
            f"{name}Elongation": minor / major,
            f"{name}Looseness": major * minor / area,
        }
    return found
