"""Zernike's moments of each object, of its shape and of its intensities, within the smallest circle around it.

Equal to cp_measure 0.3, ``get_zernike`` and ``get_radial_zernikes``. Boland, Markey & Murphy 1998, "Automated
recognition of patterns characteristic of subcellular structures in fluorescence microscopy images". The phase is
``arctan2(real, imaginary)``, as in CellProfiler, not the other way round. Corner pixels that lie on the circle itself
count or do not as rounding decides; where several pixels lie on it (symmetric outlines), cp_measure decides by its
sorting order, and few objects differ.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numba import njit

from micrographia.features.convex_outline import convex_corners
from micrographia.features.enclosing_circle import enclosing_circles
from micrographia.features.label_objects import LabelObjects

DEGREE = 9
INDEXES = tuple((n, m) for n in range(DEGREE + 1) for m in range(n % 2, n + 1, 2))
"""Radial and azimuthal degree of the 30 polynomials."""


def zernike_shape(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Magnitudes of the moments of each object's shape, divided by the area of the circle.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.

    Returns
    -------
    dict of str to (n,) float64 array
        ``AreaShape_Zernike_n_m``; NaN for a single pixel.
    """
    sums, radius = _sums(objects, np.ones(len(objects.position)))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.hypot(sums[..., 0], sums[..., 1]) / (np.pi * radius * radius)[:, None]
    return {f"AreaShape_Zernike_{n}_{m}": size[:, k].copy() for k, (n, m) in enumerate(INDEXES)}


def zernike_intensity(objects: LabelObjects, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Magnitudes (divided by the number of pixels) and phases of the moments of each object's intensities.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.
    pixels : (Y, X) float array

    Returns
    -------
    dict of str to (n,) float64 array
        ``RadialDistribution_ZernikeMagnitude_{}_n_m`` and ``...Phase...``, with ``{}`` for the channel.
    """
    sums, _ = _sums(objects, objects.of(pixels))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.sqrt(sums[..., 0] ** 2 + sums[..., 1] ** 2) / objects.area[:, None]
    phase = np.arctan2(sums[..., 0], sums[..., 1])
    out = {}
    for k, (n, m) in enumerate(INDEXES):
        out[f"RadialDistribution_ZernikeMagnitude_{{}}_{n}_{m}"] = size[:, k].copy()
        out[f"RadialDistribution_ZernikePhase_{{}}_{n}_{m}"] = phase[:, k].copy()
    return out


def _sums(objects: LabelObjects, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of the polynomials over each object's pixels, (n, 30, 2): real and imaginary part; and radii."""
    centre, radius = enclosing_circles(*convex_corners(objects.index, objects.box))
    powers = disk_powers(objects.first, objects.place, weights, centre, radius)
    return np.stack([powers[:, m] @ row for row, (n, m) in zip(_coefficients(), INDEXES)], axis=1), radius


def _coefficients() -> np.ndarray:
    """Coefficients of the radial polynomials divided by r**m, lowest power of r² first; (30, 5) float64."""
    table = np.zeros((len(INDEXES), DEGREE // 2 + 1))
    for row, (n, m) in zip(table, INDEXES):
        for k in range((n - m) // 2 + 1):
            below = factorial(k) * factorial((n + m) // 2 - k) * factorial((n - m) // 2 - k)
            row[(n - m) // 2 - k] = (-1) ** k * factorial(n - k) / below
    return table


@njit(cache=True, nogil=True)
def disk_powers(
    first: np.ndarray, place: np.ndarray, weights: np.ndarray, centre: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Weighted sums of ``z**m r**(2 k)`` over each object's pixels in its circle, of which all polynomials are made.

    z = y + i x and r = abs(z), measured from the centre in radii. Pixels beyond the circle do not count.

    Returns
    -------
    (n, 10, 2, 5) float64 array
        [object, m, real or imaginary part, k].
    """
    out = np.zeros((len(first) - 1, DEGREE + 1, 2, DEGREE // 2 + 1))
    for i in range(len(first) - 1):
        sums = out[i]
        for p in range(first[i], first[i + 1]):
            y = (place[0, p] - centre[i, 0]) / radius[i] if radius[i] > 0 else np.nan
            x = (place[1, p] - centre[i, 1]) / radius[i] if radius[i] > 0 else np.nan
            square = x * x + y * y
            if square > 1:
                continue
            real, imaginary = weights[p], 0.0
            for m in range(DEGREE + 1):
                a, b = real, imaginary
                for k in range((DEGREE - m) // 2 + 1):
                    sums[m, 0, k] += a
                    sums[m, 1, k] += b
                    a *= square
                    b *= square
                real, imaginary = real * y - imaginary * x, real * x + imaginary * y
    return out
