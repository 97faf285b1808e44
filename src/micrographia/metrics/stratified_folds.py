"""Folds for rows that have classes: groups stay together, and every fold gets its share of every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import RequestError


def stratified_folds(
    classes: np.ndarray, groups: Sequence[str] | np.ndarray | None = None, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Divide rows into folds that do not divide a group and have about the same shares of all classes.

    The groups whose classes are most uneven come first; each goes into the fold in which it leaves the counts of all
    classes most even over the folds (as scikit-learn's StratifiedGroupKFold).

    Parameters
    ----------
    classes : (N,) integer array
        Class of each row, 0 to K - 1.
    groups : (N,) sequence of str, optional
        Group of each row, for example plate and well; every row stands alone where there are none.
    folds : int
        At least 2 and at most the number of groups.
    seed : int
        The same seed, classes and groups give the same folds.

    Returns
    -------
    (N,) int array
        Fold of each row, from 0. Every fold has at least one row.

    Raises
    ------
    RequestError
        Where there are more folds than groups, or fewer than two folds.
    """
    classes = np.asarray(classes)
    rng = np.random.default_rng(seed)
    if groups is None:
        if not 2 <= folds <= len(classes):
            raise RequestError(f"The number of folds must be 2 to {len(classes)} (the number of rows), not {folds}.")
        # Class after class in random order, dealt out in turn.
        order = rng.permutation(len(classes))
        order = order[np.argsort(classes[order], kind="stable")]
        fold = np.empty(len(classes), int)
        fold[order] = np.arange(len(order)) % folds
        return fold
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    if not 2 <= folds <= len(names):
        raise RequestError(f"The number of folds must be 2 to {len(names)} (the number of groups), not {folds}.")
    counts = np.zeros((len(names), int(classes.max(initial=0)) + 1))
    np.add.at(counts, (group, classes), 1)
    share = counts / np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((folds, counts.shape[1]))
    rows = np.zeros(folds)
    of_group = np.empty(len(names), int)
    order = rng.permutation(len(names))
    order = order[np.argsort(-counts[order].std(axis=1), kind="stable")]
    for place, g in enumerate(order):
        open_folds = np.arange(folds)
        if len(order) - place <= (rows == 0).sum():  # as many groups left as folds without any
            open_folds = np.flatnonzero(rows == 0)
        spread = []
        for k in open_folds:
            filled[k] += share[g]
            spread.append((float(filled.std(axis=0).mean()), rows[k]))
            filled[k] -= share[g]
        best = open_folds[min(range(len(spread)), key=spread.__getitem__)]
        of_group[g] = best
        filled[best] += share[g]
        rows[best] += counts[g].sum()
    return of_group[group]
