"""The range of intensities, which the local entropy has to know, from a lattice of small windows of some images."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.features.pixel_bank import Bank

_IMAGES = 16
_WINDOW = {2: (64, 64), 3: (8, 32, 32)}
_WINDOWS = 3
"""Windows along each axis."""


def with_levels(bank: Bank, images: Sequence[ImageChannels]) -> Bank:
    """The same bank with the range of intensities of each channel, where one of its filters needs it.

    Parameters
    ----------
    bank : Bank
        Filters and scales.
    images : sequence of ImageChannels
        What is learned from, each once; 16 of them, spread evenly, are looked at, each in the middle of its stack.
    """
    if not bank.needs_levels:
        return bank
    chosen = np.unique(np.linspace(0, len(images) - 1, _IMAGES).round().astype(int))
    return bank.with_levels([np.concatenate(list(_windows(images[k])), axis=1) for k in chosen])


def _windows(image: ImageChannels) -> Iterator[np.ndarray]:
    """Pixels (C, n) of the windows, each a row of pixels, since their place does not matter."""
    size = _WINDOW[len(image.shape)]
    at = image.positions[len(image.positions) // 2]
    starts = [
        np.unique(np.linspace(0, max(0, n - step), _WINDOWS).round().astype(int))
        for n, step in zip(image.shape, size, strict=True)
    ]
    for corner in itertools.product(*starts):
        window: Block = tuple(
            slice(int(i), int(min(i + s, n))) for i, s, n in zip(corner, size, image.shape, strict=True)
        )
        pixels = image.read(at, window)
        yield pixels.reshape(len(pixels), -1)
