"""Differences of classifiers on the same objects."""

from __future__ import annotations

import numpy as np
import pytest

from micrographia.arrays.errors import RequestError
from micrographia.metrics.class_gains import class_gain
from micrographia.metrics.classification import confusion_matrix, scores_of


def test_a_gain_is_the_difference_of_the_scores():
    rng = np.random.default_rng(0)
    truth, first, second = rng.integers(0, 3, (3, 200))
    second[:80] = truth[:80]
    groups = np.repeat(np.arange(20), 10).astype(str)
    found = class_gain(truth, first, second, 3, groups, ("a", "b"), draws=200)
    for score, (gain, low, high) in found.gains.items():
        scores = [scores_of(confusion_matrix(truth, f, 3))[score] for f in (first, second)]
        assert gain == pytest.approx(float(scores[1] - scores[0]))
        assert low < gain < high and low > 0
    assert (found.first, found.second) == ("a", "b")


def test_equal_classifiers_gain_nothing_and_groups_widen_the_interval():
    truth = np.tile([0, 1], 100)
    same = class_gain(truth, truth, truth, 2)
    assert same.gains["macro_f1"] == (0, 0, 0)
    groups = np.repeat(np.arange(10), 20).astype(str)
    worse = np.where(np.repeat(np.arange(10), 20) < 3, 1 - truth, truth)
    widths = []
    for unit in (None, groups):
        _, low, high = class_gain(truth, worse, truth, 2, unit).gains["accuracy"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_the_interval_of_a_gain_is_of_all_classes():
    """One takes a rare class for one that no object has: macro F1 is 1/2 and 1 whatever is drawn."""
    truth = np.r_[np.tile([0, 1], 50), [2, 2]]
    groups = np.r_[np.repeat(np.arange(10), 10), [0, 5]].astype(str)
    found = class_gain(truth, np.where(truth == 2, 3, truth), truth, 4, groups)
    assert found.gains["macro_f1"] == (0.5, 0.5, 0.5)
    rare = np.r_[np.zeros(50, int), np.arange(1, 9)]  # hardly any draw holds all of them
    gain, low, high = class_gain(rare, np.zeros(58, int), rare, 9).gains["macro_f1"]
    assert gain > 0.5 and np.isnan([low, high]).all()


def test_other_lengths_are_refused():
    with pytest.raises(RequestError, match="as many found classes of both"):
        class_gain(np.zeros(3, int), np.zeros(3, int), np.zeros(2, int), 2)


def test_objects_are_drawn_where_groups_are_few():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    worse = np.where(rng.random(200) < 0.2, 1 - truth, truth)
    for groups in (np.full(200, "A01"), np.repeat(["A01", "A02", "A03", "A04"], 50)):
        few = class_gain(truth, worse, truth, 2, groups)
        assert few.gains == class_gain(truth, worse, truth, 2).gains and few.units == "200 objects"
        assert few.doubt.endswith("too few to draw from: objects were drawn, and the intervals may be too narrow.")
        gain, low, high = few.gains["accuracy"]
        assert low < gain < high
    many = class_gain(truth, worse, truth, 2, np.repeat(np.arange(5), 40))
    assert (many.units, many.doubt) == ("5 groups (200 objects)", "")


def test_groups_of_another_length_are_refused():
    for count in (0, 3, 5):
        with pytest.raises(RequestError, match="as many found classes of both .and groups. as true ones"):
            class_gain(*np.zeros((3, 4), int), 2, ["A"] * count)
    with pytest.raises(RequestError, match="at least one"):
        class_gain(*np.zeros((3, 0), int), 2)
