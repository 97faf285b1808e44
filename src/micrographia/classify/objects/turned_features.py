"""Measurements that change when an object is turned: left out, or averaged over directions.

A cell lies on the slide as it happens to lie. Of CellProfiler's measurements the orientation, the moments along x and y
and the phases of Zernike moments say how it lies and not what it is; a texture is measured in four directions, of which
the mean and the range say what the object is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_LIES = re.compile(r"_(Orientation|SpatialMoment_|CentralMoment_|NormalizedMoment_|InertiaTensor_|ZernikePhase_)")
_TEXTURE = re.compile(r"(.*Texture_.*_\d+)_(\d\d)_(\d+)$")


def combined_names(names: Sequence[str]) -> dict[str, list[int]]:
    """Which features are learned from, and of which columns each is made.

    Parameters
    ----------
    names : sequence of str
        Columns, in CellProfiler's names.

    Returns
    -------
    dict of str to list of int
        Name to positions in `names`: one position for a column that is taken as it is, several for the mean (a name
        that ends in ``_mean``) or the range (``_range``) over the directions of a texture. A column that says how the
        object lies is not in it.
    """
    found: dict[str, list[int]] = {}
    textures: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        texture = _TEXTURE.match(name)
        if texture:
            textures.setdefault(f"{texture[1]}_{texture[3]}", []).append(position)
        elif not _LIES.search(f"_{name}"):
            found[name] = [position]
    for name, positions in textures.items():
        found[f"{name}_mean"] = positions
        if len(positions) > 1:
            found[f"{name}_range"] = positions
    return found


def combined(matrix: np.ndarray, plan: dict[str, list[int]]) -> np.ndarray:
    """Make the features of a plan.

    Parameters
    ----------
    matrix : (N, C) float32 array
        The columns; NaN where a value is missing.
    plan : dict
        From `combined_names`; F features.

    Returns
    -------
    (N, F) float32 array
        A mean or range is missing where one of its directions is.
    """
    out = np.empty((len(matrix), len(plan)), np.float32)
    for f, (name, positions) in enumerate(plan.items()):
        if len(positions) == 1:
            out[:, f] = matrix[:, positions[0]]
        elif name.endswith("_range"):
            out[:, f] = np.ptp(matrix[:, positions], axis=1)
        else:
            out[:, f] = matrix[:, positions].mean(axis=1)
    return out
