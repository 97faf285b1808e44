"""Which objects, once labelled, would make a linear classifier surest of all others: optimal experimental design.

A logistic regression with weights w ~ N(0, s I) that has seen the objects L knows its weights up to the covariance

    A^-1,   A = I / s + sum over L of u_x x x',   u_x = 1 - sum over k of p_k(x)^2,

and one more object x takes from the variance of its scores, summed over all objects z weighted with u_z,

    u_x |M^(1/2) A^-1 x|^2 / (1 + u_x x' A^-1 x),   M = mean over z of u_z z z'.

Objects are chosen one after another by this number, A changing with each (Sherman and Morrison): unsure ones, which
stand for many others, and which differ from each other. It is the V-optimal design for the weights u (MacKay 1992,
Neural Computation 4, 590-604), as Ash et al. (2021, NeurIPS, "BAIT") use it for the last layer of a network, with one
Fisher information for all classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STRENGTH = 0.03
"""Variance s of the weights of standardised features, as the object classifier's logistic regression has it."""

CANDIDATES = 6000
"""Objects that are considered at most; of more, so many are drawn."""

_STAND_FOR_ALL = 20_000


def most_informative(
    points: np.ndarray,
    probabilities: np.ndarray,
    free: np.ndarray,
    known: Sequence[int] | np.ndarray,
    count: int,
    rng: np.random.Generator,
    *,
    strength: float = STRENGTH,
) -> tuple[np.ndarray, np.ndarray]:
    """Objects whose classes would teach most together, the best first.

    Parameters
    ----------
    points : (N, d) float32 array
        Standardised features on their principal axes
        (:class:`micrographia.classify.objects.feature_space.FeatureSpace`).
    probabilities : (K, N) array
        Probability of each class; an object with NaN teaches nothing and stands for nothing.
    free : (N,) bool array
        Which may be chosen.
    known : sequence of int
        Rows of the objects that have a class.
    count : int
        How many.
    rng : numpy.random.Generator
        Draws the candidates where there are many objects.
    strength : float
        Variance of the weights before anything is known.

    Returns
    -------
    rows : (n,) int64 array
        `count` rows, or all free ones where there are fewer.
    scores : (n,) float array
        What each takes from the mean variance.
    """
    unsure = 1 - (np.asarray(probabilities, np.float64) ** 2).sum(axis=0)
    unsure[np.isnan(unsure)] = 0
    rows = np.sort(rng.permutation(np.flatnonzero(free))[:CANDIDATES])
    known = np.asarray(known, np.int64)
    every = rng.permutation(len(points))[:_STAND_FOR_ALL]
    seen = points[known].astype(np.float64)
    learned = np.eye(points.shape[1]) / strength + (seen * unsure[known, None]).T @ seen
    others = points[every].astype(np.float64)
    wanted = (others * unsure[every, None]).T @ others / len(every)
    x, u = points[rows].astype(np.float64), unsure[rows]
    # Rows of x A^-1, which change with every choice.
    turned = np.linalg.solve(learned, x.T).T
    open_ = np.ones(len(rows), bool)
    chosen, scores = [], []
    for _ in range(min(count, len(rows))):
        spread = u / (1 + u * (turned * x).sum(axis=1))
        gain = spread * ((turned @ wanted) * turned).sum(axis=1)
        best = int(np.where(open_, gain, -1).argmax())
        open_[best] = False
        chosen.append(best)
        scores.append(float(gain[best]))
        turned -= spread[best] * np.outer(x @ turned[best], turned[best])
    return rows[chosen], np.array(scores)
