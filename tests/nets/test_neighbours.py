"""Objects set down beside others: whole, touching, and never over much of what was there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from micrographia.nets.neighbours import random_neighbours


def discs(seed: int, count: int = 4, size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A picture (1, Y, X), 1 in objects and 0 beside them, and its labels; the left columns are unknown."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    y, x = np.indices(labels.shape)
    for number in range(1, count + 1):
        centre, radius = rng.integers(12, size - 12, 2), rng.integers(4, 9)
        disc = np.hypot(y - centre[0], x - centre[1]) < radius
        labels[disc & (labels == 0)] = number
    image = (labels > 0).astype(np.float32)[None]
    labels[:, :3] = -1
    return image, labels


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_what_is_set_down(seed: int, other: bool) -> None:
    image, labels = discs(seed)
    donor, donor_labels = discs(seed + 1) if other else (image, labels)
    new_image, new = random_neighbours(image, labels, donor, donor_labels, np.random.default_rng(seed))
    added = new > labels.max()
    np.testing.assert_array_equal(new[~added], labels[~added])
    assert not (added & (labels < 0)).any()
    far = ~ndimage.binary_dilation(added, np.ones((3, 3)))
    np.testing.assert_array_equal(new_image[:, far], image[:, far])
    sizes = np.bincount(donor_labels[donor_labels > 0])
    for number in range(1, labels.max() + 1):
        before, after = np.count_nonzero(labels == number), np.count_nonzero(new == number)
        assert after >= before * 0.8**6  # each of six may take a fifth
    first = new == labels.max() + 1
    if first.any():  # those that come later may cover some of it
        assert first.sum() <= sizes.max()
        assert ndimage.binary_dilation(first, iterations=3)[(new > 0) & ~first].any()


def test_neighbours_really_come() -> None:
    more = 0
    for seed in range(20):
        image, labels = discs(seed)
        more += random_neighbours(image, labels, image, labels, np.random.default_rng(seed))[1].max() - labels.max()
    assert more > 30


def test_nothing_to_copy_or_nothing_to_touch() -> None:
    image, labels = discs(0)
    empty = np.zeros_like(labels)
    rng = np.random.default_rng(0)
    assert random_neighbours(image, labels, image, empty, rng)[1] is labels
    assert random_neighbours(image, empty, image, labels, rng)[1] is empty
    assert random_neighbours(image, labels, np.ones((1, 8, 8), np.float32), np.ones((8, 8), np.int32), rng)[1] is labels
