"""Smoothing against its plain reference; parts against the whole; kernels against what they must do to polynomials."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.convolution import gaussian_weights, mirrored, smooth, smooth_numpy


def _part(rng, shape, beyond=3):
    starts = [int(rng.integers(-beyond, n)) for n in shape]
    return tuple(slice(a, int(rng.integers(max(a, 0) + 1, n + beyond + 1))) for a, n in zip(starts, shape))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_positions_are_mirrored_as_numpy_does(size):
    padded = np.pad(np.arange(size), 20, mode="reflect")
    np.testing.assert_array_equal(mirrored(-20, size + 20, size), padded)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.integers(1, 14), st.sampled_from(["f4", "f8"]))
def test_smoothing_equals_the_reference(seed, dimensions, radius, kind):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=rng.integers(1, 24, dimensions)).astype(kind)
    weights = rng.uniform(0, 1, radius + 1).astype(kind)
    part = _part(rng, image.shape)
    expected = smooth_numpy(image, part, weights)
    scale = (2 * radius + 1.0) ** dimensions
    np.testing.assert_allclose(smooth(image, part, weights), expected, atol=scale * (1e-6 if kind == "f4" else 1e-14))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.integers(1, 14))
def test_a_part_equals_the_whole_bit_for_bit(seed, dimensions, radius):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=rng.integers(1, 90 if dimensions == 2 else 24, dimensions)).astype(np.float32)
    weights = rng.uniform(0, 1, radius + 1).astype(np.float32)
    whole = smooth(image, tuple(slice(0, n) for n in image.shape), weights)
    part = _part(rng, image.shape, 0)
    np.testing.assert_array_equal(smooth(image, part, weights), whole[part])
    # what lies beyond the border is the mirrored result
    beyond = tuple(slice(-3, n + 3) for n in image.shape)
    indices = np.ix_(*(mirrored(-3, n + 3, n) for n in image.shape))
    np.testing.assert_array_equal(smooth(image, beyond, weights), whole[indices])


@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.0, 9.9])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_kernels_take_derivatives_of_polynomials(sigma, order):
    half = gaussian_weights(sigma, 3.5, order)
    x = np.arange(-len(half) + 1, len(half))
    kernel = np.concatenate([(-1) ** order * half[:0:-1], half])
    for power, value in enumerate([(1, 0, 0), (0, 1, 0), (None, 0, 2)]):
        if value[order] is not None:
            assert np.sum(kernel * x**power) == pytest.approx(value[order], abs=1e-9)


def test_the_radius_is_that_of_vigra():
    assert [len(gaussian_weights(s, 3.5)) - 1 for s in (0.3, 0.7, 1.0, 1.2490, 4.899, 9.9499)] == [1, 2, 4, 4, 17, 35]
    assert [len(gaussian_weights(s, 2.0)) - 1 for s in (0.15, 0.66, 0.7, 1.0)] == [1, 1, 1, 2]
