"""Distances within regions against their plain reference and SciPy's transform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from micrographia.geometry.distances import label_distance, label_distance_numpy


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(9, 11), (1, 7), (4, 5, 6)]), st.booleans())
def test_distance_equals_the_reference(seed, shape, square):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, shape) if seed % 2 else (rng.random(shape) < 0.9).astype(int)
    spacing = None if square else rng.uniform(0.3, 4, len(shape)).tolist()
    found = label_distance(labels, spacing)
    np.testing.assert_allclose(found, label_distance_numpy(labels, spacing), rtol=1e-5)


def test_same_distances_as_scipy():
    rng = np.random.default_rng(0)
    mask = np.kron(rng.random((12, 12)) < 0.8, np.ones((9, 9))) > 0
    np.testing.assert_allclose(label_distance(mask, (2, 0.5)), distance_transform_edt(mask, (2, 0.5)), rtol=1e-6)


def test_pixel_sizes_must_fit():
    with pytest.raises(ValueError, match="pixel sizes"):
        label_distance(np.ones((3, 3), int), (1.0,))
