"""CellProfiler's MeasureObjectSizeShape for volumes: size, hull, surface and moments of each object.

Equal to cp_measure 0.3, ``get_sizeshape`` with ``spacing=None``: the definitions are those of scikit-image's
``regionprops``; all sizes count voxels, whatever their size. The surface is that of the marching cubes at level 0,
which lies at the centres of the voxels *around* the object, so it is larger than the object's. Moments are complete
here; cp_measure leaves out those whose name has ``0_3``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.arrays.errors import RequestError
from micrographia.features.label_objects import LabelObjects
from micrographia.features.shape_moments import normalized_moments

_ORDER = 4


def volume_shape(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Size and shape of each object of a volume.

    Parameters
    ----------
    objects : LabelObjects

    Returns
    -------
    dict of str to (n,) float64 array
        ``AreaShape_...``, in voxels. An object that is one voxel thin has ConvexArea 0 and an infinite Solidity.

    Raises
    ------
    RequestError
        Where scikit-image is missing, which measures the hull, the surface and the Euler number.
    """
    try:
        from skimage.measure import regionprops
    except ImportError:
        raise RequestError(
            "The shapes of volumes need the package scikit-image; install it with: pip install micrographia[tools]"
        ) from None
    box, area = objects.box, objects.area.astype(np.float64)
    raw, central = volume_moments(objects.first, objects.place, box)
    normalized = normalized_moments(central)
    extent = np.prod(box[:, 3:] - box[:, :3], axis=1).astype(np.float64)
    found = regionprops(np.ascontiguousarray(objects.numbers))
    thin = (box[:, 3:] - box[:, :3] == 1).any(axis=1)  # has no hull; scikit-image would say so at length
    hull = np.array([0 if flat else region.area_convex for flat, region in zip(thin, found)], np.float64)
    axes = _axes(central)
    out: dict[str, np.ndarray] = {
        "Volume": area,
        "SurfaceArea": _surfaces(objects),
        "MajorAxisLength": axes[:, 0],
        "MinorAxisLength": axes[:, 1],
        "BoundingBoxVolume": extent,
        "Extent": area / extent,
        "EulerNumber": np.array([region.euler_number for region in found], np.float64),
        "EquivalentDiameter": np.cbrt(6 * area / np.pi),
        "ConvexArea": hull,
        "FilledArea": np.array([region.area_filled for region in found], np.float64),
        "Solidity": area / hull,
    }
    for k, axis in enumerate("ZYX"):
        power = tuple(int(k == other) for other in range(3))
        out[f"Center_{axis}"] = box[:, k] + raw[:, power[0], power[1], power[2]] / area
        out[f"BoundingBoxMinimum_{axis}"] = box[:, k]
        out[f"BoundingBoxMaximum_{axis}"] = box[:, k + 3]
    for name, moments in (("Spatial", raw), ("Central", central), ("Normalized", normalized)):
        for p in np.ndindex(_ORDER, _ORDER, _ORDER):
            out[f"{name}Moment_{p[0]}_{p[1]}_{p[2]}"] = moments[(slice(None), *p)]
    tensor, eigenvalues = _inertia(central)
    for a in range(3):
        out[f"InertiaTensorEigenvalues_{a}"] = eigenvalues[:, a]
        for b in range(3):
            out[f"InertiaTensor_{a}_{b}"] = tensor[:, a, b]
    return {f"AreaShape_{name}": np.asarray(column, np.float64).copy() for name, column in out.items()}


@njit(cache=True, nogil=True)
def volume_moments(first: np.ndarray, place: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raw moments from the box's corner and central moments, each (n, 4, 4, 4) float64."""
    n = len(first) - 1
    raw, central = np.zeros((n, _ORDER, _ORDER, _ORDER)), np.zeros((n, _ORDER, _ORDER, _ORDER))
    for i in range(n):
        for about in range(2):
            out = raw[i] if about == 0 else central[i]
            corner = box[i, :3].astype(np.float64)
            if about == 1 and raw[i, 0, 0, 0] > 0:
                corner[0] += raw[i, 1, 0, 0] / raw[i, 0, 0, 0]
                corner[1] += raw[i, 0, 1, 0] / raw[i, 0, 0, 0]
                corner[2] += raw[i, 0, 0, 1] / raw[i, 0, 0, 0]
            for k in range(first[i], first[i + 1]):
                z, y, x = place[0, k] - corner[0], place[1, k] - corner[1], place[2, k] - corner[2]
                a = 1.0
                for p in range(_ORDER):
                    b = a
                    for q in range(_ORDER):
                        out[p, q, 0] += b
                        out[p, q, 1] += b * x
                        out[p, q, 2] += b * x * x
                        out[p, q, 3] += b * x * x * x
                        b *= y
                    a *= z
    return raw, central


def _inertia(central: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inertia tensors (n, 3, 3) and their eigenvalues (n, 3), largest first."""
    mass = central[:, 0, 0, 0]
    second = np.empty((len(central), 3, 3))
    for a in range(3):
        for b in range(3):
            power = [0, 0, 0]
            power[a] += 1
            power[b] += 1
            second[:, a, b] = central[:, power[0], power[1], power[2]] / mass
    trace = second[:, 0, 0] + second[:, 1, 1] + second[:, 2, 2]
    tensor = trace[:, None, None] * np.eye(3) - second
    return tensor, np.clip(np.linalg.eigvalsh(tensor)[:, ::-1], 0, None)


def _axes(central: np.ndarray) -> np.ndarray:
    """Longest and shortest axis of the ellipsoid with the same second moments, (n, 2) float64."""
    _, e = _inertia(central)
    long = np.sqrt(10 * np.clip(e[:, 0] + e[:, 1] - e[:, 2], 0, None))
    short = np.sqrt(10 * np.clip(-e[:, 0] + e[:, 1] + e[:, 2], 0, None))
    return np.stack([long, short], axis=1)


def _surfaces(objects: LabelObjects) -> np.ndarray:
    from skimage.measure import marching_cubes, mesh_surface_area

    out = np.zeros(len(objects))
    for i, box in enumerate(objects.box):
        around = tuple(slice(max(a - 1, 0), b + 1) for a, b in zip(box[:3], box[3:]))
        corners, faces, _, _ = marching_cubes(objects.numbers[around] == i + 1, level=0, method="lewiner")
        out[i] = mesh_surface_area(corners, faces)
    return out
