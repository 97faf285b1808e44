"""Ray distances, edge distances and object probabilities against plain references and real labels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from micrographia.geometry.rays import (
    edge_distance,
    object_probability,
    ray_directions,
    ray_distances,
    ray_distances_numpy,
)

label_images = arrays(np.int32, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.integers(0, 3))


@settings(deadline=None, max_examples=60)
@given(label_images, st.integers(3, 16), st.integers(1, 3))
def test_ray_distances_equal_the_reference(labels, rays, grid):
    np.testing.assert_allclose(ray_distances(labels, rays, grid), ray_distances_numpy(labels, rays, grid), atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(label_images)
def test_edge_distance_equals_scipy_object_by_object(labels):
    found = edge_distance(labels)
    expected = np.zeros(labels.shape, np.float32)
    for label in np.unique(labels[labels > 0]):
        mask = labels == label
        if mask.all():  # nothing to measure to
            expected[:] = np.hypot(*labels.shape)
        else:
            expected[mask] = distance_transform_edt(mask)[mask]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rays_of_a_disc_are_its_radius():
    yy, xx = np.indices((101, 101))
    disc = (np.hypot(yy - 50, xx - 50) <= 30).astype(np.int32)
    rays = ray_distances(disc, 32, 1)[:, 50, 50]
    assert np.all(np.abs(rays - 30.5) < 1.0)


def test_probability_is_one_in_the_middle_and_zero_outside():
    labels = np.zeros((20, 30), np.int32)
    labels[5:14, 3:12] = 7
    labels[5:14, 12:21] = 70_000
    probability = object_probability(labels)
    assert probability[9, 7] == probability[9, 16] == 1
    assert probability[0, 0] == 0
    assert 0 < probability[5, 3] <= 0.25


def test_directions_are_unit_vectors_from_x_to_y():
    directions = ray_directions(4)
    np.testing.assert_allclose(directions, [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-6)


def test_real_nuclei_hold_their_centre(data_dir):
    from tifffile import imread

    labels = imread(data_dir / "stardist_samples" / "images" / "mask2d.tif").astype(np.int32)
    probability = object_probability(labels)
    peaks = [probability[labels == n].max() for n in np.unique(labels[labels > 0])]
    assert len(peaks) == 125
    np.testing.assert_allclose(peaks, 1, atol=1e-6)
