"""The boundary workflow: membrane probabilities become objects.

Watershed makes small regions, a forest judges the edges between them, and the regions are joined. The method lives in
this room because it learns with the forest of the pixel classifier, whose probabilities it starts from, and rooms of
one floor do not import each other; what it is made of stands on lower floors (`geometry.watershed`,
`geometry.region_graph`, `geometry.agglomeration`, `features.region_edges`).

The edges are judged in two rounds, in the spirit of learned agglomeration (Nunez-Iglesias et al. 2013, PLoS ONE 8:
e71715): regions that surely belong together are joined first, and the longer edges between the larger regions, which
say more, are judged anew by a forest of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.boundary_examples import BoundaryExamples, edges_from_objects, edges_from_strokes
from micrographia.classify.forest import Forest
from micrographia.classify.forest_growing import GrownForest, error_of, grow_forest
from micrographia.classify.image_channels import ImageChannels
from micrographia.classify.label_layers import label_array
from micrographia.classify.region_joining import join_regions, oversegmentation
from micrographia.features.region_edges import edge_feature_names, edge_features
from micrographia.geometry.region_graph import RegionGraph, region_graph
from micrographia.method import Method, parameter


@dataclass(frozen=True)
class _Field:
    """One plane or volume of an image, with its boundary probability and what was labelled."""

    channels: ImageChannels
    at: tuple[int, ...]
    probability: np.ndarray
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))


FIRST = 0.1
"""Where two rounds are made, the first one joins what lies between edges below this probability."""


class BoundarySegmenter(Method):
    """Segments what lies between membranes: small regions, joined where a forest sees no boundary (Beier et al. 2017).

    Starts from the boundary probabilities of a pixel classifier and learns, from the same strokes, which edges between
    regions are true boundaries. A plane or a volume must fit in memory; of a stack every plane is segmented on its own.

    Examples
    --------
    >>> examples = BoundaryExamples(images, probabilities, strokes)  # doctest: +SKIP
    >>> labels = BoundarySegmenter().fit(examples).predict(image, probability)  # doctest: +SKIP
    """

    name = "boundaries"

    dimensions: int = parameter(2, "2 segments planes, 3 volumes", choices=(2, 3))
    boundary: int = parameter(1, "Class of the boundaries, 1 for the first", ge=1)
    smooth: float = parameter(
        2.0, "Width of the Gaussian before the watershed; less gives more and smaller regions", ge=0, le=50, unit="px"
    )
    bias: float = parameter(
        0.4, "Probability from which on an edge keeps its regions apart; less splits more", ge=0.01, le=0.99
    )
    linkage: str = parameter(
        "sum", "How regions are joined: all edges vote (sum, multicut) or their mean decides (mean)",
        choices=("sum", "mean"),
    )  # fmt: skip
    rounds: int = parameter(
        2, "2 joins first what surely belongs together and judges the edges that are left anew, 1 judges once",
        choices=(1, 2),
    )  # fmt: skip
    anisotropy: float = parameter(1.0, "How many times as large a voxel is along Z as along Y and X", ge=0.1, le=100)
    trees: int = parameter(200, "Trees of each forest that judges edges", ge=1, le=10_000)
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    forests_: list[Forest]
    channels_: tuple[str, ...]
    out_of_bag_error_: float | None
    importance_: dict[str, float]
    counts_: tuple[int, int]
    example_: np.ndarray | None = None

    def fit(self, examples: BoundaryExamples, *, threads: int | None = None) -> BoundarySegmenter:
        """Learn which edges are boundaries.

        Parameters
        ----------
        examples : BoundaryExamples
            Images, pixel probabilities, and strokes or objects.
        threads : int, optional
            Threads to use; all usable cores where not given.

        Returns
        -------
        BoundarySegmenter
            Self, with `forests_` (one a round; a single one where the first round leaves nothing that the labels tell),
            `channels_`, and of the first round `out_of_bag_error_`, `importance_` and `counts_` (edges that were told
            to be none and to be boundaries).

        Raises
        ------
        InputError
            Where images, probabilities and labels do not fit each other, or the labels do not tell edges of both kinds.
        """
        fields = self._fields(examples)

        def look(field: _Field, regions: np.ndarray) -> tuple[RegionGraph, np.ndarray, np.ndarray]:
            graph, features = self._edges(field, regions)
            if examples.objects:
                return graph, features, edges_from_objects(graph, regions, field.labels)
            return graph, features, edges_from_strokes(graph, field.labels, self.boundary)

        forests: list[Forest] = []
        with ThreadPoolExecutor(threads or _cores()) as pool:
            regions = list(pool.map(self._regions, fields))
            while len(forests) < self.rounds:
                found = list(pool.map(look, fields, regions))
                told = np.concatenate([t[t >= 0] for _, _, t in found] or [np.zeros(0, np.int8)]).astype(np.int64)
                counts = np.bincount(told, minlength=2)
                if not counts.all():
                    break
                features = np.ascontiguousarray(np.concatenate([f[:, t >= 0] for _, f, t in found], axis=1))
                grown = grow_forest(features, told, 2, trees=self.trees, seed=self.seed, min_leaf=2, threads=threads)
                forests.append(grown.forest)
                if len(forests) == 1:
                    self._note(fields, counts, grown, told)
                if len(forests) < self.rounds:
                    regions = [
                        join_regions(r, graph.edges, graph.lengths, p, FIRST, "mean")
                        for r, (graph, _, _), p in zip(regions, found, _unseen(grown, found), strict=True)
                    ]
        if not forests:
            raise InputError(
                f"The labels tell {counts[1]:,} edges that are boundaries and {counts[0]:,} that are none; paint "
                "strokes along boundaries, and strokes across the inside of objects."
            )
        self.forests_ = forests
        return self

    def _fields(self, examples: BoundaryExamples) -> list[_Field]:
        """The planes or volumes that labels tell something about."""
        fields: list[_Field] = []
        names: tuple[str, ...] | None = None
        for image, probability, labels in zip(examples.images, examples.probabilities, examples.labels, strict=True):
            channels = ImageChannels(image, self.dimensions)
            channels = channels if names is None else channels.matching(names)
            names = channels.names
            layer, maps = label_array(labels, channels), self._maps(probability, channels)
            fields += [_Field(channels, at, maps[at], layer[at]) for at in channels.positions if layer[at].any()]
        return fields

    def _note(self, fields: Sequence[_Field], counts: np.ndarray, grown: GrownForest, told: np.ndarray) -> None:
        """What the first round learned from and how well."""
        self.channels_, self.counts_ = fields[0].channels.names, (int(counts[0]), int(counts[1]))
        self.out_of_bag_error_ = error_of(grown.out_of_bag, told)
        named = zip(edge_feature_names(self.channels_), grown.importance, strict=True)
        self.importance_ = {name: float(v) for name, v in sorted(named, key=lambda one: -one[1])}
        self.example_ = _example(fields[0])

    def predict(
        self, x: Image | np.ndarray, probabilities: np.ndarray | None = None, *, threads: int | None = None
    ) -> np.ndarray:
        """Segment an image.

        Parameters
        ----------
        x : Image or array
            (Y, X), (Y, X, 3) or (C, Y, X); for volumes (Z, Y, X) or (C, Z, Y, X). Images may have T, and Z where planes
            are segmented.
        probabilities : ([T,] [Z,] Y, X) or (K, [T,] [Z,] Y, X) array, optional
            Boundary probability, or those of all classes; the first channel of `x` where not given.
        threads : int, optional
            Threads to use; all usable cores where not given.

        Returns
        -------
        ([T,] [Z,] Y, X) int32 array
            Objects 1…n without gaps, numbered anew in each plane of a stack.

        Raises
        ------
        InputError
            Where the shapes do not fit, the image has other channels than those that were learned from, or the
            probabilities are none.
        """
        self._learned()
        if probabilities is None:
            if isinstance(x, Image):
                raise InputError("Give the boundary probabilities of the image, too.")
            x, probabilities = x[1:], x[0]
        channels = ImageChannels(x, self.dimensions, len(self.channels_)).matching(self.channels_)
        maps = self._maps(probabilities, channels)
        out = np.zeros((*channels.stack_shape, *channels.shape), np.int32)

        def one(at: tuple[int, ...]) -> None:
            field = _Field(channels, at, maps[at])
            regions = self._regions(field)
            for number, forest in enumerate(self.forests_, 1):
                graph, features = self._edges(field, regions)
                boundary = forest.predict(features)[1] if len(graph.edges) else np.zeros(0)
                how = (self.bias, self.linkage) if number == len(self.forests_) else (FIRST, "mean")
                regions = join_regions(regions, graph.edges, graph.lengths, boundary, *how)
            out[at] = regions

        with ThreadPoolExecutor(threads or _cores()) as pool:
            list(pool.map(one, channels.positions))
        return out

    def save(self, path: str | Path, *, name: str = "") -> Path:
        """Write the model package: the forests as arrays beside the declaration, a model card, a test."""
        from micrographia.classify.boundary_package import write_boundary_package

        self._learned()
        return write_boundary_package(Path(path), self, name or Path(path).stem)

    @classmethod
    def load(cls, path: str | Path) -> BoundarySegmenter:
        """Read a model package written by `save`, by name or path; raises InputError where it is none."""
        from micrographia.classify.boundary_package import read_boundary_package

        return read_boundary_package(path, cls)

    def _regions(self, field: _Field) -> np.ndarray:
        return oversegmentation(field.probability, self.smooth, self.anisotropy)

    def _edges(self, field: _Field, regions: np.ndarray) -> tuple[RegionGraph, np.ndarray]:
        """The graph of some regions of a plane or volume, and the features of its edges."""
        graph = region_graph(regions)
        pixels = field.channels.read(field.at, tuple(slice(0, n) for n in field.channels.shape))
        return graph, edge_features(graph, regions, field.probability, pixels, self.anisotropy)

    def _maps(self, probabilities: np.ndarray, channels: ImageChannels) -> np.ndarray:
        """Boundary probabilities in the shape of an image's stack and space."""
        wanted = (*channels.stack_shape, *channels.shape)
        shape = tuple(np.shape(probabilities))
        if shape != wanted and shape[1:] == wanted:
            if self.boundary > shape[0]:
                raise InputError(f"{channels.title}: there is no class {self.boundary} among {shape[0]} probabilities.")
            probabilities, shape = probabilities[self.boundary - 1], wanted
        if shape != wanted:
            raise InputError(f"{channels.title}: the probabilities have the shape {shape}, the image {wanted}.")
        maps = np.asarray(probabilities, np.float32)
        if not np.isfinite(maps).all():
            raise InputError(f"{channels.title}: the boundary probabilities hold pixels that are not numbers (NaN).")
        return maps

    def _learned(self) -> None:
        if not hasattr(self, "forests_"):
            raise InputError("This boundary segmenter has not learned anything yet: call fit or load first.")


def _cores() -> int:
    from micrographia.models.runtime import usable_cores

    return usable_cores()


def _unseen(grown: GrownForest, found: Sequence[tuple[RegionGraph, np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Boundary probability of the edges of each field; of those that were learned from, by trees that did not see them.

    The forest is surer of what it learned from than of what it will meet, and the second round has to learn from such
    regions as it will meet.
    """
    probabilities, start = [], 0
    for _, features, told in found:
        p = grown.forest.predict(features)[1] if features.shape[1] else np.zeros(0, np.float32)
        count = int((told >= 0).sum())
        out_of_bag = grown.out_of_bag[1, start : start + count]
        p[told >= 0] = np.where(np.isnan(out_of_bag), p[told >= 0], out_of_bag)
        probabilities.append(p)
        start += count
    return probabilities


def _example(field: _Field, side: int = 96) -> np.ndarray:
    """A small piece of probability and image (1 + C, …), for the package's test."""
    window: Sequence[slice] = tuple(slice(0, min(n, side)) for n in field.channels.shape)
    return np.concatenate([field.probability[tuple(window)][None], field.channels.read(field.at, tuple(window))])
