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
from micrographia.arrays.image import Image, PixelSize, named_sizes

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


def sizes(given: PixelSize | None, labels: Image, image: Image | None) -> dict[str, float]:
    """Size of a pixel: micrometres for Z, Y and X, seconds for T; only what is known.

    Parameters
    ----------
    given : float, (y, x), mapping or None
        What the caller says, as for :func:`micrographia.arrays.image.named_sizes`; it goes before what the images know.
    labels, image : Image

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Where a size is not a finite number above 0, an axis is unknown, or it is not of these kinds.
    """
    return (image.pixel_size if image is not None else {}) | labels.pixel_size | named_sizes(given)


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

    Raises
    ------
    InputError
        Where the probabilities are of another kind.
    """
    if probability is not None:
        given = _probabilities(probability)
        keys = [k for k in given.columns if k != "probability" and k in table.columns]
        given = given[[*keys, "probability"]]
        place = list(table.columns).index("touches_border") + 1
        merged = table[keys].merge(given.drop_duplicates(keys), on=keys, how="left")["probability"]
        table.insert(place, "probability", merged.to_numpy(np.float64))
    table.attrs["units"] = {str(c): unit for c in table.columns if (unit := _unit(str(c)))}
    table.attrs["pixel_size"] = dict(size)
    return table


def _probabilities(given: Any) -> pd.DataFrame:
    """The columns label, probability, and t and z where they are given."""
    import pandas as pd

    if isinstance(given, Mapping) and "label" not in given:
        given = {"label": list(given), "probability": list(given.values())}
    try:
        table = pd.DataFrame({k: np.asarray(given[k]) for k in ("label", "t", "z", "probability") if k in given})
        return table.astype(dict.fromkeys(["label", *table], np.int64) | {"probability": np.float64})
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise InputError(
            "The probabilities of objects are a dict (label to probability), or a table with the columns label and "
            f"probability, not {type(given).__name__} {given!r:.80}."
        ) from error


def _unit(column: str) -> str:
    if column.startswith("intensity_"):
        return "intensity"
    for ending, unit in (("_px", "px"), ("_um", "µm"), ("_um2", "µm²"), ("_um3", "µm³"), ("t_s", "s")):
        if column.endswith(ending):
            return unit
    return ""
