"""Classes spread from a few labelled objects to those like them, along a graph of nearest neighbours.

Zhou, Bousquet, Lal, Weston and Schölkopf (2004), "Learning with local and global consistency", NIPS 16: the limit of
F <- a S F + (1 - a) Y with the normalised graph S = D^-1/2 W D^-1/2. The edges are exp(-d^2 / (s_i s_j)), with s_i the
distance of an object's farthest neighbour (Zelnik-Manor and Perona 2004), so that nothing must be set by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBOURS = 10
"""Neighbours of each object in the graph."""

_AT_ONCE = 2**23
_ENOUGH = 1e-5
_STEPS = 500


def nearest_neighbours(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other points of each point.

    Parameters
    ----------
    points : (N, d) array
        More than one.
    k : int
        Fewer are given where there are not so many.

    Returns
    -------
    rows : (N, k) int array
    distance : (N, k) float array
    """
    # distances do not depend on the origin, but the rounding of squares does
    x = np.ascontiguousarray(points - np.mean(points, axis=0, dtype=np.float64), np.float32)
    own = (x**2).sum(axis=1)
    k = min(k, len(x) - 1)
    rows, distance = np.empty((len(x), k), np.int64), np.empty((len(x), k))
    step = max(1, _AT_ONCE // len(x))
    for start in range(0, len(x), step):
        part = x[start : start + step]
        squared = own - 2 * (part @ x.T)
        squared[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        rows[start : start + step] = near = np.argpartition(squared, k - 1, axis=1)[:, :k]
        distance[start : start + step] = np.sqrt(((part[:, None] - x[near]) ** 2).sum(axis=2))
    return rows, distance


def neighbour_graph(points: np.ndarray, k: int = NEIGHBOURS) -> csr_array:
    """Weights between neighbours, symmetric, 0 to 1.

    Parameters
    ----------
    points : (N, d) array
        Of a :class:`micrographia.classify.objects.feature_space.FeatureSpace`; time grows with N², 20,000 are quick.
    k : int
        Neighbours of each point; an edge is there where either is a neighbour of the other.

    Raises
    ------
    InputError
        Where there are fewer than two points, or one is not finite.
    RequestError
        Where k is below 1.
    """
    from scipy.sparse import csr_array

    if k < 1:
        raise RequestError(f"A graph of neighbours needs at least one neighbour of each object, not {k}.")
    if len(points) < 2:
        raise InputError(f"At least two objects are needed to spread classes; there are {len(points)}.")
    check_finite(points)
    rows, distance = nearest_neighbours(points, k)
    scale = np.maximum(distance.max(axis=1), 1e-12)
    weight = np.exp(-(distance**2) / (scale[:, None] * scale[rows]))
    start = np.arange(0, rows.size + 1, rows.shape[1])
    graph = csr_array((weight.ravel(), rows.ravel(), start), shape=(len(rows), len(rows)))
    return graph.maximum(graph.T).tocsr()


def check_finite(objects: np.ndarray) -> None:
    """Raise InputError where a number of objects (N, ...) is NaN or infinite; the first such object is named."""
    bad = np.flatnonzero(~np.isfinite(objects).reshape(len(objects), -1).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad):,} of {len(objects):,} objects have numbers that are NaN or infinite, first object {bad[0]} "
            "(from 0); fill them in, or leave these objects out."
        )


def checked_classes(classes: np.ndarray, n_objects: int, n_classes: int) -> np.ndarray:
    """Classes as an array (N,).

    Raises
    ------
    InputError
        Where there is not one for each object, or they are no whole numbers below the number of classes.
    """
    classes = np.asarray(classes)
    if classes.shape != (n_objects,):
        raise InputError(f"Classes of shape {classes.shape} do not fit {n_objects:,} objects: each needs one.")
    if classes.dtype.kind not in "iu":
        raise InputError(f"Classes are whole numbers from 0, and -1 where an object has none, not {classes.dtype}.")
    if classes.max(initial=-1) >= n_classes:
        raise InputError(f"Classes must be numbered 0 to {n_classes - 1}; these go to {classes.max()}.")
    return classes


def spread_labels(graph: csr_array, classes: np.ndarray, n_classes: int, alpha: float = 0.9) -> np.ndarray:
    """Class probabilities of all objects.

    Parameters
    ----------
    graph : (N, N) sparse array
        As `neighbour_graph` makes it.
    classes : (N,) int array
        Class of each object from 0, -1 where it has none.
    n_classes : int
        Number of classes K.
    alpha : float
        0 to below 1: how far classes spread; the given ones may be overruled by their neighbours.

    Returns
    -------
    (K, N) float32 array
        Every class has the same influence in all, however many objects have it. NaN for objects that no path connects
        with a labelled one.

    Raises
    ------
    InputError
        Where no object has a class, or the classes do not fit the graph or their number.
    RequestError
        Where alpha is out of its range.
    """
    classes = checked_classes(classes, graph.shape[0], n_classes)
    known = np.flatnonzero(classes >= 0)
    if not len(known):
        raise InputError("No object has a class that could be spread.")
    given = np.zeros((len(classes), n_classes))
    given[known, classes[known]] = 1 / np.bincount(classes[known], minlength=n_classes)[classes[known]]
    return _spread(graph, given, alpha)


def smooth_labels(graph: csr_array, classes: np.ndarray, probabilities: np.ndarray, alpha: float = 0.8) -> np.ndarray:
    """Class probabilities of all objects, made more like those of their neighbours.

    Parameters
    ----------
    graph : (N, N) sparse array
        As `neighbour_graph` makes it.
    classes : (N,) int array
        Class of each object from 0, -1 where it has none.
    probabilities : (K, N) array
        What a classifier says; of objects that have a class, the class counts.
    alpha : float
        0 to below 1: how far they spread.

    Returns
    -------
    (K, N) float32 array

    Raises
    ------
    InputError
        Where classes or probabilities do not fit the graph, or probabilities are not finite.
    RequestError
        Where alpha is out of its range.
    """
    if np.ndim(probabilities) != 2 or np.shape(probabilities)[1] != graph.shape[0]:
        shape = np.shape(probabilities)
        raise InputError(f"Probabilities of shape {shape} do not fit {graph.shape[0]:,} objects: (K, N) are needed.")
    classes = checked_classes(classes, graph.shape[0], len(probabilities))
    check_finite(np.transpose(probabilities))
    given = np.array(probabilities, np.float64).T
    known = np.flatnonzero(classes >= 0)
    given[known] = np.eye(given.shape[1])[classes[known]]
    return _spread(graph, given, alpha)


def _spread(graph: csr_array, given: np.ndarray, alpha: float) -> np.ndarray:
    """The limit of F <- a S F + (1 - a) Y, each row divided by its sum."""
    from scipy.sparse import dia_array

    if not 0 <= alpha < 1:
        raise RequestError(f"Classes spread by an alpha of 0 to below 1, not {alpha}.")
    root = 1 / np.sqrt(np.maximum(graph.sum(axis=1), 1e-300))
    scaling = dia_array((root[None], [0]), shape=graph.shape)
    smooth = (scaling @ graph @ scaling).tocsr()
    found = given.copy()
    for _ in range(_STEPS):
        last, found = found, alpha * (smooth @ found) + (1 - alpha) * given
        if np.abs(found - last).max() <= _ENOUGH * found.max():
            break
    total = found.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, found / total, np.nan).T.astype(np.float32)
