"""Local binary patterns: which of the eight neighbours of a pixel are at least as bright as it is.

Rotation-invariant uniform patterns at three radii (Ojala, Pietikäinen & Mäenpää 2002, "Multiresolution gray-scale and
rotation invariant texture classification with local binary patterns", eq. 9).
"""

from __future__ import annotations

import numpy as np

RADII = (1, 2, 4)
"""Distances of the neighbours, pixels."""

_NEIGHBOURS = 8


def local_patterns(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Shares of the object's pixels that have each pattern.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel.
    image : (Y, X) float array
        Smoothed by half a pixel first. Beyond the window it goes on as its last pixel.

    Returns
    -------
    dict of str to float
        ``Pattern<radius>Code0`` to ``8``: that many neighbours, all beside each other, are as bright as the pixel or
        brighter (0 is a maximum, 8 a minimum or flat); ``Code9``: any other pattern. Gain and offset do not count.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(image, 0.5)
    equal = 1e-6 * np.ptp(smooth) + 1e-12 * np.abs(smooth).max()  # differences that are only rounding
    y, x = np.nonzero(mask)
    angle = 2 * np.pi * np.arange(_NEIGHBOURS) / _NEIGHBOURS
    found: dict[str, float] = {}
    for radius in RADII:
        at = np.stack([y[:, None] - radius * np.sin(angle), x[:, None] + radius * np.cos(angle)])
        values = ndimage.map_coordinates(smooth, at, order=1, mode="nearest")
        above = values >= smooth[y, x][:, None] - equal
        changes = (above != np.roll(above, 1, axis=1)).sum(axis=1)
        code = np.where(changes <= 2, above.sum(axis=1), _NEIGHBOURS + 1)
        share = np.bincount(code, minlength=_NEIGHBOURS + 2) / len(code)
        found |= {f"Pattern{radius}Code{c}": float(share[c]) for c in range(_NEIGHBOURS + 2)}
    return found
