"""Tiles of features: the same as of the whole image, computed once, within a bound of memory."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from micrographia.classify.painting.feature_tiles import FeatureTiles, Kept, Tile
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.features.pixel_bank import Bank

BANK = Bank.grid(filters=("gaussian", "hessian"), sigmas=(1.0, 3.5))


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


@pytest.mark.parametrize("shape, dimensions", [((70, 90), 2), ((5, 40, 50), 3)])
def test_tiles_are_the_features_of_the_whole_image(shape, dimensions):
    bank = Bank.grid(filters=("gaussian",), sigmas=(1.0, 3.5), dimensions=dimensions)
    pixels = image(shape)
    tiles = FeatureTiles(ImageChannels(pixels, dimensions), bank, 1 << 24, side=32)
    whole = bank.compute(pixels[None])
    covered = np.zeros(shape, int)
    for tile in tiles.over((), tuple(slice(0, n) for n in shape)):
        core = tiles.core(tile)
        covered[core] += 1
        np.testing.assert_array_equal(tiles.features(tile), whole[(slice(None), *core)])
    assert (covered == 1).all()


def test_rows_of_pixels_are_their_features():
    pixels = image((70, 90))
    tiles = FeatureTiles(ImageChannels(pixels), BANK, 1 << 24, side=32)
    rng = np.random.default_rng(1)
    where = np.stack([rng.integers(0, n, 40) for n in pixels.shape], 1)
    rows = np.zeros((tiles.bank.count(1), 40), np.float32)
    for tile, part in tiles.tiles_of((), where):
        rows[:, part] = tiles.rows(tile, where[part])
    np.testing.assert_array_equal(rows, BANK.compute(pixels[None])[(slice(None), *where.T)])


def test_only_tiles_that_are_seen_and_the_middle_first():
    tiles = FeatureTiles(ImageChannels(image((200, 200))), BANK, 1 << 24, side=32)
    found = list(tiles.over((), (slice(32, 128), slice(70, 90))))
    assert found[0] == Tile((), (2, 2))
    assert len(found) == 3 and set(found) == {Tile((), (y, 2)) for y in (1, 2, 3)}


def test_a_tile_that_two_want_is_computed_once():
    tiles = FeatureTiles(ImageChannels(image((40, 40))), BANK, 1 << 24, side=64)
    begun, hold, calls = threading.Event(), threading.Event(), []
    compute = tiles._compute

    def slow(tile):
        calls.append(tile)
        begun.set()
        assert hold.wait(20)
        return compute(tile)

    tiles._compute = slow
    tile = Tile((), (0, 0))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(tiles.features, tile)
        assert begun.wait(20)
        second = pool.submit(tiles.features, tile)
        hold.set()
        assert first.result(20) is second.result(20)
    assert calls == [tile]


def test_a_tile_that_failed_can_be_asked_for_again():
    tiles = FeatureTiles(ImageChannels(image((40, 40))), BANK, 1 << 24)
    read = tiles.channels.read

    def broken(at, window):
        raise OSError("disk full of holes")

    tiles.channels.read = broken
    with pytest.raises(OSError, match="holes"):
        tiles.features(Tile((), (0, 0)))
    tiles.channels.read = read
    assert tiles.features(Tile((), (0, 0))).shape[1:] == (40, 40)


def test_the_least_recently_used_goes_first_and_memory_keeps_its_bound():
    kept = Kept(3 * 80)
    for name in "abc":
        kept.put(name, np.zeros(10))
    assert kept.get("a") is not None
    kept.put("d", np.zeros(10))
    assert [name in kept for name in "abcd"] == [True, False, True, True]
    assert kept.nbytes == 240
    kept.put("d", np.zeros(20))
    assert kept.nbytes == 240 and "c" not in kept
    kept.put("large", np.zeros(100))
    assert len(kept) == 1 and kept.nbytes == 800
    kept.clear()
    assert kept.nbytes == 0 and kept.get("large") is None


def test_features_keep_their_bound():
    tiles = FeatureTiles(ImageChannels(image((96, 96))), BANK, 3 * 32 * 32 * 4 * BANK.count(1), side=32)
    for tile in tiles.over((), (slice(0, 96), slice(0, 96))):
        tiles.features(tile)
        assert tiles.kept.nbytes <= tiles.kept.limit
    assert len(tiles.kept) == 3
