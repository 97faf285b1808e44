"""Cleaning labels block by block gives what cleaning the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError, RequestError
from micrographia.segment.label_blocks import (
    choose_sizes_in_blocks,
    fill_holes_in_blocks,
    interpolate_labels_in_blocks,
    smooth_labels_in_blocks,
)
from micrographia.segment.label_cleaning import choose_sizes, fill_holes, smooth_labels
from micrographia.segment.label_interpolation import interpolate_labels
from micrographia.segment.supervoxels import supervoxels, supervoxels_in_blocks


def in_blocks(function, labels, *options, block):
    target = np.full(labels.shape, -1, np.int32)
    function(labels, target, *options, block=block)
    return target


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(23, 31), (40, 7), (1, 9), (7, 9, 11)]), st.integers(2, 13))
def test_blocks_give_what_the_whole_gives(seed, shape, block):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 4, [-(-n // 3) for n in shape]) * rng.integers(1, 100_000)
    labels = np.kron(coarse, np.ones((3,) * len(shape), int))[tuple(slice(n) for n in shape)]
    labels[rng.random(shape) < 0.2] = 0
    for largest in (None, 3):
        np.testing.assert_array_equal(
            in_blocks(fill_holes_in_blocks, labels, largest, block=block), fill_holes(labels, largest)
        )
    np.testing.assert_array_equal(
        in_blocks(choose_sizes_in_blocks, labels, 20, 60, block=block), choose_sizes(labels, 20, 60)
    )
    np.testing.assert_array_equal(
        in_blocks(smooth_labels_in_blocks, labels, 0.8, block=block), smooth_labels(labels, 0.8)
    )


def test_a_hole_that_many_blocks_hold_is_filled():
    labels = np.zeros((60, 60), np.int32)
    labels[5:55, 5:55] = 70_000
    labels[8:52, 8:52] = 0
    labels[20:24, 20:24] = 0
    assert (in_blocks(fill_holes_in_blocks, labels, block=7)[5:55, 5:55] == 70_000).all()
    labels[30:33, 30:33] = 2  # now the background inside touches two objects
    np.testing.assert_array_equal(in_blocks(fill_holes_in_blocks, labels, block=7), labels)


def test_real_labels_from_zarr_to_zarr(data_dir, tmp_path):
    files = sorted((data_dir / "dsb2018" / "train" / "labels").glob("*.tif"))
    if not files:
        pytest.skip("no labels of dsb2018 among the real data")
    rng = np.random.default_rng(0)
    parts, first = [], 0
    for file in files[:60]:
        own = tifffile.imread(file).astype(np.int32)
        if own.shape == (256, 256):
            parts.append(np.where(own > 0, own + first, 0))
            first += int(own.max())
    side = int(np.sqrt(len(parts)))
    labels = np.block([[parts[side * r + c] for c in range(side)] for r in range(side)])
    labels[rng.random(labels.shape) < 0.02] = 0
    stored = [
        zarr.create_array(tmp_path / f"{k}.zarr", shape=labels.shape, chunks=(128, 128), dtype="i4") for k in range(4)
    ]
    stored[0][:] = labels
    fill_holes_in_blocks(stored[0], stored[1], 20, block=384)
    choose_sizes_in_blocks(stored[1], stored[2], 30, block=384)
    smooth_labels_in_blocks(stored[2], stored[3], 1.5, block=384)
    whole = smooth_labels(choose_sizes(fill_holes(labels, 20), 30), 1.5)
    np.testing.assert_array_equal(stored[3][:], whole)
    assert len(np.unique(whole)) > 100 and (whole != labels).any()


@pytest.mark.parametrize("labelled", [None, (0, 4, 11), (2, 3, 7)])
def test_slices_in_between_are_filled_as_on_the_whole(labelled):
    labels = np.zeros((12, 40, 50), np.int32)
    for z, (y, x) in {0: (5, 6), 4: (10, 12), 11: (8, 30)}.items():
        labels[z, y : y + 12, x : x + 9] = 3
        labels[z, 28:36, 3 + z : 12 + z] = 70_000
    target = np.full(labels.shape, -1, np.int32)
    interpolate_labels_in_blocks(labels, target, labelled)
    np.testing.assert_array_equal(target, interpolate_labels(labels, labelled))
    with pytest.raises(InputError, match="at least two slices"):
        interpolate_labels_in_blocks(labels, target, [4])
    with pytest.raises(InputError, match="slices 0 to 11"):
        interpolate_labels_in_blocks(labels, target, [4, 12])


def test_supervoxels_of_many_blocks():
    y, x = np.mgrid[:120, :150]
    image = ((y // 30 + x // 30) % 2) * 200.0 + np.random.default_rng(0).normal(0, 3, (120, 150))
    target = np.zeros(image.shape, np.int32)
    count = supervoxels_in_blocks(image, target, 100, block=64)
    assert set(np.unique(target)) == set(range(1, count + 1)) and 100 < count < 300
    spread = np.array([image[target == k].std() for k in range(1, count + 1)])
    assert np.median(spread) < 5, "regions follow the edges"
    whole = np.zeros(image.shape, np.int32)
    assert supervoxels_in_blocks(image, whole, 100) == whole.max()
    np.testing.assert_array_equal(whole, supervoxels(image, 100))
    image[3, 3] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        supervoxels_in_blocks(image, target)


def test_what_cannot_be_cleaned_is_said():
    labels = np.zeros((8, 8), np.int32)
    with pytest.raises(RequestError, match="at least one pixel along each of 2 axes, not 0"):
        choose_sizes_in_blocks(labels, labels.copy(), block=0)
    with pytest.raises(RequestError, match="at least 10 and at most 3"):
        choose_sizes_in_blocks(labels, labels.copy(), 10, 3)
    with pytest.raises(RequestError, match="sigma"):
        smooth_labels_in_blocks(labels, labels.copy(), -1)
    with pytest.raises(InputError, match="no pixels"):
        choose_sizes_in_blocks(labels[:0], labels[:0].copy())
    with pytest.raises(RequestError, match="another array"):
        smooth_labels_in_blocks(labels, labels)
    with pytest.raises(InputError, match=r"the shape \(8, 7\), the labels \(8, 8\)"):
        choose_sizes_in_blocks(labels, np.zeros((8, 7), np.int32))
    with pytest.raises(InputError, match="not 4-D"):
        fill_holes_in_blocks(np.zeros((2, 2, 8, 8), int), np.zeros((2, 2, 8, 8), np.int32))
    with pytest.raises(InputError, match="whole numbers"):
        fill_holes_in_blocks(labels - 0.5, labels)
