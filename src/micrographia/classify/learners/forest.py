"""A forest of decision trees as plain arrays: ours, or one that was imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.forest_layout import Layout, lay_out
from micrographia.classify.learners.forest_prediction import sum_votes

_TYPES = {
    "feature": np.int32,
    "threshold": np.float32,
    "left": np.int32,
    "right": np.int32,
    "votes": np.float32,
    "roots": np.int32,
}


@dataclass(frozen=True)
class Forest:
    """Decision trees; all nodes of all trees stand in one list.

    Attributes
    ----------
    feature : (nodes,) int32 array
        Feature that a node looks at; -1 for a leaf.
    threshold : (nodes,) float32 array
        A pixel goes left where ``x <= threshold``, else right (NaN too). A node that sends ``x < t`` left has the
        threshold ``nextafter(t, -inf)``.
    left, right : (nodes,) int32 array
        Children of a node; -1 for a leaf.
    votes : (nodes, K) float32 array
        What a leaf votes: a class distribution in a random forest.
    roots : (trees,) int32 array
        First node of each tree.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    votes: np.ndarray
    roots: np.ndarray
    kind: ClassVar[str] = "forest"

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return self.votes.shape[1]

    @cached_property
    def layout(self) -> Layout:
        """The forest in the order in which it is read."""
        return lay_out(self.feature, self.threshold, self.left, self.right, self.votes, self.roots)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities: the mean of all trees' votes.

        Parameters
        ----------
        features : (F, Y, X), (F, Z, Y, X) or (F, N) float32 array
            Features of a plane, of a volume or of any pixels. Planes and volumes are faster, since neighbours are
            alike; the numbers are the same.

        Returns
        -------
        (K, Y, X), (K, Z, Y, X) or (K, N) float32 array
            Probabilities. Single-threaded; the GIL is released, so that callers may predict blocks in threads.

        Raises
        ------
        InputError
            Where the forest looks at features that are not there.
        """
        return self.sums(features) / np.float32(len(self.roots))

    def sums(self, features: np.ndarray) -> np.ndarray:
        """The sum of all trees' votes, as `predict` but not divided by their number."""
        features = np.asarray(features, np.float32)
        last = self.feature.max(initial=0)
        if features.ndim < 2 or len(features) <= last:
            raise InputError(
                f"The classifier looks at feature {last + 1}, and there are {len(features)}: the image has other "
                "channels, or the features are computed otherwise, than in training."
            )
        plane = features if features.ndim <= 3 else features.reshape(len(features), -1, features.shape[-1])
        return sum_votes(self.layout, plane).reshape(self.n_classes, *features.shape[1:])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {name: getattr(self, name) for name in _TYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """A forest from stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or cannot be a forest.
        """
        missing = [name for name in _TYPES if name not in arrays]
        if missing:
            raise InputError(f"The stored forest is incomplete: {', '.join(missing)} is missing.")
        forest = cls(**{name: np.ascontiguousarray(arrays[name], kind) for name, kind in _TYPES.items()})
        _check(forest)
        return forest


def _check(forest: Forest) -> None:
    """Refuse arrays that would lead prediction astray: nodes outside the list, or with two parents (a circle)."""
    nodes = len(forest.feature)
    same = all(a.shape == (nodes,) for a in (forest.threshold, forest.left, forest.right))
    if not same or forest.votes.ndim != 2 or len(forest.votes) != nodes or forest.roots.ndim != 1 or not nodes:
        raise InputError("The stored forest is damaged: its arrays do not fit each other.")
    inner = forest.feature >= 0
    linked = np.concatenate([forest.roots, forest.left[inner], forest.right[inner]])
    if not len(forest.roots) or linked.min() < 0 or linked.max() >= nodes or len(np.unique(linked)) < len(linked):
        raise InputError("The stored forest is damaged: a node is missing, or belongs to two others.")
    if np.isnan(forest.threshold).any() or not np.isfinite(forest.votes).all():
        raise InputError("The stored forest is damaged: thresholds or votes are not numbers.")
