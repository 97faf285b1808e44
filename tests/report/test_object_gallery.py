"""Pictures of single objects."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.report.object_gallery import object_picture


@pytest.mark.parametrize("centre", [(2, 40), (99, 3), (50, 118), (0, 0), (50, 60)])
@pytest.mark.parametrize("side", [32, 33])
def test_the_object_is_in_the_middle_also_at_the_edge(centre, side):
    pixels = np.zeros((100, 120), np.uint8)
    pixels[centre] = 255
    rgb = object_picture(Image(pixels, "YX"), centre, side)
    scale = rgb.shape[0] / side
    assert rgb.shape[0] == rgb.shape[1]
    inside = np.where((rgb == 235).all(axis=2), 0, rgb[..., 1])
    bright = np.argwhere(inside == inside.max()).mean(axis=0) / scale
    np.testing.assert_allclose(bright, side // 2 + 0.5, atol=0.6)


def test_a_crop_is_shown_whole():
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    rgb = object_picture(Image(pixels, "YX"), None, 128)
    assert rgb.shape[0] == rgb.shape[1] and not (rgb == 235).all(axis=2)[:, 0].any()


def test_the_outline_lies_around_the_object():
    pixels = np.full((100, 120), 90, np.uint8)
    pixels[40:60, 50:70] = 200
    rgb = object_picture(Image(pixels, "YX"), (49.5, 59.5), 40, Image(np.where(pixels == 200, 7, 3), "YX"), 7)
    plain = object_picture(Image(pixels, "YX"), (49.5, 59.5), 40)
    scale = rgb.shape[0] // 40
    changed = np.argwhere((rgb != plain).any(axis=2)) / scale
    assert (
        changed.min() >= 9
        and changed.max() <= 31
        and not ((changed > 11).all(axis=1) & (changed < 29).all(axis=1)).any()
    )
    with pytest.raises(InputError, match="its labels have another size, 20 x 30 pixels"):
        object_picture(Image(pixels, "YX"), (50, 60), 40, Image(np.ones((30, 20), np.int32), "YX"))


def test_labels_may_stay_on_disk(tmp_path):
    pixels = np.full((100, 120), 90, np.uint8)
    pixels[40:60, 50:70] = 200
    marks = np.where(pixels == 200, 7, 3)
    stored = zarr.create_array(tmp_path / "labels.zarr", shape=marks.shape, chunks=(32, 32), dtype="i4")
    stored[:] = marks
    shown = [object_picture(Image(pixels, "YX"), (49.5, 59.5), 40, Image(one, "YX"), 7) for one in (marks, stored)]
    np.testing.assert_array_equal(*shown)
