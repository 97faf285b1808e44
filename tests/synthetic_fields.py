"""Small synthetic fields of nuclei with known truth, for tests."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def field(seed: int = 0, size: int = 128, count: int = 12, radius: tuple[float, float] = (5, 9)):
    """A uint8 picture (Y, X) of bright ellipses on a dark background, and its int32 label image."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    yy, xx = np.indices(labels.shape)
    for _ in range(count):
        y, x = rng.uniform(radius[1], size - radius[1], 2)
        a, b = rng.uniform(*radius, 2)
        mask = ((yy - y) / a) ** 2 + ((xx - x) / b) ** 2 < 1
        if not labels[mask].any():
            labels[mask] = labels.max() + 1
    clean = gaussian_filter((labels > 0) * 150.0, 1)
    return (clean + 20 + rng.normal(0, 6, labels.shape)).clip(0, 255).astype(np.uint8), labels


def fields(number: int, **options):
    """Several fields: pictures, label images."""
    pairs = [field(seed, **options) for seed in range(number)]
    return [image for image, _ in pairs], [labels for _, labels in pairs]
