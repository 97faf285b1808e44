"""Augmented patches: image and labels stay together, and a patch depends on its number alone."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.nets.augment import augment_intensity, random_blur, random_object_brightness, random_window
from micrographia.nets.patches import Patches
from synthetic_fields import fields


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1.5]))
def test_window_keeps_image_and_labels_together(seed, scale):
    rng = np.random.default_rng(seed)
    labels = np.zeros((100, 110), np.int32)
    labels[40:60, 35:70] = 3
    image = (labels > 0).astype(np.float32)[None]
    patch, patch_labels = random_window(image, labels, (50, 50), 32, scale, rng)
    inside = patch_labels >= 0
    assert inside.all()  # the window fits
    assert ((patch[0] > 0.5) != (patch_labels > 0)).mean() < 0.03


def test_beyond_the_image_nothing_is_known():
    labels = np.ones((20, 20), np.int32)
    patch, patch_labels = random_window(
        np.ones((1, 20, 20), np.float32), labels, (10, 10), 48, 1, np.random.default_rng(1)
    )
    assert (patch_labels == -1).any() and (patch_labels == 1).any()
    np.testing.assert_allclose(patch, 1)


def test_blur_keeps_the_sum():
    image = np.zeros((1, 31, 31), np.float32)
    image[0, 15, 15] = 1
    assert random_blur(image, np.random.default_rng(0)).sum() == pytest.approx(1, abs=1e-4)


def test_intensity_augmentation_keeps_shape_and_type():
    for channels in (1, 3):
        image = np.random.default_rng(0).random((channels, 32, 32), dtype=np.float32)
        labels = np.kron(np.arange(-1, 3).reshape(2, 2), np.ones((16, 16))).astype(np.int32)
        for seed in range(10):
            out = augment_intensity(image.copy(), labels, np.random.default_rng(seed))
            assert out.shape == image.shape and out.dtype == np.float32 and np.isfinite(out).all()


def test_patch_depends_on_seed_and_number_alone():
    images, labels = fields(3)
    images = [image[None].astype(np.float32) / 255 for image in images]

    def targets(patch):
        return {"labels": patch}

    first = Patches(images, labels, targets, range(10), size=64, scale=1.4, seed=5)
    second = Patches(images, labels, targets, range(7, 10), size=64, scale=1.4, seed=5)
    for key in ("image", "labels"):
        np.testing.assert_array_equal(first[7][key], second[0][key])
    assert not np.array_equal(first[7]["image"], first[8]["image"])


def test_objects_change_their_brightness_one_by_one():
    labels = np.kron(np.arange(9).reshape(3, 3), np.ones((20, 20))).astype(np.int32)
    image = np.ones((2, 60, 60), np.float32)
    out = random_object_brightness(image, labels, np.random.default_rng(1))
    middles = out[0, 10::20, 10::20].ravel()
    assert middles[0] == 1  # background
    changed = middles[1:] != 1
    assert 0 < changed.sum() < 8 and middles.min() > 0.29 and middles.max() < 1.3
