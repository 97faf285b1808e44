"""Agreement of annotators against published examples, plain readings of the definitions, and other implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError
from micrographia.metrics.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, vote_counts
from micrographia.metrics.calibration import brier_score, calibration_error, log_loss, reliability


def votes_of(seed, annotators=4, objects=40, classes=3, missing=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, objects)
    votes = np.where(rng.random((annotators, objects)) < 0.7, truth, rng.integers(0, classes, (annotators, objects)))
    votes[rng.random(votes.shape) < missing] = -1
    return votes


def test_fleiss_example_of_the_paper():
    """Ten psychiatric patients, fourteen raters (the worked example in many textbooks): kappa 0.210."""
    counts = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
              [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
    votes = np.array([np.repeat(np.arange(5), row) for row in counts]).T
    np.testing.assert_array_equal(vote_counts(votes, 5), counts)
    assert fleiss_kappa(votes, 5) == pytest.approx(0.20993, abs=1e-5)


def test_krippendorff_example_of_the_book():
    """Four observers, twelve units, missing values (Krippendorff, "Computing Krippendorff's alpha", 2011): 0.743."""
    votes = np.array([[1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
                      [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
                      [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
                      [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0]]) - 1  # fmt: skip
    assert krippendorff_alpha(votes, 5) == pytest.approx(0.743, abs=5e-4)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_cohen_is_scikit_learns(seed):
    from sklearn.metrics import cohen_kappa_score

    first, second = votes_of(seed, annotators=2)
    both = (first >= 0) & (second >= 0)
    wanted = cohen_kappa_score(first[both], second[both])
    assert cohen_kappa(first, second, 3) == pytest.approx(wanted, nan_ok=True)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_alpha_by_counting_pairs(seed):
    """1 - observed over expected disagreement, all pairs of votes counted one by one."""
    votes = votes_of(seed, objects=15)
    observed, pairs, every = 0.0, 0.0, []
    for column in votes.T:
        own = column[column >= 0]
        if len(own) < 2:
            continue
        every += own.tolist()
        observed += sum(a != b for i, a in enumerate(own) for j, b in enumerate(own) if i != j) / (len(own) - 1)
        pairs += len(own)
    n = len(every)
    expected = sum(a != b for i, a in enumerate(every) for j, b in enumerate(every) if i != j) / (n - 1)
    assert krippendorff_alpha(votes, 3) == pytest.approx(1 - observed / expected)


def test_agreement_at_its_ends():
    same = np.tile([0, 1, 2, 0, 1], (3, 1))
    assert fleiss_kappa(same, 3) == krippendorff_alpha(same, 3) == cohen_kappa(same[0], same[1], 3) == 1
    chance = np.random.default_rng(0).integers(0, 3, (5, 4000))
    for value in (fleiss_kappa(chance, 3), krippendorff_alpha(chance, 3), cohen_kappa(chance[0], chance[1], 3)):
        assert abs(value) < 0.04
    alone = np.full((2, 3), -1)
    alone[0] = 0
    assert np.isnan([fleiss_kappa(alone, 2), krippendorff_alpha(alone, 2), cohen_kappa(*alone, 2)]).all()
    assert np.isnan(fleiss_kappa(np.zeros((2, 5), int), 2)), "one class only: nothing can be said"
    with pytest.raises(InputError, match="classes 0 to 1"):
        vote_counts(np.array([[0, 2]]), 2)


@pytest.mark.parametrize("measure", [brier_score, log_loss, reliability, calibration_error])
def test_classes_and_probabilities_that_are_none(measure):
    p = np.array([[0.7, 0.2], [0.3, 0.8]])
    assert measure(np.array([0, 1]), p)
    for truth, probabilities, said in (
        ([0, -1], p, "from 0 to 1"),
        ([0, 2], p, "from 0 to 1"),
        ([0.0, 1.0], p, "whole numbers"),
        ([0], p, "one true class for each object"),
        ([0, 1], p[0], "one true class for each object"),
        (np.zeros(0, int), np.zeros((2, 0)), "one true class for each object"),
        ([0, 1], p * 2, "between 0 and 1"),
        ([0, 1], [[np.nan, 0.2], [0.3, 0.8]], "between 0 and 1"),
    ):
        with pytest.raises(InputError, match=said):
            measure(np.array(truth), probabilities)


def test_two_annotators_who_say_no_class():
    with pytest.raises(InputError, match="classes 0 to 1"):
        cohen_kappa(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(InputError, match="both must say one of each"):
        cohen_kappa(np.array([0, 1, 1]), np.array([0, 1]), 2)
    assert cohen_kappa([0, 1, -1], [0, 1, 0], 2) == 1
