"""Eigenvalues against NumPy's, also where they are the same, negative or nothing."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrographia.geometry.eigenvalues import ROW, eigenvalues_2, eigenvalues_3, eigenvalues_numpy


def _eigenvalues(matrices):
    count, n, _ = matrices.shape
    pairs = [(0, 0), (1, 1), (0, 1)] if n == 2 else [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
    block = np.zeros(9 * ROW, np.float32)
    for k, (i, j) in enumerate(pairs):
        block[k * ROW : k * ROW + count] = matrices[:, i, j]
    (eigenvalues_2 if n == 2 else eigenvalues_3)(block, count)
    return np.stack([block[k * ROW : k * ROW + count] for k in range(6, 6 + n)], 1)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.integers(1, 3), st.floats(-18, 18))
@example(455, 2, 1, -18.0)  # squares below what single precision can hold
@example(455, 2, 1, 18.0)
def test_eigenvalues_equal_numpy(seed, n, rank, exponent):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(37, n, rank))
    matrices = half * rng.choice([-1, 1], (37, 1, rank)) @ half.transpose(0, 2, 1)
    matrices = (matrices * 10**exponent).astype(np.float32)
    size = np.abs(matrices).max(axis=(1, 2))[:, None]
    error = np.abs(_eigenvalues(matrices) - eigenvalues_numpy(matrices.astype(np.float64)))
    assert (error <= (1e-6 if n == 2 else 3e-7) * size).all()


@pytest.mark.parametrize("n", [2, 3])
def test_equal_eigenvalues(n):
    noise = np.random.default_rng(0).normal(size=(20, n, n))
    near = (5 * np.eye(n) + 1e-6 * (noise + noise.transpose(0, 2, 1))).astype(np.float32)
    assert np.abs(_eigenvalues(near) - eigenvalues_numpy(near.astype(np.float64))).max() < 2e-6
    assert not _eigenvalues(np.zeros((3, n, n), np.float32)).any()
    np.testing.assert_array_equal(_eigenvalues(7 * np.eye(n, dtype=np.float32)[None]), np.full((1, n), 7))
