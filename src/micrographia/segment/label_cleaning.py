"""Clean label images: fill holes, leave out what is too small or too large, smooth outlines.

All take planes and volumes; a time series is cleaned one time point after another. For arrays larger than memory
:mod:`micrographia.segment.label_blocks` gives the same.
"""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError, RequestError

NONE = np.iinfo(np.int32).max
"""The lowest label where there is none."""


def label_array(labels: np.ndarray, what: str = "labels") -> np.ndarray:
    """A plane or volume of labels as it is, or a reason why it is none.

    Raises
    ------
    InputError
        Where it is not 2-D or 3-D, holds no pixel, or its values are not whole numbers from 0.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.dtype.kind not in "biu":
        raise InputError(
            f"The {what} must be a plane or a volume of whole numbers, not {labels.ndim}-D of {labels.dtype}."
        )
    if not labels.size:
        raise InputError(f"The {what} hold no pixels: the array has the shape {labels.shape}.")
    if int(labels.min()) < 0 or int(labels.max()) > np.iinfo(np.int32).max:
        raise InputError(f"The {what} must be whole numbers from 0 to 2,147,483,647.")
    return labels


def check_sizes(smallest: int, largest: int) -> None:
    """Raises RequestError where no object can have so many pixels; 0 as `largest` is no limit."""
    if largest and largest < smallest:
        raise RequestError(f"No object has at least {smallest:,} and at most {largest:,} pixels.")


def check_sigma(sigma: float) -> None:
    """Raises RequestError where a Gaussian cannot have this width."""
    if not 0 <= sigma < np.inf:
        raise RequestError(f"The width (sigma) of the smoothing must be a number from 0, not {sigma}.")


def fill_holes(labels: np.ndarray, largest: int | None = None) -> np.ndarray:
    """Fill background that one object encloses.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
        Objects, 0 for none.
    largest : int, optional
        Fill holes of at most so many pixels; all otherwise.

    Returns
    -------
    ([Z,] Y, X) int32 array
        Background that touches two objects, or the image's border, stays.
    """
    from scipy import ndimage

    labels = label_array(labels).astype(np.int32)
    holes, count = ndimage.label(labels == 0, np.ones((3,) * labels.ndim))
    lowest, highest = (np.append(0, ends) for ends in labels_beside(holes, labels))
    filling = np.where((lowest == highest) & ~border_labels(holes, count), highest, 0).astype(np.int32)
    if largest is not None:
        filling[np.bincount(holes.ravel(), minlength=count + 1) > largest] = 0
    filling[0] = 0
    return labels + filling[holes]


def labels_beside(holes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest label that touches each of the holes 1…n over an edge: (n,) each, none is `NONE` and 0."""
    count = int(holes.max(initial=0))
    lowest, highest = np.full(count + 1, NONE), np.zeros(count + 1, np.int64)
    for axis in range(labels.ndim):
        ends = [tuple([slice(None)] * axis + [slice(*cut)]) for cut in ((None, -1), (1, None))]
        for here, there in (ends, ends[::-1]):
            hole, label = holes[here], labels[there]
            met = (hole > 0) & (label > 0)
            np.minimum.at(lowest, hole[met], label[met])
            np.maximum.at(highest, hole[met], label[met])
    return lowest[1:], highest[1:]


def border_labels(labels: np.ndarray, highest: int) -> np.ndarray:
    """Which of the numbers 0…highest touch the border of a plane or volume: (highest + 1,) bool array."""
    touching = np.zeros(highest + 1, bool)
    for axis in range(labels.ndim):
        for end in (0, -1):
            touching[np.take(labels, end, axis)] = True
    return touching


def choose_sizes(labels: np.ndarray, smallest: int = 0, largest: int = 0) -> np.ndarray:
    """Leave out objects by their number of pixels; the others keep their numbers.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
    smallest, largest : int
        Fewest and most pixels; 0 for no limit.

    Returns
    -------
    ([Z,] Y, X) int32 array

    Raises
    ------
    InputError
        As `label_array`.
    RequestError
        Where the most are fewer than the fewest.
    """
    check_sizes(smallest, largest)
    labels = label_array(labels).astype(np.int32)
    ids, position = np.unique(labels, return_inverse=True)
    sizes = np.bincount(position.ravel())
    keep = (sizes >= smallest) & ((sizes <= largest) | (largest == 0)) & (ids > 0)
    return np.where(keep, ids, 0).astype(np.int32)[position].reshape(labels.shape)


def smooth_labels(labels: np.ndarray, sigma: float = 1.0) -> np.ndarray:
    """Smooth outlines without moving objects over each other.

    Each pixel gets the label that has most of its Gaussian neighbourhood; background competes like any label.

    Parameters
    ----------
    labels : ([Z,] Y, X) integer array
    sigma : float
        Width of the neighbourhood in pixels; features narrower than about twice this vanish.

    Returns
    -------
    ([Z,] Y, X) int32 array

    Raises
    ------
    InputError
        As `label_array`.
    RequestError
        Where the width is negative or no number.
    """
    from scipy import ndimage

    check_sigma(sigma)
    labels = label_array(labels)
    ids = np.unique(labels)
    numbers = np.searchsorted(ids, labels).astype(np.int32) + 1  # background is a label, too
    best = np.zeros(labels.shape, np.float32)
    out = np.zeros(labels.shape, np.int32)
    margin = int(np.ceil(4 * sigma))
    for i, box in enumerate(ndimage.find_objects(numbers)):
        around = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in box)
        here = (numbers[around] == i + 1).astype(np.float32)
        share = ndimage.gaussian_filter(here, sigma, mode="nearest", truncate=4.0)
        better = share > best[around]
        best[around][better] = share[better]
        out[around][better] = ids[i]
    return out
