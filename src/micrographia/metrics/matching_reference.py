"""The plain twin of :mod:`micrographia.metrics.matching`: short, dense and slow, written for reading and testing."""

from __future__ import annotations

import numpy as np

from micrographia.metrics.matching import Match


def match_reference(truth: np.ndarray, predicted: np.ndarray, threshold: float = 0.5) -> Match:
    """Match two label images through a dense table of all IoU values and one assignment problem.

    Parameters
    ----------
    truth, predicted : integer arrays of the same shape
        Label images, 0 is background; no negative labels.
    threshold : float
        Smallest IoU that counts as a match.

    Returns
    -------
    Match
    """
    from scipy.optimize import linear_sum_assignment

    true_ids = [i for i in np.unique(truth) if i != 0]
    predicted_ids = [i for i in np.unique(predicted) if i != 0]
    n, m = len(true_ids), len(predicted_ids)
    iou = np.zeros((n, m))
    for i, a in enumerate(true_ids):
        for j, b in enumerate(predicted_ids):
            iou[i, j] = ((truth == a) & (predicted == b)).sum() / ((truth == a) | (predicted == b)).sum()
    # One whole point for each match, and less than a point in all for how good the matches are.
    value = (iou >= threshold) + iou / (2 * max(1, min(n, m)))
    rows, columns = linear_sum_assignment(value, maximize=True)
    matched = iou[rows, columns]
    matched = matched[matched >= threshold]
    return Match(threshold, len(matched), m - len(matched), n - len(matched), float(matched.sum()))
