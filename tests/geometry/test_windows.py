"""Windows of pictures, against SciPy's interpolation and plain NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from micrographia.geometry.windows import cut_object, cut_window


def places(matrix: np.ndarray, centre: tuple[float, float], size: int, parts: int) -> np.ndarray:
    """Where each of the points of each pixel lies in the picture: (2, size, size, parts, parts)."""
    inner = (np.arange(parts) + 0.5) / parts - 0.5
    along = np.arange(size)[:, None] - (size - 1) / 2 + inner
    v = along[:, None, :, None] + np.zeros((1, size, 1, parts))
    u = along[None, :, None, :] + np.zeros((size, 1, parts, 1))
    return np.stack([matrix[k, 0] * v + matrix[k, 1] * u + centre[k] for k in (0, 1)])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(1, 3), st.floats(-4, 12), st.floats(-4, 12),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4), st.integers(0, 1000),
)  # fmt: skip
def test_window_equals_scipy(height, width, size, parts, y, x, numbers, seed):
    image = np.random.default_rng(seed).random((2, height, width), dtype=np.float32)
    matrix = np.array(numbers).reshape(2, 2)
    got = cut_window(image, matrix, (y, x), size, parts)
    at = places(matrix, (y, x), size, parts)
    wanted = np.stack([map_coordinates(c.astype(float), at, order=1, mode="mirror").mean((2, 3)) for c in image])
    np.testing.assert_allclose(got, wanted, atol=2e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(1, 3), st.floats(-4, 12), st.floats(-4, 12),
    st.floats(0.1, 3), st.integers(0, 1000),
)  # fmt: skip
def test_object_equals_numpy(height, width, size, parts, y, x, step, seed):
    labels = np.random.default_rng(seed).integers(0, 3, (height, width))
    got = cut_object(labels, 2, step, (y, x), size, parts)
    at = np.floor(places(np.eye(2) * step, (y, x), size, parts) + 0.5).astype(int)
    inside = (at[0] >= 0) & (at[0] < height) & (at[1] >= 0) & (at[1] < width)
    taken = labels[np.clip(at[0], 0, height - 1), np.clip(at[1], 0, width - 1)]
    np.testing.assert_allclose(got, (inside & (taken == 2)).mean((2, 3)), atol=1e-6)


def test_window_without_change_is_the_picture():
    image = np.random.default_rng(0).random((1, 7, 7), dtype=np.float32)
    np.testing.assert_allclose(cut_window(image, np.eye(2), (3.0, 3.0), 7), image, atol=1e-6)
