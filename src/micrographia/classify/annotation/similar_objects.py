"""The objects most like some chosen ones."""

from __future__ import annotations

import numpy as np

_AT_ONCE = 2**22


def nearest_distance(points: np.ndarray, to: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each point is from the nearest of some others.

    Parameters
    ----------
    points : (N, d) float32 array
    to : (m, d) float32 array
        At least one.

    Returns
    -------
    distance : (N,) float32 array
    which : (N,) int64 array
        The nearest one, as a row of `to`.
    """
    to = np.ascontiguousarray(to, np.float32)
    own = (to**2).sum(axis=1)
    distance, which = np.empty(len(points), np.float32), np.empty(len(points), np.int64)
    step = max(1, _AT_ONCE // len(to))
    for start in range(0, len(points), step):
        x = np.asarray(points[start : start + step], np.float32)
        which[start : start + step] = near = (own - 2 * (x @ to.T)).argmin(axis=1)
        # The distance again, exactly: the difference above loses the digits that small distances need.
        distance[start : start + step] = np.sqrt(((x - to[near]) ** 2).sum(axis=1))
    return distance, which


def most_similar(
    points: np.ndarray, chosen: np.ndarray, count: int, free: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The objects nearest to any of the chosen ones, the nearest first.

    Parameters
    ----------
    points : (N, d) float32 array
        Of a :class:`micrographia.classify.objects.feature_space.FeatureSpace`.
    chosen : (m,) int array
        Rows of the chosen objects; they are not found themselves.
    count : int
        How many are wanted.
    free : (N,) bool array, optional
        Which may be found.

    Returns
    -------
    rows : (n,) int64 array
        `count` rows, or fewer where there are no more.
    distance : (n,) float32 array
    like : (n,) int64 array
        The chosen object that each resembles, as a row of `points`.
    """
    allowed = np.ones(len(points), bool) if free is None else free.copy()
    allowed[chosen] = False
    rows = np.flatnonzero(allowed)
    if not len(rows) or not len(chosen) or count < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64)
    distance, which = nearest_distance(points[rows], points[chosen])
    some = np.argpartition(distance, min(count, len(rows)) - 1)[:count]
    some = some[np.argsort(distance[some], kind="stable")]
    return rows[some], distance[some], np.asarray(chosen, np.int64)[which[some]]
