"""From seeds to all nodes of a graph, be they pixels or regions: the cheapest cut and the random walk."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError

OBJECT, BACKGROUND = 1, 2
"""Seeds of a cut."""

_FINEST = 1000.0
_MOST = np.iinfo(np.int32).max // 4


def check_kinds(seeds: np.ndarray) -> None:
    """Raise InputError where there are not seeds of two kinds."""
    if len(np.unique(seeds[seeds > 0])) < 2:
        raise InputError("Paint seeds of at least two kinds, for example of an object and of the background.")


def check_cut(seeds: np.ndarray) -> None:
    """Raise InputError where some seeds are neither of an object nor of background."""
    if seeds.max(initial=0) > BACKGROUND:
        raise InputError("The seeds of a graph cut are 1 for the object and 2 for the background.")


def cutting(values: np.ndarray, pairs: np.ndarray, sharpness: float) -> np.ndarray:
    """What it costs to cut between neighbours: exp(-sharpness · d) for intensities that differ by d.

    Parameters
    ----------
    values : (N,) float array
        Intensity of each node, 0 to 1.
    pairs : (2, E) integer array
        Nodes that are neighbours.
    sharpness : float
        More makes the cut follow steps in intensity, less makes it short.

    Returns
    -------
    (E,) float64 array
    """
    return np.exp(-sharpness * np.abs(values[pairs[0]] - values[pairs[1]]).astype(np.float64))


def cheapest_cut(pairs: np.ndarray, costs: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The nodes on the object's side of the cheapest cut (Boykov & Jolly 2001, ICCV), as a maximum flow.

    Parameters
    ----------
    pairs : (2, E) integer array
        Nodes that are neighbours.
    costs : (E,) float array
        Of cutting between them, rounded to whole thousandths, coarser where the cut costs millions.
    seeds : (N,) integer array
        `OBJECT`, `BACKGROUND` or 0.

    Returns
    -------
    (N,) bool array
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = len(seeds)
    inner, outer = np.flatnonzero(seeds == OBJECT), np.flatnonzero(seeds == BACKGROUND)
    around = np.bincount(pairs.ravel(), np.tile(costs, 2), count)
    dearest = max(1.0, min(float(around[inner].sum()), float(around[outer].sum())))
    unit = min(_FINEST, _MOST / dearest)  # so that no flow leaves int32
    cost = np.clip(np.rint(unit * costs), 1, _MOST)
    never = np.minimum(2 * unit * around + 2 * _FINEST, _MOST)
    source, sink = count, count + 1
    rows = np.concatenate([pairs[0], pairs[1], np.full(len(inner), source), outer])
    columns = np.concatenate([pairs[1], pairs[0], inner, np.full(len(outer), sink)])
    capacity = np.concatenate([cost, cost, never[inner], never[outer]]).astype(np.int32)
    graph = csr_array(coo_array((capacity, (rows, columns)), shape=(count + 2,) * 2))
    left = graph - maximum_flow(graph, source, sink).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = np.zeros(count + 2, bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return reached[:count]


def walking(values: np.ndarray, pairs: np.ndarray, beta: float, spread: float) -> np.ndarray:
    """How easily a random walker goes between neighbours, as in scikit-image's ``random_walker``.

    Parameters
    ----------
    values : (N,) float array
        Intensity of each node.
    pairs : (2, E) integer array
        Nodes that are neighbours.
    beta : float
        How much a step in intensity hinders.
    spread : float
        Standard deviation of the image.

    Returns
    -------
    (E,) float64 array

    Raises
    ------
    InputError
        Where the image is constant.
    """
    if not spread:
        raise InputError("The image is constant: there are no steps in intensity that could keep a random walker back.")
    steps = (values[pairs[0]] - values[pairs[1]]).astype(np.float64)
    return np.exp(-beta / (10 * spread) * steps**2) + 1e-10


def first_reached(pairs: np.ndarray, weights: np.ndarray, seeds: np.ndarray, *, most: int = 20_000) -> np.ndarray:
    """The seed that a random walker from each node most likely reaches first (Grady 2006, eq. 11).

    Parameters
    ----------
    pairs : (2, E) integer array
        Nodes that are neighbours.
    weights : (E,) float array
        How easily the walker goes between them.
    seeds : (N,) integer array
        Numbers above 0 where a label is known, 0 elsewhere.
    most : int
        Steps of the conjugate gradients after which it is given up.

    Returns
    -------
    (N,) int64 array
        A seed's number for each node; 0 where no way leads to a seed.

    Raises
    ------
    InputError
        Where the equations cannot be solved.
    """
    from scipy.sparse import coo_array, csr_array, diags_array
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import cg

    count = len(seeds)
    graph = csr_array(coo_array((weights, tuple(pairs)), shape=(count, count)))
    graph = graph + graph.T
    pieces, piece = connected_components(graph, directed=False)
    reachable = (np.bincount(piece, seeds > 0, pieces) > 0)[piece]
    unknown, known = np.flatnonzero((seeds == 0) & reachable), np.flatnonzero(seeds > 0)
    found = seeds.astype(np.int64)
    if not len(unknown):
        return found
    degree = np.asarray(graph.sum(axis=1)).ravel()[unknown]
    laplacian = diags_array(degree) - graph[unknown][:, unknown]
    onto = graph[unknown][:, known]
    best, highest = np.zeros(len(unknown), np.int64), np.full(len(unknown), -1.0)
    for number in np.unique(seeds[known]):
        right = onto @ (seeds[known] == number).astype(np.float64)
        chance, failed = cg(laplacian, right, rtol=1e-6, maxiter=most, M=diags_array(1 / degree))
        if failed:
            raise InputError("The random walker does not settle: take a smaller beta, or regions of more pixels.")
        better = chance > highest
        best[better], highest[better] = number, chance[better]
    found[unknown] = best
    return found
