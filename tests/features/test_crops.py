"""Crops around objects."""

from __future__ import annotations

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.features.crops import CropPlan, cut_crops, stream_crops


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) <= radius


def field() -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((60, 80), np.int32)
    labels[disc(labels.shape, 20, 30, 6)] = 7
    labels[disc(labels.shape, 50, 3, 9)] = 3
    labels[disc(labels.shape, 35, 60, 3)] = -1
    image = np.zeros((2, 60, 80), np.uint8)
    image[0] = np.where(labels > 0, 200, 10)
    image[1] = np.arange(80)
    return image, labels


def test_crops_are_centred_in_the_order_of_labels_and_ignore_negative_ones():
    image, labels = field()
    crops = cut_crops(image, labels, CropPlan(size=17, mask=True, intensity="range"))
    assert crops.pixels.shape == (2, 3, 17, 17) and crops.labels.tolist() == [3, 7]
    np.testing.assert_array_equal(crops.pixels[1, 2], labels[12:29, 22:39] == 7)
    np.testing.assert_allclose(crops.pixels[1, :2], image[:, 12:29, 22:39] / 255, atol=1e-3)


def test_beyond_the_image_the_picture_is_mirrored_and_the_mask_is_empty():
    image, labels = field()
    labels[:] = 0
    labels[0:3, 0:3] = 1
    crop = cut_crops(image, labels, CropPlan(size=9, mask=True, intensity="range")).pixels[0]
    padded = np.pad(image / 255, [(0, 0), (3, 0), (3, 0)], mode="reflect")
    np.testing.assert_allclose(crop[:2], padded[:, :9, :9], atol=1e-3)
    assert crop[2, :3].max() == 0 and crop[2].sum() == 9


def test_with_a_diameter_objects_get_the_same_size():
    image, labels = field()
    crops = cut_crops(image, labels, CropPlan(size=32, diameter=16, mask=True))
    areas = crops.pixels[:, 2].astype(float).sum((1, 2))
    assert areas[1] == pytest.approx(np.pi * 64, rel=0.03)
    whole = cut_crops(image, labels, CropPlan(size=32, mask=True)).pixels[:, 2].astype(float).sum((1, 2))
    assert whole[1] == (labels == 7).sum()


def test_intensities_of_images_crops_and_ranges():
    image, labels = field()
    by_image = cut_crops(image, labels, CropPlan(size=9, intensity="image")).pixels
    by_crop = cut_crops(image, labels, CropPlan(size=41, intensity="crop")).pixels
    assert by_image[1, 0].min() == pytest.approx(1, abs=0.01)
    assert by_crop[1, 0].min() == pytest.approx(0, abs=0.01) and by_crop[1, 0].max() == pytest.approx(1, abs=0.01)
    constant = cut_crops(np.full((1, 60, 80), 9, np.uint8), labels, CropPlan(size=9, intensity="crop")).pixels
    assert np.isfinite(constant).all()


def test_a_crop_larger_than_the_image_and_an_image_without_labels():
    crops = cut_crops(np.random.default_rng(0).random((1, 5, 3)), None, CropPlan(size=64))
    assert crops.pixels.shape == (1, 1, 64, 64) and crops.labels.tolist() == [1]
    assert np.isfinite(crops.pixels).all()


def test_no_objects_give_no_crops_and_numbers_that_are_none_are_0():
    image, labels = field()
    assert cut_crops(image, np.zeros_like(labels), CropPlan()).pixels.shape == (0, 2, 64, 64)
    bad = image.astype(float)
    bad[:, 20, 30] = np.nan
    assert np.isfinite(cut_crops(bad, labels, CropPlan(size=9)).pixels).all()


def test_wrong_input_is_named():
    image, labels = field()
    with pytest.raises(InputError, match="a.tif: the image is .60, 80. pixels, its label image .59, 80."):
        cut_crops(image, labels[1:], CropPlan(), "a.tif")
    with pytest.raises(InputError, match="whole numbers, this one float64"):
        cut_crops(image, labels.astype(float), CropPlan())
    with pytest.raises(InputError, match="not from shape"):
        cut_crops(image[0], labels, CropPlan())
    with pytest.raises(InputError, match="b has 1 channels, but a has 2"):
        list(stream_crops([("a", image, labels), ("b", image[:1], labels)], CropPlan()))


def test_images_are_streamed_one_by_one():
    image, labels = field()
    read = []

    def images():
        for name in "ab":
            read.append(name)
            yield name, image, labels

    found = stream_crops(images(), CropPlan(size=9))
    assert next(found)[0] == "a" and read == ["a"]
    assert len(next(found)[1]) == 2 and read == ["a", "b"]


def test_a_plan_is_stored_and_a_damaged_one_refused():
    plan = CropPlan(48, 20.0, True, "crop")
    assert CropPlan.from_dict(plan.as_dict()) == plan
    with pytest.raises(ValueError, match="no such plan"):
        CropPlan.from_dict(plan.as_dict() | {"intensity": "other"})
