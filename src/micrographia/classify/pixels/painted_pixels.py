"""The painted pixels of a label image without the image in memory, and some of them where they are too many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.image import Image
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.label_layers import LabelLayer

FEWEST = 1000
"""Of each class so many are kept, however few its share would be (or all)."""


def painted_pixels(labels: Image | np.ndarray, channels: ImageChannels) -> tuple[np.ndarray, np.ndarray]:
    """Where a label image is not 0; lazy ones are read window by window.

    Parameters
    ----------
    labels : Image or integer array
        Of the image's shape without channels.
    channels : ImageChannels
        The image.

    Returns
    -------
    pixels : (n,) int64 array
        Flat indices into the image's stack and space, growing.
    labels : (n,) int64 array
        The label of each.

    Raises
    ------
    InputError
        As :class:`~micrographia.classify.pixels.label_layers.LabelLayer`.
    """
    layer = LabelLayer(labels, channels)
    shape = (*channels.stack_shape, *channels.shape)
    parts = []
    for at in channels.positions:
        for window in layer.windows():
            part = layer.read(at, window)
            where = np.unravel_index(np.flatnonzero(part), part.shape)
            place = (*at, *(i + s.start for i, s in zip(where, window, strict=True)))
            parts.append((np.ravel_multi_index(place, shape), part[where].astype(np.int64)))
    pixels, found = (np.concatenate(one) for one in zip(*parts, strict=True))
    order = np.argsort(pixels, kind="stable")
    return pixels[order], found[order]


def shares(counts: np.ndarray, most: int) -> np.ndarray:
    """How many pixels to keep: of each class its share of `most`, spread over the image as the painted ones are.

    Parameters
    ----------
    counts : (W, K) int array
        Painted pixels of each window and class.
    most : int
        Most pixels to keep in all, but `FEWEST` of each class; 0 keeps all.

    Returns
    -------
    (W, K) int array
    """
    total = counts.sum()
    if not most or total <= most:
        return counts
    kept = np.zeros_like(counts)
    for k, of_class in enumerate(counts.T):
        n = int(of_class.sum())
        if n:
            wanted = max(round(most * n / int(total)), min(n, FEWEST))
            kept[:, k] = np.diff(np.rint(np.cumsum(of_class) * (wanted / n)), prepend=0)
    return kept


def drawn(groups: Sequence[np.ndarray], kept: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """So many pixels of each group (growing indices), by chance but in their order."""
    return [
        np.sort(rng.choice(group, n, replace=False)) if 0 < n < len(group) else group[:n]
        for group, n in zip(groups, kept, strict=True)
    ]
