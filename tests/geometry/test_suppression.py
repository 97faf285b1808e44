"""Local maxima and suppression against plain references, and overlaps against counted pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micrographia.geometry.suppression import (
    local_maxima,
    local_maxima_numpy,
    polygon_areas,
    star_level,
    suppress,
    suppress_numpy,
)

maps = arrays(
    np.float32, st.tuples(st.integers(1, 15), st.integers(1, 15)), elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])
)


@settings(deadline=None, max_examples=80)
@given(maps, st.sampled_from([0.0, 0.4, 0.9]))
def test_maxima_equal_the_reference(probability, threshold):
    np.testing.assert_array_equal(local_maxima(probability, threshold), local_maxima_numpy(probability, threshold))


@settings(deadline=None, max_examples=40)
@given(maps, st.integers(1, 14))
def test_maxima_of_parts_are_the_maxima_of_the_whole(probability, cut):
    cut = min(cut, probability.shape[0])
    columns = slice(0, probability.shape[1])
    parts = [local_maxima(probability, 0.2, (rows, columns)) for rows in (slice(0, cut), slice(cut, len(probability)))]
    np.testing.assert_array_equal(np.concatenate(parts), local_maxima(probability, 0.2))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.sampled_from([0.2, 0.4, 0.6]))
def test_suppression_equals_the_reference(seed, count, threshold):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 40, (count, 2)).astype(np.float32)
    distances = rng.uniform(3, 9, (count, 1)).astype(np.float32) * rng.uniform(0.8, 1.2, (count, 16)).astype(np.float32)
    probability = rng.random(count).astype(np.float32)
    kept = suppress(centres, distances, probability, threshold)
    np.testing.assert_array_equal(kept, suppress_numpy(centres, distances, probability, threshold))
    assert kept[np.argmax(probability)]


@pytest.mark.parametrize("shift", [0, 3, 6, 9, 12])
def test_overlap_is_the_shared_area_over_the_smaller_one(shift):
    distances = np.full((2, 32), 10, np.float32)
    distances[1] = 7
    centres = np.array([[30, 30], [30, 30 + shift]], np.float32)
    yy, xx = np.indices((60, 60))
    grid = np.stack([yy, xx], -1).reshape(-1, 2).astype(float)
    inside = [star_level(grid - c, d) <= 1 for c, d in zip(centres, distances)]
    share = (inside[0] & inside[1]).sum() / inside[1].sum()
    probability = np.array([0.9, 0.8], np.float32)
    if share > 0.03:
        assert not suppress(centres, distances, probability, share - 0.03)[1]
    assert suppress(centres, distances, probability, share + 0.03)[1]


def test_no_candidates():
    assert suppress(np.zeros((0, 2)), np.zeros((0, 32)), np.zeros(0)).shape == (0,)


def test_area_of_a_many_sided_polygon_is_nearly_the_disc():
    assert polygon_areas(np.full((1, 128), 10.0))[0] == pytest.approx(np.pi * 100, rel=2e-3)
