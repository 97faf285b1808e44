"""Rand scores of a whole segmentation: are pairs of pixels together that belong together?

The score of the ISBI 2012 challenge for neurons in electron microscopy (Arganda-Carreras et al. 2015, Frontiers in
Neuroanatomy 9:142): with p_ij the share of the true foreground in true segment i and found segment j,

    split score = Σ p_ij² / Σ_i (Σ_j p_ij)²,   merge score = Σ p_ij² / Σ_j (Σ_i p_ij)²,

and their harmonic mean V^Rand. Only pixels that belong to a true segment count (foreground-restricted).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.geometry.distances import label_distance
from micrographia.geometry.watershed import watershed


class RandScore(NamedTuple):
    """How well pairs of pixels are kept together and apart; each 0 to 1.

    Attributes
    ----------
    score : float
        V^Rand, the harmonic mean of the two others; 1 minus the adapted Rand error.
    split : float
        Of the pairs that are one true segment, the share that was found as one (recall): low where segments are cut.
    merge : float
        Of the pairs that were found as one segment, the share that truly is (precision): low where segments are joined.
    """

    score: float
    split: float
    merge: float


def rand_score(truth: np.ndarray, found: np.ndarray) -> RandScore:
    """Foreground-restricted Rand score of one image.

    Parameters
    ----------
    truth : integer array
        True segments; pixels of 0 (borders, background) do not count.
    found : integer array of the same shape
        Found segments. Pixels of 0 belong to none: each counts as a segment of its own, as in the challenge.

    Returns
    -------
    RandScore

    Raises
    ------
    InputError
        Where the shapes differ or no pixel belongs to a true segment.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([1, 1, 2, 2])
    >>> rand_score(truth, np.array([5, 5, 5, 5]))
    RandScore(score=0.6666666666666666, split=1.0, merge=0.5)
    """
    return pooled_rand_score([(truth, found)])


def pooled_rand_score(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> RandScore:
    """Rand score over several images together, none of whose segments is shared: sums of pairs, then the ratios.

    Parameters
    ----------
    pairs : iterable of (truth, found)
        As for `rand_score`.
    """
    both, true, made = (sum(column) for column in zip((0.0, 0.0, 0.0), *(_pairs(*pair) for pair in pairs)))
    if not true:
        raise InputError("There is no true segment to compare with: all true labels are 0.")
    split, merge = both / true, both / made
    return RandScore(2 * both / (true + made), split, merge)


def mean_rand_score(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> RandScore:
    """Mean over images of their Rand scores, as the challenge reports a stack; ``pairs`` as for `pooled_rand_score`."""
    scores = [rand_score(truth, found) for truth, found in pairs]
    if not scores:
        raise InputError("There is no image to score.")
    return RandScore(*(float(v) for v in np.mean(scores, axis=0)))


def thinned(labels: np.ndarray) -> np.ndarray:
    """Segments grown into what lies between them until a line one pixel wide is left.

    The challenge scores proposals after this step, so that it does not matter how wide their borders are.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Segments; 0 between them.

    Returns
    -------
    ([Z,] Y, X) int32 array
    """
    labels = np.maximum(labels, 0).astype(np.int32)
    between = (labels == 0).astype(np.int32)
    # nearest pixels first: the distance to the segments, ascending
    return watershed(label_distance(between), labels, lines=True)


def _pairs(truth: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Σ n_ij², Σ_i n_i², Σ_j n_j² over the true foreground."""
    truth, found = np.asarray(truth), np.asarray(found)
    if truth.shape != found.shape:
        raise InputError(f"The true labels have shape {truth.shape} and the found ones {found.shape}.")
    if truth.dtype.kind not in "biu" or found.dtype.kind not in "biu":
        raise InputError("Rand scores compare label images: arrays of whole numbers.")
    inside = truth > 0
    t = np.unique(truth[inside], return_inverse=True)[1].astype(np.int64)
    ids, f = np.unique(found[inside], return_inverse=True)
    count = np.unique(t * max(1, len(ids)) + f, return_counts=True)
    each = np.bincount(f, minlength=len(ids)).astype(float)
    together = count[1].astype(float)
    none = np.flatnonzero(ids == 0)
    alone = float(each[none].sum())
    if len(none):
        together[count[0] % len(ids) == none[0]] = 0
        each[none] = 0
    true = np.bincount(t).astype(float)
    return float((together**2).sum() + alone), float((true**2).sum()), float((each**2).sum() + alone)
