"""What is in a label image, slice by slice and in all."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.features.label_statistics import label_statistics


def volume():
    labels = np.zeros((2, 3, 4, 10), np.uint16)  # T, Z, Y, X
    labels[0, 0, :, :2] = 5
    labels[0, 0, 0, 4] = 5
    labels[0, 2, 1:3, 6:8] = 5
    labels[1, 1, 0, 0] = 9
    return labels


def test_slices_and_volumes():
    table = label_statistics(volume(), axes="TZYX", pixel_size={"Z": 0.5, "Y": 0.1, "X": 0.1})
    assert len(table) == 3 + 2
    first = table.query("t == 0 and z == 0 and label == 5").iloc[0]
    assert (first.pixels, first.components, first.share) == (9, 2, 9 / 40)
    assert first.area_um2 == pytest.approx(0.09)
    whole = table.query("t == 0 and z == -1").iloc[0]
    assert (whole.pixels, whole.z_px) == (13, 8 / 13)
    assert whole.share == pytest.approx(13 / 120) and whole.volume_um3 == pytest.approx(13 * 0.005)
    third = table.query("z == 2").iloc[0]
    assert (third.y_px, third.x_px) == (1.5, 6.5)


def test_a_plane_and_an_empty_one():
    assert label_statistics(volume()[0, 0]).pixels.tolist() == [9]
    assert len(label_statistics(np.zeros((3, 3), int))) == 0
    assert len(label_statistics(np.zeros((2, 3, 3), int), axes="ZYX")) == 0


def test_bad_input():
    with pytest.raises(InputError, match="axes"):
        label_statistics(volume())
    with pytest.raises(InputError, match="whole numbers"):
        label_statistics(np.full((3, 3), 0.5))
