"""Values beyond single precision are refused; infinity and NaN cause no warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.arrays.normalize import Intensity, dark_intensity, normalise, sample
from micrographia.arrays.pixel_range import LARGEST, check_range


@pytest.mark.parametrize("value", [1e39, -1e300, np.finfo(np.float64).max])
@pytest.mark.parametrize("other", [0.0, np.nan, np.inf, -np.inf])
def test_too_large(value: float, other: float) -> None:
    with pytest.raises(InputError, match=r"cells\.tif holds values that are too large .* divide"):
        check_range(np.array([[other, value]]), "cells.tif")
    with pytest.raises(InputError, match="too large"):
        sample(np.full((8, 8), value), (0, 1))


@pytest.mark.parametrize(
    "data",
    [
        np.array([LARGEST, -LARGEST, np.nan, np.inf, -np.inf]),
        np.full(3, np.nan),
        np.full(3, np.inf),
        np.zeros((0, 3)),
        np.array([2**64 - 1], np.uint64),
        np.array([True]),
        np.array([np.inf, 1], np.float16),
    ],
)
def test_let_through(data: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_range(data, "a")


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bright", [False, True])
def test_no_warning_where_nothing_is_a_number(fill: float, bright: bool) -> None:
    pixels = np.full((1, 8, 8), fill, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dark_intensity(sample(pixels, (1, 2)))
        assert (normalise(pixels, Intensity(found.low, found.high, bright)) == 0).all()
