"""Refinement against its plain reference, and that it helps on real shapes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.rays import object_probability, ray_distances
from micrographia.geometry.refinement import refine, refine_numpy


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.sampled_from([1, 2]), st.sampled_from([1, 2]))
def test_refinement_equals_the_reference(seed, count, grid, fold):
    rng = np.random.default_rng(seed)
    distance = rng.uniform(0, 90, (16 * fold**2, 20 // fold, 24 // fold)).astype(np.float32)
    probability = rng.random((20, 24)).astype(np.float32)
    points = np.stack([rng.integers(0, 20, count), rng.integers(0, 24, count)], 1).astype(np.int32)
    np.testing.assert_allclose(
        refine(points, distance, probability, grid), refine_numpy(points, distance, probability, grid), rtol=1e-5
    )


def test_an_underestimated_end_is_found():
    labels = np.zeros((40, 160), np.int32)
    labels[14:26, 10:150] = 1
    truth = ray_distances(labels, 32, 1)
    # what a network with limited sight predicts: nothing beyond 40 pixels
    limited = np.minimum(truth, 40)
    point = np.array([[20, 80]], np.int32)
    probability = object_probability(labels)
    plain = abs(limited[0, 20, 80] - truth[0, 20, 80])
    better = abs(refine(point, limited, probability, 1)[0, 0] - truth[0, 20, 80])
    assert better < 0.65 * plain
