"""Spatial moments of each object's outline-filling mask, and what follows from them: inertia, ellipse, Hu's invariants.

Definitions of scikit-image's ``regionprops``: coordinates count from the corner of the object's box, the first power is
that of y. Hu 1962, "Visual pattern recognition by moment invariants".
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.label_objects import LabelObjects

_ORDER = 4


def shape_moments(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Moments up to order 3, and the ellipse of the same second moments.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.

    Returns
    -------
    dict of str to (n,) float64 array
        ``AreaShape_...``: SpatialMoment, CentralMoment, NormalizedMoment, HuMoment, InertiaTensor and its eigenvalues,
        MajorAxisLength, MinorAxisLength (four times the roots of these), Eccentricity and Orientation (degrees from
        the y axis).
    """
    raw, central = plane_moments(objects.first, objects.place, objects.box)
    normalized = normalized_moments(central)
    hu = hu_moments(normalized)
    out = {}
    for p in range(3):
        for q in range(_ORDER):
            out[f"SpatialMoment_{p}_{q}"] = raw[:, p, q]
            out[f"CentralMoment_{p}_{q}"] = central[:, p, q]
    for p in range(_ORDER):
        for q in range(_ORDER):
            out[f"NormalizedMoment_{p}_{q}"] = normalized[:, p, q]
    out |= {f"HuMoment_{k}": hu[:, k] for k in range(7)}
    with np.errstate(invalid="ignore", divide="ignore"):
        yy, yx, xx = (central[:, p, q] / central[:, 0, 0] for p, q in ((2, 0), (1, 1), (0, 2)))
        middle, half = (yy + xx) / 2, np.sqrt(((xx - yy) / 2) ** 2 + yx**2)
        large, small = np.clip(middle + half, 0, None), np.clip(middle - half, 0, None)
        eccentricity = np.where(large == 0, 0, np.sqrt(1 - small / large))
    out |= {"InertiaTensor_0_0": xx, "InertiaTensor_0_1": -yx, "InertiaTensor_1_0": -yx, "InertiaTensor_1_1": yy,
            "InertiaTensorEigenvalues_0": large, "InertiaTensorEigenvalues_1": small}  # fmt: skip
    angle = np.where(xx == yy, np.where(-yx < 0, np.pi / 4, -np.pi / 4), 0.5 * np.arctan2(2 * yx, yy - xx))
    out |= {
        "MajorAxisLength": 4 * np.sqrt(large),
        "MinorAxisLength": 4 * np.sqrt(small),
        "Eccentricity": eccentricity,
        "Orientation": np.degrees(angle),
    }
    return {f"AreaShape_{name}": np.ascontiguousarray(column) for name, column in out.items()}


@njit(cache=True, nogil=True)
def plane_moments(first: np.ndarray, place: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raw moments from the box's corner and central moments, each (n, 4, 4) float64, [power of y, power of x]."""
    n = len(first) - 1
    raw, central = np.zeros((n, _ORDER, _ORDER)), np.zeros((n, _ORDER, _ORDER))
    for i in range(n):
        for about in range(2):
            out = raw[i] if about == 0 else central[i]
            y0, x0 = float(box[i, 0]), float(box[i, 1])
            if about == 1 and raw[i, 0, 0] > 0:
                y0 += raw[i, 1, 0] / raw[i, 0, 0]
                x0 += raw[i, 0, 1] / raw[i, 0, 0]
            for k in range(first[i], first[i + 1]):
                y, x = place[0, k] - y0, place[1, k] - x0
                power = 1.0
                for p in range(_ORDER):
                    out[p, 0] += power
                    out[p, 1] += power * x
                    out[p, 2] += power * x * x
                    out[p, 3] += power * x * x * x
                    power *= y
    return raw, central


def normalized_moments(central: np.ndarray) -> np.ndarray:
    """Central moments made independent of size; NaN below the second order."""
    axes = central.ndim - 1
    order = sum(np.ogrid[(slice(0, _ORDER),) * axes])
    zeroth = central[(slice(None), *[slice(0, 1)] * axes)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(order >= 2, central / zeroth ** (order / axes + 1), np.nan)


def hu_moments(nu: np.ndarray) -> np.ndarray:
    """Hu's seven invariants of (n, 4, 4) normalised moments."""
    n20, n02, n11 = nu[:, 2, 0], nu[:, 0, 2], nu[:, 1, 1]
    n30, n03, n21, n12 = nu[:, 3, 0], nu[:, 0, 3], nu[:, 2, 1], nu[:, 1, 2]
    a, b, c, d = n30 + n12, n21 + n03, n30 - 3 * n12, 3 * n21 - n03
    columns = (
        n20 + n02,
        (n20 - n02) ** 2 + 4 * n11**2,
        c**2 + d**2,
        a**2 + b**2,
        c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
        (n20 - n02) * (a**2 - b**2) + 4 * n11 * a * b,
        d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2),
    )
    return np.stack(columns, axis=1)
