"""The equations of a grounded graph against exact elimination."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from micrographia.geometry.approximate_elimination import GroundedGraph, solve_numpy


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.floats(0, 10), st.floats(0.02, 1))
def test_unknowns_are_right_to_some_millionths_whatever_the_weights(seed, count, decades, density):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((count, count)) < density, 1)
    upper[np.arange(count - 1), np.arange(1, count)] = True
    dense = np.where(upper, 10.0 ** rng.uniform(-decades, 0, upper.shape), 0)
    dense += dense.T
    ground = np.where(rng.random(count) < 0.2, rng.random(count), 0)
    ground[rng.integers(count)] = 1
    right = ground * rng.random(count)  # as of chances: what lies between 0 and 1 on the ground does so everywhere
    found = solved(dense, ground, right)
    assert found == pytest.approx(solve_numpy(dense, ground, right), abs=1e-5)
    assert found.min() > -1e-5 and found.max() < 1 + 1e-5


def solved(dense, ground, right, most=80):
    sparse = csr_array(dense)
    return GroundedGraph(sparse.indptr, sparse.indices, sparse.data, ground).solve(right, most)


def test_the_reference_solves_the_equations():
    rng = np.random.default_rng(0)
    dense = np.triu(rng.random((9, 9)), 1)
    dense += dense.T
    ground, right = rng.random(9), rng.random(9)
    exact = np.linalg.solve(np.diag(ground + dense.sum(axis=0)) - dense, right)
    assert solve_numpy(dense, ground, right) == pytest.approx(exact)


def test_what_is_not_solved_is_no_answer():
    dense = np.triu(np.ones((30, 30)), 1) + np.tril(np.ones((30, 30)), -1)
    dense[::2, ::3] = dense[::3, ::2] = 0
    ground = np.eye(30)[0]
    with pytest.raises(ArithmeticError):
        solved(dense, ground, np.random.default_rng(0).random(30), most=1)
    with pytest.raises(ArithmeticError):
        solved(dense, ground, np.full(30, np.nan))
