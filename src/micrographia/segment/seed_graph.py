"""Costs of a cut and ways of a random walk between the nodes of a graph, be they pixels or regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

OBJECT, BACKGROUND = 1, 2
"""Seeds of a cut."""

_DIRECT = 1_000_000
"""Most unknowns that are solved for directly: 15 s and 2 GB."""


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
    return np.exp(-beta / (10 * spread) * steps**2) + 1e-10


def first_reached(
    pairs: np.ndarray, weights: np.ndarray, seeds: np.ndarray, *, flat: bool, most: int = 20_000
) -> np.ndarray:
    """The seed that a random walker from each node most likely reaches first (Grady 2006, eq. 11).

    Parameters
    ----------
    pairs : (2, E) integer array
        Nodes that are neighbours.
    weights : (E,) float array
        How easily the walker goes between them.
    seeds : (N,) integer array
        Numbers above 0 where a label is known, 0 elsewhere.
    flat : bool
        Whether the nodes lie in a plane. Up to a million of them are solved for directly, those of volumes and more by
        conjugate gradients.
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
    solve = _directly(laplacian) if flat and len(unknown) <= _DIRECT else _step_by_step(laplacian, most)
    numbers = np.unique(seeds[known])
    best, highest, rest = np.full(len(unknown), numbers[-1]), np.zeros(len(unknown)), np.ones(len(unknown))
    for number in numbers[:-1]:
        chance = solve(onto @ (seeds[known] == number).astype(np.float64))
        rest -= chance
        better = chance > highest
        best[better], highest[better] = number, chance[better]
    best[rest > highest] = numbers[-1]  # every walk ends at a seed, so what is left is the chance of the last one
    found[unknown] = best
    return found


def _directly(laplacian: csr_array) -> Callable[[np.ndarray], np.ndarray]:
    from scipy.sparse.linalg import splu

    symmetric = {"SymmetricMode": True}
    factors = splu(laplacian.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    return lambda right: np.asarray(factors.solve(right))


def _step_by_step(laplacian: csr_array, most: int) -> Callable[[np.ndarray], np.ndarray]:
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import cg

    scale = diags_array(1 / laplacian.diagonal())

    def solve(right: np.ndarray) -> np.ndarray:
        found, failed = cg(laplacian, right, rtol=1e-6, maxiter=most, M=scale)
        if failed:
            raise InputError("The random walker does not settle: take a smaller beta, or regions of more pixels.")
        return np.asarray(found)

    return solve
