"""Tile plans cover every pixel once and keep to the network's grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.tiles import tile_plan


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from([96, 128, 160]), st.sampled_from([0, 16, 20, 32]))
def test_plan_covers_once_with_aligned_windows(height, width, window, halo):
    count = np.zeros((height, width), int)
    for tile in tile_plan((height, width), window, halo, 16):
        count[tile.core] += 1
        for core, seen, length in zip(tile.core, tile.window, (height, width)):
            assert seen.start % 16 == 0 and seen.stop % 16 == 0 and seen.stop - seen.start <= window
            assert seen.start == 0 or core.start - seen.start >= halo
            assert seen.stop >= length or seen.stop - core.stop >= halo
    assert (count == 1).all()


def test_small_plane_is_one_tile():
    (tile,) = tile_plan((100, 90), 128, 32, 16)
    assert tile.core == (slice(0, 100), slice(0, 90))
    assert tile.window == (slice(0, 112), slice(0, 96))


def test_halo_without_core_is_refused():
    with pytest.raises(ValueError, match="no core"):
        list(tile_plan((1000, 1000), 128, 64, 16))
