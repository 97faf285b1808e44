"""Boosting, logistic regression, and what all classifiers share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_samples import balanced_pixels, membranes, two_moons

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.boosted_trees import find_gain, find_gain_numpy
from micrographia.classify.learners.boosting import boost
from micrographia.classify.learners.classifiers import CLASSIFIERS, from_arrays, learn_model
from micrographia.classify.learners.logistic import _loss, fit_logistic, loss_numpy
from micrographia.classify.learners.softmax import softmax, softmax_numpy


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_learn_store_and_predict_in_blocks(kind, classes):
    features, labels = two_moons(700, classes=classes)
    lesson = learn_model(kind, features, labels, classes, trees=15, seed=1)
    model = from_arrays(kind, {name: values.copy() for name, values in lesson.model.arrays().items()})
    assert model.kind == kind
    whole = model.predict(features)
    assert whole.dtype == np.float32 and whole.shape == (classes, 700)
    np.testing.assert_array_equal(whole, lesson.model.predict(features))
    np.testing.assert_allclose(whole.sum(0), 1, atol=1e-5)
    parts = [model.predict(features[:, n : n + 97]) for n in range(0, 700, 97)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
    np.testing.assert_array_equal(model.predict(features.reshape(8, 7, 100)).reshape(classes, -1), whole)
    fresh, truth = two_moons(700, seed=9, classes=classes)
    assert (model.predict(fresh).argmax(0) == truth).mean() > (0.7 if kind == "logistic" else 0.85)
    error = lesson.out_of_bag_error(labels)
    assert (error is None) == (kind != "forest")
    assert lesson.importance is None or lesson.importance.shape == (8,)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_bad_samples_are_refused(kind):
    features, classes = two_moons(50)
    with pytest.raises(InputError, match="are of class 1: label some of at least two classes"):
        learn_model(kind, features, classes * 0, 2)
    features[2, 3] = np.inf
    with pytest.raises(InputError, match="1 of 8 features are NaN or infinite"):
        learn_model(kind, features, classes, 2)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_stored_arrays_that_are_incomplete_or_other_features(kind):
    features, classes = two_moons(200)
    model = learn_model(kind, features, classes, 2, trees=20).model
    for name in model.arrays():
        with pytest.raises(InputError, match="missing"):
            from_arrays(kind, {k: v for k, v in model.arrays().items() if k != name})
    with pytest.raises(InputError, match="there are 2"):
        model.predict(features[:2])


def test_unknown_classifiers():
    with pytest.raises(RequestError, match="forest, boosting, logistic"):
        learn_model("svm", np.zeros((1, 2)), np.array([0, 1]), 2)
    with pytest.raises(InputError, match="not known here"):
        from_arrays("svm", {})


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_class_without_samples_is_never_likely(kind):
    features, classes = two_moons(300)
    model = learn_model(kind, features, classes, 3, trees=20).model
    assert (model.predict(features).argmax(0) < 2).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 20), st.integers(1, 4))
def test_gains_equal_the_reference(seed, features, bins, min_leaf):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, bins, (features, 30))
    values = np.stack([rng.normal(0, 1, 30), rng.random(30) / 4, np.ones(30)])
    histogram = np.zeros((features, bins, 3))
    for f in range(features):
        np.add.at(histogram[f], rows[f], values.T)
    mine, expected = find_gain(histogram, 1.0, min_leaf), find_gain_numpy(histogram, 1.0, min_leaf)
    assert mine[0] == pytest.approx(expected[0], rel=1e-9, abs=1e-9)
    if expected[0] > 1e-9 and mine[1:] != expected[1:]:
        assert mine[1] >= 0  # as good, but for rounding


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_softmax_and_loss_equal_their_references(seed, classes):
    rng = np.random.default_rng(seed)
    scores = (rng.normal(0, 30, (classes, 20))).astype(np.float32)
    np.testing.assert_allclose(softmax(scores), softmax_numpy(scores), rtol=1e-6, atol=1e-30)
    samples, labels = rng.normal(0, 1, (20, 4)), rng.integers(0, classes, 20).astype(np.uint8)
    weight, w = rng.random(20).astype(np.float32), rng.normal(0, 1, (classes, 5))
    value, slope = _loss(samples, labels, weight, w)
    expected, expected_slope = loss_numpy(samples, labels, weight, w)
    assert value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(slope, expected_slope, atol=1e-9)


def test_logistic_equals_scikit_learn():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, classes = two_moons(400, classes=3)
    features[3] = 5  # constant
    features[4] = features[4] * 1e4 + 1e6
    model = fit_logistic(features, classes, 3)
    x = StandardScaler().fit_transform(features.T)
    expected = LogisticRegression(max_iter=2000, tol=1e-8).fit(x, classes).predict_proba(x).T
    np.testing.assert_allclose(model.predict(features), expected, atol=0.01)


def test_boosting_on_real_membranes_as_accurate_as_scikit_learn(data_dir):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    features, classes = membranes(data_dir, 5)
    chosen = balanced_pixels(classes, 1500, seed=0)
    x, y = features.reshape(len(features), -1)[:, chosen], classes.ravel()[chosen]
    others, truth = membranes(data_dir, 9)
    others, truth = others[:, 100:228, 100:228], truth[100:228, 100:228]
    mine = boost(x, y, 2).model.predict(others).argmax(0)
    with threadpool_limits(1):
        peer = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0).fit(x.T, y)
        theirs = peer.predict(others.reshape(len(others), -1).T)
    right = (mine == truth).mean()
    assert right > (theirs == truth.ravel()).mean() - 0.01
    assert right > 0.75
