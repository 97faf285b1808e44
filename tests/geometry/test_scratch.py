"""Memory that is used again."""

import numpy as np

from micrographia.geometry.scratch import Scratch


def test_the_same_memory_serves_smaller_arrays():
    scratch = Scratch()
    large = scratch.array("a", (4, 5))
    small = scratch.array("a", (3, 2))
    assert np.shares_memory(large, small) and small.flags.c_contiguous and small.shape == (3, 2)
    assert not np.shares_memory(large, scratch.array("b", (4, 5)))


def test_another_kind_or_size_is_taken_anew():
    scratch = Scratch()
    first = scratch.array("a", (4,))
    assert scratch.array("a", (4,), np.float64).dtype == np.float64
    assert scratch.array("a", (9,)).size == 9 and first.size == 4
