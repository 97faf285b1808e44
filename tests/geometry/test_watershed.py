"""Watershed against its plain reference and scikit-image's."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from micrographia.geometry.watershed import watershed, watershed_python


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([(9, 11), (1, 7), (4, 5, 6)]), st.sampled_from([1, 2]), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_watershed_equals_the_reference(seed, shape, connectivity, lines, whole):
    rng = np.random.default_rng(seed)
    levels = rng.integers(-2, 4, shape) if whole else rng.normal(size=shape).astype(np.float32)
    seeds = (rng.random(shape) < 0.1) * rng.integers(1, 5, shape)
    mask = rng.random(shape) < 0.85
    options = {"connectivity": connectivity, "lines": lines}
    found = watershed(levels, seeds, mask, **options)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, watershed_python(levels, seeds, mask, **options))


@pytest.mark.parametrize("shape", [(700, 700), (40, 90, 90)])
def test_same_regions_as_scikit_image(shape):
    peer = pytest.importorskip("skimage.segmentation").watershed
    rng = np.random.default_rng(1)
    levels = gaussian_filter(rng.random(shape), 3).astype(np.float32)
    seeds = np.zeros(shape, np.int32)
    seeds[tuple(rng.integers(0, n, 800) for n in shape)] = np.arange(1, 801)
    mask = gaussian_filter(rng.random(shape), 8) > 0.48
    watershed(levels, seeds, mask)
    start = time.process_time()
    found = watershed(levels, seeds, mask)
    ours = time.process_time() - start
    start = time.process_time()
    expected = peer(levels, seeds, mask=mask)
    theirs = time.process_time() - start
    assert np.mean(found == expected) > 0.9999
    assert ours < 2 * theirs, f"{ours:.3f} s, scikit-image {theirs:.3f} s"


def test_a_line_one_pixel_wide_is_left():
    levels = np.abs(np.arange(21) - 10.0)[None].repeat(9, 0)
    seeds = np.zeros(levels.shape, int)
    seeds[4, 0], seeds[4, 20] = 1, 2
    found = watershed(-levels, seeds, lines=True)
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found == 0).sum(axis=1).max() == 1
    assert watershed(-levels, seeds).min() == 1


def test_plateaus_are_divided_half_way():
    seeds = np.zeros((1, 11), int)
    seeds[0, 0], seeds[0, 10] = 3, 7
    np.testing.assert_array_equal(watershed(np.zeros((1, 11)), seeds)[0], [3] * 6 + [7] * 5)


def test_bad_input():
    levels = np.zeros((4, 4))
    seeds = np.ones((4, 4), int)
    with pytest.raises(ValueError, match="shapes"):
        watershed(levels, seeds[:3])
    with pytest.raises(ValueError, match="whole numbers"):
        watershed(levels, -seeds)
    with pytest.raises(ValueError, match="NaN"):
        watershed(np.full((4, 4), np.nan), seeds)
    assert not watershed(np.full((4, 4), np.nan), seeds, np.zeros((4, 4), bool)).any()
    assert not watershed(levels, 0 * seeds).any()
