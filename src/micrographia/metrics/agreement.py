"""How far annotators agree: Cohen's kappa, Fleiss's kappa and Krippendorff's alpha, for classes without an order."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError


def vote_counts(votes: np.ndarray, n_classes: int) -> np.ndarray:
    """How many annotators gave each object each class.

    Parameters
    ----------
    votes : (A, N) int array
        Class that each of A annotators gave each of N objects, from 0; -1 where none.
    n_classes : int
        Number of classes K.

    Returns
    -------
    (N, K) int array

    Raises
    ------
    InputError
        Where a vote is none of the classes.
    """
    votes = np.asarray(votes)
    if (
        votes.ndim != 2
        or votes.dtype.kind not in "iu"
        or (votes.size and not -1 <= votes.min() <= votes.max() < n_classes)
    ):
        raise InputError(f"Votes are an array (annotators, objects) of classes 0 to {n_classes - 1}, -1 where none.")
    counts = np.zeros((votes.shape[1], n_classes), np.int64)
    for own in votes:
        counts[np.flatnonzero(own >= 0), own[own >= 0]] += 1
    return counts


def cohen_kappa(first: np.ndarray, second: np.ndarray, n_classes: int) -> float:
    """Agreement of two annotators beyond chance (Cohen 1960).

    Parameters
    ----------
    first, second : (N,) int array
        Classes from 0, -1 where the annotator said nothing; objects that both annotated are compared.
    n_classes : int
        Number of classes.

    Returns
    -------
    float
        1 where they always agree, 0 as by chance; NaN where they share no object, or both gave all the same class.

    Raises
    ------
    InputError
        Where a class is none of them, or they did not annotate the same objects.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise InputError(f"Two annotators saw {first.shape} and {second.shape} objects; both must say one of each.")
    vote_counts(np.stack([first, second]), n_classes)
    both = (first >= 0) & (second >= 0)
    joint = np.bincount(first[both] * n_classes + second[both], minlength=n_classes**2).reshape(n_classes, n_classes)
    total = joint.sum()
    if not total:
        return float("nan")
    p = joint / total
    return _beyond(np.trace(p), float(p.sum(axis=1) @ p.sum(axis=0)))


def fleiss_kappa(votes: np.ndarray, n_classes: int) -> float:
    """Agreement of several annotators beyond chance (Fleiss 1971).

    Objects may have different numbers of votes; those with fewer than two are left out, and all others count the same.

    Parameters
    ----------
    votes : (A, N) int array
        As `vote_counts` takes it.
    n_classes : int
        Number of classes.

    Returns
    -------
    float
        1 where all agree, 0 as by chance; NaN where no object has two votes, or all have the same class.
    """
    counts = vote_counts(votes, n_classes)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return float("nan")
    raters = counts.sum(axis=1)
    agreement = ((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))).mean()
    share = counts.sum(axis=0) / counts.sum()
    return _beyond(float(agreement), float((share**2).sum()))


def krippendorff_alpha(votes: np.ndarray, n_classes: int) -> float:
    """Agreement of several annotators, of whom each may have seen other objects (Krippendorff 2004, nominal).

    Parameters
    ----------
    votes : (A, N) int array
        As `vote_counts` takes it.
    n_classes : int
        Number of classes.

    Returns
    -------
    float
        1 where all agree, 0 as by chance; NaN where no object has two votes, or all have the same class.
    """
    counts = vote_counts(votes, n_classes)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return float("nan")
    raters = counts.sum(axis=1)
    # Pairs of votes within objects, each object weighing as much as it has votes (the coincidence matrix).
    agreeing = ((counts * (counts - 1)).sum(axis=1) / (raters - 1)).sum()
    of_class, total = counts.sum(axis=0), counts.sum()
    by_chance = (of_class * (of_class - 1)).sum() / (total - 1)
    return _beyond(agreeing / total, by_chance / total)


def _beyond(observed: float, expected: float) -> float:
    return float("nan") if expected >= 1 - 1e-12 else float((observed - expected) / (1 - expected))
