"""Labels that contradict the others, found by confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70).

A classifier gives each labelled pixel the probability of each class *without having learned from it*. A pixel whose
label says one class, and for which another class is as likely as it is for the pixels that carry that other class, is
probably labelled wrongly, or it is one of two strokes that say different things about the same.

A forest's out-of-bag probabilities are not enough here: a tree that has not seen a pixel has seen its neighbours in the
same stroke, which look the same and have the same label. Of four strokes in sixty given the wrong class on purpose,
out-of-bag probabilities showed none or one, and models that have not seen the stroke at all (`held_out_probabilities`)
three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError


@dataclass(frozen=True)
class Contradiction:
    """One stroke of which a part contradicts the other strokes.

    Parameters
    ----------
    stroke : int
        Which stroke.
    given, likely : int
        The class it says, and the class that its contradicting pixels look like most often; from 1, as in labels.
    pixels : (n,) int array
        The contradicting pixels, as indices into those that were judged, the worst first.
    share : float
        How many of the stroke's pixels these are, 0 to 1.
    confidence : float
        How much likelier the other class is than the given one, mean over these pixels, −1 to 1.
    """

    stroke: int
    given: int
    likely: int
    pixels: np.ndarray
    share: float
    confidence: float


def confident_thresholds(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Mean probability of each class over the pixels that carry its label (t_j, equation 2 of the paper).

    Parameters
    ----------
    probabilities : (K, N) array
        Probabilities by models that have not seen the pixel.
    classes : (N,) int array
        Labels, from 0 to K − 1.

    Returns
    -------
    (K,) float array
        Infinite for a class without pixels: nothing is taken for it.
    """
    counts = np.bincount(classes, minlength=len(probabilities))
    sums = [one[classes == k].sum(dtype=np.float64) for k, one in enumerate(probabilities)]
    return np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)


def likely_classes(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The class each pixel is confidently taken for: the likeliest of those that reach their threshold.

    Parameters
    ----------
    probabilities : (K, N) array
        Probabilities by models that have not seen the pixel.
    classes : (N,) int array
        Labels, from 0 to K − 1.

    Returns
    -------
    (N,) int array
        From 0; −1 where no class reaches its threshold or the probabilities are NaN.
    """
    p = np.asarray(probabilities, np.float64)
    known = ~np.isnan(p).any(axis=0)
    limits = confident_thresholds(p[:, known], classes[known])
    # The paper's ≥, with room for the rounding of a mean over equal values.
    confident = p >= limits[:, None] - 1e-6
    best = np.where(confident, p, -1).argmax(axis=0)
    return np.where(known & confident.any(axis=0), best, -1)


def confident_joint(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How many pixels labelled i are confidently taken for j (C, equation 1 of the paper).

    Parameters
    ----------
    probabilities : (K, N) array
        Probabilities by models that have not seen the pixel; those with NaN are left out.
    classes : (N,) int array
        Labels, from 0 to K − 1.

    Returns
    -------
    (K, K) int array
        Rows: labels; columns: the likely classes. What is not on the diagonal is contradiction.
    """
    likely = likely_classes(probabilities, classes)
    count = len(probabilities)
    joint = np.bincount(classes[likely >= 0] * count + likely[likely >= 0], minlength=count * count)
    return joint.reshape(count, count)


def contradicting(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Pixels whose label the others contradict: those counted off the diagonal of `confident_joint`.

    Parameters
    ----------
    probabilities : (K, N) array
        Probabilities by models that have not seen the pixel.
    classes : (N,) int array
        Labels, from 0 to K − 1.

    Returns
    -------
    (n,) int array
        Indices of pixels, the surest contradiction first: by p(given) − p(likely) (normalised margin).
    """
    likely = likely_classes(probabilities, classes)
    # The label's own class wins where it is the likeliest of all, confident or not.
    best = np.where(np.isnan(probabilities), -1, probabilities).argmax(axis=0)
    found = np.flatnonzero((likely >= 0) & (likely != classes) & (best != classes))
    given, other = probabilities[classes[found], found], probabilities[likely[found], found]
    return found[np.argsort(given - other, kind="stable")]


def held_out_probabilities(
    learn: Callable[[np.ndarray], Any],
    features: np.ndarray,
    classes: np.ndarray,
    strokes: np.ndarray,
    count: int,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Probabilities of labelled pixels by models that learned from other strokes.

    Parameters
    ----------
    learn : callable
        Takes a mask of the pixels to learn from and gives a model with ``predict((F, n)) -> (K, n)``.
    features : (F, N) array
        Features of the labelled pixels.
    classes, strokes : (N,) int arrays
        Label, from 0, and stroke of each pixel.
    count : int
        Number of classes K.
    folds : int
        Parts into which the strokes of each class are divided; as many models are learned.
    seed : int
        Seed of the division.

    Returns
    -------
    (K, N) float32 array
        NaN for pixels whose class has no stroke outside their part, or where fewer than two classes have.
    """
    rng = np.random.default_rng(seed)
    part = np.zeros(len(classes), int)
    for k in np.unique(classes):
        numbers, index = np.unique(strokes[classes == k], return_inverse=True)
        part[classes == k] = (rng.permutation(len(numbers)) % folds)[index]
    return probabilities_by_parts(learn, features, classes, part, count)


def probabilities_by_parts(
    learn: Callable[[np.ndarray], Any], features: np.ndarray, classes: np.ndarray, part: np.ndarray, count: int
) -> np.ndarray:
    """Probabilities of each part of some samples by a model that learned from the other parts.

    Parameters
    ----------
    learn : callable
        Takes a mask of the samples to learn from and gives a model with ``predict((F, n)) -> (K, n)``.
    features : (F, N) array
        Features of the samples.
    classes, part : (N,) int arrays
        Label, from 0, and part of each sample.
    count : int
        Number of classes K.

    Returns
    -------
    (K, N) float32 array
        NaN for samples whose class occurs in no other part, or where fewer than two classes do.
    """
    result = np.full((count, len(classes)), np.nan, np.float32)
    for one in np.unique(part):
        others = part != one
        known = np.unique(classes[others])
        judged = ~others & np.isin(classes, known)
        if len(known) > 1 and judged.any():
            result[:, judged] = learn(others).predict(np.ascontiguousarray(features[:, judged]))
    return result


def contradictions(
    probabilities: np.ndarray, classes: np.ndarray, strokes: Sequence[int] | np.ndarray, share: float = 0.25
) -> list[Contradiction]:
    """The strokes that contradict the others, the worst first.

    Parameters
    ----------
    probabilities : (K, N) array
        Probabilities of the labelled pixels by models that have not seen them; NaN where there are none.
    classes : (N,) int array
        Their labels, from 0 to K − 1.
    strokes : (N,) int array
        The stroke each pixel belongs to: any numbers. A stroke has one class.
    share : float
        A stroke is reported where at least this share of its pixels contradicts.

    Returns
    -------
    list of Contradiction

    Raises
    ------
    InputError
        Where the three do not belong together or a stroke has two classes.
    """
    p, classes, strokes = np.asarray(probabilities), np.asarray(classes), np.asarray(strokes)
    if p.ndim != 2 or classes.shape != p.shape[1:] or strokes.shape != classes.shape:
        raise InputError(
            f"Contradictions need one label and one stroke for each pixel; got {p.shape[-1]} pixels, "
            f"{len(classes)} labels and {len(strokes)} strokes."
        )
    if len(classes) and not 0 <= classes.min() <= classes.max() < len(p):
        raise InputError(f"Labels go from {classes.min()} to {classes.max()}, but there are {len(p)} classes (from 0).")
    numbers, index, sizes = np.unique(strokes, return_inverse=True, return_counts=True)
    of_stroke = np.zeros(len(numbers), classes.dtype)
    of_stroke[index] = classes
    if (of_stroke[index] != classes).any():
        raise InputError(f"Stroke {numbers[index[of_stroke[index] != classes][0]]} has pixels of two classes.")
    found, likely = contradicting(p, classes), likely_classes(p, classes)
    reported = []
    for s in np.unique(index[found]):
        pixels = found[index[found] == s]
        part = len(pixels) / sizes[s]
        if part < share:
            continue
        other = int(np.bincount(likely[pixels]).argmax())
        given = int(of_stroke[s])
        sure = float((p[likely[pixels], pixels] - p[given, pixels]).mean())
        reported.append(Contradiction(int(numbers[s]), given + 1, other + 1, pixels, part, sure))
    return sorted(reported, key=lambda c: -c.share * c.confidence)
