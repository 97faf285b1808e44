"""Where objects of a label image nearly touch, and how much each pixel should count in training."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def _contacts(labels, reach, out):
    height, width = labels.shape
    low = np.empty((height, width), np.int32)
    high = np.empty((height, width), np.int32)
    none = np.int32(2**31 - 1)
    for i in range(height):
        for j in range(width):
            smallest = none
            largest = np.int32(0)
            for k in range(max(0, j - reach), min(width, j + reach + 1)):
                label = labels[i, k]
                if label > 0:
                    smallest = min(smallest, label)
                    largest = max(largest, label)
            low[i, j] = smallest
            high[i, j] = largest
    for i in range(height):
        for j in range(width):
            smallest = none
            largest = np.int32(0)
            for k in range(max(0, i - reach), min(height, i + reach + 1)):
                smallest = min(smallest, low[k, j])
                largest = max(largest, high[k, j])
            out[i, j] = largest > 0 and smallest != largest


def contacts(labels: np.ndarray, reach: int = 2) -> np.ndarray:
    """Pixels from which two different objects can be seen within a square window.

    Parameters
    ----------
    labels : (Y, X) integer array
        Label image; 0 and below is no object.
    reach : int
        Half the window's side, pixels.

    Returns
    -------
    (Y, X) bool array
    """
    out = np.zeros(labels.shape, np.bool_)
    _contacts(np.ascontiguousarray(labels, dtype=np.int32), reach, out)
    return out


def contacts_numpy(labels: np.ndarray, reach: int = 2) -> np.ndarray:
    """Plain reference of `contacts`."""
    out = np.zeros(labels.shape, bool)
    for i, j in np.ndindex(*labels.shape):
        window = labels[max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1]
        out[i, j] = len(np.unique(window[window > 0])) > 1
    return out


def importance(labels: np.ndarray, diameter: float, contact: float = 3.0) -> np.ndarray:
    """Weight of each pixel in a training loss: small objects count like large ones, contacts several times.

    A score counts objects, a loss pixels, so that small objects are lost for a few pixels of large ones; and what
    separates two touching objects is a line of pixels (the reason of U-Net's border weights, Ronneberger et al.
    2015, eq. 2).

    Parameters
    ----------
    labels : (Y, X) integer array
        Label image; 0 and below is no object.
    diameter : float
        Equivalent diameter whose pixels have weight 1, pixels; others have the ratio of diameters, 1/2 to 2.
    contact : float
        Factor where objects nearly touch (`contacts`).

    Returns
    -------
    (Y, X) float32 array
    """
    positive = np.maximum(labels, 0)
    areas = np.maximum(np.bincount(positive.ravel()), 1)
    weights = np.clip(diameter / np.sqrt(4 * areas / np.pi), 0.5, 2).astype(np.float32)
    weights[0] = 1
    weight = weights[positive]
    weight[contacts(labels)] *= np.float32(contact)
    return weight
