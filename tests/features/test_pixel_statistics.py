"""Local statistics against SciPy and plain loops."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from micrographia.features.pixel_bank import Bank
from micrographia.features.pixel_statistics import box_radius
from micrographia.geometry.entropy import BINS


def test_the_box_has_the_width_of_the_gaussian():
    for sigma in (1.0, 2.0, 3.5, 10.0):
        positions = np.arange(-box_radius(sigma), box_radius(sigma) + 1)
        assert positions.std() == pytest.approx(sigma, rel=0.2)
    assert box_radius(0.3) == 1


@pytest.mark.parametrize("shape", [(40, 31), (9, 14, 11)])
@pytest.mark.parametrize("sigma", [0.7, 3.5])
def test_mean_and_variance_equal_scipy(shape, sigma):
    image = (np.random.default_rng(0).random(shape) + 20_000).astype(np.float32)
    mean, variance = Bank((("mean", sigma), ("variance", sigma)), image.ndim).compute(image[None])
    size = 2 * box_radius(sigma) + 1
    wide = image.astype(np.float64)
    expected = uniform_filter(wide, size, mode="mirror")
    np.testing.assert_allclose(mean, expected, rtol=1e-7)
    expected = uniform_filter((wide - 20_000) ** 2, size, mode="mirror") - (expected - 20_000) ** 2
    np.testing.assert_allclose(variance, expected, atol=1e-5)


def test_entropy_of_two_values_and_of_every_value():
    two = np.indices((30, 30)).sum(0) % 2
    bank = Bank((("entropy", 3.5),)).with_levels([two[None]])
    assert bank.compute(two[None])[0, 15, 15] == pytest.approx(1, abs=1e-3)
    every = np.random.default_rng(0).integers(0, 256, (60, 60))
    bank = Bank((("entropy", 10.0),)).with_levels([every[None]])
    assert bank.compute(every[None])[0, 30, 30] == pytest.approx(np.log2(BINS), abs=0.05)
    flat = np.full((1, 20, 20), 7.0)
    assert not Bank((("entropy", 1.0),)).with_levels([flat]).compute(flat).any()


def test_a_membrane_is_told_from_a_spot():
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 20, :] = 1
    image[0, 45:48, 30:33] = 1
    deviation, maximum = Bank((("membrane", 1.0),), maps=(1, 3)).compute(image)
    assert maximum[20, 32] > 2 * maximum[46, 31]
    assert deviation[20, 32] > 3 * deviation[46, 31]


def test_volumes_get_lines_and_entropy_slice_by_slice():
    volume = (np.random.default_rng(1).random((1, 6, 20, 25)) * 9).astype(np.float32)
    bank = Bank((("entropy", 1.0),), 3, levels=((0, 9),))
    plane = Bank((("entropy", 1.0),), 2, levels=((0, 9),))
    np.testing.assert_array_equal(bank.compute(volume)[0, 2], plane.compute(volume[:, 2])[0])
    lines = Bank((("membrane", 1.0),), 3).compute(volume)
    assert lines.shape == (5, 6, 20, 25) and (lines[3] >= lines[2]).all() and (lines[2] >= lines[4]).all()
