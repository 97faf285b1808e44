"""Phenotypes that nobody has named yet: clusters of alike objects that hold no, or hardly any, annotated object.

As the phenotype finder of Advanced Cell Classifier (Piccinini et al. 2017, Cell Systems 4, 651-655): annotated and
other objects are clustered hierarchically together (Ward 1963), and branches of the tree that hold no annotated object
are suggested. Branches of every size compete here, by how surprising it is that so many objects hold so few annotated
ones, -log P(at most k of n) with the share of annotated objects in the whole; and a branch close to those suggested
before counts less, so that the suggestions show different phenotypes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.annotation.similar_objects import nearest_distance

SAMPLE = 5000
"""Objects that are clustered at most; of more, half are drawn from all and half from the tenth least like any
annotated one."""

_CHANCE = 1e-5
_PAGE = 25
_MOST_KNOWN = 1500
_ODDEST = 0.1


@dataclass(frozen=True)
class Suggestion:
    """One cluster.

    Attributes
    ----------
    rows : (n,) int64 array
        Its objects without a class, the most central first.
    score : float
        Surprise (nats) times unlikeness to the suggestions before it.
    annotated : int
        How many annotated objects lie among them.
    """

    rows: np.ndarray
    score: float
    annotated: int


def find_phenotypes(
    points: np.ndarray,
    classes: np.ndarray,
    count: int = 10,
    *,
    smallest: int = 8,
    largest: int = 80,
    tolerance: float = 0.1,
    free: np.ndarray | None = None,
    seed: int = 0,
) -> list[Suggestion]:
    """Clusters that may be a phenotype without a class, the most surprising first.

    Parameters
    ----------
    points : (N, d) float32 array
        Of a :class:`micrographia.classify.objects.feature_space.FeatureSpace`, best of one that knows the classes.
    classes : (N,) int array
        Class of each object from 0, -1 where it has none.
    count : int
        Number of suggestions; fewer where there are no more such clusters.
    smallest, largest : int
        Objects of a cluster, of those that are clustered. Where many objects are annotated clusters stay smaller: 25,
        or as many as surprise (a chance of 1e-5) where none is annotated. Larger ones mix phenotypes that are close.
    tolerance : float
        Largest share of annotated objects in a cluster.
    free : (N,) bool array, optional
        Objects that may be suggested; all without a class otherwise.
    seed : int
        Chooses the objects that are clustered where there are many.

    Returns
    -------
    list of Suggestion

    Raises
    ------
    InputError
        Where no object has a class: there is nothing that clusters could be unlike.
    """
    from scipy.cluster.hierarchy import linkage

    annotated = classes >= 0
    if not annotated.any():
        raise InputError("No object has a class yet; annotate some, and clusters unlike them can be found.")
    open_ = ~annotated if free is None else free & ~annotated
    rows = _sample(points, annotated, open_, np.random.default_rng(seed))
    x, known = points[rows].astype(np.float64), annotated[rows]
    if len(rows) < 2 or known.all():
        return []
    tree = linkage(x, "ward")
    branches = _branches(tree, known, smallest, min(largest, _enough(known.mean())), tolerance)
    return _unlike(branches, rows, x, known, count)


@dataclass(frozen=True)
class _Branch:
    members: np.ndarray
    surprise: float


def _sample(points: np.ndarray, annotated: np.ndarray, free: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of the objects that are clustered."""
    known = np.flatnonzero(annotated)
    others = np.flatnonzero(free)
    if len(known) + len(others) <= SAMPLE:
        return np.sort(np.concatenate([known, others]))
    known = rng.permutation(known)[: max(_MOST_KNOWN, SAMPLE - len(others))]
    room = SAMPLE - len(known)
    if len(others) > room:
        distance, _ = nearest_distance(points[others], points[known])
        tail = max(room, int(_ODDEST * len(others)))
        odd = np.argpartition(-distance, tail - 1)[:tail]
        odd = rng.permutation(others[odd])[: room // 2]
        others = np.concatenate([odd, rng.permutation(np.setdiff1d(others, odd))[: room - len(odd)]])
    return np.sort(np.concatenate([known, others]))


def _enough(share: float) -> int:
    """Objects that hold no annotated one hardly by chance, at least a page of them."""
    return max(_PAGE, int(np.ceil(np.log(_CHANCE) / np.log1p(-share))))


def _branches(tree: np.ndarray, known: np.ndarray, smallest: int, largest: int, tolerance: float) -> list[_Branch]:
    """The branches of the right size with few annotated objects."""
    from scipy.stats import binom

    n = len(known)
    share = known.mean()
    members: dict[int, np.ndarray] = {k: np.array([k]) for k in range(n)}
    found = []
    for step, (a, b, _, size) in enumerate(tree):
        left, right = members.pop(int(a), None), members.pop(int(b), None)
        if left is None or right is None or size > largest:
            continue
        members[n + step] = own = np.concatenate([left, right])
        of = int(known[own].sum())
        if len(own) - of >= smallest and of <= tolerance * len(own):
            found.append(_Branch(own, float(-binom.logcdf(of, len(own), share))))
    return found


def _unlike(
    branches: list[_Branch], rows: np.ndarray, x: np.ndarray, known: np.ndarray, count: int
) -> list[Suggestion]:
    """The most surprising branches that share no object, each also unlike those before it."""
    centres = np.array([x[one.members].mean(axis=0) for one in branches]).reshape(len(branches), x.shape[1])
    spread = np.array([((x[one.members] - c) ** 2).sum(axis=1).mean() for one, c in zip(branches, centres)])
    surprise = np.array([one.surprise for one in branches])
    unlike, free, taken = np.ones(len(branches)), np.ones(len(branches), bool), np.zeros(len(x), bool)
    found: list[Suggestion] = []
    while len(found) < count and free.any():
        best = int(np.where(free, surprise * unlike, -1).argmax())
        own = branches[best].members
        near = np.argsort(((x[own] - centres[best]) ** 2).sum(axis=1), kind="stable")
        shown = own[near][~known[own[near]]]
        found.append(Suggestion(rows[shown], float((surprise * unlike)[best]), int(known[own].sum())))
        taken[own] = True
        free &= [not taken[one.members].any() for one in branches]
        squared = ((centres - centres[best]) ** 2).sum(axis=1)
        unlike = np.minimum(unlike, 1 - np.exp(-squared / np.maximum(spread + spread[best], 1e-12)))
    return found
