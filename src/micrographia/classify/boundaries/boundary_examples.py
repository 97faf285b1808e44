"""What the boundary workflow learns from: images, their boundary probabilities, and strokes or objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.geometry.region_graph import RegionGraph

SHARE = 0.4
"""An edge is a boundary where at least this share of it was painted as boundary."""


@dataclass(frozen=True)
class BoundaryExamples:
    """Images and labels that tell some edges, with boundary probabilities where these are known already.

    Parameters
    ----------
    images : sequence of Image or array
        As :meth:`micrographia.classify.boundaries.boundary_segmenter.BoundarySegmenter.predict` takes them.
    labels : sequence of integer arrays or Images
        Strokes: 0 unlabelled, otherwise a class; or objects by number, 0 where unknown.
    probabilities : sequence of arrays, optional
        Pixel probabilities of each image, as ``predict`` takes them. They should come from a pixel classifier that has
        not learned from this image (for example from the other half of the images): beside the strokes it learned
        from a classifier is surer than elsewhere, and edges would be learned from such probabilities as never come
        again. Without them a pixel classifier is learned from the strokes, too, in just this way.
    objects : bool
        Whether the labels are objects.
    classes : sequence of str, optional
        Name of each class of the strokes.
    """

    whole: ClassVar[bool] = True
    """Images are given as they are in their files, not plane by plane."""

    images: Sequence[Image | np.ndarray]
    labels: Sequence[Image | np.ndarray]
    probabilities: Sequence[np.ndarray] = ()
    objects: bool = False
    classes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        counts = len(self.images), len(self.labels), len(self.probabilities) or len(self.images)
        if len(set(counts)) > 1 or not counts[0]:
            raise InputError("The boundary workflow needs images, and for each its labels and its probabilities: "
                             f"there are {counts[0]}, {counts[1]} and {counts[2]}.")  # fmt: skip
        if self.objects and not len(self.probabilities):
            raise InputError("Objects tell edges, but no boundary probabilities: give these, too, or paint strokes.")


def edges_from_strokes(graph: RegionGraph, strokes: np.ndarray, boundary: int) -> np.ndarray:
    """What strokes say about edges.

    Parameters
    ----------
    graph : RegionGraph
    strokes : ([Z,] Y, X) integer array
        0 unlabelled, otherwise a class.
    boundary : int
        The class of boundaries.

    Returns
    -------
    (E,) int8 array
        1 where `SHARE` of the edge was painted as boundary, 0 where another class was painted across it, -1 where the
        strokes say nothing or contradict each other.
    """
    painted = strokes.reshape(-1)[graph.pairs]
    edge = np.repeat(np.arange(len(graph.edges)), graph.lengths)
    along = np.bincount(edge, (painted == boundary).any(axis=1), len(graph.edges))
    across = np.bincount(edge, ((painted > 0) & (painted != boundary)).all(axis=1), len(graph.edges))
    much = along >= SHARE * graph.lengths
    return np.where(much & (across == 0), 1, np.where(~much & (across > 0), 0, -1)).astype(np.int8)


def edges_from_objects(graph: RegionGraph, labels: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """What a label image says about edges.

    Parameters
    ----------
    graph : RegionGraph
    labels : ([Z,] Y, X) integer array
        The graph's regions.
    objects : ([Z,] Y, X) integer array
        True objects, 0 where unknown.

    Returns
    -------
    (E,) int8 array
        1 between different objects, 0 within one, -1 beside a region that no object covers. A region belongs to the
        object that covers most of it.
    """
    known = objects.reshape(-1) > 0
    regions, found = labels.reshape(-1)[known].astype(np.int64), objects.reshape(-1)[known].astype(np.int64)
    pairs, count = np.unique(np.stack([regions, found]), axis=1, return_counts=True)
    order = np.argsort(count, kind="stable")
    best = np.zeros(graph.regions + 1, np.int64)
    best[pairs[0][order]] = pairs[1][order]
    a, b = best[graph.edges].T
    return np.where((a == 0) | (b == 0), -1, a != b).astype(np.int8)
