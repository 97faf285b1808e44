"""Image: axes, selection and errors."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image, named_sizes


def test_take_and_reorder():
    image = Image(np.arange(24).reshape(2, 3, 4), "CYX", channels=("a", "b"))
    assert image.take(C=1).channels == ("b",)
    assert image.take(C=1).axes == "YX"
    assert image.take(C=1).take(C=1).channels == ("b",)  # an axis that is not there is ignored
    assert image.array("YXC").shape == (3, 4, 2)
    assert image.array("ZCYX").shape == (1, 2, 3, 4)


def test_axes_must_fit():
    with pytest.raises(InputError, match="2 dimensions"):
        Image(np.zeros((2, 2)), "ZYX")
    with pytest.raises(InputError, match="different letters"):
        Image(np.zeros((2, 2)), "YY")


def test_long_axis_is_not_dropped_silently():
    with pytest.raises(InputError, match="axis Z has 3"):
        Image(np.zeros((3, 4, 5)), "ZYX").array("YX")


def test_axes_may_be_small_letters():
    assert Image(np.zeros((2, 3, 4)), " zyx ").axes == "ZYX"


@pytest.mark.parametrize("data", [[[1, 2]], None, 5])
def test_what_is_no_array_is_refused(data):
    with pytest.raises(InputError, match="the pixels are an array, not"):
        Image(data, "YX")


def test_axes_that_are_no_text_are_refused():
    with pytest.raises(InputError, match="the axes are a text such as 'ZYX', not 5"):
        Image(np.zeros((2, 2)), 5)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (None, {}),
        (0.5, {"Y": 0.5, "X": 0.5}),
        (np.float32(2), {"Y": 2, "X": 2}),
        ((0.5, 2), {"Y": 0.5, "X": 2}),
        (np.array([0.5, 2]), {"Y": 0.5, "X": 2}),
        ({"x": 1, "Z": 3, "t": 60}, {"X": 1, "Z": 3, "T": 60}),
    ],
)
def test_pixel_size_in_any_form(given, size):
    assert named_sizes(given) == size
    assert Image(np.zeros((2, 2)), "YX", given).pixel_size == size


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"W": 1}, "once at most.*not \\['W'\\]"),
        ({"C": 1}, "once at most"),
        ({"Y": 1, "y": 2}, "once at most"),
        ({"Y": 0}, "along Y must be a finite number above 0, not 0"),
        ({"X": float("inf")}, "along X must be a finite number above 0, not inf"),
        ({"X": "wide"}, "along X must be a number, not 'wide'"),
        (-1, "along Y must be a finite number above 0, not -1"),
        (float("nan"), "must be a finite number above 0, not nan"),
        ((1, 2, 3), "one number, \\(y, x\\) or a mapping"),
        ("half", "one number, \\(y, x\\) or a mapping"),
    ],
)
def test_pixel_sizes_that_make_no_sense(given, said):
    with pytest.raises(InputError, match=said):
        named_sizes(given)
