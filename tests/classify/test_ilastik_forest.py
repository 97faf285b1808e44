"""vigra's stored trees give the same leaves as our forest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_project import vigra_tree

from micrographia.arrays.errors import InputError
from micrographia.classify.ilastik.stored_forest import below, forest_from_vigra

numbers32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(x=numbers32, threshold=numbers32 | st.floats(-3e38, 3e38))
def test_at_most_the_number_below_a_threshold_is_less_than_the_threshold(x, threshold):
    assert (np.float32(x) <= below(np.array([threshold]))[0]) == (float(x) < threshold)


votes = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)
nodes = st.recursive(votes, lambda inner: st.tuples(st.integers(0, 3), st.floats(-2, 2), inner, inner), max_leaves=12)


@settings(deadline=None, max_examples=25)
@given(roots=st.lists(nodes, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_every_sample_comes_to_the_same_leaf(roots, seed):
    samples = np.random.default_rng(seed).normal(size=(4, 8)).astype(np.float32)
    order = np.array([2, 0, 3, 1])  # ours for each of ilastik's
    forest = forest_from_vigra([vigra_tree(root, 4, 3) for root in roots], order, [0, 2, 3], 5, "forest")
    assert forest.votes.shape == (len(forest.feature), 5)
    for tree, root in enumerate(roots):
        for sample in samples.T:
            node, own = root, forest.roots[tree]
            while not isinstance(node, list):
                node = node[2] if sample[order[node[0]]] < node[1] else node[3]
            while forest.feature[own] >= 0:
                left = sample[forest.feature[own]] <= forest.threshold[own]
                own = forest.left[own] if left else forest.right[own]
            expected = np.zeros(5)
            expected[[0, 2, 3]] = np.divide(node, sum(node))
            np.testing.assert_allclose(forest.votes[own], expected, atol=1e-7)


def stump():
    return vigra_tree((0, 0.5, [1, 0], [0, 1]), 2)


def damaged(change):
    topology, parameters = stump()
    return change(topology, parameters) or (topology, parameters)


def _loop(topology, parameters):
    topology[4] = 2  # the root's first child is the root


def _nowhere(topology, parameters):
    topology[4] = 99


def _no_feature(topology, parameters):
    topology[6] = 7


def _no_votes(topology, parameters):
    parameters[2:] = 0


def _other_split(topology, parameters):
    topology[2] = 1  # a hyperplane


def _short(topology, parameters):
    return topology, parameters[:-1]


def _backwards(topology, parameters):
    topology[4] = 0


def _no_root(topology, parameters):
    return topology[:3], parameters


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_loop, "lead back to themselves"),
        (_nowhere, "a node is cut off"),
        (_no_feature, "a feature that there is not"),
        (_no_votes, "a leaf is empty"),
        (_other_split, "other splits than thresholds"),
        (_short, "numbers are missing"),
        (_backwards, "nodes are missing"),
        (_no_root, "a node is cut off"),
    ],
)
def test_a_damaged_tree_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        forest_from_vigra([stump(), damaged(change)], np.arange(2), [0, 1], 2, "forest")


def test_a_forest_of_other_features_or_without_trees_is_refused():
    with pytest.raises(InputError, match="trained on 2 features, but 3 are selected"):
        forest_from_vigra([stump()], np.arange(3), [0, 1], 2, "forest")
    other = stump()
    other[0][0] = 999
    with pytest.raises(InputError, match="is damaged .* number of features"):
        forest_from_vigra([stump(), other], np.arange(2), [0, 1], 2, "forest")
    with pytest.raises(InputError, match="has no trees"):
        forest_from_vigra([], np.arange(3), [0, 1], 2, "forest")
