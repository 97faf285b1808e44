"""Intensity statistics, taken once from a whole image, and the normalisation they define."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.pixel_range import check_range

SAMPLE = 512
"""Statistics come from at most about SAMPLE² pixels on a regular lattice of the whole image."""


@dataclass(frozen=True)
class Intensity:
    """What normalising an image needs to know about all of it.

    Parameters
    ----------
    low, high : tuple of float
        For each channel, the values that become 0 and 1 (dark background) or 1 and 0 (bright background).
    bright : bool
        Whether the background is bright: stained tissue, brightfield.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    bright: bool = False


def sample(data: Any, spatial: Sequence[int]) -> np.ndarray:
    """Pixels on a regular lattice of the whole array, as float32 without NaN or infinity.

    Parameters
    ----------
    data : array
        NumPy or lazy array; sliced once, with a step along the `spatial` axes only.
    spatial : sequence of int
        Positions of the Y and X axes, and of Z where a volume is looked at.

    Raises
    ------
    InputError
        Where a value is too large for float32.
    """
    key: list[slice] = [slice(None)] * len(data.shape)
    for axis in spatial:
        key[axis] = slice(None, None, sample_step(data.shape[axis], len(spatial)))
    values = np.asarray(data[tuple(key)])
    check_range(values, "The image")
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def sample_step(length: int, axes: int = 2) -> int:
    """Pixels from one pixel of a sample to the next, along one of so many sampled axes of this length."""
    return max(1, -(-length // round(SAMPLE ** (2 / axes))))


def _percentiles(values: np.ndarray, percents: Sequence[float]) -> np.ndarray:
    """Percentiles as `numpy.percentile` gives them; a vectorised sort is faster than its partition."""
    ordered = np.sort(values, axis=None)
    place = np.asarray(percents) / 100 * (len(ordered) - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below].astype(float))


def bright_background(channels: np.ndarray) -> bool:
    """Whether most of a picture lies near its bright end, as in stained tissue and brightfield.

    The position of the median grey value between the 1st and 99.5th percentile is compared with .65 for
    grey pictures (a picture of pure noise has .5) and with .35 for coloured ones, where dense tissue
    darkens the median but colour itself speaks for a stain.

    Parameters
    ----------
    channels : (C, …) array
        Pixels; three channels are taken as red, green and blue.
    """
    grey = channels.mean(axis=0).ravel()
    if grey.size == 0:
        return False
    low, median, high = _percentiles(grey, (1, 50, 99.5))
    if high <= low:
        return False
    chroma = float(np.abs(channels - channels.mean(axis=0)).mean() / (high - low)) if len(channels) > 1 else 0.0
    return bool((median - low) / (high - low) > (0.35 if chroma > 0.02 else 0.65))


def dark_intensity(channels: np.ndarray, percentiles: tuple[float, float] = (1.0, 99.8)) -> Intensity:
    """Percentiles of each channel of a picture with a dark background; `channels` is (C, …)."""
    if not channels.size:
        return Intensity((0.0,) * len(channels), (0.0,) * len(channels))
    low, high = zip(*(_percentiles(channel, percentiles) for channel in channels), strict=True)
    return Intensity(tuple(map(float, low)), tuple(map(float, high)))


def bright_intensity(channels: np.ndarray) -> Intensity:
    """White of each channel, and one black for all, of a picture with a bright background; (C, …)."""
    flat = channels.reshape(len(channels), -1)
    low = float(np.percentile(flat, 0.5, axis=1).min())
    return Intensity((low,) * len(flat), tuple(map(float, np.percentile(flat, 99.5, axis=1))), bright=True)


def normalise(channels: np.ndarray, intensity: Intensity) -> np.ndarray:
    """Map each channel so that the background is near 0 and the brightest (or most stained) pixels near 1.

    Parameters
    ----------
    channels : (C, …) array
        Any number type; NaN and infinity become 0 (the background) after normalisation.
    intensity : Intensity
        Of the whole image.

    Returns
    -------
    (C, …) float32 array
        Values may leave 0..1; they are limited to -1..8.
    """
    out = np.empty(channels.shape, np.float32)
    for result, channel, low, high in zip(out, channels, intensity.low, intensity.high, strict=True):
        span = high - low
        scale = np.float32(1 / span if span > 0 else 0)
        with np.errstate(over="ignore", invalid="ignore"):  # infinity, which becomes 0 below
            if intensity.bright:
                np.subtract(np.float32(high), channel, out=result, casting="unsafe")
            else:
                np.subtract(channel, np.float32(low), out=result, casting="unsafe")
            result *= scale
        if channel.dtype.kind == "f":
            np.nan_to_num(result, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(result, -1, 8, out=result)
    return out
