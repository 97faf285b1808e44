"""Which predicted object is which true one: matching of two label images by intersection over union (IoU).

The overlaps of all objects are collected in one pass over the pixels as a sparse table, so that the number of
objects (more than 65,535 is normal) and the size of their ids cost nothing. The assignment is exact at every
threshold: above 0.5 each object has at most one partner (Kirillov et al. 2019, "Panoptic segmentation", section
4.1); at 0.5 and below an assignment problem is solved for each connected block of overlapping objects that needs it.
:mod:`micrographia.metrics.matching_reference` is the plain twin that the tests compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image

_DENSE = 4_000_000
"""Largest block of overlaps (rows × columns) that is solved as a dense matrix, 32 MB."""


@dataclass(frozen=True)
class Match:
    """Agreement of two label images at one IoU threshold.

    Attributes
    ----------
    threshold : float
        Smallest IoU that counts as a match.
    tp, fp, fn : int
        Matched objects, predicted objects without a partner, true objects without a partner.
    matched_iou : float
        Sum of the IoU of all matched pairs.
    """

    threshold: float
    tp: int
    fp: int
    fn: int
    matched_iou: float

    @property
    def empty(self) -> bool:
        """Neither image has an object; every score is then 1, because nothing was missed or invented."""
        return self.tp + self.fp + self.fn == 0

    def _ratio(self, part: float, whole: float) -> float:
        return 1.0 if self.empty else part / whole if whole else 0.0

    @property
    def precision(self) -> float:
        """Share of the predicted objects that are true: tp / (tp + fp)."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the true objects that were found: tp / (tp + fn)."""
        return self._ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn)."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """tp / (tp + fp + fn); the StarDist paper and the Data Science Bowl call it average precision (AP)."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def mean_matched_score(self) -> float:
        """Mean IoU of the matched pairs (0 where nothing matched)."""
        return self._ratio(self.matched_iou, self.tp)

    @property
    def panoptic_quality(self) -> float:
        """Sum of matched IoU / (tp + fp/2 + fn/2), Kirillov et al. 2019, equation 1."""
        return self._ratio(self.matched_iou, self.tp + self.fp / 2 + self.fn / 2)


@dataclass(frozen=True)
class Overlaps:
    """Every pair of a true and a predicted object that share pixels.

    Attributes
    ----------
    truth_ids, predicted_ids : (n,), (m,) int arrays
        Label ids, ascending.
    truth_sizes, predicted_sizes : (n,), (m,) int64 arrays
        Pixels of each object.
    rows, columns : (k,) int64 arrays
        Positions of the pair's objects in ``truth_ids`` and ``predicted_ids``.
    iou : (k,) float64 array
        Intersection over union of each pair.
    """

    truth_ids: np.ndarray
    predicted_ids: np.ndarray
    truth_sizes: np.ndarray
    predicted_sizes: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    iou: np.ndarray


def overlaps(truth: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """Collect the overlaps of two label images.

    Parameters
    ----------
    truth, predicted : integer arrays of the same shape, 2-D or more
        0 is background. Pixels where ``truth`` is below 0 were not annotated and are left out of both images, and so
        are predicted objects that nothing is known of (`without_unknown`).

    Returns
    -------
    Overlaps

    Raises
    ------
    InputError
        Where the shapes differ, a label image does not hold integers, or ``predicted`` has negative labels.
    """
    truth, predicted = _integers(truth, "truth"), _integers(predicted, "predicted")
    if truth.shape != predicted.shape:
        raise InputError(
            f"The true labels have shape {truth.shape} and the predicted labels {predicted.shape}; "
            "they must show the same field at the same size."
        )
    if predicted.min(initial=0) < 0:
        raise InputError(
            f"The predicted labels hold {int(predicted.min())}; labels must be 0 (background) or positive."
        )
    predicted = without_unknown(truth, predicted)
    # Runs of pixels over which neither label changes: far fewer than pixels, and all that later steps have to sort.
    t, p = truth.ravel(), predicted.ravel()
    if t.size == 0:
        start = np.zeros(0, np.int64)
    else:
        start = np.concatenate([[0], np.flatnonzero((t[1:] != t[:-1]) | (p[1:] != p[:-1])) + 1])
    length = np.diff(start, append=t.size)
    t, p = t[start], p[start]
    annotated = t >= 0
    t, p, length = t[annotated], p[annotated], length[annotated]

    truth_ids, row = _dense(t)
    predicted_ids, column = _dense(p)
    truth_sizes = np.bincount(row, length, len(truth_ids) + 1)[1:].astype(np.int64)
    predicted_sizes = np.bincount(column, length, len(predicted_ids) + 1)[1:].astype(np.int64)
    both = (row > 0) & (column > 0)
    pair, which = np.unique((row[both] - 1) * np.int64(len(predicted_ids) or 1) + column[both] - 1, return_inverse=True)
    shared = np.bincount(which, length[both], len(pair))
    rows, columns = np.divmod(pair, len(predicted_ids) or 1)
    iou = shared / (truth_sizes[rows] + predicted_sizes[columns] - shared)
    return Overlaps(truth_ids, predicted_ids, truth_sizes, predicted_sizes, rows, columns, iou)


def without_unknown(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Predicted labels without the objects that mostly lie where nothing was annotated, and on no true object.

    Parameters
    ----------
    truth, predicted : integer arrays of one shape
        Pixels where ``truth`` is below 0 were not annotated.

    Returns
    -------
    integer array
        ``predicted`` with 0 where more than half of an object's pixels are unknown and none is of a true object.
    """
    unknown = truth < 0
    if not unknown.any():
        return predicted
    which = predicted
    if predicted.max() > predicted.size:  # numbers that are too far apart to be counted one by one
        which = np.unique(predicted, return_inverse=True)[1].reshape(predicted.shape)
    sizes = np.bincount(which.ravel())
    left_out = np.bincount(which[unknown], minlength=len(sizes)) > sizes / 2
    left_out[which[truth > 0]] = False
    return np.where(left_out[which], predicted.dtype.type(0), predicted)


def assign(table: Overlaps, threshold: float) -> np.ndarray:
    """Best one-to-one assignment of true to predicted objects.

    As many pairs with IoU >= ``threshold`` as possible and, among those assignments, the largest sum of IoU
    (the objective of the StarDist reference).

    Parameters
    ----------
    table : Overlaps
    threshold : float
        Above 0 and at most 1.

    Returns
    -------
    (tp,) int64 array
        Positions of the matched pairs in ``table.rows``, ``table.columns`` and ``table.iou``.
    """
    if not 0 < threshold <= 1:
        raise RequestError(f"An IoU threshold lies above 0 and at most at 1, not {threshold}.")
    good = table.iou >= threshold
    found = np.flatnonzero(good)
    # Where no object has two candidates, as is always so above 0.5, all candidates together are the best assignment.
    rivals = (np.bincount(table.rows[found])[table.rows[found]] > 1) | (
        np.bincount(table.columns[found])[table.columns[found]] > 1
    )
    if not rivals.any():
        return found
    # Otherwise solve each connected block of the graph of overlaps that has rivals.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, m = len(table.truth_ids), len(table.predicted_ids)
    graph = coo_array((np.ones(len(good)), (table.rows, n + table.columns)), shape=(n + m, n + m))
    block = connected_components(graph, directed=False)[1][table.rows]
    contested = np.isin(block, block[found[rivals]])
    order = np.flatnonzero(contested)[np.argsort(block[contested], kind="stable")]
    starts = np.flatnonzero(np.diff(block[order])) + 1
    solved = [_solve_block(table, part, good) for part in np.split(order, starts)]
    return np.sort(np.concatenate([found[~contested[found]], *solved]))


def _solve_block(table: Overlaps, pairs: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Assignment within one connected block of pairs."""
    rows, row = np.unique(table.rows[pairs], return_inverse=True)
    columns, column = np.unique(table.columns[pairs], return_inverse=True)
    n, m = len(rows), len(columns)
    # One whole point for each match, and less than a point in all for how good the matches are.
    gain = good[pairs] + table.iou[pairs] / (2 * min(n, m))
    if n * m <= _DENSE:
        from scipy.optimize import linear_sum_assignment

        dense = np.zeros((n, m))
        dense[row, column] = gain
        chosen_row, chosen_column = linear_sum_assignment(dense, maximize=True)
    else:
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import min_weight_full_bipartite_matching

        # Every row may instead take a column of its own (m…m+n-1), which stands for "no partner". Adding 1 to every
        # weight keeps the optimum, since each row is matched exactly once, and keeps the weights above 0.
        own = np.arange(n)
        graph = csr_array(
            (np.append(gain + 1, np.ones(n)), (np.append(row, own), np.append(column, m + own))), shape=(n, m + n)
        )
        chosen_row, chosen_column = min_weight_full_bipartite_matching(graph, maximize=True)
        chosen_row, chosen_column = chosen_row[chosen_column < m], chosen_column[chosen_column < m]
    chosen = np.isin(row * m + column, chosen_row * m + chosen_column)
    return pairs[chosen & good[pairs]]


def match(truth: Any, predicted: Any, thresholds: Sequence[float] = (0.5,)) -> list[Match]:
    """Match a prediction with the truth at several IoU thresholds.

    Parameters
    ----------
    truth, predicted : integer arrays or Images of the same shape, 2-D or more
        Label images, 0 is background; ids may be sparse and of any size. Pixels where ``truth`` is below 0 are
        ignored, and so are predicted objects that mostly lie there and on no true object.
    thresholds : sequence of float
        IoU thresholds, each above 0 and at most 1. A pair matches where IoU >= threshold.

    Returns
    -------
    list of Match
        One for each threshold. Two images without objects agree perfectly: every score is 1.

    Raises
    ------
    InputError
        Where the shapes differ or an array does not hold labels.
    RequestError
        Where a threshold is out of range.

    Notes
    -----
    The definition is that of the reference implementation of StarDist (Schmidt et al. 2018), which differs only for
    two empty images (it gives 0).

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 0, 2]])
    >>> match(truth, np.array([[7, 7, 0, 0]]))[0].recall
    0.5
    """
    table = overlaps(truth, predicted)
    n, m = len(table.truth_ids), len(table.predicted_ids)
    result = []
    for threshold in thresholds:
        pairs = assign(table, threshold)
        tp = len(pairs)
        result.append(Match(float(threshold), tp, m - tp, n - tp, float(table.iou[pairs].sum())))
    return result


def _integers(labels: Any, what: str) -> np.ndarray:
    labels = labels.array() if isinstance(labels, Image) else np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise InputError(
            f"The {what} labels are of type {labels.dtype}; a label image holds whole numbers, one for each object."
        )
    if labels.dtype == np.uint64:
        labels = labels.astype(np.int64)
    return labels


def _dense(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids above 0, and for each run the position of its id plus 1 (0 is background)."""
    ids, position = np.unique(runs, return_inverse=True)
    if len(ids) and ids[0] == 0:
        return ids[1:], position.reshape(-1).astype(np.int64)
    return ids, position.reshape(-1).astype(np.int64) + 1
