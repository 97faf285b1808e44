"""How objects look, beyond CellProfiler's measurements: thresholds, outline, profiles, patterns, wavelets, gradients.

Every object is measured in a window of its own: its bounding box and `MARGIN` pixels around it, as far as the image
reaches. Other objects' labels are never looked at, so the values of an object depend neither on the rest of the labels
nor on how an image was cut, as long as the window is inside. They do not change when the image is turned by quarter
turns or mirrored. Objects whose window has a side above `LARGEST` pixels are measured on a picture that is averaged
down by a whole factor, with lengths given in pixels of the original.

Lengths inside the descriptors (scales, rings, radii) are fixed numbers of pixels, made for objects of 10 to 60 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from micrographia.features.gradient_rings import gradient_rings
from micrographia.features.label_objects import LabelObjects
from micrographia.features.level_sets import level_sets
from micrographia.features.light_profile import light_profile
from micrographia.features.local_patterns import local_patterns
from micrographia.features.outline_lobes import outline_lobes
from micrographia.features.wavelet_scattering import wavelet_scattering

MARGIN = 16
"""Pixels around the bounding box that belong to the window of an object."""

LARGEST = 160
"""Longest side, in pixels, of a window that is measured as it is."""

_LENGTHS = ("Area", "Major", "Minor", "Deepest")
"""Last words of the names whose values are lengths: the area is given as its root."""


def appearance_shape(objects: LabelObjects) -> dict[str, np.ndarray]:
    """Lobes and notches of each object's outline.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.

    Returns
    -------
    dict of str to (n,) float64 array
        Named ``Appearance_Outline...``; see :func:`~micrographia.features.outline_lobes.outline_lobes`.
    """
    rows = [_lengths(outline_lobes(mask), step) for mask, _, step in _windows(objects, None)]
    return _columns(rows, _shape_names())


def appearance(objects: LabelObjects, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """How each object looks in one channel.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane.
    pixels : (Y, X) float array
        0 to 1; what is not finite counts as 0.

    Returns
    -------
    dict of str to (n,) float64 array
        Names have ``{}`` for the channel: ``Appearance_Level...`` (:mod:`micrographia.features.level_sets`),
        ``_Profile``, ``_Blob``, ``_Edge``, ``_Around`` (:mod:`micrographia.features.light_profile`), ``_Pattern``
        (:mod:`micrographia.features.local_patterns`), ``_Scattering``
        (:mod:`micrographia.features.wavelet_scattering`) and ``_Gradient``
        (:mod:`micrographia.features.gradient_rings`). NaN where a ring holds no pixel.
    """
    rows = [_lengths(_look(mask, image), step) for mask, image, step in _windows(objects, pixels)]
    return _columns(rows, _names())


def _look(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in (level_sets, light_profile, local_patterns, wavelet_scattering, gradient_rings):
        found |= family(mask, image)
    return found


def _windows(objects: LabelObjects, pixels: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Mask, picture and how many pixels of the original a pixel is wide, object after object."""
    numbers = objects.numbers
    picture = np.zeros(objects.shape) if pixels is None else np.nan_to_num(pixels, nan=0, posinf=0, neginf=0)
    shape = np.array(objects.shape)
    for i, box in enumerate(objects.box):
        low, high = np.maximum(box[:2] - MARGIN, 0), np.minimum(box[2:] + MARGIN, shape)
        at = tuple(slice(a, b) for a, b in zip(low, high))
        mask, image = numbers[at] == i + 1, np.asarray(picture[at], np.float64)
        step = -(-int((high - low).max()) // LARGEST)
        if step > 1:
            part = _smaller(mask.astype(float), step)
            mask, image = part >= min(0.5, part.max()), _smaller(image, step)
        yield mask, image, step


def _smaller(image: np.ndarray, step: int) -> np.ndarray:
    """Means of blocks; where the last block is not full, the image goes on on both sides alike."""
    more = [-side % step for side in image.shape]
    before = [n // 2 for n in more]
    padded = np.pad(image, [(b, n - b) for b, n in zip(before, more)], mode="edge")
    height, width = padded.shape
    return padded.reshape(height // step, step, width // step, step).mean(axis=(1, 3))


def _lengths(found: dict[str, float], step: int) -> dict[str, float]:
    if step > 1:
        return {name: value * step if name.endswith(_LENGTHS) else value for name, value in found.items()}
    return found


def _columns(rows: list[dict[str, float]], names: dict[str, str]) -> dict[str, np.ndarray]:
    return {column: np.array([row[name] for row in rows], np.float64) for name, column in names.items()}


def _dot() -> np.ndarray:
    return np.pad(np.ones((1, 1), bool), 1)


@cache
def _shape_names() -> dict[str, str]:
    return {name: f"Appearance_{name}" for name in outline_lobes(_dot())}


@cache
def _names() -> dict[str, str]:
    return {name: f"Appearance_{name}_{{}}" for name in _look(_dot(), np.zeros((3, 3)))}
