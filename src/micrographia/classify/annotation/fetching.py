"""Which objects to look at next: by class, at random, by uncertainty, by likeness, by rarity; none is shown twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.probabilities import as_probabilities
from micrographia.classify.annotation.informative_objects import most_informative
from micrographia.classify.annotation.phenotype_finder import Suggestion, find_phenotypes
from micrographia.classify.annotation.similar_objects import most_similar
from micrographia.classify.learners.uncertainty import UNCERTAINTIES

SHORTLIST = 4
"""Least sure objects that are considered for each one that is fetched as a diverse choice."""


@dataclass(frozen=True)
class Fetched:
    """Objects to look at.

    Attributes
    ----------
    rows : (n,) int64 array
        Rows of the table, the most wanted first.
    scores : (n,) float array
        Why each was chosen: probability, uncertainty, distance or surprise; comparable within one call.
    like : (n,) int64 array
        What it goes with: its class, the chosen object it resembles, or its cluster (from 0); -1 for nothing.
    """

    rows: np.ndarray
    scores: np.ndarray
    like: np.ndarray


class Fetcher:
    """Fetches objects of one table; safe in several threads.

    Parameters
    ----------
    points : (N, d) float32 array
        Of a :class:`micrographia.classify.objects.feature_space.FeatureSpace`: where the objects are alike.
    shown : sequence of int
        Rows that were looked at before, for example all annotated ones.
    seed : int
        Seed of all that is random.
    lacking : (N,) bool array, optional
        Objects whose measurements are missing, so that nothing is known of them: they are never fetched, nothing is
        like them, and they stand for nothing.
    """

    def __init__(
        self,
        points: np.ndarray,
        shown: Sequence[int] | np.ndarray = (),
        seed: int = 0,
        lacking: np.ndarray | None = None,
    ) -> None:
        self.points = points
        self.lacking = np.zeros(len(points), bool) if lacking is None else lacking
        self.free = ~self.lacking
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self.show(shown)

    def show(self, rows: Sequence[int] | np.ndarray) -> None:
        """Note that some objects were looked at: they are not fetched any more.

        Raises
        ------
        InputError
            Where the table has no such rows.
        """
        self.free[self._rows(rows)] = False

    def at_random(self, count: int) -> Fetched:
        """Any objects."""
        _check_count(count)
        with self._lock:
            rows = self._rng.permutation(np.flatnonzero(self.free))[:count]
            return self._shown(rows, np.zeros(len(rows)))

    def representative(self, count: int, known: Sequence[int] | np.ndarray = ()) -> Fetched:
        """Objects that stand for all others, where no model can say anything yet: a start.

        As `uncertain` with every class equally likely for every object.
        """
        _check_count(count)
        known = self._rows(known)
        with self._lock:
            p = np.where(self.lacking, np.nan, np.full((2, 1), 0.5))
            return self._shown(*most_informative(self.points, p, self.free, known, count, self._rng))

    def of_class(self, probabilities: np.ndarray, number: int, count: int, *, surest: bool = True) -> Fetched:
        """Objects that a model takes for one class.

        Parameters
        ----------
        probabilities : (K, N) array
            Probability of each class for all objects of the table; one with NaN is of no class.
        number : int
            The class, from 0.
        count : int
            How many.
        surest : bool
            The most probable first; otherwise any of them.
        """
        _check_count(count)
        p = self._checked(probabilities)
        if not 0 <= number < len(p):
            raise RequestError(f"There is no class number {number}; the model knows {len(p)}, from 0.")
        with self._lock:
            rows = np.flatnonzero(self.free & ~np.isnan(p).any(axis=0) & (p.argmax(axis=0) == number))
            own = -p[number, rows] if surest else self._rng.random(len(rows))
            rows = rows[np.argsort(own, kind="stable")][:count]
            return self._shown(rows, p[number, rows], np.full(len(rows), number))

    def uncertain(
        self,
        probabilities: np.ndarray,
        count: int,
        *,
        measure: str = "margin",
        diverse: bool = True,
        known: Sequence[int] | np.ndarray = (),
    ) -> Fetched:
        """Objects whose class would teach a model most (active learning).

        Parameters
        ----------
        probabilities : (K, N) array
            Probability of each class for all objects of the table; one with NaN is not fetched, since its class could
            not be learned from.
        count : int
            How many.
        measure : {"margin", "entropy"}
            Uncertainty (Scheffer et al. 2001).
        diverse : bool
            Of the least sure, four times as many as are wanted, choose those that teach most together
            (:mod:`micrographia.classify.annotation.informative_objects`): unlike each other and the known ones, and
            standing for many. Otherwise simply the least sure.
        known : sequence of int
            Rows of the objects that the model has learned from.
        """
        _check_count(count)
        p, known = self._checked(probabilities), self._rows(known)
        if measure not in UNCERTAINTIES:
            raise RequestError(f"Uncertainty is measured by {' or '.join(UNCERTAINTIES)}, not by {measure!r}.")
        with self._lock:
            p = np.where(self.lacking, np.nan, p)
            rows = np.flatnonzero(self.free & ~np.isnan(p).any(axis=0))
            unsure = UNCERTAINTIES[measure](p[:, rows])
            order = np.lexsort((self._rng.random(len(rows)), -unsure))[: SHORTLIST * count if diverse else count]
            if not diverse:
                return self._shown(rows[order], unsure[order])
            listed = np.zeros(len(self.free), bool)
            listed[rows[order]] = True
            return self._shown(*most_informative(self.points, p, listed, known, count, self._rng))

    def similar(self, chosen: Sequence[int] | np.ndarray, count: int) -> Fetched:
        """Objects most like some chosen ones; `Fetched.like` says which one each resembles."""
        _check_count(count)
        chosen = self._rows(chosen)
        if not len(chosen):
            raise RequestError("Choose at least one object that others should be like.")
        measured = chosen[~self.lacking[chosen]]
        if not len(measured):
            raise InputError("The chosen objects lack most of the measurements: nothing can be said to be like them.")
        with self._lock:
            rows, distance, like = most_similar(self.points, measured, count, self.free)
            return self._shown(rows, distance, like)

    def rare(self, classes: np.ndarray, clusters: int = 10, *, each: int | None = None) -> list[Suggestion]:
        """Clusters of objects that may be a phenotype without a class.

        Parameters
        ----------
        classes : (N,) int array
            Class of each object from 0, -1 where it has none.
        clusters : int
            How many.
        each : int, optional
            Objects of each cluster that are shown; all otherwise.

        Raises
        ------
        InputError
            Where no object has a class, or all that have one lack most of the measurements.
        """
        _check_count(clusters, "clusters")
        if each is not None:
            _check_count(each, "objects of each cluster")
        with self._lock:
            seed = int(self._rng.integers(2**31))
            measured = np.where(self.lacking, -1, classes)
            if (classes >= 0).any() and not (measured >= 0).any():
                raise InputError(
                    "The annotated objects lack most of the measurements: nothing can be said to be unlike them."
                )
            found = find_phenotypes(self.points, measured, clusters, free=self.free, seed=seed)
            found = [Suggestion(one.rows[:each], one.score, one.annotated) for one in found]
            for one in found:
                self.free[one.rows] = False
            return found

    def _shown(self, rows: np.ndarray, scores: np.ndarray, like: np.ndarray | None = None) -> Fetched:
        self.free[rows] = False
        return Fetched(rows, np.asarray(scores, float), np.full(len(rows), -1) if like is None else like)

    def _rows(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        rows, count = np.asarray(rows, np.int64), len(self.points)
        outside = rows[(rows < 0) | (rows >= count)]
        if len(outside):
            raise InputError(f"There is no row {outside[0]:,}; the table has {count:,}, from 0.")
        return rows

    def _checked(self, probabilities: np.ndarray) -> np.ndarray:
        p = np.asarray(probabilities)
        if p.ndim != 2 or p.shape[1] != len(self.points) or len(p) < 2:
            raise InputError(
                f"Probabilities of shape {p.shape} do not fit {len(self.points):,} objects: (classes, objects)."
            )
        return as_probabilities(p, missing=True)


def _check_count(count: int, what: str = "objects") -> None:
    if count < 1:
        raise RequestError(f"At least one is fetched; {count:,} {what} were asked for.")
