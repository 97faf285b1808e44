"""Statistics of the pixels around each pixel: mean, variance and entropy in a box, projections along lines.

The box of scale σ has 2·r + 1 pixels a side, where r is √3·σ − ½, rounded and at least 1: the positions in it have the
standard deviation σ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from micrographia.geometry.convolution import mirrored, smooth
from micrographia.geometry.entropy import BINS, window_entropy
from micrographia.geometry.lines import line_averages_reach, project_lines

Region = tuple[slice, ...]

_RELATIVE_NOISE = 1e-14
"""A variance below this share of the squared mean is rounding: the pixels are all the same."""


def box_radius(sigma: float) -> int:
    """Radius of the box whose positions have the standard deviation ``sigma``."""
    return max(1, round(math.sqrt(3) * sigma - 0.5))


def line_reach(sigma: float) -> int:
    """Pixels that the lines of scale ``sigma`` reach from their middle."""
    return line_averages_reach(max(1.0, sigma))


def mean_and_variance(image: np.ndarray, part: Region, sigma: float, slots: Mapping[int, int], out: np.ndarray) -> None:
    """Mean (slot 0) and variance (slot 1) in a box, taken in float64.

    Parameters
    ----------
    image : ([Z,] Y, X) float32 array
        The image, or a block of it with its halo.
    part : slices
        What is wanted.
    sigma : float
        Scale of the box.
    slots : dict
        0 and 1 → position in ``out``.
    out : (maps, *part) float32 array
        Is filled.
    """
    radius = box_radius(sigma)
    weights = np.full(radius + 1, 1 / (2 * radius + 1))
    near, inner = _around(image, part, radius)
    near = near.astype(np.float64)
    mean = smooth(near, inner, weights)
    if 0 in slots:
        out[slots[0]] = mean
    if 1 in slots:
        square = smooth(near * near, inner, weights)
        variance = square - mean * mean
        variance[variance < _RELATIVE_NOISE * square] = 0
        out[slots[1]] = variance


def entropy(image: np.ndarray, part: Region, sigma: float, levels: tuple[float, float], out: np.ndarray) -> None:
    """Entropy in bits of the intensities in a box (in a volume: slice by slice), in `BINS` bins between ``levels``."""
    radius = box_radius(sigma)
    low, high = levels
    planes = image[part[0]] if image.ndim == 3 else image[None]
    targets = out if image.ndim == 3 else out[None]
    for plane, target in zip(planes, targets):
        near, inner = _around(plane, part[-2:], radius)
        rows = mirrored(inner[0].start - radius, inner[0].stop + radius, near.shape[0])
        columns = mirrored(inner[1].start - radius, inner[1].stop + radius, near.shape[1])
        share = np.nan_to_num((near - low) * (BINS / max(high - low, 1e-30)), nan=0.0)
        window_entropy(np.clip(share, 0, BINS - 1).astype(np.uint8), rows, columns, target)


def line_projections(smoothed: np.ndarray, sigma: float, slots: Mapping[int, int], out: np.ndarray) -> None:
    """Projections along lines: see :mod:`micrographia.geometry.lines`; in a volume in each slice.

    Each line has 19 points, one pixel apart or σ where that is more, in a picture that is smoothed with σ: lines are as
    long and as thick as the structures of that scale.

    Parameters
    ----------
    smoothed : ([Z,] Y, X) float32 array
        The smoothed part with :func:`line_reach` more pixels on each side, along Y and X.
    sigma : float
        The scale.
    slots : dict
        0 mean, 1 standard deviation, 2 median, 3 maximum, 4 minimum over the directions → position in ``out``.
    out : (maps, [Z,] Y, X) float32 array
        Is filled.
    """
    table = np.full(5, -1, np.int64)
    table[list(slots)] = np.arange(len(slots))
    if smoothed.ndim == 2:
        smoothed, out = smoothed[None], out[:, None]
    maps = np.empty((len(slots), *out.shape[2:]), np.float32)
    for z, plane in enumerate(smoothed):
        project_lines(plane, max(1.0, sigma), table, maps)
        for position, one in zip(slots.values(), maps):
            out[position, z] = one


def _around(image: np.ndarray, part: Region, radius: int) -> tuple[np.ndarray, Region]:
    """The part with its surroundings, and where it lies in them."""
    near = tuple(slice(max(0, s.start - radius), min(n, s.stop + radius)) for s, n in zip(part, image.shape))
    inner = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(part, near))
    return image[near], inner
