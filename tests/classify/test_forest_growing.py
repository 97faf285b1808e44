"""Growing forests: splits against their reference, seeds and threads, weights, accuracy beside scikit-learn's."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_samples import balanced_pixels, membranes, two_moons

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.binned_trees import leaves_of
from micrographia.classify.learners.binning import bin_borders, binned, binned_numpy
from micrographia.classify.learners.feature_selection import select_features
from micrographia.classify.learners.forest_growing import _bootstrap, _draws, grow_forest
from micrographia.classify.learners.forest_splits import best_cut, best_cut_numpy
from micrographia.classify.learners.training_samples import class_weights


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 4), st.integers(1, 5), st.sampled_from([3, 70, 255])
)
def test_splits_equal_the_reference(seed, samples, classes, min_leaf, most):
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, most, samples).astype(np.uint8)
    labels = rng.integers(0, classes, samples).astype(np.uint8)
    weights = rng.integers(1, 9, samples).astype(np.float32) / 4
    score, cut = best_cut(bins, labels, weights, classes, min_leaf)
    expected, expected_cut = best_cut_numpy(bins, labels, weights, classes, min_leaf)
    assert score == pytest.approx(expected, rel=1e-12)
    if cut != expected_cut:  # as good
        sides = [np.bincount(labels[s], weights[s], classes) for s in (bins <= cut, bins > cut)]
        assert sum((s**2).sum() / s.sum() for s in sides) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 40, 3000]), st.sampled_from([5, 255]))
def test_bins_equal_the_reference_and_separate_what_was_observed(seed, different, most):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, different, (3, 1000)).astype(np.float32) ** 2 / 7
    features[0] = features[0, 0]
    features[1, 3] = -0.0
    borders = bin_borders(features, most)
    assert len(borders[0]) == 0 and all(len(b) < most for b in borders)
    assert all((np.diff(b) > 0).all() for b in borders)
    bins = binned(features, borders)
    np.testing.assert_array_equal(bins, binned_numpy(features, borders))
    if different <= most:
        for row, one in zip(features, bins, strict=True):
            assert len(np.unique(row)) == len(np.unique(one))
    for row, border in zip(features, borders, strict=True):
        assert not len(border) or (border[0] >= row.min() and border[-1] < row.max())


def test_same_seed_same_forest_whatever_the_threads():
    features, classes = two_moons(400)
    one, two, other = (
        grow_forest(features, classes, 2, trees=12, seed=seed, threads=threads)
        for seed, threads in ((3, 1), (3, 3), (4, 2))
    )
    for name, values in one.forest.arrays().items():
        np.testing.assert_array_equal(values, two.forest.arrays()[name])
    np.testing.assert_array_equal(one.out_of_bag, two.out_of_bag)
    assert not np.array_equal(one.out_of_bag, other.out_of_bag)


def test_trees_on_bins_say_the_same_as_on_features():
    features, classes = two_moons(500)
    borders = bin_borders(features)
    grown = grow_forest(features, classes, 2, trees=1)
    forest = grown.forest
    cut = np.array([np.searchsorted(borders[max(f, 0)], t) for f, t in zip(forest.feature, forest.threshold)])
    leaf = leaves_of(binned(features, borders), forest.feature, cut, forest.left)
    np.testing.assert_array_equal(forest.votes[leaf].T, forest.predict(features))


def test_leaves_are_pure_and_out_of_bag_is_honest():
    features, classes = two_moons(600)
    shuffled = np.random.default_rng(0).permutation(classes)
    grown = grow_forest(features, shuffled, 2, trees=60)
    assert (grown.forest.predict(features).argmax(0) == shuffled).mean() > 0.98
    assert grown.out_of_bag_error(shuffled) == pytest.approx(0.5, abs=0.08)
    learned = grow_forest(features, classes, 2, trees=60)
    assert learned.out_of_bag_error(classes) < 0.12
    assert set(np.argsort(learned.importance)[-2:]) == {0, 1}
    assert learned.importance.sum() == pytest.approx(1)
    votes = learned.forest.votes[learned.forest.feature < 0]
    assert (votes.max(1) == 1).all()
    fewer = grow_forest(features, classes, 2, trees=60, min_leaf=20)
    assert len(fewer.forest.feature) < len(learned.forest.feature) / 3


def test_one_tree_leaves_samples_without_a_judge():
    features, classes = two_moons(100)
    grown = grow_forest(features, classes, 2, trees=1)
    seen = np.isnan(grown.out_of_bag[0])
    assert 0.4 < seen.mean() < 0.8
    assert np.isfinite(grown.out_of_bag_error(classes))


def test_weights_move_the_border_and_zero_leaves_out():
    features, classes = two_moons(2000, features=2)
    features[0] += np.random.default_rng(0).normal(0, 1, 2000).astype(np.float32)
    share = [
        (grow_forest(features, classes, 2, trees=30, min_leaf=30, weights=class_weights(classes, 2, w)).forest
         .predict(features).argmax(0) == 1).mean()
        for w in ([10, 1], [1, 1], [1, 10])
    ]  # fmt: skip
    assert share[0] < share[1] - 0.05 and share[1] < share[2] - 0.05
    wrong = classes.copy()
    wrong[:300] = 1 - wrong[:300]
    weights = np.ones(2000)
    weights[:300] = 0
    without = grow_forest(features, wrong, 2, trees=30, weights=weights, seed=1)
    assert (without.forest.predict(features[:, :300]).argmax(0) == classes[:300]).mean() > 0.7


def test_balanced_weights():
    classes = np.array([0] * 9 + [2])
    weights = class_weights(classes, 3)
    assert weights[:9].sum() == pytest.approx(5) and weights[9] == pytest.approx(5)
    assert (class_weights(classes, 3, False) == 1).all()
    with pytest.raises(InputError, match="3 positive numbers"):
        class_weights(classes, 3, [1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y * 0 + 1), "all of one class|are of class 2"),
        (lambda x, y: (np.where(x > 2, np.nan, x), y), "NaN or infinite at labelled examples"),
        (lambda x, y: (x[:, :1], y[:1]), "too few labelled examples"),
        (lambda x, y: (x[:, :5], y), r"do not fit"),
        (lambda x, y: (x, y + 1), "numbered 0 to 1"),
    ],
)
def test_bad_samples_are_refused(change, message):
    features, classes = change(*two_moons(100))
    with pytest.raises(InputError, match=message):
        grow_forest(features, classes, 2)


def test_constant_features_and_equal_samples():
    features = np.zeros((3, 20), np.float32)
    classes = np.arange(20) % 2
    grown = grow_forest(features, classes, 2, trees=5)
    assert grown.forest.predict(features).max() < 1
    assert grown.importance.sum() == 0


def test_selection_keeps_what_tells_the_classes_apart():
    features, classes = two_moons(1200, features=20)
    kept = select_features(features, classes, 2, seed=0)
    assert {0, 1} <= set(kept) and len(kept) <= 4
    np.testing.assert_array_equal(kept, select_features(features, classes, 2, seed=0))


def test_real_membranes_as_accurate_as_scikit_learn_and_faster(data_dir):
    from sklearn.ensemble import RandomForestClassifier

    features, classes = membranes(data_dir, 5)
    chosen = balanced_pixels(classes, 1200, seed=0)
    x, y = features.reshape(len(features), -1)[:, chosen], classes.ravel()[chosen]
    others, truth = membranes(data_dir, 9)
    others, truth = others[:, 100:228, 100:228], truth[100:228, 100:228]
    grow_forest(x[:, ::9], y[::9], 2, trees=2)
    start = time.process_time()
    mine = [grow_forest(x, y, 2, seed=seed, threads=1) for seed in range(2)]
    seconds = time.process_time() - start
    start = time.process_time()
    theirs = [RandomForestClassifier(100, oob_score=True, random_state=seed).fit(x.T, y) for seed in range(2)]
    their_seconds = time.process_time() - start
    error = np.mean([one.out_of_bag_error(y) for one in mine])
    their_error = np.mean([1 - one.oob_score_ for one in theirs])
    assert error < their_error + 0.008
    assert error < 0.15
    right = np.mean([(one.forest.predict(others).argmax(0) == truth).mean() for one in mine])
    flat = others.reshape(len(others), -1).T
    their_right = np.mean([(one.predict(flat) == truth.ravel()).mean() for one in theirs])
    assert right > their_right - 0.008
    assert right > 0.75
    assert seconds < their_seconds


def test_balance_finds_a_rare_class():
    rng = np.random.default_rng(5)
    classes = (np.arange(6000) >= 5850).astype(np.int64)
    features = rng.normal(0, 1, (6, 6000)).astype(np.float32) + 1.2 * classes * (np.arange(6)[:, None] < 3)
    fresh = rng.normal(0, 1, (6, 1000)).astype(np.float32) + 1.2 * (np.arange(6)[:, None] < 3)
    recall = {}
    for balance in (False, True):
        weights = class_weights(classes, 2, balance)
        grown = grow_forest(features, classes, 2, trees=50, weights=weights)
        recall[balance] = (grown.forest.predict(fresh).argmax(0) == 1).mean()
    assert recall[False] < 0.3 and recall[True] > 0.7


@pytest.mark.parametrize("rare", [1, 2, 10])
def test_a_class_of_few_examples_leaves_the_others_as_they_are(rare):
    rng = np.random.default_rng(6)
    counts = (500, 500, rare)
    classes = np.repeat(np.arange(3), counts)
    apart = np.array([0.0, 1.2, -3.0])
    features = rng.normal(0, 1, (6, len(classes))) + apart[classes] * (np.arange(6)[:, None] < 3)
    fresh_classes = np.repeat(np.arange(2), 1000)
    fresh = rng.normal(0, 1, (6, 2000)) + apart[fresh_classes] * (np.arange(6)[:, None] < 3)
    right = {}
    for balance in (False, True):
        grown = grow_forest(features, classes, 3, trees=50, weights=class_weights(classes, 3, balance))
        right[balance] = (grown.forest.predict(fresh.astype(np.float32)).argmax(0) == fresh_classes).mean()
    assert right[True] > right[False] - 0.05


def test_weights_within_a_class_count():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (3, 500)).astype(np.float32)
    probability = np.where(features[0] > 0, 0.9, 0.1)
    both, classes = np.concatenate([features, features], axis=1), np.repeat([0, 1], 500)
    grown = grow_forest(both, classes, 2, weights=np.concatenate([1 - probability, probability]))
    found = grown.forest.predict(features)[1]
    assert abs(found[features[0] > 0].mean() - 0.9) < 0.05 and abs(found[features[0] <= 0].mean() - 0.1) < 0.05


def test_many_doubtful_samples_of_little_weight_do_not_spoil_few_certain_ones():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 3400)
    features = rng.normal(0, 1, (5, 3400)).astype(np.float32)
    features[0] += 3 * classes
    told = classes[:400].copy()
    told[100:] ^= rng.random(300) < 0.4
    right = {}
    for weight in (0.05, 1.0):
        weights = np.where(np.arange(400) < 100, 1, weight)
        grown = grow_forest(features[:, :400], told, 2, weights=weights)
        right[weight] = (grown.forest.predict(features[:, 400:]).argmax(0) == classes[400:]).mean()
    assert right[0.05] > 0.9 and right[1.0] < 0.85


def test_samples_are_drawn_in_proportion_to_their_weights():
    weights = np.array([0, 1, 2, 5, 0, 2], np.float32)
    draws, sums = _draws(np.array([0, 0, 0, 1, 1, 1]), weights, 2)
    assert draws == 4, "as many as have a weight"
    times = sum(_bootstrap(6, sums, 1000, np.array([seed], np.uint64))[0] for seed in range(50))
    np.testing.assert_allclose(times / times.sum(), weights / weights.sum(), atol=0.01)
    draws, sums = _draws(np.repeat([0, 1], [900, 60]), np.repeat(np.float32([1 / 15, 1]), [900, 60]), 2)
    assert draws == 120, "as many of each class as the rare one has"
