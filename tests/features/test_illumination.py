"""Noise, background and its unevenness, with known truth and with objects in the way."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from micrographia.features.debris import find_debris, object_levels
from micrographia.features.illumination import background, noise_sigma


def cells(shape=(300, 400), number=90, radius=9, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for _ in range(number):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        image[np.hypot(y - cy, x - cx) < radius] = rng.uniform(800, 1200)
    return gaussian_filter(image, 1.0)


def ramp(shape=(300, 400), span=300.0):
    return 500 + span * np.linspace(0, 1, shape[1]) * np.ones((shape[0], 1))


@pytest.mark.parametrize("sigma", [2.0, 10.0, 40.0])
def test_noise_in_spite_of_objects_and_slopes(sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (300, 400))
    assert noise_sigma(noise) == pytest.approx(sigma, rel=0.03)
    assert noise_sigma(cells() + ramp() + noise) == pytest.approx(sigma, rel=0.15)
    assert noise_sigma(np.rint(ramp() + noise).astype(np.uint16)) == pytest.approx(sigma, rel=0.1)


def test_no_noise():
    assert noise_sigma(np.full((20, 20), 3)) == 0
    assert noise_sigma(ramp()) == pytest.approx(0, abs=1e-9)
    assert np.isnan(noise_sigma(np.ones((2, 50))))


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("number", [0, 90, 250])
def test_background_in_spite_of_objects(number, bright):
    noise = np.random.default_rng(2).normal(0, 10, (300, 400))
    objects = cells(number=number)
    found = background(ramp() + noise + (-0.4 * objects if bright else objects), bright)
    assert found.span == pytest.approx(300, rel=0.25)
    assert found.level == pytest.approx(650, rel=0.05)


def test_vignetting():
    y, x = (np.linspace(-1, 1, n) for n in (300, 400))
    light = 1000 * (1 - 0.2 * (y[:, None] ** 2 + x**2))  # corners 40 % darker than the middle
    found = background(light + cells())
    assert found.fall_off == pytest.approx(0.4, abs=0.06)
    even = background(np.full((300, 400), 500.0) + cells())
    assert abs(even.fall_off) < 0.02 and even.span < 20


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (3, 50)])
def test_small_images_have_no_unevenness(shape):
    found = background(np.arange(np.prod(shape), dtype=float).reshape(shape))
    assert np.isfinite(found.level)
    assert shape != (1, 1) or found.span == 0


def test_levels_of_background_and_objects():
    image = cells() + np.random.default_rng(3).normal(200, 10, (300, 400))
    levels = object_levels(image)
    assert levels.background == pytest.approx(200, abs=5)
    assert levels.spread == pytest.approx(10, rel=0.2)
    assert levels.objects == pytest.approx(1180, rel=0.06)
    negative = object_levels(-image, bright=True)
    assert negative == pytest.approx((-levels.background, levels.spread, -levels.objects, -levels.brightest))


@pytest.mark.parametrize(
    "image", [np.zeros((20, 20)), np.full((20, 20), np.nan), np.random.default_rng(0).random((64, 64))]
)
def test_no_objects(image):
    levels = object_levels(image)
    assert np.isnan(levels.objects)
    assert find_debris(image, levels) == (0, 0, 0.0)


def test_many_bright_cells_and_hot_pixels_are_no_debris():
    image = cells() + np.random.default_rng(3).normal(200, 10, (300, 400))
    hot, many = image.copy(), image.copy()
    hot[10::60, 10::60] = 9000
    assert find_debris(hot, object_levels(hot)) == (0, 0, 0.0)
    for y, x in [(20 + 50 * k, 30 + 100 * j) for k in range(5) for j in range(3)]:
        many[y : y + 5, x : x + 5] = 9000
    assert find_debris(many, object_levels(many)) == (0, 0, 0.0)


@pytest.mark.parametrize("bright", [False, True])
def test_spots_and_fibres(bright):
    image = cells() + np.random.default_rng(3).normal(200, 10, (300, 400))
    sign = -1 if bright else 1
    assert find_debris(sign * image, object_levels(sign * image, bright), bright) == (0, 0, 0.0)
    dirty = image.copy()
    dirty[50:56, 60:66] = dirty[200:206, 300:308] = 9000
    spots = find_debris(sign * dirty, object_levels(sign * dirty, bright), bright)
    assert (spots.spots, spots.fibres) == (2, 0)
    assert spots.share == pytest.approx((36 + 48) / image.size)
    for k in range(200):
        dirty[20 + k, 100 + k // 2 : 103 + k // 2] = 9000
    both = find_debris(sign * dirty, object_levels(sign * dirty, bright), bright)
    assert (both.spots, both.fibres) == (2, 1)


def test_four_times_as_bright_as_the_brightest_cells_is_no_debris_yet():
    image = cells() + np.random.default_rng(3).normal(200, 10, (300, 400))
    levels = object_levels(image)
    height = levels.brightest - levels.background
    for times, spots in ((4, 0), (6, 1)):
        image[50:56, 60:66] = levels.background + times * height
        assert find_debris(image, levels).spots == spots
