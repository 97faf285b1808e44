"""Names and units of the columns of an object table.

A column that ends in ``_px`` is in pixels (``area_px``: number of pixels) and always there. Where the pixel size is
known, the same quantity in micrometres stands beside it and ends in ``_um`` (``area_um2``: µm²). Columns without
such an ending have no unit, or that of the image (intensities). ``table.attrs["units"]`` names the unit of every
column that has one.

=====================================  =================================================================================
column                                 meaning
=====================================  =================================================================================
label                                  number of the object in the label image
t, z                                   time point and plane (from 0), where the labels have these axes; t_s, z_um
centroid_y_px, centroid_x_px           mean pixel position; the centre of the first pixel is 0 (also _um)
area_px                                pixels (also area_um2)
perimeter_px                           length of the line through the border pixels (also perimeter_um)
major_axis_px, minor_axis_px           axes of the ellipse with the same second moments (also _um)
equivalent_diameter_px                 diameter of the circle of the same area (also _um)
eccentricity                           of that ellipse: 0 for a circle, towards 1 for a line
solidity                               area divided by the area of the convex hull
bbox_y0_px, bbox_x0_px                 first row and column
bbox_y1_px, bbox_x1_px                 one past the last row and column
touches_border                         the object reaches the edge of the image, so it may be cut
probability                            of the object, where given
intensity_{mean, median, std, min,     of the object's pixels in each channel, followed by _<channel> where channels
max, sum}                              have names; "std" is that of the population
=====================================  =================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image

if TYPE_CHECKING:
    import pandas as pd

STATISTICS = ("mean", "median", "std", "min", "max", "sum")
"""Intensity statistics, in the order of their columns."""


def channel_endings(channels: Sequence[str]) -> list[str]:
    """Column endings for the channels: letters, digits and underscores, each name once ("" for a nameless one)."""
    names: list[str] = []
    for channel in channels:
        name = re.sub(r"\W+", "_", channel).strip("_")
        name, number = (f"_{name}" if name else ""), 2
        unique = name
        while unique in names:
            unique, number = f"{name}_{number}", number + 1
        names.append(unique)
    return names


def sizes(given: Any, labels: Image, image: Image | None) -> dict[str, float]:
    """Size of a pixel: micrometres for Z, Y and X, seconds for T; only what is known.

    Parameters
    ----------
    given : float, (y, x), dict or None
        What the caller says; it goes before what the images know.
    labels, image : Image

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Where a size is not above 0 or not of these kinds.
    """
    known = dict(image.pixel_size if image is not None else {}) | dict(labels.pixel_size)
    if given is None:
        size = known
    elif isinstance(given, Mapping):
        size = known | dict(given)
    elif np.ndim(given) == 0:
        size = known | {"Y": float(given), "X": float(given)}
    elif len(given) == 2:
        size = known | {"Y": float(given[0]), "X": float(given[1])}
    else:
        raise InputError(f"pixel_size is one number, (y, x) or a dict such as {{'Y': 0.5, 'X': 0.5}}, not {given!r}.")
    if any(not v > 0 for v in size.values()):
        raise InputError(f"The pixel size must be above 0, not {size}.")
    return size


def finish(table: pd.DataFrame, probability: Any, size: Mapping[str, float]) -> pd.DataFrame:
    """Add the probabilities, and the units as ``attrs``.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an object.
    probability : dict, table or None
        As for :func:`micrographia.features.objects.measure`.
    size : dict
        From :func:`sizes`.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd

    if probability is not None:
        if isinstance(probability, Mapping) and "label" not in probability:
            probability = {"label": list(probability), "probability": list(probability.values())}
        given = pd.DataFrame(
            {k: np.asarray(probability[k]) for k in ("label", "t", "z", "probability") if k in probability}
        )
        keys = [k for k in given.columns if k != "probability" and k in table.columns]
        given = given[[*keys, "probability"]].astype(dict.fromkeys(keys, np.int64))
        place = list(table.columns).index("touches_border") + 1
        merged = table[keys].merge(given.drop_duplicates(keys), on=keys, how="left")["probability"]
        table.insert(place, "probability", merged.to_numpy(np.float64))
    table.attrs["units"] = {str(c): unit for c in table.columns if (unit := _unit(str(c)))}
    table.attrs["pixel_size"] = dict(size)
    return table


def _unit(column: str) -> str:
    if column.startswith("intensity_"):
        return "intensity"
    for ending, unit in (("_px", "px"), ("_um", "µm"), ("_um2", "µm²"), ("_um3", "µm³"), ("t_s", "s")):
        if column.endswith(ending):
            return unit
    return ""
