"""Pixels a screen can show: any image as an RGB picture with sensible contrast and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.features.aligned import as_image, planes
from micrographia.features.regions import dense

LARGEST = 2048
"""Longest side of a picture, in pixels: larger images are averaged down."""

SMALLEST = 800
"""Images with a shorter longest side are enlarged, up to four times, so that outlines do not hide small objects."""

_CHANNEL_COLOURS = np.array(
    [[0.35, 0.6, 1.0], [0.2, 0.9, 0.3], [1.0, 0.3, 0.3], [1.0, 0.85, 0.2], [0.9, 0.35, 1.0], [0.2, 0.9, 0.9]]
)


@dataclass(frozen=True)
class Display:
    """How a field is shown on a screen.

    Attributes
    ----------
    down, up : int
        Each ``down`` × ``down`` pixels become one, or each pixel becomes ``up`` × ``up``.
    rgb : (y, x, 3) uint8 array
        The picture.
    """

    down: int
    up: int
    rgb: np.ndarray

    def marks(self, labels: Image) -> np.ndarray:
        """Labels at the size of the picture, without interpolation, numbered 1…n: (y, x) int32."""
        height, width = (n // self.up for n in self.rgb.shape[:2])
        first = self.down // 2
        thin = np.asarray(labels.data[first :: self.down, first :: self.down])
        if 0 in thin.shape:
            thin = np.asarray(labels.data[:: self.down, :: self.down])
        thin = dense(thin[:height, :width])[1][1:-1, 1:-1]
        return np.ascontiguousarray(thin.repeat(self.up, axis=0).repeat(self.up, axis=1))


def display(image: Any, labels: Image, largest: int = LARGEST) -> Display:
    """Bring an image to the size and contrast of a screen.

    Parameters
    ----------
    image : array or Image
        (Y, X), channels or colour samples in addition; any type, NumPy or lazy.
    labels : Image
        Labels (YX) of the same field.
    largest : int
        Longest side of the picture.

    Returns
    -------
    Display

    Raises
    ------
    InputError
        Where the shapes differ.
    """
    field = as_image(image, labels)
    side = max(1, *labels.shape)
    down = -(-side // largest)
    up = 1 if down > 1 or 0 in labels.shape else max(1, min(4, largest // side, -(-SMALLEST // side)))
    pixels = _averaged(field, down)
    return Display(down, up, _coloured(_enlarged(pixels, up), "S" in field.axes, field.dtype))


def stretch(plane: np.ndarray) -> np.ndarray:
    """Contrast for the eye: darkest 0, brightest 1, with dim detail of dark-background images lifted.

    Parameters
    ----------
    plane : (Y, X) array

    Returns
    -------
    (Y, X) float32 array
        Between 0 and 1; 0 for a constant plane and for pixels that are NaN.
    """
    plane = np.asarray(plane, np.float32)
    finite = plane[np.isfinite(plane)]
    if finite.size == 0:
        return np.zeros(plane.shape, np.float32)
    low, high = np.percentile(finite, [0.5, 99.8])
    if high <= low:
        low, high = finite.min(), finite.max()
    if high <= low:
        return np.zeros(plane.shape, np.float32)
    result = np.nan_to_num((plane - low) / (high - low), nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    # Fluorescence: most of the field is dark, and its dim objects would not be seen.
    return result**0.7 if np.median(result) < 0.3 else result


def _averaged(field: Image, step: int) -> np.ndarray:
    """All channels, (C, y, x), averaged over blocks; lazy images are read in bands."""
    if step == 1:
        return planes(field)
    y, x = field.axes.index("Y"), field.axes.index("X")
    rows, columns = max(1, field.shape[y] // step), max(1, field.shape[x] // step)
    high, wide = min(step, field.shape[y]), min(step, field.shape[x])
    bands = []
    many = max(1, 512 // step)
    for first in range(0, rows, many):
        last = min(rows, first + many)
        key = tuple(
            slice(first * high, last * high) if k == y else slice(0, columns * wide) if k == x else slice(None)
            for k in range(len(field.axes))
        )
        band = planes(Image(field.data[key], field.axes, name=field.name)).astype(np.float32)
        bands.append(band.reshape(len(band), last - first, high, columns, wide).mean(axis=(2, 4)))
    return np.concatenate(bands, axis=1)


def _coloured(pixels: np.ndarray, colour: bool, dtype: np.dtype) -> np.ndarray:
    """(C, y, x) to (y, x, 3) uint8."""
    if colour and len(pixels) == 3:
        values = np.nan_to_num(np.moveaxis(pixels, 0, -1).astype(np.float32), posinf=0, neginf=0)
        if dtype == np.uint8:
            return np.clip(np.round(values), 0, 255).astype(np.uint8)
        top = np.percentile(values, 99.9) if values.size else 0
        values = values * (255 / top) if top > 0 else values
        return np.clip(np.round(values), 0, 255).astype(np.uint8)
    if len(pixels) == 1 or colour:
        mixed = stretch(pixels[0])[..., None] * np.ones(3, np.float32)
    else:
        mixed = np.zeros((*pixels.shape[1:], 3), np.float32)
        for k, plane in enumerate(pixels):
            mixed += stretch(plane)[..., None] * _CHANNEL_COLOURS[k % len(_CHANNEL_COLOURS)].astype(np.float32)
    return np.round(mixed.clip(0, 1) * 255).astype(np.uint8)


def _enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1 or pixels.size == 0:
        return pixels
    from scipy.ndimage import zoom

    pixels = pixels.astype(np.float32)
    return np.stack([zoom(plane, factor, order=1, grid_mode=True, mode="nearest") for plane in pixels])
