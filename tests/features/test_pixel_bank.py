"""The bank: order and names of its maps, blocks against the whole, bad input."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia import InputError, RequestError
from micrographia.features import pixel_bank
from micrographia.features.pixel_bank import SIGMAS, Bank
from micrographia.features.pixel_filters import FILTERS


def _pixels(shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 200).astype(np.float32)


def test_ilastiks_choice_has_49_maps():
    bank = Bank.grid()
    assert bank.count(1) == 49 and len(bank.names(["DAPI"])) == 49
    assert bank.names(["DAPI"])[:8] == [f"Gaussian (σ={s:g}) DAPI" for s in SIGMAS] + [
        "Laplacian of Gaussian (σ=0.7) DAPI"
    ]
    assert Bank.grid(dimensions=3).count(1) == 61
    assert bank.halo == 35 + 2 + 1


def test_maps_come_channel_by_channel_and_can_be_chosen():
    pixels = _pixels((2, 30, 40))
    bank = Bank.grid(sigmas=(0.7, 1.6))
    every, names = bank.compute(pixels), bank.names(["a", "b"])
    np.testing.assert_array_equal(every[bank.count(1) :], bank.compute(pixels[1:]))
    chosen = Bank(bank.selection, maps=(17, 3, 30, 6))
    np.testing.assert_array_equal(chosen.compute(pixels), every[[17, 3, 30, 6]])
    assert chosen.names(["a", "b"]) == [names[k] for k in (17, 3, 30, 6)]
    with pytest.raises(InputError, match="more channels"):
        chosen.compute(pixels[:1])


def test_ilastiks_order_keeps_the_channels_of_a_filter_together():
    bank = Bank((("gaussian", 0.3), ("gaussian", 1.6), ("hessian", 0.7)))
    names = bank.names(["0", "1", "2"])
    ordered = [names[k] for k in bank.ilastik_order(3)]
    assert ordered[:6] == [f"Gaussian (σ={s}) {c}" for s in (0.3, 1.6) for c in (0, 1, 2)]
    assert ordered[6:9] == [f"Hessian of Gaussian eigenvalue {k} (σ=0.7) {c}" for c, k in ((0, 1), (0, 2), (1, 1))]
    np.testing.assert_array_equal(Bank.grid().ilastik_order(1), np.arange(49))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
def test_a_block_equals_the_whole_bit_for_bit(seed, dimensions):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 150 if dimensions == 2 else 30, dimensions)
    pixels = _pixels((1, *shape), seed)
    pairs = {(str(rng.choice(list(FILTERS))), float(rng.choice([0.3, 0.7, 1.0, 1.6, 3.5]))) for _ in range(4)}
    bank = Bank(tuple(pairs), dimensions, flat=(0.7,) if dimensions == 3 else (), levels=((0, 200),))
    whole = bank.compute(pixels)
    starts = [int(rng.integers(0, n)) for n in shape]
    core = [slice(a, int(rng.integers(a + 1, n + 1))) for a, n in zip(starts, shape)]
    block = [slice(max(0, s.start - bank.halo), s.stop + bank.halo) for s in core]
    within = [slice(s.start - b.start, s.stop - b.start) for s, b in zip(core, block)]
    np.testing.assert_array_equal(bank.compute(pixels[(slice(None), *block)], within), whole[(slice(None), *core)])


@pytest.mark.parametrize("shape", [(1, 200, 170), (1, 20, 50, 60)])
def test_tiles_within_a_block_and_threads_change_nothing(monkeypatch, shape):
    pixels = _pixels(shape)
    bank = Bank.grid(sigmas=(0.3, 1.6, 3.5), dimensions=len(shape) - 1)
    whole = bank.compute(pixels)
    monkeypatch.setitem(pixel_bank._TILES, 2, (17, 23))
    monkeypatch.setitem(pixel_bank._TILES, 3, (7, 16, 23))
    with ThreadPoolExecutor(2) as pool:
        for maps in pool.map(bank.compute, [pixels] * 2):
            np.testing.assert_array_equal(maps, whole)


def test_a_real_image_in_blocks(data_dir):
    from PIL import Image

    image = np.asarray(Image.open(data_dir / "isbi2012" / "images" / "00.png"))[None, :300, :400]
    bank = Bank.grid()
    whole = bank.compute(image)
    h = bank.halo
    part = bank.compute(image[:, 100 - h : 230 + h, 170 - h :], [slice(h, h + 130), slice(h, None)])
    np.testing.assert_array_equal(part, whole[:, 100:230, 170:])
    # one map alone tells membranes from cells: 0.926 of the pairs of a membrane's and a cell's pixel in the right order
    membrane = np.asarray(Image.open(data_dir / "isbi2012" / "labels" / "00.png"))[:300, :400] == 0
    ridges = whole[bank.names([""]).index("Hessian of Gaussian eigenvalue 1 (σ=5)")]
    on, off = ridges[membrane], np.sort(ridges[~membrane])
    assert np.searchsorted(off, on).mean() / len(off) > 0.91


def test_flat_scales_are_computed_slice_by_slice():
    volume = _pixels((1, 7, 30, 32))
    pairs = tuple((name, 1.6) for name in ("gaussian", "structure", "hessian", "variance"))
    bank = Bank((*pairs, ("gaussian", 3.5)), 3, flat=(1.6,))
    maps = bank.compute(volume)
    assert len(maps) == bank.count(1) == 1 + 2 + 2 + 1 + 1
    np.testing.assert_array_equal(maps[:6, 4], Bank(pairs).compute(volume[:, 4]))
    np.testing.assert_array_equal(maps[6:], Bank((("gaussian", 3.5),), 3).compute(volume))


def test_a_bank_is_stored_as_plain_values():
    bank = Bank((("hessian", 1.6), ("entropy", 3.5)), 3, maps=(2, 0), flat=(3.5,), levels=((0, 9), (1, 2)))
    assert Bank.from_dict(json.loads(json.dumps(bank.as_dict()))) == bank
    assert Bank.from_dict(Bank.grid().as_dict()) == Bank.grid()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 40), (1, 33, 2), (1, 1, 1, 1), (1, 5, 1, 9)])
def test_images_smaller_than_the_kernels(shape):
    bank = Bank.grid(filters=FILTERS, dimensions=len(shape) - 1, levels=((0, 200),))
    maps = bank.compute(_pixels(shape))
    assert maps.shape == (bank.count(1), *shape[1:]) and np.isfinite(maps).all()


def test_constant_images():
    for shape in ((1, 50, 45), (1, 9, 12, 14)):
        bank = Bank.grid(filters=FILTERS, dimensions=len(shape) - 1)
        pixels = np.full(shape, 1234.5, np.uint16)
        maps, names = bank.with_levels([pixels]).compute(pixels), bank.names([""])
        for values, name in zip(maps, names):
            keeps = name.startswith(("Gaussian (", "Local mean", "Membrane")) and "deviation" not in name
            np.testing.assert_allclose(values, 1234 if keeps else 0, atol=1e-3, rtol=1e-6, err_msg=name)


def test_pixels_that_are_no_numbers_spoil_only_their_surroundings():
    pixels = _pixels((1, 60, 70))
    bank = Bank.grid(filters=FILTERS, sigmas=(0.7, 1.0), levels=((0, 200),))
    clean = bank.compute(pixels)
    pixels[0, 5, 5], pixels[0, 50, 60] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        maps = bank.compute(pixels)
    rows = slice(5 + bank.halo + 1, 50 - bank.halo)
    np.testing.assert_array_equal(maps[:, rows], clean[:, rows])


def test_any_kind_of_array():
    pixels = np.random.default_rng(0).integers(0, 255, (1, 40, 50)).astype(np.uint8)
    bank = Bank.grid(sigmas=(1.0,))
    expected = bank.compute(pixels.astype(np.float32))
    frozen = pixels.astype(np.float32)
    frozen.flags.writeable = False
    for same in (pixels, frozen, pixels.astype(">u2"), np.asfortranarray(pixels), pixels.astype(np.float64)):
        np.testing.assert_array_equal(bank.compute(same), expected)
    out = np.empty(expected.shape, np.float32)
    assert bank.compute(pixels, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_requests_that_make_no_sense():
    for wrong in (
        {"selection": ()},
        {"selection": (("sobel", 1.0),)},
        {"selection": (("gaussian", 0.0),)},
        {"selection": (("gaussian", float("nan")),)},
        {"selection": (("gaussian", 1.0),), "dimensions": 4},
        {"selection": (("gaussian", 1.0),), "maps": ()},
        {"selection": (("gaussian", 1.0),), "maps": (0, 0)},
        {"selection": (("gaussian", 1.0), ("gaussian", 1))},
    ):
        with pytest.raises(RequestError):
            Bank(**wrong)
    bank = Bank.grid()
    with pytest.raises(InputError, match="CYX"):
        bank.compute(np.zeros((5, 5)))
    with pytest.raises(InputError, match="CYX"):
        bank.compute(np.zeros((1, 0, 5)))
    with pytest.raises(InputError, match="core"):
        bank.compute(np.zeros((1, 5, 5)), [slice(2, 2), slice(0, 5)])
    with pytest.raises(RequestError, match="with_levels"):
        Bank((("entropy", 1.0),)).compute(np.zeros((1, 5, 5)))
