"""Lobes and notches of an object's outline, at several scales."""

from __future__ import annotations

import numpy as np

_NEAR = np.ones((3, 3))
_PAD = 9


def outline_lobes(mask: np.ndarray) -> dict[str, float]:
    """Maxima of the distance to the edge, what openings and closings change, and the curvature of the outline.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel. Beyond the window is background.

    Returns
    -------
    dict of str to float
        ``OutlineDeepest`` (largest distance to the edge, px), ``OutlineMeanDepth`` (its mean by the root of the area),
        ``OutlineLobes3`` to ``9`` (maxima of the distance after smoothing), ``OutlineOpened2`` to ``8`` and
        ``OutlineClosed2`` to ``8`` (area after an opening or closing with a disc of that radius, by the area), and
        ``OutlineCurvature...``: percentiles and spread, over the outline, of the share of object in a Gaussian window
        of 1.5, 3 and 5 pixels: 1/2 on a straight edge, more in notches, less on tips.
    """
    from scipy import ndimage

    wide = np.pad(mask, _PAD)
    distance = ndimage.distance_transform_edt(wide)
    outside = ndimage.distance_transform_edt(~wide)
    area = mask.sum()
    found = {"OutlineDeepest": distance.max(), "OutlineMeanDepth": distance[wide].mean() / np.sqrt(area)}
    for width in (3, 5, 9):
        smooth = ndimage.gaussian_filter(distance, width / 4)
        peaks = (smooth >= ndimage.maximum_filter(smooth, width) - 1e-9) & (distance > 0.35 * distance.max()) & wide
        found[f"OutlineLobes{width}"] = float(ndimage.label(peaks, _NEAR)[1])
    for radius in (2, 3, 4, 6, 8):
        kept = distance > radius
        opened = (ndimage.distance_transform_edt(~kept) <= radius) & wide if kept.any() else kept
        found[f"OutlineOpened{radius}"] = opened.sum() / area
        closed = ndimage.distance_transform_edt(outside <= radius) > radius
        found[f"OutlineClosed{radius}"] = closed.sum() / area
    edge = wide & ~ndimage.binary_erosion(wide)
    for sigma in (1.5, 3.0, 5.0):
        filled = ndimage.gaussian_filter(wide.astype(float), sigma)[edge]
        for percent in (5, 25, 50, 75, 95):
            found[f"OutlineCurvature{_word(sigma)}Percentile{percent}"] = np.percentile(filled, percent)
        found[f"OutlineCurvature{_word(sigma)}Std"] = filled.std()
    return found


def _word(number: float) -> str:
    return f"{number:g}".replace(".", "p")
