"""Coarser and coarser graphs, by which the equations of a large one are solved in a few steps.

Aggregation multigrid as a preconditioner (Notay 2010, "An aggregation-based algebraic multigrid method", ETNA 37:123):
nodes join in pairs along their heaviest edges, twice a level, until few are left, whose equations are solved directly.
A cycle goes down to each coarser level twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

_FEW = 2000
"""Nodes whose equations are solved directly."""

_STALLED = 0.8
"""Where a coarser level keeps more than this share of the nodes it is the last one."""

_DAMPED = 0.7
"""Step of the smoothing (Jacobi) before and after each coarser level."""


def level_cycle(matrix: csr_array) -> LinearOperator:
    """An approximate inverse, to be given to conjugate gradients.

    Parameters
    ----------
    matrix : (N, N) sparse array
        Symmetric and positive definite, what is not on its diagonal at most 0: the Laplacian of a graph from which
        some nodes of every connected part were taken away.

    Returns
    -------
    LinearOperator
        Symmetric and positive definite, too.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator, splu

    levels = []
    level = csr_array(matrix)
    while level.shape[0] > _FEW:
        coarser, joined = level, np.arange(level.shape[0])
        for _ in range(2):
            pair, count = heaviest_pairs(coarser.indptr, coarser.indices, coarser.data)
            onto = csr_array((np.ones(len(pair)), pair, np.arange(len(pair) + 1)), shape=(len(pair), count))
            coarser, joined = csr_array(onto.T @ coarser @ onto), pair[joined]
        if coarser.shape[0] > _STALLED * level.shape[0]:
            break
        onto = csr_array((np.ones(len(joined)), joined, np.arange(len(joined) + 1)), shape=(len(joined), count))
        levels.append((level, _DAMPED / level.diagonal(), onto, csr_array(onto.T)))
        level = coarser
    last = splu(level.tocsc())

    def cycle(k: int, right: np.ndarray) -> np.ndarray:
        if k == len(levels):
            return np.asarray(last.solve(right))
        matrix, step, onto, gathered = levels[k]
        found = step * right
        residual = gathered @ (right - matrix @ found)
        change = cycle(k + 1, residual)
        if k + 1 < len(levels):
            change = change + cycle(k + 1, residual - levels[k + 1][0] @ change)
        found = found + onto @ change
        return found + step * (right - matrix @ found)

    return LinearOperator(matrix.shape, lambda right: cycle(0, right.ravel()), dtype=np.float64)


@numba.njit(cache=True, nogil=True)
def heaviest_pairs(first, other, value):
    """Nodes joined in pairs: each, in turn, with the free one to which its entry is the most negative.

    Parameters
    ----------
    first, other, value
        ``indptr``, ``indices`` and ``data`` of a matrix in compressed sparse rows.

    Returns
    -------
    pair : (N,) int64 array
        The pair of each node, counted from 0; a node that found no free one is alone.
    count : int
        Number of pairs.
    """
    pair = np.full(len(first) - 1, -1, np.int64)
    count = 0
    for node in range(len(pair)):
        if pair[node] >= 0:
            continue
        chosen, lowest = node, 0.0
        for k in range(first[node], first[node + 1]):
            if other[k] != node and pair[other[k]] < 0 and value[k] < lowest:
                chosen, lowest = other[k], value[k]
        pair[node] = pair[chosen] = count
        count += 1
    return pair, count
