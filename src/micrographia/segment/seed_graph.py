"""Costs of a cut and ways of a random walk between the nodes of a graph, be they pixels or regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.geometry.approximate_elimination import GroundedGraph

OBJECT, BACKGROUND = 1, 2
"""Seeds of a cut."""


def check_hindrance(name: str, value: float) -> None:
    """Raise RequestError where this beta or sharpness is below 0, infinite or NaN."""
    if not (np.isfinite(value) and value >= 0):
        raise RequestError(
            f"{name} must be a number of 0 or more, not {value}: below 0, borders would avoid steps in intensity."
        )


def check_kinds(seeds: np.ndarray) -> None:
    """Raise InputError where there are not seeds of two kinds."""
    if len(np.unique(seeds[seeds > 0])) < 2:
        raise InputError("Paint seeds of at least two kinds, for example of an object and of the background.")


def check_cut(seeds: np.ndarray) -> None:
    """Raise InputError where some seeds are neither of an object nor of background."""
    if seeds.max(initial=0) > BACKGROUND:
        raise InputError("The seeds of a graph cut are 1 for the object and 2 for the background.")


def pixel_pairs(shape: Sequence[int]) -> np.ndarray:
    """Flat positions (2, E) of pixels or voxels that share an edge or a face."""
    place = np.arange(np.prod(shape)).reshape(shape)
    ends = [np.stack([np.take(place, range(i, n - 1 + i), k).ravel() for i in (0, 1)]) for k, n in enumerate(shape)]
    return np.concatenate(ends, axis=1)


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
    return np.exp(-beta * (steps**2 / (10 * spread))) + 1e-10


def first_reached(pairs: np.ndarray, weights: np.ndarray, seeds: np.ndarray, *, most: int = 500) -> np.ndarray:
    """The seed that a random walker from each node most likely reaches first (Grady 2006, eq. 11).

    Parameters
    ----------
    pairs : (2, E) integer array
        Nodes that are neighbours.
    weights : (E,) float array
        How easily the walker goes between them, above 0.
    seeds : (N,) integer array
        Numbers above 0 where a label is known, 0 elsewhere.
    most : int
        Steps after which it is given up; 10 to 30 are usual.

    Returns
    -------
    (N,) int64 array
        A seed's number for each node; 0 where no way leads to a seed.

    Raises
    ------
    RequestError
        Where the equations are not solved after so many steps.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import connected_components

    count = len(seeds)
    graph = csr_array(coo_array((weights, tuple(pairs)), shape=(count, count)))
    graph = graph + graph.T
    graph.eliminate_zeros()
    pieces, piece = connected_components(graph, directed=False)
    reachable = (np.bincount(piece, seeds > 0, pieces) > 0)[piece]
    unknown, known = np.flatnonzero((seeds == 0) & reachable), np.flatnonzero(seeds > 0)
    found = seeds.astype(np.int64)
    if not len(unknown):
        return found
    rows = graph[unknown]
    among, onto = rows[:, unknown], rows[:, known]
    walk = GroundedGraph(among.indptr, among.indices, among.data, np.asarray(onto.sum(axis=1)).ravel())
    numbers = np.unique(seeds[known])
    best, highest, rest = np.full(len(unknown), numbers[-1]), np.zeros(len(unknown)), np.ones(len(unknown))
    for number in numbers[:-1]:
        try:
            chance = walk.solve(onto @ (seeds[known] == number).astype(np.float64), most)
        except ArithmeticError:
            raise RequestError(
                "The random walker does not settle: take a smaller beta, or regions of more pixels."
            ) from None
        rest -= chance
        better = chance > highest
        best[better], highest[better] = number, chance[better]
    best[rest > highest] = numbers[-1]  # every walk ends at a seed, so what is left is the chance of the last one
    found[unknown] = best
    return found
