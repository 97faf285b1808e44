"""Image: axes, selection and errors."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image


def test_take_and_reorder():
    image = Image(np.arange(24).reshape(2, 3, 4), "CYX", channels=("a", "b"))
    assert image.take(C=1).channels == ("b",)
    assert image.take(C=1).axes == "YX"
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
