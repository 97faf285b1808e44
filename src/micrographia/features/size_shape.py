"""CellProfiler's MeasureObjectSizeShape for planes: size, outline, hull, radii and moments of each object.

Equal to cp_measure 0.3, ``get_sizeshape``: the definitions are those of scikit-image's ``regionprops``. MedianRadius,
MeanRadius and MaximumRadius count what lies outside the image as outside the object. ``BoundingBoxMaximum`` is one past
the last pixel, and ``Center`` the mean position of the object's pixels (CellProfiler's manual says otherwise).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features import regions
from micrographia.features.edge_distance import squared_edge_distances
from micrographia.features.label_objects import LabelObjects
from micrographia.features.shape_moments import shape_moments

# Of the 16 patterns of 2 x 2 pixels (1: upper left, 4: upper right, 2: lower left, 8: lower right).
_EULER = np.array([0, 0, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, -1, 0])
_SIDE, _SLANT = np.pi / 4, np.pi / (4 * np.sqrt(2))
_CROFTON = np.array([0, _SIDE + _SLANT, _SLANT, 2 * _SLANT, 0, _SIDE + _SLANT, 0, _SLANT,
                     _SIDE, 2 * _SIDE, _SLANT, _SLANT, _SIDE, 2 * _SIDE, 0, 0])  # fmt: skip


def size_shape(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Size and shape of each object of a plane.

    Parameters
    ----------
    objects : LabelObjects

    Returns
    -------
    dict of str to (n,) float64 array
        ``AreaShape_...``, in pixels, square pixels and degrees. A single pixel has perimeter 0 and an infinite
        FormFactor.
    """
    index, box, area = objects.index, objects.box, objects.area.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        perimeter = regions.perimeters(index, len(objects))
        hull = regions.hull_areas(index, box.astype(np.int32)).astype(np.float64)
        radii = object_radii(index, box)
        patterns, filled = outline_patterns(index, box)
        height, width = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        moments = shape_moments(objects)
        out = {
            "Area": area,
            "BoundingBoxArea": height * width,
            "BoundingBoxMinimum_X": box[:, 1],
            "BoundingBoxMaximum_X": box[:, 3],
            "BoundingBoxMinimum_Y": box[:, 0],
            "BoundingBoxMaximum_Y": box[:, 2],
            "Center_X": box[:, 1] + moments["AreaShape_SpatialMoment_0_1"] / area,
            "Center_Y": box[:, 0] + moments["AreaShape_SpatialMoment_1_0"] / area,
            "ConvexArea": hull,
            "FilledArea": filled,
            "EquivalentDiameter": np.sqrt(4 * area / np.pi),
            "Perimeter": perimeter,
            "PerimeterCrofton": patterns @ _CROFTON,
            "FormFactor": 4 * np.pi * area / perimeter**2,
            "Compactness": perimeter**2 / np.maximum(4 * np.pi * area, 1),
            "Extent": area / (height * width),
            "Solidity": area / hull,
            "EulerNumber": patterns @ _EULER,
            "MaximumRadius": radii[:, 0],
            "MeanRadius": radii[:, 1],
            "MedianRadius": radii[:, 2],
        }
    return {f"AreaShape_{name}": np.asarray(column, np.float64) for name, column in out.items()} | moments


@njit(cache=True, nogil=True)
def object_radii(index: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Largest, mean and median distance of an object's pixels to its outside, (n, 3) float64."""
    out = np.full((len(box), 3), np.nan)
    for i in range(len(box)):
        y0, x0, y1, x1 = box[i]
        if y1 == y0:
            continue
        squares = squared_edge_distances(index, i + 1, y0, x0, y1, x1, True).ravel()
        inside = np.sqrt(squares[squares > 0].astype(np.float64))
        out[i, 0], out[i, 1], out[i, 2] = inside.max(), inside.mean(), np.median(inside)
    return out


@njit(cache=True, nogil=True)
def outline_patterns(index: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each pattern of 2 x 2 pixels occurs at each object, and its pixels with holes filled.

    Returns
    -------
    patterns : (n, 16) float64 array
        Bits as in scikit-image's ``euler_number``.
    filled : (n,) float64 array
        The outside is what can be reached from beyond the box by straight and diagonal steps.
    """
    patterns, filled = np.zeros((len(box), 16)), np.zeros(len(box))
    for i in range(len(box)):
        y0, x0, y1, x1 = box[i]
        if y1 == y0:
            continue
        number, height, width = i + 1, y1 - y0 + 2, x1 - x0 + 2
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                pattern = (
                    8 * (index[y, x] == number)
                    + 2 * (index[y, x + 1] == number)
                    + 4 * (index[y + 1, x] == number)
                    + (index[y + 1, x + 1] == number)
                )
                patterns[i, pattern] += 1
        # Flood the background from the corner of the box with its margin.
        outside = np.zeros((height, width), np.bool_)
        stack = np.empty((height * width, 2), np.int64)
        stack[0] = 0
        outside[0, 0] = True
        size, reached = 1, 1
        while size > 0:
            size -= 1
            y, x = stack[size]
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    v, u = y + dy, x + dx
                    if 0 <= v < height and 0 <= u < width and not outside[v, u] and index[y0 + v, x0 + u] != number:
                        outside[v, u] = True
                        stack[size, 0], stack[size, 1] = v, u
                        size += 1
                        reached += 1
        filled[i] = height * width - reached
    return patterns, filled
