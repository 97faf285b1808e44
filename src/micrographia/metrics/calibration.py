"""Whether probabilities mean what they say: Brier score, log-loss, calibration error, reliability."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError


def brier_score(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over objects of the squared distance between probabilities and truth, 0 to 2 (Brier 1950).

    Parameters
    ----------
    truth : (N,) integer array
        True class of each object.
    probabilities : (K, N) array
        They add up to 1 for each object.

    Returns
    -------
    float
        0 where every object has probability 1 of its class.

    Raises
    ------
    InputError
        Where classes or probabilities are none, or not of the same objects.
    """
    truth, probabilities = _checked(truth, probabilities)
    wanted = np.arange(len(probabilities))[:, None] == truth
    return float(((probabilities - wanted) ** 2).sum(axis=0).mean())


def log_loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln of the true class's probability, which counts as at least 1e-7.

    Parameters
    ----------
    truth : (N,) integer array
        True class of each object.
    probabilities : (K, N) array
        They add up to 1 for each object.

    Returns
    -------
    float
        0 where every object has probability 1 of its class; lower is better.

    Raises
    ------
    InputError
        Where classes or probabilities are none, or not of the same objects.
    """
    truth, probabilities = _checked(truth, probabilities)
    own = probabilities[truth, np.arange(len(truth))]
    return float(-np.log(np.maximum(own, 1e-7)).mean())


def reliability(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> dict[str, np.ndarray]:
    """How often the likeliest class is right, by the probability it was given.

    Parameters
    ----------
    truth : (N,) integer array
        True class of each object.
    probabilities : (K, N) array
        They add up to 1 for each object.
    bins : int
        Number of bins of equal width between 0 and 1.

    Returns
    -------
    dict
        ``confidence`` (mean probability), ``accuracy`` (share that is right) and ``objects`` of each bin (bins,); NaN
        where a bin is empty.

    Raises
    ------
    InputError
        Where classes or probabilities are none, or not of the same objects.
    """
    truth, probabilities = _checked(truth, probabilities)
    most = probabilities.max(axis=0)
    right = probabilities.argmax(axis=0) == truth
    place = np.minimum((most * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        return {
            "confidence": np.bincount(place, most, bins) / count,
            "accuracy": np.bincount(place, right, bins) / count,
            "objects": count,
        }


def calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: the mean distance in `reliability`, weighted with the objects (Naeini et al. 2015).

    Parameters
    ----------
    truth : (N,) integer array
        True class of each object.
    probabilities : (K, N) array
        They add up to 1 for each object.
    bins : int
        Number of bins.

    Returns
    -------
    float
        0 to 1; 0 where probabilities mean what they say.

    Raises
    ------
    InputError
        Where classes or probabilities are none, or not of the same objects.
    """
    found = reliability(truth, probabilities, bins)
    off = np.abs(found["confidence"] - found["accuracy"]) * found["objects"]
    return float(np.nansum(off) / found["objects"].sum())


def _checked(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True classes (N,) and float probabilities (K, N); raises InputError where they are none."""
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, float)
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[1:] or not truth.size:
        raise InputError(
            f"Probabilities (classes, objects) and one true class for each object are needed, not arrays of shape "
            f"{probabilities.shape} and {truth.shape}."
        )
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= len(probabilities):
        raise InputError(f"True classes are whole numbers from 0 to {len(probabilities) - 1}.")
    if not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-5):
        raise InputError("Probabilities lie between 0 and 1, and none is missing.")
    return truth, probabilities
