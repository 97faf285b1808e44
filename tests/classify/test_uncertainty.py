"""Uncertainty images against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.uncertainty import UNCERTAINTIES, contenders, entropy, margin


def probabilities(seed, classes, shape=(5, 7)):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), shape).transpose(2, 0, 1).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_both_are_what_sorting_and_logarithms_give(seed, classes):
    p = probabilities(seed, classes)
    ranked = np.sort(p, axis=0)
    np.testing.assert_array_equal(margin(p), 1 - (ranked[-1] - ranked[-2]))
    plain = -(p.astype(float) * np.log(p.astype(float))).sum(0) / np.log(classes)
    np.testing.assert_allclose(entropy(p), plain, atol=2e-6)
    best, second = contenders(p)
    np.testing.assert_array_equal(np.take_along_axis(p, best[None], 0)[0], ranked[-1])
    np.testing.assert_array_equal(np.take_along_axis(p, second[None], 0)[0], ranked[-2])


@pytest.mark.parametrize("name", UNCERTAINTIES)
def test_certain_is_zero_and_undecided_is_one(name):
    p = np.array([[1, 0.5], [0, 0.5]], np.float32)
    np.testing.assert_allclose(UNCERTAINTIES[name](p), [0, 1], atol=1e-6)


@pytest.mark.parametrize("name", UNCERTAINTIES)
def test_what_has_no_probability_has_no_uncertainty(name):
    assert np.isnan(UNCERTAINTIES[name](np.full((3, 2), np.nan, np.float32))).all()


@pytest.mark.parametrize("function", [margin, entropy, contenders])
def test_one_class_leaves_nothing_to_be_unsure_of(function):
    with pytest.raises(InputError, match="two classes"):
        function(np.ones((1, 4, 4), np.float32))


@pytest.mark.parametrize("function", [margin, entropy, contenders])
def test_stored_probabilities_are_the_same_and_other_numbers_are_refused(function):
    p = probabilities(0, 3)
    stored = np.rint(p * 255).astype(np.uint8)
    np.testing.assert_array_equal(function(stored), function(stored / np.float32(255)))
    for wrong in (-p, 3 * p):
        with pytest.raises(InputError, match="between 0 and 1"):
            function(wrong)
