"""Masks and pictures given for labels are refused; label images of every kind are not."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from scipy import ndimage

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.object_numbers import check_numbered


def squares(count: int, side: int = 6, step: int = 10) -> np.ndarray:
    """A field of numbered squares."""
    row = -(-count // 5)
    labels = np.zeros((step * row, step * 5), np.int32)
    for k in range(count):
        y, x = step * (k // 5), step * (k % 5)
        labels[y : y + side, x : x + side] = k + 1
    return labels


def check(labels: np.ndarray, axes: str = "YX", **options: bool) -> str:
    return check_numbered(Image(labels, axes, name="a.tif"), **options)


def picture(shape: tuple[int, int], grey: int, noise: float, background: bool = False) -> np.ndarray:
    """A blurred field of nuclei with noise, of some grey values."""
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.random(shape), 4)
    field = (field - field.min()) / np.ptp(field) * grey + rng.normal(0, noise, shape)
    return np.where(field > grey / 2 if background else True, field, 0).clip(0, 65535).astype(np.int32)


@pytest.mark.parametrize(("number", "count"), [(255, 2), (65535, 2), (1, 4), (1, 20)])
def test_masks(number, count):
    with pytest.raises(InputError, match=rf"a\.tif is a mask: all objects have the number {number}; .*ndimage\.label"):
        check((squares(count) > 0) * number)


def test_masks_of_stacks_and_series():
    mask = (squares(8) > 0) * np.uint8(255)
    for axes in ("ZYX", "TYX", "TZYX"):
        with pytest.raises(InputError, match="is a mask"):
            check(np.broadcast_to(mask, [2] * (len(axes) - 2) + list(mask.shape)), axes)


def cores(count: int) -> np.ndarray:
    """Squares of the number 1 with an edge of the number 2."""
    inside = squares(count) > 0
    return np.kron(np.where(ndimage.binary_erosion(inside), 1, 2) * inside, np.ones((4, 4), int))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((squares(20) > 0) + 1, "its only numbers are 1 and 2, and none is 0"),
        (np.where(squares(20) > 0, 1, 2), "its only numbers are 1 and 2, and none is 0"),
        (cores(20), "all objects have the numbers 1 and 2"),
        (np.pad(squares(20) == 0, 5, constant_values=True) * 255, "its background has the number 255"),
    ],
    ids=["two classes", "two classes, turned", "cores and edges", "inverted"],
)
def test_masks_of_two_numbers_and_inverted_ones(labels, said):
    with pytest.raises(InputError, match=f"a.tif is a mask: {said}; number the objects first"):
        check(labels)
    assert check(labels, masks=True).startswith("a.tif: ")


def test_two_numbers_may_be_two_objects():
    halves = np.repeat([1, 2], 30) * np.ones((40, 1), int)
    assert check(halves) == check(np.pad(halves, 3)) == ""
    assert check(np.full((30, 30), 255)) == "", "a crop that one object fills"
    assert check(cores(3)) == "", "few cores with edges"
    around = np.pad(np.full((8, 8), 2), 10, constant_values=1)
    assert "none is 0; if one of them is the background, write 0 there and number" in check(around)


def test_where_masks_are_let_through_they_are_doubted():
    for number, count in ((255, 2), (1, 4), (1, 25)):
        said = check((squares(count) > 0) * number, masks=True)
        assert said.startswith(f"a.tif: {count} separate pieces have the number {number} and count as one object")
    with pytest.raises(InputError, match="looks like a picture"):
        check(picture((64, 64), 200, 4), masks=True)


def test_an_empty_image_numbers_nothing():
    assert check(np.zeros((0, 0), int)) == check(np.zeros((0, 5, 0), int), "ZYX") == ""


@pytest.mark.parametrize("background", [False, True], ids=["full", "on black"])
@pytest.mark.parametrize(("grey", "noise"), [(40, 1), (200, 4), (60000, 900)])
@pytest.mark.parametrize("shape", [(64, 64), (200, 300)])
def test_pictures(shape, grey, noise, background):
    with pytest.raises(InputError, match="looks like a picture.* swapped"):
        check(picture(shape, grey, noise, background))


def test_one_object_in_pieces_may_be_one_object():
    assert check(squares(1)) == check(squares(1) * 255) == check(squares(1) * 7) == ""
    said = check((squares(3) > 0) * 1)
    assert said.startswith("a.tif: 3 separate pieces have the number 1 and count as one object; if they are several")
    assert "8 separate pieces have the number 7" in check((squares(8) > 0) * 7)
    specks = squares(1, side=30, step=60)
    specks[40:58:4, 40:58:4] = 1
    assert check(specks * 255) == ""


def test_one_object_through_slices_or_times_is_one():
    branched = np.zeros((3, 50, 50), np.int32)
    branched[0, 5:45, 5:45] = 1
    branched[1:] = squares(25) > 0
    assert check(branched, "ZYX") == ""
    moving = np.stack([np.roll(squares(1), 9 * t, axis=1) for t in range(5)])
    assert check(moving, "TYX") == ""


@pytest.mark.parametrize("side", [2, 3, 10])
def test_crowded_fields(side):
    tiles = np.arange(1, 401).reshape(20, 20)
    assert check(np.kron(tiles, np.ones((side, side), int))) == ""


def test_label_images_of_other_kinds():
    assert check(np.zeros((50, 50), np.int32)) == check(np.full((50, 50), 3, np.int32)) == ""
    points = np.zeros((90, 90), np.int32)
    points[::3, ::3] = np.arange(900).reshape(30, 30)
    assert check(points) == ""
    assert check(np.tile(np.repeat([0, 1, 2, 3], 8), (32, 4))) == "", "classes"
    assert check(np.where(squares(25) > 0, squares(25), -1), negative=True) == ""
    with pytest.raises(InputError, match=r"a\.tif: the negative number -1 is no label"):
        check(squares(25) - 1)


def test_of_large_lazy_labels_the_middle_is_looked_at():
    class Counted:
        dtype, shape, chunks, ndim = np.dtype("uint16"), (20_000, 20_000), (1000, 1000), 2
        read = 0

        def __getitem__(self, index):
            part = np.zeros([s.stop - s.start for s in index], np.uint16)
            part[::20] = 255
            Counted.read += part.size
            return part

    with pytest.raises(InputError, match="is a mask"):
        check(Counted())
    assert Counted.read == 2048**2
    data = zarr.create_array({}, shape=(2, 3, 300, 300), chunks=(1, 1, 100, 100), dtype="int16")
    data[1, 2, :50, :50] = squares(25)
    assert check(data, "TZYX") == ""
