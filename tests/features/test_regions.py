"""The kernels equal scikit-image on regions of every shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from skimage.measure import regionprops_table

from micrographia.features import regions
from micrographia.features.objects import measure

SAME = {
    "label": "label",
    "area": "area_px",
    "centroid-0": "centroid_y_px",
    "centroid-1": "centroid_x_px",
    "bbox-0": "bbox_y0_px",
    "bbox-1": "bbox_x0_px",
    "bbox-2": "bbox_y1_px",
    "bbox-3": "bbox_x1_px",
    "perimeter": "perimeter_px",
    "axis_major_length": "major_axis_px",
    "axis_minor_length": "minor_axis_px",
    "equivalent_diameter_area": "equivalent_diameter_px",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "intensity_mean": "intensity_mean",
    "intensity_std": "intensity_std",
    "intensity_min": "intensity_min",
    "intensity_max": "intensity_max",
}


def check(labels, image):
    expected = regionprops_table(labels, image, properties=sorted({k.split("-")[0] for k in SAME}))
    table = measure(labels, image)
    for theirs, ours in SAME.items():
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-6, atol=1e-6, err_msg=ours)
    for row in table.itertuples():
        assert row.intensity_median == np.median(image[labels == row.label])
        assert row.intensity_sum == pytest.approx(image[labels == row.label].sum())


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
def test_scattered_pixels(labels):
    check(labels, np.arange(labels.size, dtype=np.float64).reshape(labels.shape) ** 1.5)


@pytest.mark.parametrize("seed", range(4))
def test_smooth_touching_regions(seed):
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.standard_normal((6, 160, 180)), (0, 5, 7))
    labels = np.where(noise.max(axis=0) > 0.01, noise.argmax(axis=0) * 70_001, 0)
    check(labels, rng.integers(0, 65_535, labels.shape).astype(np.uint16))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_whole_image_is_one_object(shape):
    check(np.full(shape, 3), np.ones(shape))


def test_far_from_the_origin_moments_stay_exact():
    labels = np.zeros((2, 3_000_000), np.uint8)
    labels[:, -3:] = 1
    row = measure(labels).iloc[0]
    assert row.major_axis_px == pytest.approx(4 * np.sqrt(2 / 3), rel=1e-12)


def test_dense_keeps_only_the_wanted():
    ids, index = regions.dense(np.array([[2**40, 0, 5], [5, -1, 9]]), np.array([5, 2**40]))
    assert ids.tolist() == [5, 2**40]
    assert index[1:-1, 1:-1].tolist() == [[2, 0, 1], [1, 0, 0]]
    assert index[0].sum() == index[:, 0].sum() == 0
