"""Forests as arrays: prediction against the plain reference, tiles, and stored forests that are damaged."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_samples import two_moons

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.bit_sets import above_all, above_all_numpy, lowest
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.forest_growing import grow_forest
from micrographia.classify.learners.forest_layout import grid_of, rank, rank_numpy
from micrographia.classify.learners.forest_prediction import sum_votes_numpy


def random_forest(rng: np.random.Generator, trees: int, features: int, classes: int, pure: float) -> Forest:
    """Any forest: roots first, children anywhere behind, votes of one class or of any."""
    feature, threshold, left, right = [-1] * trees, [0.0] * trees, [-1] * trees, [-1] * trees
    waiting = list(range(trees))
    while waiting:
        node = waiting.pop(rng.integers(len(waiting)))
        if rng.random() < 0.6 and len(feature) < 40 * trees:
            feature[node], threshold[node] = int(rng.integers(features)), float(rng.integers(-3, 4))
            children = [len(feature), len(feature) + 1]
            left[node], right[node] = rng.permutation(children)
            for column, empty in ((feature, -1), (threshold, 0.0), (left, -1), (right, -1)):
                column += [empty, empty]
            waiting += children
    votes = rng.dirichlet(np.ones(classes), len(feature))
    one = np.eye(classes)[rng.integers(0, classes, len(feature))]
    votes = np.where(rng.random((len(feature), 1)) < pure, one, votes)
    return Forest.from_arrays(
        {"feature": np.array(feature), "threshold": np.array(threshold), "left": np.array(left),
         "right": np.array(right), "votes": votes, "roots": np.arange(trees)}
    )  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.sampled_from([0, 0.5, 1]))
def test_prediction_equals_the_reference_bit_for_bit(seed, trees, features, classes, pure):
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, trees, features, classes, pure)
    shape = (features, int(rng.integers(1, 40)), int(rng.integers(1, 40)))
    plane = rng.integers(-4, 5, shape).astype(np.float32)
    plane[rng.random(shape) < 0.02] = np.nan
    expected = sum_votes_numpy(**forest.arrays(), features=plane.reshape(features, -1))
    np.testing.assert_array_equal(forest.sums(plane).reshape(classes, -1), expected)
    np.testing.assert_array_equal(forest.sums(plane.reshape(features, -1)), expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint16]))
def test_bits_of_a_comparison_equal_the_reference(seed, kind):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, rng.choice([2, np.iinfo(kind).max]) + 1, 128).astype(kind)
    for limit in (kind(0), numbers[3], np.iinfo(kind).max):
        np.testing.assert_array_equal(above_all(numbers, kind(limit)), above_all_numpy(numbers, limit))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 16, 254, 255, 256, 700]))
def test_ranks_equal_the_reference(seed, count):
    rng = np.random.default_rng(seed)
    thresholds = np.unique(rng.normal(0, 1, count).astype(np.float32) ** 3)
    borders = np.full(256 if count < 256 else 1024, np.inf, np.float32)
    borders[: len(thresholds)] = thresholds
    values = rng.normal(0, 1, 256).astype(np.float32) ** 3
    values[: min(256, len(thresholds))] = thresholds[:256]
    values[rng.random(256) < 0.1] = rng.choice([np.nan, np.inf, -np.inf, np.float32(1e30), 0])
    out, grid = np.zeros(256, np.uint16), grid_of(borders[None])
    row = (grid.low[0], grid.scale[0], grid.first[0])
    for steps in {grid.steps[0], 100}:  # by the grid, where it is fine enough, and by halves
        rank(values, borders, *row, steps, np.zeros(256, np.int32), out, np.uint64(0))
        known = np.isfinite(values) | np.isinf(values)
        np.testing.assert_array_equal(out[known], rank_numpy(values, borders)[known])
        assert (out[~known] >= len(thresholds)).all()


def test_lowest_bit():
    assert [lowest(np.uint64(1 << k)) for k in range(64)] == list(range(64))
    assert lowest(np.uint64(0b1010_1000)) == 3


@pytest.mark.parametrize("min_leaf", [1, 7])
def test_blocks_equal_the_whole_bit_for_bit(min_leaf):
    rng = np.random.default_rng(1)
    features, classes = two_moons(900, classes=3)
    forest = grow_forest(features, classes, 3, trees=20, min_leaf=min_leaf).forest
    whole = rng.normal(0, 1.5, (8, 70, 90)).astype(np.float32)
    expected = forest.predict(whole)
    np.testing.assert_allclose(expected.sum(0), 1, atol=1e-5)

    def block(y: int) -> np.ndarray:
        return np.concatenate([forest.predict(whole[:, y : y + 13, x : x + 27]) for x in range(0, 90, 27)], axis=2)

    with ThreadPoolExecutor(2) as pool:
        tiled = np.concatenate(list(pool.map(block, range(0, 70, 13))), axis=1)
    np.testing.assert_array_equal(tiled, expected)
    volume = forest.predict(whole.reshape(8, 7, 10, 90))
    np.testing.assert_array_equal(volume.reshape(expected.shape), expected)
    np.testing.assert_array_equal(forest.predict(whole[:, ::2, ::3]), expected[:, ::2, ::3])


def test_save_load_predict_and_damaged_arrays():
    features, classes = two_moons(300)
    forest = grow_forest(features, classes, 2, trees=5).forest
    arrays = forest.arrays()
    np.testing.assert_array_equal(Forest.from_arrays(arrays).predict(features), forest.predict(features))
    with pytest.raises(InputError, match="votes is missing"):
        Forest.from_arrays({k: v for k, v in arrays.items() if k != "votes"})
    inner = np.flatnonzero(forest.feature >= 0)
    circle, outside = forest.left.copy(), forest.left.copy()
    circle[inner[3]] = 0
    outside[inner[3]] = len(outside)
    broken = forest.votes.copy()
    broken[-1] = np.nan
    for name, values in (("left", circle), ("left", outside), ("votes", broken), ("roots", forest.roots[:0]),
                         ("threshold", forest.threshold[:-1])):  # fmt: skip
        with pytest.raises(InputError, match="damaged"):
            Forest.from_arrays({**arrays, name: values})


def test_missing_features_are_named():
    features, classes = two_moons(300)
    forest = grow_forest(features, classes, 2, trees=30).forest
    with pytest.raises(InputError, match=r"feature 8, and there are 3"):
        forest.predict(features[:3])


def test_more_thresholds_than_a_byte_counts():
    rng = np.random.default_rng(0)
    thresholds = np.sort(rng.normal(0, 1, 400)).astype(np.float32)
    inner = np.arange(400)
    forest = Forest.from_arrays(
        {"feature": np.r_[np.zeros(400), np.full(401, -1)], "threshold": np.r_[thresholds, np.zeros(401)],
         "left": np.r_[inner + 400, np.full(401, -1)], "right": np.r_[inner[1:], 800, np.full(401, -1)],
         "votes": np.r_[np.zeros((400, 2)), np.eye(2)[np.arange(401) % 2]], "roots": np.array([0])}
    )  # fmt: skip
    x = np.r_[thresholds, np.nan, rng.normal(0, 1, 900)].astype(np.float32)[None]
    np.testing.assert_array_equal(forest.sums(x), sum_votes_numpy(**forest.arrays(), features=x))


def test_many_trees_are_counted():
    leaf = Forest.from_arrays(
        {"feature": np.full(300, -1), "threshold": np.zeros(300), "left": np.full(300, -1), "right": np.full(300, -1),
         "votes": np.eye(2)[(np.arange(300) < 270).astype(int)], "roots": np.arange(300)}
    )  # fmt: skip
    np.testing.assert_array_equal(leaf.sums(np.zeros((1, 5), np.float32)), [[30] * 5, [270] * 5])
    assert replace(leaf).n_classes == 2
