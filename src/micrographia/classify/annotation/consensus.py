"""One class for each object from several annotators who make mistakes (Dawid and Skene 1979, Applied Statistics 28)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.metrics.agreement import vote_counts

if TYPE_CHECKING:
    from micrographia.classify.annotation.annotations import Annotations
    from micrographia.classify.annotation.object_rows import ObjectRows

_STEPS = 200
_ENOUGH = 1e-6
_SMOOTH = 0.01


@dataclass(frozen=True)
class Consensus:
    """What annotators say together.

    Attributes
    ----------
    probabilities : (K, N) float array
        Probability of each class for each object; NaN for objects that nobody annotated.
    confusion : (A, K, K) float array
        For each annotator how often an object of class j (row) is called k (column); the row of a class that the
        annotator never met is a guess.
    met : (A, K) float array
        Number of objects of each class that each annotator judged, as far as the probabilities tell.
    share : (K,) float array
        Share of each class.
    """

    probabilities: np.ndarray
    confusion: np.ndarray
    met: np.ndarray
    share: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """(N,) int array: the most probable class from 0, -1 where nobody said anything."""
        unknown = np.isnan(self.probabilities).any(axis=0)
        return np.where(unknown, -1, np.where(np.isnan(self.probabilities), 0, self.probabilities).argmax(axis=0))

    @property
    def skill(self) -> np.ndarray:
        """(A,) float array: share of the votes of each annotator that are right, as far as the probabilities tell.

        Every vote counts alike, so that a frequent class counts more than a rare one. A few hundredths too low for an
        annotator who saw chosen classes only, where the others are mistaken. NaN for one who said nothing.
        """
        right = (self.met * np.diagonal(self.confusion, axis1=1, axis2=2)).sum(axis=1)
        total = self.met.sum(axis=1)
        return np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)


def votes_of(annotations: Annotations, rows: ObjectRows) -> tuple[np.ndarray, tuple[str, ...]]:
    """What every annotator said of the objects of a table.

    Parameters
    ----------
    annotations : Annotations
        A session.
    rows : ObjectRows
        N objects, by the same keys.

    Returns
    -------
    votes : (A, N) int64 array
        Place of the class in `Annotations.classes`, -1 where the annotator said nothing: what `dawid_skene` and the
        functions of :mod:`micrographia.metrics.agreement` take.
    annotators : tuple of A str
    """
    names = annotations.annotators
    votes = [annotations.numbers(rows, who) for who in names]
    return (np.stack(votes) if votes else np.zeros((0, len(rows)), np.int64)), names


def dawid_skene(votes: np.ndarray, n_classes: int) -> Consensus:
    """Estimate true classes and each annotator's mistakes together, by expectation and maximisation.

    Parameters
    ----------
    votes : (A, N) int array
        Class that each of A annotators gave each of N objects, from 0; -1 where none.
    n_classes : int
        Number of classes K.

    Returns
    -------
    Consensus

    Raises
    ------
    InputError
        Where a vote is none of the classes, or there is no vote.
    """
    votes = np.asarray(votes)
    counts = vote_counts(votes, n_classes)
    judged = counts.sum(axis=1) > 0
    if not judged.any():
        raise InputError("Nobody has annotated an object: there is nothing to agree on.")
    said = votes[:, judged]
    # (A, N, K): 1 where the annotator gave the class.
    each = (said[:, :, None] == np.arange(n_classes)).astype(float)
    p = counts[judged] / counts[judged].sum(axis=1, keepdims=True)
    for _ in range(_STEPS):
        share = (p.sum(axis=0) + _SMOOTH) / (len(p) + n_classes * _SMOOTH)
        confusion = np.einsum("nj,ank->ajk", p, each) + _SMOOTH
        # A wrong call is not taken for the rule where an annotator has hardly seen the class.
        confusion += _SMOOTH * 10 * np.eye(n_classes)
        confusion /= confusion.sum(axis=2, keepdims=True)
        score = np.log(share) + np.einsum("ank,ajk->nj", each, np.log(confusion))
        score -= score.max(axis=1, keepdims=True)
        last, p = p, np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
        if np.abs(p - last).max() < _ENOUGH:
            break
    found = np.full((n_classes, votes.shape[1]), np.nan)
    found[:, judged] = p.T
    return Consensus(found, confusion, np.einsum("nj,ank->aj", p, each), share)
