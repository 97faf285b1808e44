"""The kernels of pixel classification at their edges: infinite thresholds, many classes, deep trees, rare classes."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.boosting import boost
from micrographia.classify.learners.feature_selection import select_features
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.forest_prediction import sum_votes_numpy
from micrographia.classify.learners.logistic import Logistic, fit_logistic


def stumps(thresholds, classes=3):
    """One tree with two leaves for each threshold, all of feature 0."""
    trees = len(thresholds)
    root = 3 * np.arange(trees)
    feature, left, right = (np.full(3 * trees, -1) for _ in range(3))
    feature[root], left[root], right[root] = 0, root + 1, root + 2
    threshold, votes = np.zeros(3 * trees), np.zeros((3 * trees, classes))
    threshold[root] = thresholds
    votes[root + 1, 0], votes[root + 2, 1:] = 1, 1 / (classes - 1)
    names = ("feature", "threshold", "left", "right", "votes", "roots")
    return Forest.from_arrays(dict(zip(names, (feature, threshold, left, right, votes, root))))


def chain(depth, classes=2):
    """A tree that is a single path: level k asks whether x <= k."""
    inner = np.arange(depth)
    feature = np.r_[np.zeros(depth), np.full(depth + 1, -1)].astype(int)
    threshold = np.r_[inner, np.zeros(depth + 1)].astype(float)
    left = np.r_[depth + inner, np.full(depth + 1, -1)]
    right = np.r_[inner[1:], 2 * depth, np.full(depth + 1, -1)]
    votes = np.r_[np.zeros((depth, classes)), np.random.default_rng(0).dirichlet(np.ones(classes), depth + 1)]
    names = ("feature", "threshold", "left", "right", "votes", "roots")
    return Forest.from_arrays(dict(zip(names, (feature, threshold, left, right, votes, np.zeros(1)))))


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, np.nextafter(np.float32(1), np.float32(2)), -1e38, 1e38])


@pytest.mark.parametrize(
    "thresholds",
    [[0.0], [np.inf], [-np.inf], [1.0, np.inf], [-np.inf, 0.0, np.inf], [-0.0, 0.0], [-3e38, 3e38], [1e-45, 2e-45]],
)
def test_infinite_and_extreme_thresholds(thresholds):
    forest = stumps(thresholds)
    values = np.r_[SPECIAL, np.float32(1e-45)].astype(np.float32)[None]
    np.testing.assert_array_equal(forest.sums(values), sum_votes_numpy(**forest.arrays(), features=values))


def test_many_classes():
    rng = np.random.default_rng(0)
    forest = stumps(rng.normal(0, 1, 40), classes=255)
    values = rng.normal(0, 1, (1, 300)).astype(np.float32)
    expected = sum_votes_numpy(**forest.arrays(), features=values)
    np.testing.assert_array_equal(forest.sums(values), expected)


def test_very_deep_trees_with_thousands_of_leaves():
    forest = chain(3000)
    values = np.random.default_rng(1).integers(-1, 3002, (1, 20, 20)).astype(np.float32)
    expected = sum_votes_numpy(**forest.arrays(), features=values.reshape(1, -1))
    np.testing.assert_array_equal(forest.sums(values).reshape(2, -1), expected)


def test_a_forest_without_a_question_still_needs_a_feature():
    forest = Forest.from_arrays(
        {"feature": [-1], "threshold": [0], "left": [-1], "right": [-1], "votes": [[0.25, 0.75]], "roots": [0]}
    )
    np.testing.assert_array_equal(forest.predict(np.zeros((1, 3), np.float32)), [[0.25] * 3, [0.75] * 3])
    with pytest.raises(InputError, match="there are 0"):
        forest.predict(np.zeros((0, 3), np.float32))


def test_boosting_without_penalty():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (3, 200)).astype(np.float32)
    classes = (features[0] > 0).astype(int)
    model = boost(features, classes, 2, rounds=40, rate=1.0, penalty=0.0).model
    shares = model.predict(features)
    assert np.isfinite(shares).all()
    assert np.mean(shares.argmax(0) == classes) == 1


def test_a_rare_class_is_not_lost_where_samples_are_drawn():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (4, 60_000)).astype(np.float32)
    classes = np.zeros(60_000, int)
    classes[[7, 30_011]] = 1
    features[2, classes == 1] = 50
    for seed in range(3):  # of three seeds at least one would draw no sample of class 1
        kept = select_features(features, classes, 2, seed)
        assert 2 <= len(kept) <= 4


def test_a_pixel_without_value_counts_as_an_average_one():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (3, 400)).astype(np.float32)
    model = fit_logistic(features, (features[0] + features[1] > 0).astype(int), 2)
    broken = features[:, :4].copy()
    broken[0, 0], broken[1, 1], broken[:, 2] = np.nan, np.inf, np.nan
    mended = np.where(np.isfinite(broken), broken, model.centre[:, None])
    np.testing.assert_array_equal(model.predict(broken), model.predict(mended))
    assert isinstance(model, Logistic)
