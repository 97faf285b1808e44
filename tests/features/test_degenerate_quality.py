"""Quality of images that are constant, nearly constant or of two grey levels: numbers or NaN, and no warning."""

import warnings

import numpy as np
import pytest

from micrographia.features.blur import blur_sigma
from micrographia.features.debris import find_debris, object_levels
from micrographia.features.image_quality import image_quality


def square(background, inside):
    image = np.full((64, 64), background, np.uint16)
    image[10:30, 10:30] = inside
    return image


NOISE = np.random.default_rng(0).normal(size=(64, 64))
IMAGES = {
    "two levels": square(1, 46),
    "constant": np.full((160, 200), 7, np.uint16),
    "constant fraction": np.full((100, 333), 0.1),
    "rounding only": 1 + 2.2e-16 * (NOISE > 0),
    "smallest numbers": 5e-324 * (NOISE > 0),
    "tiny": NOISE * 1e-300,
    "huge": NOISE * 1e300,
    "one pixel": np.pad(np.ones((1, 1), np.uint8), ((30, 33), (20, 43))),
    "one line": np.ones((1, 64)),
    "half unknown": np.where(NOISE > 0, np.nan, 1.0),
}


@pytest.mark.parametrize("name", IMAGES)
def test_measured_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = image_quality(IMAGES[name]).iloc[0]
    assert row["ImageQuality_TotalArea"] == IMAGES[name].size


@pytest.mark.parametrize("value", [0, 7, 0.1, 1 / 3, 1e6])
@pytest.mark.parametrize("shape", [(16, 16), (100, 333), (512, 512)])
def test_a_constant_image_has_no_blur(value, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(blur_sigma(np.full(shape, value)))
        assert np.isnan(blur_sigma(np.full(shape, value) * (1 + 1e-15 * np.eye(*shape))))


@pytest.mark.parametrize("rounding", [0, 1e-16, 1e-15, 1e-13])
def test_levels_of_a_background_that_is_equal_but_for_rounding(rounding):
    image = 1 + rounding * NOISE
    image[10:30, 10:30] = 46
    levels = object_levels(image)
    assert levels.background == pytest.approx(1) and levels.objects == levels.brightest == 46
    assert find_debris(image, levels).spots == 0
