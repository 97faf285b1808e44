"""Probabilities as given or stored become numbers from 0 to 1, and what is none is refused."""

import warnings

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.arrays.probabilities import as_probabilities


@pytest.mark.parametrize("kind", ["<u1", "<u2", ">u2"])
def test_whole_numbers_of_8_and_16_bits_are_spread_over_0_to_1(kind):
    full = np.iinfo(kind).max
    found = as_probabilities(np.array([0, full // 5, full], kind))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 0.2, 1], atol=1e-7)


@pytest.mark.parametrize("kind", [bool, int, "<f2", ">f4", float])
def test_other_types_are_taken_as_they_are(kind):
    found = as_probabilities(np.array([0, 1], kind))
    assert found.dtype == np.float32 and found.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, -0.5], r"^cells must lie between 0 and 1 .* from -0\.5 to 0\.5\.$"),
        ([0.5, 1.5], r"from 0 to 1\.5\.$"),
        ([0, 255], r"from 0 to 255\.$"),
        ([0, 1e300], "not numbers"),
        ([0, np.nan], "not numbers"),
        (["a"], "no numbers, but of the type <U1"),
        ([1j], "no numbers"),
    ],
)
def test_what_is_none_is_refused(values, says):
    with pytest.raises(InputError, match=says):
        as_probabilities(np.array(values), "cells")


def test_missing_ones_may_be_let_through():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(as_probabilities(np.full(3, np.nan), missing=True)).all()
        assert as_probabilities(np.zeros((2, 0)), missing=True).shape == (2, 0)
        for wrong in (1.5, np.inf):
            with pytest.raises(InputError, match="must lie between 0 and 1"):
                as_probabilities(np.array([np.nan, wrong]), missing=True)
