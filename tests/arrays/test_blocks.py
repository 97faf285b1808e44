"""Blocks cover an array once; halos end at its border."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from micrographia.arrays.blocks import block_shape, blocks, grown, inside

sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=3)


@given(sizes, st.integers(0, 5))
def test_blocks_cover_once_and_halos_stay_inside(pairs, halo):
    shape, size = zip(*pairs, strict=True)
    seen = np.zeros(shape, int)
    numbers = np.arange(seen.size).reshape(shape)
    for block in blocks(shape, size):
        seen[block] += 1
        window = grown(block, halo, shape)
        assert all(0 <= w.start <= b.start and b.stop <= w.stop <= n for w, b, n in zip(window, block, shape))
        assert all(b.start - w.start in (halo, b.start) for w, b in zip(window, block))
        np.testing.assert_array_equal(numbers[window][inside(block, window)], numbers[block])
        assert numbers[block].shape == block_shape(block)
    assert (seen == 1).all()
