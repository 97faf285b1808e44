"""The boundary workflow: membrane probabilities become objects.

Watershed makes small regions, a forest judges the edges between them, and the regions are joined. The method lives in
this room because it learns with the forest of the pixel classifier, whose probabilities it starts from, and rooms of
one floor do not import each other; what it is made of stands on lower floors (`geometry.watershed`,
`geometry.region_graph`, `geometry.agglomeration`, `features.region_edges`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.arrays.probabilities import as_probabilities
from micrographia.classify.boundaries.boundary_examples import BoundaryExamples, edges_from_objects, edges_from_strokes
from micrographia.classify.boundaries.region_joining import join_regions, oversegmentation
from micrographia.classify.learners.forest import Forest
from micrographia.classify.pixels.image_channels import ImageChannels, learned_channels
from micrographia.classify.pixels.label_layers import label_array
from micrographia.classify.pixels.strokes import class_number
from micrographia.features.pixel_bank import ILASTIK_FILTERS
from micrographia.features.region_edges import edge_feature_names, edge_features
from micrographia.geometry.region_graph import region_graph
from micrographia.method import Method, parameter
from micrographia.models.runtime import thread_count

if TYPE_CHECKING:
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier


class BoundarySegmenter(Method):
    """Segments what lies between membranes: small regions, joined where a forest sees no boundary (Beier et al. 2017).

    Learns from strokes along boundaries and across the inside of objects: a pixel classifier first, unless boundary
    probabilities are given, then which edges between regions are true boundaries. A plane or a volume must fit in
    memory; of a stack every plane is segmented on its own.

    Examples
    --------
    >>> labels = BoundarySegmenter().fit(BoundaryExamples(images, strokes)).predict(image)  # doctest: +SKIP
    """

    name = "boundaries"
    applied_by: ClassVar[str] = "classify boundaries"
    """The command that applies what was learned."""

    dimensions: int = parameter(2, "2 segments planes, 3 volumes", choices=(2, 3))
    boundary: str = parameter("1", "Class of the boundaries: its name, or its number (1 for the first)")
    pixels: str | None = parameter(
        None,
        "Model made by 'train pixels' whose settings the pixel classifier gets; otherwise auto-context with membrane "
        "projections (in volumes without them)",
    )
    smooth: float = parameter(
        2.0, "Width of the Gaussian before the watershed; less gives more and smaller regions", ge=0, le=50, unit="px"
    )
    bias: float = parameter(
        0.5, "Probability from which on an edge keeps its regions apart; less splits more", ge=0.01, le=0.99
    )
    linkage: str = parameter(
        "sum", "How regions are joined: all edges vote (sum, multicut) or their mean decides (mean)",
        choices=("sum", "mean"),
    )  # fmt: skip
    anisotropy: float = parameter(1.0, "How many times as large a voxel is along Z as along Y and X", ge=0.1, le=100)
    trees: int = parameter(200, "Trees of the forest that judges edges", ge=1, le=10_000)
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    boundary_: int
    forest_: Forest
    pixels_: PixelClassifier | None = None
    channels_: tuple[str, ...]
    notes_: tuple[str, ...] = ()
    out_of_bag_error_: float | None
    importance_: dict[str, float]
    counts_: tuple[int, int]
    example_: np.ndarray | None = None

    def fit(self, examples: BoundaryExamples, *, threads: int | None = None) -> BoundarySegmenter:
        """Learn which edges are boundaries.

        Parameters
        ----------
        examples : BoundaryExamples
            Images, strokes or objects, and pixel probabilities; without these a pixel classifier is learned as well.
        threads : int, optional
            Threads to use; all usable cores where not given.

        Returns
        -------
        BoundarySegmenter
            Self, with `boundary_` (the number of that class), `forest_`, `pixels_` (the pixel classifier, where one
            was learned), `channels_`, `out_of_bag_error_`, `importance_` and `counts_` (edges that were told to be none
            and to be boundaries).

        Raises
        ------
        InputError
            Where images, probabilities and labels do not fit each other, or the labels do not tell edges of both kinds.
        RequestError
            Where the class of the boundaries was not painted, or the labels cannot be those of classes.
        """
        from micrographia.classify.learners.forest_growing import error_of, grow_forest

        self.notes_ = ()
        if examples.objects:
            self.boundary_ = self._number(examples.classes)
        else:
            examples = self._painted(examples)
        fields: list[tuple[Any, ...]] = []
        first: ImageChannels | None = None
        for image, labels, probability in self._told(examples, threads):
            channels = ImageChannels(image, self.dimensions)
            channels = channels if first is None else channels.like(first)
            first = first or channels
            layer, maps = label_array(labels, channels), self._maps(probability, channels)
            fields += [(channels, at, maps[at], layer[at]) for at in channels.positions if layer[at].any()]

        def rows(field: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
            channels, at, probability, labels = field
            regions, graph, features = self._edges(channels, at, probability)
            if examples.objects:
                told = edges_from_objects(graph, regions, labels)
            else:
                told = edges_from_strokes(graph, labels, self.boundary_)
            return features[:, told >= 0], told[told >= 0]

        with ThreadPoolExecutor(thread_count(threads)) as pool:
            found = list(pool.map(rows, fields))
        told = np.concatenate([t for _, t in found] or [np.zeros(0, np.int8)]).astype(np.int64)
        counts = np.bincount(told, minlength=2)
        if not counts.all():
            raise InputError(
                f"The labels tell {counts[1]:,} edges that are boundaries and {counts[0]:,} that are none; paint "
                "strokes along boundaries, and strokes across the inside of objects; less smoothing makes more regions."
            )
        features = np.ascontiguousarray(np.concatenate([f for f, _ in found], axis=1))
        grown = grow_forest(features, told, 2, trees=self.trees, seed=self.seed, min_leaf=2, threads=threads)
        self.forest_, self.counts_ = grown.forest, (int(counts[0]), int(counts[1]))
        self.channels_ = first.names if first else ()
        error = error_of(grown.out_of_bag, told)
        self.out_of_bag_error_ = None if np.isnan(error) else error
        named = zip(edge_feature_names(self.channels_), grown.importance, strict=True)
        self.importance_ = {name: float(v) for name, v in sorted(named, key=lambda one: -one[1])}
        self.example_ = _example(fields[0])[0 if self.pixels_ is None else 1 :]
        return self

    def predict(
        self,
        x: Image | np.ndarray,
        probabilities: np.ndarray | None = None,
        *,
        channels: Sequence[str] = (),
        threads: int | None = None,
    ) -> np.ndarray:
        """Segment an image.

        Parameters
        ----------
        x : Image or array
            (Y, X), (Y, X, 3) or (C, Y, X); for volumes (Z, Y, X) or (C, Z, Y, X). Images may have T, and Z where planes
            are segmented.
        probabilities : ([T,] [Z,] Y, X) or (K, [T,] [Z,] Y, X) array, optional
            Boundary probability, or those of all classes: 0 to 1, as uint8 or uint16 spread over 0 to 255 or 65,535.
            Where not given, those of the pixel classifier that was learned, else the first channel of `x`.
        channels : sequence of str, optional
            Which channels to look at, by name or number from 0, in the order of those that were learned from;
            otherwise those of the same names.
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
        if probabilities is None and self.pixels_ is not None:
            probabilities = self.pixels_.predict(x, channels=channels, threads=threads)
        if probabilities is None:
            if isinstance(x, Image) or not self._with_probabilities(np.asarray(x)):
                raise InputError("Give the boundary probabilities of the image, too.")
            x, probabilities = x[1:], x[0]
        seen = self.look_at(x, channels)
        maps = self._maps(probabilities, seen)
        out = np.zeros((*seen.stack_shape, *seen.shape), np.int32)

        def one(at: tuple[int, ...]) -> None:
            regions, graph, features = self._edges(seen, at, maps[at])
            boundary = self.forest_.predict(features)[1] if len(graph.edges) else np.zeros(0)
            out[at] = join_regions(regions, graph.edges, graph.lengths, boundary, self.bias, self.linkage)

        with ThreadPoolExecutor(thread_count(threads)) as pool:
            list(pool.map(one, seen.positions))
        return out

    def look_at(self, x: Image | np.ndarray, channels: Sequence[str] = ()) -> ImageChannels:
        """The channels of an image that are looked at; raises InputError where it does not have them."""
        self._learned()
        return learned_channels(x, self.dimensions, self.channels_, channels)

    def save(self, path: str | Path, *, name: str = "") -> Path:
        """Write the model package: the forest as arrays beside the declaration, a model card, a test."""
        from micrographia.classify.boundaries.boundary_package import write_boundary_package

        self._learned()
        return write_boundary_package(Path(path), self, name or Path(path).stem)

    @classmethod
    def load(cls, path: str | Path) -> BoundarySegmenter:
        """Read a model package written by `save`, by name or path; raises InputError where it is none."""
        from micrographia.classify.boundaries.boundary_package import read_boundary_package

        return read_boundary_package(path, cls)

    def _painted(self, examples: BoundaryExamples) -> BoundaryExamples:
        """The same with a name for each class; checks the strokes, which is quick, before anything is learned."""
        from micrographia.classify.pixels.strokes import Strokes, painted

        strokes = Strokes(examples.images, examples.labels, classes=examples.classes)
        found = painted(strokes, self.dimensions, most=1)
        there = {k + 1: found.classes[k] for k in np.flatnonzero(np.sum(list(found.counts.values()), axis=0)).tolist()}
        self.boundary_ = self._number(found.classes)
        if self.boundary_ not in there:
            known = ", ".join(f"{k} ({name})" for k, name in there.items())
            raise RequestError(
                f"Class {self.boundary} is to be that of the boundaries, but it was not painted; there are {known}. "
                "Choose one with --boundary (boundary= in Python)."
            )
        taken = f"class {self.boundary_} ({there[self.boundary_]}) is taken for the boundaries; see --boundary"
        self.notes_ = (taken, *found.notes)
        return replace(examples, classes=found.classes)

    def _number(self, classes: Sequence[str] | None) -> int:
        """Number of the boundaries' class, from 1."""
        if classes is not None:
            return class_number(self.boundary, classes) + 1
        if not self.boundary.isdecimal() or int(self.boundary) < 1:
            raise RequestError(
                f"No class has a name here; say the number of the boundaries' class, not {self.boundary}."
            )
        return int(self.boundary)

    def _told(self, examples: BoundaryExamples, threads: int | None) -> Iterator[tuple[Any, Any, np.ndarray]]:
        """Images, labels and boundary probabilities to learn from; learns `pixels_` where there are none."""
        from micrographia.classify.boundaries.held_out import held_out
        from micrographia.classify.pixels.pixel_classifier import PixelClassifier
        from micrographia.classify.pixels.strokes import Strokes

        self.pixels_ = None
        if len(examples.probabilities):
            yield from zip(examples.images, examples.labels, examples.probabilities, strict=True)
            return
        if self.pixels is not None:
            settings = PixelClassifier.load(self.pixels).parameters()
        else:
            settings = {"filters": (*ILASTIK_FILTERS, *(("membrane",) if self.dimensions == 2 else ())), "stages": 2}
        settings |= {"dimensions": self.dimensions, "seed": self.seed}
        strokes = Strokes(examples.images, examples.labels, classes=examples.classes)
        for one in held_out(strokes, lambda: PixelClassifier(**settings), threads):
            yield one.image, one.strokes, one.probabilities
        self.pixels_ = PixelClassifier(**settings).fit(strokes, threads=threads)
        self.notes_ = tuple(dict.fromkeys([*self.notes_, *self.pixels_.notes_]))

    def _edges(self, channels: ImageChannels, at: tuple[int, ...], probability: np.ndarray) -> tuple[Any, ...]:
        """Regions of one plane or volume, their graph and the features of its edges."""
        regions = oversegmentation(probability, self.smooth, self.anisotropy)
        graph = region_graph(regions)
        pixels = channels.read(at, tuple(slice(0, n) for n in channels.shape))
        return regions, graph, edge_features(graph, regions, probability, pixels, self.anisotropy)

    def _with_probabilities(self, x: np.ndarray) -> bool:
        """Whether an array may hold boundary probabilities before its channels, (1 + C, …)."""
        if x.ndim != self.dimensions + 1 or len(x) < 2:
            return False
        colours = self.dimensions == 2 and x.shape[-1] in (3, 4)
        return not colours or len(x) == 1 + len(self.channels_)

    def _maps(self, probabilities: np.ndarray, channels: ImageChannels) -> np.ndarray:
        """Boundary probabilities in the shape of an image's stack and space."""
        wanted = (*channels.stack_shape, *channels.shape)
        shape = tuple(np.shape(probabilities))
        if shape != wanted and shape[1:] == wanted:
            if self.boundary_ > shape[0]:
                raise InputError(
                    f"{channels.title}: there is no class {self.boundary_} among {shape[0]} probabilities."
                )
            probabilities, shape = probabilities[self.boundary_ - 1], wanted
        if shape != wanted:
            raise InputError(f"{channels.title}: the probabilities have the shape {shape}, the image {wanted}.")
        return as_probabilities(probabilities, f"{channels.title}: the boundary probabilities")

    def _learned(self) -> None:
        if not hasattr(self, "forest_"):
            raise InputError("This boundary segmenter has not learned anything yet: call fit or load first.")


def _example(field: tuple[Any, ...], side: int = 96) -> np.ndarray:
    """A small piece of probability and image (1 + C, …); what `predict` needs of it is the package's test."""
    channels, at, probability, _ = field
    window: Sequence[slice] = tuple(slice(0, min(n, side)) for n in channels.shape)
    return np.concatenate([probability[tuple(window)][None], channels.read(at, tuple(window))])
