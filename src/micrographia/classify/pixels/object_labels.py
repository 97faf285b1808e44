"""Tells a label image of objects, each with a number of its own, from strokes and from maps of classes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

FEW = 10
"""So many labels may be classes, each painted with one stroke; few objects cannot be told from them."""

_SHARE = 0.75
"""At least so many objects of hand-drawn label images are in one piece (dsb2018 99.99 %, usiigaci 92 %)."""


def look_like_objects(labels: Iterable[np.ndarray]) -> bool:
    """Whether labels, where there are more than `FEW` of them, number objects rather than classes.

    Parameters
    ----------
    labels : iterable of ([Z,] Y, X) integer arrays
        The planes or volumes, or parts of them; 0 is unlabelled.

    Returns
    -------
    bool
        True where three labels in four, counted in each array anew, are one connected piece. Classes look the same
        only where nearly each has a single stroke in every image.
    """
    count = single = 0
    for image in labels:
        for label, box in enumerate(ndimage.find_objects(image.clip(0).astype(np.int32)), 1):
            if box is not None:
                count += 1
                single += ndimage.label(image[box] == label, np.ones((3,) * image.ndim))[1] == 1
    return single >= _SHARE * count
