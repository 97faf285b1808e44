"""Granularity at small sizes, where SciPy's morphology reads beyond the image, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import grey_dilation, grey_erosion, map_coordinates

from micrographia.features import granularity as granularity_module
from micrographia.features.granularity import _background, granularity
from micrographia.features.label_objects import label_objects

# cp_measure calls SciPy with the whole disk and has probably the same fault, so there is no comparison with it here.


def junk() -> None:
    """Fill memory that is free afterwards."""
    for size in (8, 100, 1000, 30_000):
        kept = [np.full(size, 7e5) for _ in range(50)]
        del kept


def filtered(image: np.ndarray, low: bool) -> np.ndarray:
    """Least or greatest pixel within 10 pixels of each, in the image mirrored at its border."""
    wide = np.pad(image, 10, mode="symmetric")
    out = np.full(image.shape, np.inf if low else -np.inf)
    for offset in np.ndindex((21,) * image.ndim):
        if sum((k - 10) ** 2 for k in offset) <= 100:
            part = wide[tuple(slice(k, k + size) for k, size in zip(offset, image.shape))]
            out = np.minimum(out, part) if low else np.maximum(out, part)
    return out


def plain_background(image: np.ndarray) -> np.ndarray:
    coarse = image[(slice(None, None, 4),) * image.ndim]
    if image.ndim == 3:
        coarse = np.pad(coarse, [(0, most - size) for most, size in zip(image.shape, coarse.shape)])
    where = np.indices(image.shape, dtype=float)
    for axis, size in enumerate(image.shape):
        where[axis] *= (size / 4 - 1) / (size - 1)
    return map_coordinates(filtered(filtered(coarse, True), False), where, order=1)


@pytest.mark.parametrize("shape", [(32, 32), (20, 64), (35, 9), (8, 48, 48), (11, 16, 40)])
def test_small_images_equal_plain_numpy_and_repeat(shape, monkeypatch):
    image = np.random.default_rng(3).random(shape) * 0.5 + 0.3
    labels = np.zeros(shape, np.int32)
    labels[tuple(slice(1, size - 1) for size in shape)] = 1
    objects = label_objects(labels)
    found = []
    for _ in range(4):
        junk()
        found.append(np.concatenate(list(granularity(objects, image).values())))
    monkeypatch.setattr(granularity_module, "_background", plain_background)
    expected = np.concatenate(list(granularity(objects, image).values()))
    assert np.isfinite(expected).all() and expected[0] > 0
    for one in found:
        np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize("shape", [(9, 13), (12, 40), (60, 120), (3, 9, 12), (12, 16, 14)])
def test_the_background_of_larger_images_is_that_of_the_whole_disk(shape):
    image = np.random.default_rng(4).random(shape)
    axes = np.ogrid[(slice(-10, 11),) * image.ndim]
    disk = sum(axis**2 for axis in axes) <= 100
    coarse = image[(slice(None, None, 4),) * image.ndim]
    if image.ndim == 3:
        coarse = np.pad(coarse, [(0, most - size) for most, size in zip(image.shape, coarse.shape)])
    coarse = grey_dilation(grey_erosion(coarse, footprint=disk), footprint=disk)
    where = np.indices(image.shape, dtype=float)
    for axis, size in enumerate(shape):
        where[axis] *= (size / 4 - 1) / (size - 1)
    np.testing.assert_array_equal(_background(image), map_coordinates(coarse, where, order=1))
