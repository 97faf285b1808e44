"""One row an object of a 3-D label image: position, volume and intensities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.aligned import as_image, as_labels, planes
from micrographia.features.columns import STATISTICS, channel_endings, finish, sizes

if TYPE_CHECKING:
    import pandas as pd


def measure_volumes(
    labels: Any,
    image: Any = None,
    *,
    pixel_size: Mapping[str, float] | None = None,
    channels: Sequence[str] | None = None,
    probability: Any = None,
) -> pd.DataFrame:
    """Measure every object of a volume.

    Parameters
    ----------
    labels : (Z, Y, X) integer array, or Image
        0 is background; an object has one id through all planes.
    image : (Z, Y, X) or (C, Z, Y, X) array, or Image, optional
        Pixels of the same volume.
    pixel_size : dict, optional
        Micrometres for ``"Z"``, ``"Y"`` and ``"X"``; otherwise what ``labels`` or ``image`` knows.
    channels : sequence of str, optional
        Channel names.
    probability : dict or table, optional
        As for :func:`micrographia.features.objects.measure`.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``centroid_{z,y,x}_px``, ``volume_px`` (voxels), ``equivalent_diameter_px`` (of the ball of the same
        number of voxels), ``bbox_{z,y,x}{0,1}_px``, ``touches_border``, the intensities, and where all three sizes
        are known ``centroid_{z,y,x}_um``, ``volume_um3`` and ``equivalent_diameter_um``.

    Raises
    ------
    InputError
        Where ``labels`` is not a single volume, or the shapes differ.
    """
    import pandas as pd

    from micrographia.features import regions
    from micrographia.features.intensity import intensities

    labels = as_labels(labels, None if isinstance(labels, Image) else "ZYX")
    if labels.axes != "ZYX":
        raise InputError(f"{labels.name}: a volume has the axes ZYX, not '{labels.axes}'; give one time point.")
    field = None if image is None else as_image(image, labels, channels)
    size = sizes(pixel_size, labels, field)
    depth, height, width = labels.shape
    # Stacked on each other, the planes are one tall image, for which the kernels for planes serve.
    ids, index = regions.dense(labels.array().reshape(depth * height, width))
    position = regions.grouped_pixels(index, count := np.bincount(index.ravel(), minlength=len(ids) + 1)[1:])
    place = np.unravel_index(position, labels.shape)
    start = np.cumsum(count) - count
    diameter = np.cbrt(6 * count / np.pi)
    columns: dict[str, Any] = {"label": ids}
    box, border = {}, np.zeros(len(ids), bool)
    for axis, where, length in zip("zyx", place, labels.shape):
        columns[f"centroid_{axis}_px"] = _by_object(np.add, where, start) / count
        box[f"bbox_{axis}0_px"] = _by_object(np.minimum, where, start)
        box[f"bbox_{axis}1_px"] = _by_object(np.maximum, where, start) + 1
        border |= (box[f"bbox_{axis}0_px"] == 0) | (box[f"bbox_{axis}1_px"] == length)
    columns |= {"volume_px": count, "equivalent_diameter_px": diameter, **box, "touches_border": border}
    if {"Z", "Y", "X"} <= set(size):
        voxel = size["Z"] * size["Y"] * size["X"]
        columns |= {f"centroid_{a}_um": columns[f"centroid_{a}_px"] * size[a.upper()] for a in "zyx"}
        columns |= {"volume_um3": count * voxel, "equivalent_diameter_um": diameter * np.cbrt(voxel)}
    if field is not None:
        stack = np.stack([planes(field, Z=z) for z in range(depth)], axis=1)
        for channel, values in zip(channel_endings(field.channels), stack):
            statistics = intensities(values.reshape(-1)[position].astype(np.float64), count)
            columns |= {f"intensity_{name}{channel}": column for name, column in zip(STATISTICS, statistics.T)}
    return finish(pd.DataFrame(columns), probability, size)


def _by_object(function: np.ufunc, values: np.ndarray, start: np.ndarray) -> np.ndarray:
    return function.reduceat(values, start) if len(start) else np.zeros(0, np.int64)
