"""Units of CellProfiler's columns."""

from __future__ import annotations

import re

_UNITS = (
    (r"_Location_(Center|CenterMassIntensity|MaxIntensity)_[XYZ]", "px"),
    (r"_AreaShape_(Center|BoundingBoxM(in|ax)imum)_[XYZ]$", "px"),
    (r"_AreaShape_(Area|BoundingBoxArea|ConvexArea|FilledArea|SurfaceArea)$", "px²"),
    (r"_AreaShape_(Volume|BoundingBoxVolume)$", "px³"),
    (r"_AreaShape_(Perimeter|PerimeterCrofton|MajorAxisLength|MinorAxisLength|EquivalentDiameter)$", "px"),
    (r"_AreaShape_(Maximum|Mean|Median)Radius$|_AreaShape_M(in|ax)FeretDiameter$|Neighbors_\w+ClosestDistance", "px"),
    (r"_AreaShape_InertiaTensor", "px²"),
    (r"_AreaShape_Orientation$|_Neighbors_AngleBetweenNeighbors", "°"),
    (r"_Neighbors_PercentTouching|_Granularity_", "%"),
    (r"_RadialDistribution_ZernikePhase", "rad"),
    (r"_Intensity_MassDisplacement", "px"),
    (r"_Appearance_(Level\d+(Area|Major|Minor)_|OutlineDeepest$)", "px"),
    (r"_Intensity_|_RadialDistribution_ZernikeMagnitude", "intensity, 1 is white"),
)


def unit_of(column: str) -> str:
    """The unit of a column of measurements.

    Parameters
    ----------
    column : str
        Name of a column of :func:`micrographia.features.cells.measure_cells`.

    Returns
    -------
    str
        For example ``"px²"``; empty where it has none.
    """
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), "")
