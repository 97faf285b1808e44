"""Which measurements of CellProfiler there are: plain dicts of plain functions.

The functions take a :class:`~micrographia.features.label_objects.LabelObjects` and, of the intensities, one or two
channels from 0 to 1, and give a dict of columns. Names have ``{}`` (``{0}`` and ``{1}``) for the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.features.appearance import appearance, appearance_shape
from micrographia.features.colocalisation import colocalisation
from micrographia.features.convex_outline import feret
from micrographia.features.granularity import granularity
from micrographia.features.haralick import texture
from micrographia.features.label_objects import LabelObjects
from micrographia.features.neighbours import neighbours
from micrographia.features.object_intensity import intensity
from micrographia.features.radial_distribution import radial_distribution
from micrographia.features.size_shape import size_shape
from micrographia.features.volume_shape import volume_shape
from micrographia.features.zernike import zernike_intensity, zernike_shape

Measurement = Callable[..., dict[str, np.ndarray]]

SHAPES: dict[str, Measurement] = {
    "shape": size_shape,
    "feret": feret,
    "zernike": zernike_shape,
    "neighbours": neighbours,
}
"""Measurements of a plane's objects alone."""

CHANNELS: dict[str, Measurement] = {
    "intensity": intensity,
    "texture": texture,
    "granularity": granularity,
    "radial": radial_distribution,
    "radial-zernike": zernike_intensity,
}
"""Measurements of objects in one channel of a plane."""

PAIRS: dict[str, Measurement] = {"colocalisation": colocalisation}
"""Measurements of objects in two channels, of a plane or a volume."""

VOLUME_SHAPES: dict[str, Measurement] = {"shape": volume_shape}
"""Measurements of a volume's objects alone."""

VOLUME_CHANNELS: dict[str, Measurement] = {name: CHANNELS[name] for name in ("intensity", "texture", "granularity")}
"""Measurements of objects in one channel of a volume."""

GROUPS = tuple({**SHAPES, **CHANNELS, **PAIRS})
"""Names of all measurements of CellProfiler."""

MORE_SHAPES: dict[str, Measurement] = {"appearance": appearance_shape}
"""Measurements of a plane's objects alone that CellProfiler does not have."""

MORE_CHANNELS: dict[str, Measurement] = {"appearance": appearance}
"""Measurements of objects in one channel of a plane that CellProfiler does not have."""

NOT_OF_CYTOPLASM = ("neighbours", "appearance")
"""Measurements that say nothing about cytoplasm."""


def tasks(
    objects: LabelObjects,
    channels: dict[str, np.ndarray],
    *,
    only: Collection[str],
    steps: int,
    surrounds: bool = False,
    more: bool = False,
) -> list[Callable[[], dict[str, np.ndarray]]]:
    """Everything to measure of some objects, as calls that do not depend on each other.

    Parameters
    ----------
    objects : LabelObjects
    channels : dict of str to float array
        Name and pixels, 0 to 1, of each channel.
    only : collection of str
        Names of CellProfiler's measurements; empty for all.
    steps : int
        Grey levels, for :func:`~micrographia.features.colocalisation.colocalisation`.
    surrounds : bool
        Whether the objects are cytoplasm, of which there are neither neighbours nor appearance.
    more : bool
        Whether to measure what CellProfiler does not, too; objects of planes only.

    Returns
    -------
    list of callables
        Each gives columns whose names hold the channels' names.

    Raises
    ------
    RequestError
        Where a name is unknown.
    """
    unknown = [name for name in only if name not in GROUPS]
    if unknown:
        raise RequestError(f"There is no measurement called {unknown[0]}; there are {', '.join(GROUPS)}.")
    volume = len(objects.shape) == 3
    shapes, planes = (VOLUME_SHAPES, VOLUME_CHANNELS) if volume else (SHAPES, CHANNELS)
    wanted = set(only or GROUPS)
    if more:
        shapes, planes = {**shapes, **MORE_SHAPES}, {**planes, **MORE_CHANNELS}
        wanted |= {*MORE_SHAPES, *MORE_CHANNELS}
    calls: list[Callable[[], dict[str, np.ndarray]]] = []
    names = list(channels)
    for group, function in shapes.items():
        if group in wanted and not (surrounds and group in NOT_OF_CYTOPLASM):
            calls.append(_call(function, (), objects))
    for group, function in planes.items():
        if group in wanted and not (surrounds and group in NOT_OF_CYTOPLASM):
            calls += [_call(function, (name,), objects, channels[name]) for name in names]
    for group, function in PAIRS.items():
        if group in wanted:
            for k, one in enumerate(names):
                calls += [
                    _call(function, (one, two), objects, channels[one], channels[two], steps) for two in names[k + 1 :]
                ]
    return calls


def _call(function: Measurement, names: tuple[str, ...], *arguments: Any) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {key.format(*names): column for key, column in function(*arguments).items()}
