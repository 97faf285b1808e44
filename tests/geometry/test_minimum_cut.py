"""The cheapest cut: against every cut there is, and against another program's maximum flow."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from micrographia.geometry.minimum_cut import minimum_cut
from micrographia.segment.seed_graph import pixel_pairs


def price(inside, pairs, costs):
    return costs[inside[pairs[0]] != inside[pairs[1]]].sum()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(3, 9), st.booleans())
def test_of_all_cheapest_cuts_the_one_with_the_fewest_nodes(seed, count, whole):
    rng = np.random.default_rng(seed)
    pairs = np.array([(a, b) for a in range(count) for b in range(a + 1, count) if rng.random() < 0.6] or [(0, 1)]).T
    costs = rng.integers(1, 5, pairs.shape[1]).astype(float) if whole else rng.random(pairs.shape[1]) ** 4 * 1e6
    side = np.arange(count)
    found = minimum_cut(pairs, costs, side == 0, side == 1)
    cuts = [np.array([True, False, *rest]) for rest in product((True, False), repeat=count - 2)]
    prices = np.array([price(cut, pairs, costs) for cut in cuts])
    best = [cut for cut, paid in zip(cuts, prices, strict=True) if paid <= prices.min() * (1 + 1e-12)]
    assert found.tolist() == min(best, key=np.count_nonzero).tolist()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 40), (23, 31), (5, 8, 9)]), st.integers(1, 1000))
def test_the_flow_is_that_of_scipy(seed, shape, dearest):
    rng = np.random.default_rng(seed)
    count, pairs = int(np.prod(shape)), pixel_pairs(shape)
    costs = rng.integers(1, dearest + 1, pairs.shape[1])
    seeds = rng.permutation(count)[: 2 * max(1, count // 60)].reshape(2, -1)
    sides = [np.isin(np.arange(count), some) for some in seeds]
    found = minimum_cut(pairs, costs.astype(float), *sides)
    many = np.full(seeds.shape[1], 10**7)
    rows = np.concatenate([pairs[0], pairs[1], np.full(len(many), count), seeds[1]])
    columns = np.concatenate([pairs[1], pairs[0], seeds[0], np.full(len(many), count + 1)])
    capacity = np.concatenate([costs, costs, many, many]).astype(np.int32)
    graph = csr_array(coo_array((capacity, (rows, columns)), shape=(count + 2,) * 2))
    flow = maximum_flow(graph, count, count + 1)
    left = graph - flow.flow
    left.eliminate_zeros()
    reached = np.isin(np.arange(count), breadth_first_order(left, count, return_predecessors=False))
    assert price(found, pairs, costs) == flow.flow_value
    assert (found == reached).all()


def test_costs_beyond_int32_and_no_costs_at_all():
    pairs = np.array([[0, 1, 2], [1, 2, 3]])
    ends = np.eye(4, dtype=bool)[[0, 3]]
    assert minimum_cut(pairs, np.array([4e9, 1e9, 3e9]), *ends).tolist() == [True, True, False, False]
    assert minimum_cut(pairs, np.array([4e-9, 3e-9, 1e-9]), *ends).tolist() == [True, True, True, False]
    assert minimum_cut(pairs[:, :2], np.zeros(2), *ends).tolist() == [True, True, True, False]


def test_what_no_edge_leads_to_is_not_inside():
    ends = np.eye(3, dtype=bool)[:2]
    assert minimum_cut(np.array([[0], [1]]), np.ones(1), *ends).tolist() == [True, False, False]
    assert minimum_cut(np.zeros((2, 0), int), np.zeros(0), *ends).tolist() == [True, False, False]
