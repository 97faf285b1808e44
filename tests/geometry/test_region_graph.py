"""Region graphs and their agglomeration against plain references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.agglomeration import agglomerate, agglomerate_python
from micrographia.geometry.region_graph import merged, region_graph, region_graph_numpy


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(9, 11), (1, 7), (4, 5, 6)]), st.integers(1, 9))
def test_graph_equals_the_reference(seed, shape, labels):
    image = np.random.default_rng(seed).integers(0, labels + 1, shape)
    found, expected = region_graph(image), region_graph_numpy(image)
    assert found.regions == expected.regions
    for name in ("edges", "first", "pairs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def random_graph(rng, regions):
    every = np.array([(i, j) for i in range(1, regions + 1) for j in range(i + 1, regions + 1)])
    edges = rng.permutation(every)[: rng.integers(0, len(every) + 1)]
    return edges, rng.normal(size=len(edges)), rng.integers(1, 6, len(edges))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.sampled_from(["sum", "mean"]), st.booleans())
def test_agglomeration_equals_the_reference(seed, regions, linkage, equal):
    rng = np.random.default_rng(seed)
    edges, weights, sizes = random_graph(rng, regions)
    weights = np.round(weights) if equal else weights
    options = {"sizes": sizes, "linkage": linkage, "threshold": 0.25}
    np.testing.assert_array_equal(
        agglomerate(edges, weights, regions, **options), agglomerate_python(edges, weights, regions, **options)
    )


def test_repulsion_of_many_outweighs_attraction_of_one():
    # a square of regions: 1 attracts 2 and 3, which repel each other twice (over 4)
    edges = [(1, 2), (1, 3), (2, 3)]
    together = agglomerate(edges, [2.0, 1.0, -0.5], 3)
    apart = agglomerate(edges, [2.0, 1.0, -1.5], 3)
    assert together.tolist() == [0, 1, 1, 1]
    assert apart.tolist() == [0, 1, 1, 2]


def test_regions_keep_their_order_and_all_pixels():
    labels = np.array([[3, 3, 1], [2, 2, 1], [0, 4, 4]])
    graph = region_graph(labels)
    joined = merged(labels, agglomerate(graph.edges, np.arange(len(graph.edges)) - 3.5, graph.regions))
    assert joined.dtype == np.int32
    np.testing.assert_array_equal(joined > 0, labels > 0)


def test_many_parallel_edges_are_joined():
    """The hash table is entered anew many times."""
    rng = np.random.default_rng(0)
    edges = np.unique(np.sort(rng.integers(1, 301, (9000, 2)), axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    node = agglomerate(edges, np.ones(len(edges)), 300)
    assert set(node[1:]) == {1}


def test_bad_input():
    with pytest.raises(ValueError, match="linkage"):
        agglomerate([(1, 2)], [1.0], 2, linkage="single")
    with pytest.raises(ValueError, match="weights"):
        agglomerate([(1, 2)], [1.0, 2.0], 2)
    with pytest.raises(ValueError, match="numbers"):
        agglomerate([(1, 2)], [np.nan], 2)
    with pytest.raises(ValueError, match="different regions"):
        agglomerate([(1, 3)], [1.0], 2)
    with pytest.raises(ValueError, match="labels"):
        region_graph(np.array([[-1, 2]]))
