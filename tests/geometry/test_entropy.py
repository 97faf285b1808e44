"""Entropy of a moving box against the plain reference."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.convolution import mirrored
from micrographia.geometry.entropy import BINS, window_entropy, window_entropy_numpy


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, BINS))
def test_entropy_equals_the_reference(seed, radius, values):
    rng = np.random.default_rng(seed)
    plane = rng.integers(0, values, rng.integers(1, 20, 2)).astype(np.uint8)
    rows, columns = (mirrored(-radius, n + radius, n) for n in plane.shape)
    out, expected = np.empty(plane.shape, np.float32), np.empty(plane.shape, np.float32)
    window_entropy(plane, rows, columns, out)
    window_entropy_numpy(plane, rows, columns, expected)
    np.testing.assert_allclose(out, expected, atol=2e-5)
    if values == 1:
        assert not out.any()
