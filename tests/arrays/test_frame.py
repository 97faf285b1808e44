"""The constant frame around a picture: left out of the statistics, background for the network, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from micrographia.arrays.frame import content, find_frame
from micrographia.arrays.normalize import bright_background, bright_intensity, sample
from micrographia.arrays.preparation import preparation


@pytest.fixture
def saturated():
    """Spots on a dark noisy background, with flat tops of 255; some touch the border."""
    y, x = np.mgrid[:120, :140]
    spots = 400 * np.exp(-((y % 30 - 15) ** 2 + (x % 35 - 17) ** 2) / 40) + 400 * np.exp(-(y**2 + (x - 50) ** 2) / 90)
    return np.clip(spots + np.random.default_rng(0).normal(20, 3, y.shape), 0, 255).astype(np.uint8)[None]


def test_a_constant_frame_is_left_out_of_the_statistics():
    rng = np.random.default_rng(3)
    tissue = rng.integers(120, 240, (3, 60, 80)).astype(np.uint8)
    for width in (5, 40):
        framed = np.pad(tissue, ((0, 0), (width, width), (0, width)))
        np.testing.assert_array_equal(content(framed), tissue)
        assert bright_intensity(content(framed)) == bright_intensity(tissue)
        assert bright_background(content(framed))
    white = np.pad(tissue // 4, ((0, 0), (9, 0), (0, 0)), constant_values=255)
    assert content(white).shape == (3, 60, 80)


def test_a_background_that_reaches_the_border_is_no_frame():
    rng = np.random.default_rng(4)
    cells = np.zeros((1, 64, 64), np.uint16)
    y, x = np.mgrid[:64, :64]
    cells[0] = np.maximum(0, 200 - 12 * np.hypot(y - 30, x - 30))  # exactly 0 around, and all values up to 200
    assert content(cells) is cells
    masked = np.where(np.hypot(y % 32 - 16, x % 32 - 16) < 10, rng.integers(80, 200, (64, 64)), 0)[None]
    assert content(masked) is masked  # cells whose background somebody set to 0
    noise = rng.integers(0, 255, (1, 32, 32))
    for whole in (noise, noise[:, :1], np.full((1, 8, 8), 7), np.zeros((1, 0, 8)), np.zeros((1, 4, 4, 4))):
        assert content(whole) is whole


def test_a_frame_is_background_for_the_network_whatever_part_is_looked_at():
    rng = np.random.default_rng(3)
    tissue = rng.integers(120, 240, (3, 40, 60)).astype(np.uint16)
    framed = np.pad(tissue, ((0, 0), (8, 4), (20, 0)))
    found = preparation(sample(framed, (1, 2)), framed.shape[1:], True, (1, 99.8))
    alone = preparation(sample(tissue, (1, 2)), tissue.shape[1:], True, (1, 99.8))
    assert found.frame.value.tolist() == [0, 0, 0] and alone.frame is None and found.intensity == alone.intensity
    whole, inside = found.applied(framed), alone.applied(tissue)
    np.testing.assert_array_equal(whole[:, 8:-4, 20:], inside)
    background = np.median(inside, axis=(1, 2))[:, None, None]
    assert (whole[:, :8] == background).all() and (whole[:, :, :20] == background).all()
    np.testing.assert_array_equal(found.applied(framed[:, 5:30, 10:50], (5, 10)), whole[:, 5:30, 10:50])


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("sides", [((1, 0), (0, 0)), ((0, 1), (0, 1)), ((1, 1), (1, 0)), ((1, 1), (1, 1))])
@pytest.mark.parametrize("width", [1, 90])
def test_values_of_the_frame_within_the_picture_are_left_alone(saturated, value, sides, width):
    framed = np.pad(saturated, [(0, 0), *np.multiply(sides, width)], constant_values=value)
    (top, _), (left, _) = np.multiply(sides, width)
    found = preparation(sample(framed, (1, 2)), framed.shape[1:], True, (1, 99.8))
    assert not found.bright
    if value == 0:  # next to a dark background a black frame is background as it is
        assert found.frame is None
        return
    alone = preparation(saturated.astype(np.float32), saturated.shape[1:], True, (1, 99.8))
    picture = found.applied(framed)[:, top:, left:][:, :120, :140]
    np.testing.assert_array_equal(picture, alone.applied(saturated))
    assert (found.applied(framed) == found.fill).sum() == framed.size - (picture != found.fill).sum()


def test_parts_of_a_large_framed_picture_equal_the_whole(saturated):
    """The sample holds every third line here; the frame ends between two of them."""
    large = np.tile(saturated, (1, 10, 9))
    framed = np.pad(large, ((0, 0), (40, 1), (0, 200)), constant_values=255)
    found = preparation(sample(framed, (1, 2)), framed.shape[1:], True, (1, 99.8))
    assert found.step == (3, 3)
    whole = found.applied(framed)
    assert (whole[:, :40] == found.fill).all() and (whole[:, :, -200:] == found.fill).all()
    assert (whole[:, -1] == found.fill).all()
    within = np.s_[:, 42:-3, :-203]
    np.testing.assert_array_equal(whole[within], replace(found, frame=None).applied(framed)[within])
    for y, x in ((0, 0), (37, 1000), (900, 1100)):
        part = np.s_[:, y : y + 400, x : x + 500]
        np.testing.assert_array_equal(found.applied(framed[part], (y, x)), whole[part])


def test_constant_lines_within_a_picture_are_no_frame(saturated):
    broken = saturated.copy()
    broken[:, 60] = broken[:, :, 70] = 255
    assert find_frame(broken) is None
    framed = np.pad(broken, ((0, 0), (1, 1), (1, 1)), constant_values=255)
    np.testing.assert_array_equal(content(framed), broken)
