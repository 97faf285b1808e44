"""Histograms of gradients whose directions are taken against the direction to the object's middle.

Histograms of oriented gradients (Dalal & Triggs 2005) in rings instead of squares, so that they do not change when the
object is turned or mirrored.
"""

from __future__ import annotations

import numpy as np

RADII = (4, 8, 12, 18, 26)
"""Where one ring ends and the next begins: distance from the centre of mass, pixels."""

SCALES = (1, 2)
"""Standard deviations of the Gaussian whose derivatives are the gradient, pixels."""

_DIRECTIONS = 6


def gradient_rings(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Shares of gradient by ring and by angle to the direction away from the middle, of the root of the brightness.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel; what lies within two pixels of it belongs to it here.
    image : (Y, X) float array
        Values below 0 count as 0.

    Returns
    -------
    dict of str to float
        ``GradientObject<scale>Ring0Direction0`` to ``Ring5Direction5``, and ``GradientAround...`` of the rest of the
        window. Direction 0 is outwards (brighter away from the middle), 5 inwards, in steps of 30 degrees; each
        histogram is divided by the root of its sum of squares, 0 where there is no gradient. Gain does not count.
    """
    from scipy import ndimage

    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(float)
    y -= y[mask].mean()
    x -= x[mask].mean()
    radius = np.hypot(y, x)
    ring = np.digitize(radius, RADII)
    inside = ndimage.binary_dilation(mask, iterations=2)
    root = np.sqrt(np.maximum(image, 0))
    root /= max(root.max(), 1e-9)
    count = len(RADII) + 1
    found: dict[str, float] = {}
    for scale in SCALES:
        dy = ndimage.gaussian_filter(root, scale, order=(1, 0))
        dx = ndimage.gaussian_filter(root, scale, order=(0, 1))
        length = np.hypot(dy, dx)
        along = (dy * y + dx * x) / np.maximum(length * radius, 1e-12)
        part = np.minimum((np.arccos(np.clip(along, -1, 1)) * _DIRECTIONS / np.pi).astype(int), _DIRECTIONS - 1)
        cell = ring * _DIRECTIONS + part
        for where, pixels in (("Object", inside), ("Around", ~inside)):
            votes = np.bincount(cell[pixels], length[pixels], count * _DIRECTIONS)
            votes = votes / np.sqrt((votes**2).sum() + 1e-9)
            found |= {
                f"Gradient{where}{scale}Ring{k // _DIRECTIONS}Direction{k % _DIRECTIONS}": float(value)
                for k, value in enumerate(votes)
            }
    return found
