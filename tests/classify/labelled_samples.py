"""Samples with known classes: made up, and from real pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage


def two_moons(count: int, seed: int = 0, features: int = 8, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Features (F, N) of which two tell the classes apart, on crescents around each other; classes (N,)."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, classes, count)
    angle = np.pi * rng.random(count) + which * np.pi
    x = rng.normal(0, 1, (features, count))
    x[0] = np.cos(angle) + (which % 2) * 1.0 + rng.normal(0, 0.2, count)
    x[1] = np.sin(angle) + (which % 2) * 0.3 + which // 2 * 2.0 + rng.normal(0, 0.2, count)
    return x.astype(np.float32), which


def filtered(image: np.ndarray) -> np.ndarray:
    """A few plain filters of an image: (F, Y, X) float32."""
    image = image.astype(np.float32)
    maps = []
    for sigma in (0.7, 1.6, 3.5, 7.0):
        smooth = ndimage.gaussian_filter(image, sigma)
        maps += [smooth, ndimage.gaussian_laplace(image, sigma), ndimage.gaussian_gradient_magnitude(image, sigma)]
        maps += [np.sqrt(np.maximum(ndimage.gaussian_filter(image**2, sigma) - smooth**2, 0))]
    return np.stack(maps).astype(np.float32)


def membranes(data_dir: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (F, Y, X) of an isbi2012 slice and its classes (Y, X): 0 membrane, 1 interior."""
    from PIL import Image

    image = np.asarray(Image.open(data_dir / "isbi2012" / "images" / f"{number:02}.png"))
    label = np.asarray(Image.open(data_dir / "isbi2012" / "labels" / f"{number:02}.png"))
    return filtered(image), (label > 0).astype(np.int64)


def balanced_pixels(classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Flat positions of as many pixels of each class, in runs along rows as a brush paints them."""
    rng = np.random.default_rng(seed)
    chosen = []
    for k in np.unique(classes):
        starts = rng.permutation(np.flatnonzero(classes == k))
        runs = np.unique((starts[: count // 10, None] + np.arange(20)).ravel())
        runs = runs[runs < classes.size]
        runs = runs[classes.ravel()[runs] == k]
        chosen.append(rng.permutation(runs)[:count])
    return np.sort(np.concatenate(chosen))
