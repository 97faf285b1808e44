"""How unsure a classifier is of each pixel, as an image: margin and entropy of its probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.probabilities import as_probabilities


def margin(probabilities: np.ndarray) -> np.ndarray:
    """1 − (p₁ − p₂), with p₁ and p₂ the two largest probabilities: ilastik's uncertainty.

    Parameters
    ----------
    probabilities : (K, ...) array
        Probability of each class, 0 to 1 (or as stored in uint8 or uint16); two classes or more.

    Returns
    -------
    (...) float32 array
        0 where one class is certain, 1 where two are equally likely. NaN where a probability is NaN.

    Raises
    ------
    InputError
        For fewer than two classes, or what is no probabilities.
    """
    first, second = _two_largest(probabilities)
    return 1 - (first - second)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy −Σ p log p over log K.

    Parameters
    ----------
    probabilities : (K, ...) array
        Probability of each class, 0 to 1 (or as stored in uint8 or uint16); two classes or more.

    Returns
    -------
    (...) float32 array
        0 where one class is certain, 1 where all are equally likely. NaN where a probability is NaN.

    Raises
    ------
    InputError
        For fewer than two classes, or what is no probabilities.
    """
    p = _checked(probabilities)
    total = np.zeros(p.shape[1:], np.float32)
    for one in p:
        total -= one * np.log(np.where(one > 0, one, np.float32(1)))
        total[np.isnan(one)] = np.nan
    return total / np.float32(np.log(len(p)))


def contenders(probabilities: np.ndarray) -> np.ndarray:
    """The two classes in question: the likeliest and the second likeliest.

    Parameters
    ----------
    probabilities : (K, ...) array
        Probability of each class, 0 to 1 (or as stored in uint8 or uint16); two classes or more.

    Returns
    -------
    (2, ...) int array
        Indices of classes, from 0; of equally likely classes the first.

    Raises
    ------
    InputError
        For fewer than two classes, or what is no probabilities.
    """
    return np.argsort(-_checked(probabilities), axis=0, kind="stable")[:2]


UNCERTAINTIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"margin": margin, "entropy": entropy}
"""Every measure by its name."""


def _two_largest(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In one pass over the classes, which is several times faster than sorting them."""
    p = _checked(probabilities)
    first, second = np.maximum(p[0], p[1]), np.minimum(p[0], p[1])
    for one in p[2:]:
        second = np.maximum(second, np.minimum(first, one))
        first = np.maximum(first, one)
    return first, second


def _checked(probabilities: np.ndarray) -> np.ndarray:
    p = as_probabilities(probabilities, missing=True)
    if p.ndim == 0 or len(p) < 2:
        raise InputError("Uncertainty needs an array (K, ...) with the probabilities of two classes or more.")
    return p
