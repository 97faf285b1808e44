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


@pytest.mark.parametrize("length", [97, 1000, 2049, 4000, 5001, 20000])
@pytest.mark.parametrize("halo", [0, 32, 224])
def test_windows_have_one_shape_and_keep_their_halo(length, halo):
    tiles = list(tile_plan((64, length), 1024, halo, 32))
    assert len({tuple(w.stop - w.start for w in tile.window) for tile in tiles}) == 1
    end = -(-length // 32) * 32
    for tile in tiles:
        core, window = tile.core[1], tile.window[1]
        assert core.start < core.stop
        assert window.start % 32 == 0 and window.stop <= end
        assert window.start == 0 or core.start - window.start >= halo
        assert window.stop == end or window.stop - core.stop >= halo
