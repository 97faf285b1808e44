"""Random forests as vigra stores them in HDF5, and so in ilastik's projects, turned into ours.

A stored tree is two arrays. ``topology`` (int32) begins with the number of features and of classes; the root is at
address 2. A node there is its type, the address of its numbers in ``parameters``, and for a split also the addresses of
its two children and the feature it asks for. ``parameters`` (float64) holds a weight for each node, followed by the
threshold of a split, or by a number for each class of a leaf. A sample goes to the first child where its feature is
*smaller* than the threshold. (vigra, ``rf_nodeproxy.hxx``; found in its files and held against vigra itself.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.forest import Forest

LEAF = 0x40000000
"""Type of a leaf that says how many samples of each class came there; of its splits only type 0 is used by ilastik."""

_ROOT = 2

VigraTree = tuple[np.ndarray, np.ndarray]
"""``topology`` and ``parameters`` of one tree."""


def forest_from_vigra(
    trees: Sequence[VigraTree], order: np.ndarray, classes: Sequence[int], n_classes: int, name: str
) -> Forest:
    """All trees as one forest, whose probabilities are the mean of theirs.

    Parameters
    ----------
    trees : sequence of (topology, parameters)
        The trees of all stored forests; ilastik divides its 100 trees into several, and weights each of these by its
        number of trees.
    order : (F,) int array
        Number of our feature for each of the forest's.
    classes : sequence of int
        For each class of the forest, which of ours it is, counted from 0.
    n_classes : int
        Number of our classes K; those that the forest does not know get probability 0.
    name : str
        The file, for messages.

    Returns
    -------
    Forest
        Predicts the same leaf for every sample, since a threshold t (float64) becomes the largest float32 below t.

    Raises
    ------
    InputError
        Where a tree is damaged, asks for features that are not selected, or has kinds of nodes other than these.
    """
    if not trees:
        raise InputError(f"{name}: the forest in it has no trees; train it again in ilastik and save the project.")
    starts = np.cumsum([0, *(len(topology) for topology, _ in trees)])
    number_starts = np.cumsum([0, *(len(parameters) for _, parameters in trees)])
    topology = np.concatenate([np.asarray(t, np.int64) for t, _ in trees])
    numbers = np.concatenate([np.asarray(p, np.float64) for _, p in trees])
    try:
        _check_heads(topology, starts[:-1], len(order), len(classes))
        nodes = _walk(topology, numbers, starts, number_starts, len(classes))
    except (_DamagedError, IndexError) as error:
        raise InputError(f"{name}: the forest in it cannot be used: {error}.") from error
    inner = nodes["feature"] >= 0
    votes = np.zeros((len(inner), n_classes))
    votes[np.ix_(~inner, classes)] = nodes["votes"][~inner] / nodes["votes"][~inner].sum(axis=1, keepdims=True)  # type: ignore[arg-type]
    return Forest(
        feature=np.where(inner, np.asarray(order)[np.maximum(nodes["feature"], 0)], -1).astype(np.int32),
        threshold=below(nodes["threshold"]),
        left=nodes["left"].astype(np.int32),
        right=nodes["right"].astype(np.int32),
        votes=votes.astype(np.float32),
        roots=np.arange(len(trees), dtype=np.int32),
    )


def below(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 below each float64: x <= it exactly where x < threshold, for every float32 x.

    Examples
    --------
    >>> float(below(np.array([1.0]))[0]) < 1
    True
    """
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
        return np.where(near.astype(np.float64) < threshold, near, np.nextafter(near, np.float32(-np.inf)))


class _DamagedError(ValueError):
    """What is wrong with a tree, in words."""


def _check_heads(topology: np.ndarray, starts: np.ndarray, features: int, classes: int) -> None:
    has = np.unique(topology[starts])
    if len(has) > 1:
        raise _DamagedError("it is damaged (its trees do not agree about the number of features)")
    if has[0] != features:
        raise _DamagedError(
            f"it was trained on {has[0]} features, but {features} are selected; choose 'Live Update' in ilastik to "
            "train it again, and save the project"
        )
    if np.unique(topology[starts + 1]).tolist() != [classes]:
        raise _DamagedError("it is damaged (its trees do not agree about the number of classes)")


def _walk(
    topology: np.ndarray, numbers: np.ndarray, starts: np.ndarray, number_starts: np.ndarray, classes: int
) -> dict[str, np.ndarray]:
    """All nodes, level by level of all trees at once; the roots come first."""
    columns: dict[str, list[np.ndarray]] = {k: [] for k in ("feature", "threshold", "left", "right", "votes")}
    at, tree, count = starts[:-1] + _ROOT, np.arange(len(starts) - 1), 0
    while len(at):
        count += len(at)
        if count > len(topology):
            raise _DamagedError("a tree is damaged (its nodes lead back to themselves)")
        if (at + 2 > starts[tree + 1]).any():
            raise _DamagedError("a tree is damaged (a node is cut off)")
        kind, first = topology[at], topology[at + 1]
        if set(np.unique(kind)) - {0, LEAF}:
            raise _DamagedError("it has other splits than thresholds, which ilastik does not make")
        split = kind == 0
        size = np.where(split, 2, 1 + classes)
        if (at[split] + 5 > starts[tree[split] + 1]).any():
            raise _DamagedError("a tree is damaged (a node is cut off)")
        if (first < 0).any() or (first + size > np.diff(number_starts)[tree]).any():
            raise _DamagedError("a tree is damaged (numbers are missing)")
        first = first + number_starts[tree]
        rank = np.cumsum(split) - 1
        columns["feature"].append(np.where(split, topology[np.where(split, at + 4, 0)], -1))
        columns["threshold"].append(np.where(split, numbers[first + 1], 0.0))
        columns["left"].append(np.where(split, count + 2 * rank, -1))
        columns["right"].append(np.where(split, count + 2 * rank + 1, -1))
        votes = numbers[np.where(split, 0, first + 1)[:, None] + np.arange(classes) * ~split[:, None]]
        columns["votes"].append(np.where(split[:, None], 1.0, votes))
        at, tree = at[split], np.repeat(tree[split], 2)
        children = topology[np.stack([at + 2, at + 3], axis=1)].ravel()
        if (children < _ROOT).any():
            raise _DamagedError("a tree is damaged (nodes are missing)")
        at = children + starts[tree]
    found = {key: np.concatenate(parts) for key, parts in columns.items()}
    if (found["feature"] >= topology[starts[0]]).any() or not (found["votes"].sum(axis=1) > 0).all():
        raise _DamagedError("a tree is damaged (it asks for a feature that there is not, or a leaf is empty)")
    return found
