"""Rendering against the plain reference; trimming, holes, pieces, more than 65,535 objects."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.render import present, render, render_numpy, support, to_bytes


def _stars(rng, count, size, rays=16):
    centres = rng.uniform(0, size, (count, 2)).astype(np.float32)
    base = rng.uniform(2, 7, (count, 1))
    return centres, (base * rng.uniform(0.8, 1.2, (count, rays))).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_render_equals_the_reference(seed, count):
    rng = np.random.default_rng(seed)
    centres, distances = _stars(rng, count, 36)
    foreground = (rng.random((36, 36)) < 0.9).astype(np.float32)
    numbers = np.arange(1, count + 1) * 70_000
    found = render(centres, distances, numbers, foreground, 0.5)
    expected = render_numpy(centres, distances, numbers, foreground, 0.5)
    # a pixel exactly on a polygon's edge may fall to either side in single precision
    assert (found != expected).mean() < 0.005


def test_polygon_is_trimmed_to_the_foreground_and_holes_are_filled():
    foreground = np.zeros((40, 40), np.uint8)
    foreground[10:30, 10:30] = 255
    foreground[18:20, 18:20] = 0
    labels = render(np.array([[20, 20]]), np.full((1, 32), 16.0), np.array([5]), foreground, 128)
    expected = np.zeros((40, 40), int)
    expected[10:30, 10:30] = 5
    np.testing.assert_array_equal(labels, expected)


def test_only_the_largest_piece_stays():
    foreground = np.zeros((40, 40), np.uint8)
    foreground[14:26, 8:20] = 255
    foreground[18:22, 26:29] = 255
    labels = render(np.array([[20, 18]]), np.full((1, 32), 14.0), np.array([1]), foreground, 128)
    assert labels[20, 10] == 1
    assert labels[20, 27] == 0


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.55, 1))
def test_pieces_and_holes_of_one_object_equal_the_reference(seed, share):
    rng = np.random.default_rng(seed)
    foreground = (rng.random((14, 14)) < share).astype(np.float32)
    star = np.array([[6.5, 6.5]], np.float32), np.full((1, 64), 5.0, np.float32), np.array([3])
    found, expected = (draw(*star, foreground, 0.5) for draw in (render, render_numpy))
    pieces = expected.astype(bool).sum()
    assert (found > 0).sum() == pieces  # of two largest pieces of one size either may stay
    if share > 0.9:
        np.testing.assert_array_equal(found, expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_what_is_present_and_shares_as_bytes(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 12, (5, 7)).astype(np.int32)
    np.testing.assert_array_equal(present(labels, 11), np.isin(np.arange(1, 12), labels))
    share = rng.random((5, 7), dtype=np.float32)
    out = np.zeros((5, 7), np.uint8)
    to_bytes(share, out)
    np.testing.assert_array_equal(out, np.floor(share * np.float32(255) + np.float32(0.5)).astype(np.uint8))


def test_support_counts_foreground_in_the_polygon():
    foreground = np.zeros((40, 40), np.uint8)
    foreground[:, :20] = 255
    half = support(np.array([[20, 19.5]]), np.full((1, 64), 10.0), foreground, 128)
    assert abs(half[0] - 0.5) < 0.05


def test_more_than_65535_objects():
    side = 260
    centres = np.stack(np.meshgrid(np.arange(side) * 4 + 2, np.arange(side) * 4 + 2, indexing="ij"), -1).reshape(-1, 2)
    labels = render(
        centres,
        np.full((len(centres), 8), 1.2),
        np.arange(1, len(centres) + 1),
        np.full((1040, 1040), 255, np.uint8),
        128,
    )
    assert labels.max() == len(centres) == 67600
    assert len(np.unique(labels[labels > 0])) == 67600
