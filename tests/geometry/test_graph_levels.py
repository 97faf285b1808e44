"""Coarser graphs: the pairs against a plain loop, and what conjugate gradients find with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg, spsolve

from micrographia.geometry import graph_levels
from micrographia.geometry.graph_levels import heaviest_pairs, level_cycle


def grounded(rng, shape, decades):
    """The Laplacian of a grid with weights over some powers of ten, and a few nodes that lead out of it."""
    place = np.arange(np.prod(shape)).reshape(shape)
    ends = [np.stack([np.delete(place, i, k).ravel() for i in (-1, 0)]) for k in range(len(shape))]
    one, other = np.concatenate(ends, axis=1)
    weights = 10 ** rng.uniform(-decades, 0, len(one))
    graph = csr_array(coo_array((weights, (one, other)), shape=(place.size,) * 2))
    graph = graph + graph.T
    out = np.zeros(place.size)
    out[rng.permutation(place.size)[:3]] = rng.uniform(0.1, 1, 3)
    return csr_array(diags_array(graph.sum(axis=1) + out) - graph), out


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(7, 9), (3, 4, 5), (1, 20)]))
def test_pairs_are_those_of_a_plain_loop(seed, shape):
    matrix, _ = grounded(np.random.default_rng(seed), shape, 3)
    dense = matrix.toarray()
    free, wanted = list(range(len(dense))), np.zeros(len(dense), int)
    count = 0
    while free:
        node = free.pop(0)
        joined = min(free, key=lambda other: dense[node, other], default=None)
        wanted[node] = count
        if joined is not None and dense[node, joined] < 0:
            wanted[joined] = count
            free.remove(joined)
        count += 1
    pair, found = heaviest_pairs(matrix.indptr, matrix.indices, matrix.data)
    assert pair.tolist() == wanted.tolist() and found == count


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(23, 31), (7, 8, 9)]), st.integers(0, 3))
def test_few_steps_solve_the_equations(seed, shape, decades):
    matrix, out = grounded(np.random.default_rng(seed), shape, decades)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_levels, "_FEW", 10)
        nearly = level_cycle(matrix)
    inverse = np.stack([nearly @ row for row in np.eye(len(out))])
    assert np.allclose(inverse, inverse.T, rtol=1e-6, atol=1e-9 * abs(inverse).max())
    found, failed = cg(matrix, out, rtol=1e-8, maxiter=100, M=nearly)
    assert not failed
    assert found == pytest.approx(spsolve(matrix.tocsc(), out), abs=1e-5)


def test_a_star_of_which_no_level_gets_smaller():
    count = 5000
    hub, leaves = np.zeros(count, int), np.arange(1, count + 1)
    graph = csr_array(coo_array((np.ones(count), (hub, leaves)), shape=(count + 1,) * 2))
    graph = graph + graph.T
    out = np.zeros(count + 1)
    out[1] = 1.0
    matrix = csr_array(diags_array(graph.sum(axis=1) + out) - graph)
    found, failed = cg(matrix, out, rtol=1e-8, maxiter=3, M=level_cycle(matrix))
    assert not failed and found == pytest.approx(1.0, abs=1e-5)
