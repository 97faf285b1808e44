"""What is in a label image: pixels, objects and size of each label, slice by slice and in all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.features.aligned import as_labels
from micrographia.features.columns import sizes

if TYPE_CHECKING:
    import pandas as pd


def label_statistics(
    labels: Any,
    *,
    axes: str | None = None,
    pixel_size: float | tuple[float, float] | Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Count the pixels of every label.

    Parameters
    ----------
    labels : ([T,] [Z,] Y, X) integer array or Image
        Objects or classes, 0 for none. Lazy arrays are read plane by plane.
    axes : str, optional
        Axes of a plain array of more than two dimensions, such as ``"ZYX"``.
    pixel_size : float, (y, x) or dict, optional
        Size of a pixel in micrometres; otherwise what ``labels`` knows.

    Returns
    -------
    pandas.DataFrame
        One row for each label, time point and slice (columns ``t`` and ``z`` where there are such axes), and one for
        the whole volume with ``z`` -1: ``label``, ``pixels``, ``share`` (of the slice or volume), ``components``
        (pieces connected over edges within the slice; pieces of the volume are not counted: -1), the middle ``y_px``,
        ``x_px`` (``z_px``), and ``area_um2`` or ``volume_um3`` where the pixel size is known.

    Raises
    ------
    InputError
        Where the axes are missing, or the values are not whole numbers.
    """
    import pandas as pd

    image = as_labels(labels, axes)
    size = sizes(pixel_size, image, None)
    leading = image.axes[:-2]
    rows: list[dict[str, float]] = []
    for where in np.ndindex(image.shape[:-2]):
        index = dict(zip(leading, where))
        plane = image.take(**index).array("YX")
        place = {axis.lower(): k for axis, k in index.items()}
        rows += [place | row for row in _plane(plane)]
    columns = [*(a.lower() for a in leading), "label", "pixels", "share", "components", "y_px", "x_px"]
    table = pd.DataFrame(rows, columns=columns)
    if "Y" in size and "X" in size:
        table["area_um2"] = table["pixels"] * (size["Y"] * size["X"])
    if "Z" in leading:
        table = pd.concat([table, _volumes(table, image.shape[leading.index("Z")], "T" in leading, size)])
        order = [c for c in ("t", "z", "label") if c in table]
        table = table.sort_values(order, kind="stable", ignore_index=True)
    return table


def _plane(plane: np.ndarray) -> list[dict[str, float]]:
    """One row for each label of a plane."""
    from scipy import ndimage

    ids, number = np.unique(plane, return_inverse=True)
    number = number.reshape(plane.shape)
    rows = []
    for i, box in enumerate(ndimage.find_objects(number + 1)):
        if ids[i] <= 0:
            continue
        mine = number[box] == i
        y, x = np.nonzero(mine)
        rows.append(
            {
                "label": int(ids[i]),
                "pixels": len(y),
                "share": len(y) / plane.size,
                "components": ndimage.label(mine)[1],
                "y_px": y.mean() + box[0].start,
                "x_px": x.mean() + box[1].start,
            }
        )
    return rows


def _volumes(table: pd.DataFrame, depth: int, times: bool, size: Mapping[str, float]) -> pd.DataFrame:
    """One row for each label of a volume, from those of its slices."""
    weighted = table.assign(z_px=table["z"] * table["pixels"])
    for axis in ("y_px", "x_px"):
        weighted[axis] = table[axis] * table["pixels"]
    sums = weighted.groupby(["t", "label"] if times else ["label"], as_index=False)[
        ["pixels", "share", "z_px", "y_px", "x_px"]
    ].sum()
    for axis in ("z_px", "y_px", "x_px"):
        sums[axis] /= sums["pixels"]
    sums["share"] /= depth
    if {"Z", "Y", "X"} <= set(size):
        sums["volume_um3"] = sums["pixels"] * (size["Z"] * size["Y"] * size["X"])
    return sums.assign(z=-1, components=-1)
