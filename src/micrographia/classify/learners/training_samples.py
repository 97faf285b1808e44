"""The examples (pixels, objects, images) that a classifier learns from: checked, and weighted by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import InputError


def checked_samples(
    features: np.ndarray, classes: np.ndarray, n_classes: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (F, N) float32, classes (N,) uint8 and weights (N,) float32 that a classifier can learn from.

    Parameters
    ----------
    features : (F, N) array
        A row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample; all 1 otherwise.

    Raises
    ------
    InputError
        Where the samples are too few, all of one class, or not finite numbers.
    """
    features = np.ascontiguousarray(features, np.float32)
    classes = np.asarray(classes)
    if features.ndim != 2 or classes.shape != features.shape[1:]:
        raise InputError(
            f"Features of shape {features.shape} do not fit classes of shape {classes.shape}: (F, N) and "
            f"(N,) are needed."
        )
    if not 2 <= n_classes <= 255:
        raise InputError(f"There must be 2 to 255 classes to tell apart, not {n_classes}.")
    if len(classes) < 2:
        raise InputError(f"There are too few labelled examples to learn from ({len(classes)}): label more.")
    if classes.min() < 0 or classes.max() >= n_classes:
        raise InputError(
            f"Classes must be numbered 0 to {n_classes - 1}; these go from {classes.min()} to {classes.max()}."
        )
    weights = np.ones(len(classes), np.float32) if weights is None else np.asarray(weights, np.float32)
    if weights.shape != classes.shape or not np.isfinite(weights).all() or weights.min() < 0:
        raise InputError("Each sample needs one weight, a finite number of at least 0.")
    seen = np.unique(classes[weights > 0])
    if len(seen) < 2:
        only = f"class {seen[0] + 1}" if len(seen) else "no class"
        raise InputError(f"All labelled examples are of {only}: label some of at least two classes.")
    if not np.isfinite(features).all():
        broken = np.flatnonzero(~np.isfinite(features).all(1))
        raise InputError(
            f"{len(broken)} of {len(features)} features are NaN or infinite at labelled examples. "
            "Replace such values (of pixels or measurements), or leave these examples out."
        )
    return features, classes.astype(np.uint8), weights


def class_weights(classes: np.ndarray, n_classes: int, balance: bool | Sequence[float] = True) -> np.ndarray:
    """A weight for each sample.

    Parameters
    ----------
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    balance : bool or sequence of K numbers
        True: every class that occurs has the same weight in all, however many samples it has, N / (classes x samples of
        the class) each. False: every sample has weight 1. Numbers: the weight of a sample of each class.

    Returns
    -------
    (N,) float32 array

    Raises
    ------
    InputError
        Where there is not one positive number for each class.
    """
    classes = np.asarray(classes)
    if isinstance(balance, bool | np.bool_):
        if not balance:
            return np.ones(len(classes), np.float32)
        count = np.bincount(classes, minlength=n_classes)
        of_class = len(classes) / (np.count_nonzero(count) * np.maximum(count, 1))
    else:
        of_class = np.asarray(balance, float)
        if of_class.shape != (n_classes,) or not np.isfinite(of_class).all() or of_class.min() <= 0:
            raise InputError(f"Class weights must be {n_classes} positive numbers, one a class; got {balance!r}.")
    return of_class[classes].astype(np.float32)
