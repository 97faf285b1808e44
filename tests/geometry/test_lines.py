"""Line projections against the plain reference, and that they find a line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.lines import (
    DIRECTIONS,
    line_averages_reach,
    line_taps,
    project_lines,
    project_lines_numpy,
    sorting_steps,
)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(1, 3))
def test_projections_equal_the_reference(seed, spacing):
    rng = np.random.default_rng(seed)
    reach = line_averages_reach(spacing)
    plane = rng.normal(size=rng.integers(1, 20, 2) + 2 * reach).astype(np.float32)
    expected = project_lines_numpy(plane, spacing)
    slots = rng.permutation(np.arange(5))
    slots[slots == 4] = -1
    out = np.empty((5, *expected.shape[1:]), np.float32)
    project_lines(plane, spacing, slots, out)
    for k in range(5):
        if slots[k] >= 0:
            np.testing.assert_allclose(out[slots[k]], expected[k], atol=2e-6)


def test_weights_add_to_one():
    first, offsets, weights = line_taps(1.7)
    for a, b in zip(first, first[1:]):
        assert not offsets[a].any()
        assert weights[a] + 2 * weights[a + 1 : b].sum() == pytest.approx(1, abs=1e-6)


def test_steps_sort():
    values = np.random.default_rng(0).random((DIRECTIONS, 50))
    for a, b in sorting_steps(DIRECTIONS):
        values[a], values[b] = np.minimum(values[a], values[b]), np.maximum(values[a], values[b])
    assert (np.diff(values, axis=0) >= 0).all()


def test_a_thin_line_stands_out_and_a_spot_less():
    reach = line_averages_reach(1.0)
    plane = np.zeros((61, 61), np.float32)
    plane[15, 5:56] = 1  # a line
    plane[43:47, 28:32] = 1  # a spot
    out = np.empty((5, 61 - 2 * reach, 61 - 2 * reach), np.float32)
    project_lines(plane, 1.0, np.arange(5), out)
    line, spot = out[:, 15 - reach, 30 - reach], out[:, 45 - reach, 30 - reach]
    assert line[3] == pytest.approx(1) and spot[3] < 0.3
    assert line[1] > 4 * spot[1]
