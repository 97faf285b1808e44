"""Segment from seeds what is larger than memory: random walker and graph cut over regions instead of pixels.

The image is divided into small regions first (:func:`micrographia.segment.supervoxels.supervoxels_in_blocks`), as
Microscopy Image Browser does (Belevich et al. 2016, PLoS Biology 14:e1002340). Between two regions that touch, the
walker goes and the cut costs as between pixels of their mean intensities, times the number of pixel pairs that touch.
With regions of one pixel the result is that of :mod:`micrographia.segment.seeded`. Memory holds a block and a few
numbers for each region and each pair of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block, block_size, blocks
from micrographia.arrays.errors import InputError
from micrographia.geometry.minimum_cut import minimum_cut
from micrographia.segment.label_cleaning import label_array
from micrographia.segment.seed_graph import (
    BACKGROUND,
    OBJECT,
    check_cut,
    check_hindrance,
    check_kinds,
    cutting,
    first_reached,
    walking,
)


def random_walker_in_blocks(
    image: Any,
    regions: Any,
    seeds: Any,
    target: Any,
    *,
    beta: float = 1000.0,
    block: int | Sequence[int] | None = None,
) -> None:
    """Give each region the seed that a random walker reaches first, who avoids steps in intensity.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel; this and the others are anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    regions : ([Z,] Y, X) integer array
        Regions 1…n; 0 belongs to none and stays 0.
    seeds : ([Z,] Y, X) integer array
        Numbers above 0 where a label is known (background needs seeds of its own), 0 elsewhere. A region takes the
        seed of which it holds most pixels; the painted pixels themselves stay as painted.
    target : ([Z,] Y, X) int32 array
        Where a seed's number is written for each pixel, 0 where no way leads to a seed.
    beta : float
        How much a step in intensity hinders, 0 or more.
    block : int or sequence of int, optional
        Side of the blocks; 1024 for planes and 128 for volumes where not given.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN or is constant, or there are not two different seeds.
    RequestError
        Where beta is negative or not finite, or the equations are not solved after 500 steps (10 to 30 are usual).
    """
    check_hindrance("beta", beta)
    graph = _read(image, regions, seeds, target, block)
    ease = graph.touching * walking(graph.mean, graph.pairs, beta, graph.spread)
    _write(regions, seeds, target, first_reached(graph.pairs, ease, graph.seeds), block)


def graph_cut_in_blocks(
    image: Any,
    regions: Any,
    seeds: Any,
    target: Any,
    *,
    sharpness: float = 80.0,
    block: int | Sequence[int] | None = None,
) -> None:
    """The cheapest cut along borders of regions between the seeds of an object and those of the background.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel; this and the others are anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    regions : ([Z,] Y, X) integer array
        Regions 1…n; 0 belongs to none and stays 0.
    seeds : ([Z,] Y, X) integer array
        1 for the object, 2 for the background, 0 elsewhere; as for `random_walker_in_blocks`.
    target : ([Z,] Y, X) int32 array
        Becomes 1 for the object and 2 for the background.
    sharpness : float
        As for :func:`micrographia.segment.seeded.graph_cut`.
    block : int or sequence of int, optional
        Side of the blocks; 1024 for planes and 128 for volumes where not given.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN, or the seeds are not those of an object and of background.
    RequestError
        Where the sharpness is negative or not finite.
    """
    check_hindrance("sharpness", sharpness)
    graph = _read(image, regions, seeds, target, block, cut=True)
    costs = graph.touching * cutting(graph.mean, graph.pairs, sharpness)
    inside = minimum_cut(graph.pairs, costs, graph.seeds == OBJECT, graph.seeds == BACKGROUND)
    _write(regions, seeds, target, np.where(inside, OBJECT, BACKGROUND), block)


@dataclass(frozen=True)
class _Graph:
    """Regions as nodes from 0, without the one numbered 0; `mean` and `spread` of intensities that go from 0 to 1."""

    pairs: np.ndarray
    touching: np.ndarray
    mean: np.ndarray
    seeds: np.ndarray
    spread: float


def _read(
    image: Any, regions: Any, seeds: Any, target: Any, block: int | Sequence[int] | None, cut: bool = False
) -> _Graph:
    shape = tuple(int(n) for n in image.shape)
    if len(shape) not in (2, 3):
        raise InputError(f"One channel is segmented from seeds, a plane or a volume, not the shape {shape}.")
    for name, other in (("regions", regions), ("seeds", seeds), ("target", target)):
        if tuple(other.shape) != shape:
            raise InputError(f"The image has the shape {shape} and the {name} {tuple(other.shape)}.")
    known, touching, votes = _Sums(), _Counts(), _Counts()
    low, high = np.inf, -np.inf
    origin: float | None = None
    for part in _plan(shape, block):
        window = tuple(slice(s.start, min(s.stop + 1, n)) for s, n in zip(part, shape, strict=True))
        own = tuple(slice(0, s.stop - s.start) for s in part)
        labels = label_array(regions[window], "regions").astype(np.int64)
        pixels, painted = np.asarray(image[part], np.float64), label_array(seeds[part], "seeds").astype(np.int64)
        if not np.isfinite(pixels).all():
            raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
        if cut:
            check_cut(painted)
        low, high = min(low, float(pixels.min())), max(high, float(pixels.max()))
        origin = float(pixels.flat[0]) if origin is None else origin
        known.add(labels[own].ravel(), pixels.ravel() - origin)
        of = (painted > 0) & (labels[own] > 0)
        votes.add(labels[own][of], painted[of])
        for near, far in _neighbours(labels, own):
            apart = (near != far) & (near > 0) & (far > 0)
            touching.add(np.minimum(near, far)[apart], np.maximum(near, far)[apart])
    assert origin is not None
    span = (high - low) or 1.0
    count, total, spread = known.result()
    regions_, numbers, painted_ = votes.result()
    chosen = np.zeros(len(count), np.int64)
    order = np.lexsort((-numbers, painted_))  # the most painted comes last, of equal ones the smaller number
    chosen[regions_[order]] = numbers[order]
    check_kinds(chosen)
    first, second, lengths = touching.result()
    mean = (total / np.maximum(count, 1) + origin - low) / span
    pairs = np.stack([first, second]) - 1
    return _Graph(pairs, lengths.astype(np.float64), mean[1:].astype(np.float32), chosen[1:], spread / span)


def _write(regions: Any, seeds: Any, target: Any, found: np.ndarray, block: int | Sequence[int] | None) -> None:
    table = np.append(0, found).astype(np.int32)
    for part in _plan(tuple(target.shape), block):
        painted = np.asarray(seeds[part])
        target[part] = np.where(painted > 0, painted, table[np.asarray(regions[part])]).astype(np.int32)


def _plan(shape: tuple[int, ...], block: int | Sequence[int] | None) -> Iterator[Block]:
    return blocks(shape, block_size(shape, block, 1024, 128))


def _neighbours(labels: np.ndarray, own: Block) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of neighbouring pixels along each axis, of which the first lies in the block."""
    for axis, n in enumerate(labels.shape):
        place = list(own)
        place[axis] = slice(0, min(own[axis].stop, n - 1))
        near = labels[tuple(place)]
        place[axis] = slice(1, place[axis].stop + 1)
        yield near, labels[tuple(place)]


class _Sums:
    """Pixels, sum of intensities and standard deviation, gathered from blocks."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._square = 0.0

    def add(self, labels: np.ndarray, values: np.ndarray) -> None:
        ids, place = np.unique(labels, return_inverse=True)
        self._parts.append((ids, np.bincount(place), np.bincount(place, values)))
        self._square += float((values**2).sum())

    def result(self) -> tuple[np.ndarray, np.ndarray, float]:
        ids, counts, totals = (np.concatenate(one) for one in zip(*self._parts, strict=True))
        count, total = np.bincount(ids, counts), np.bincount(ids, totals)
        pixels, mean = count.sum(), total.sum() / count.sum()
        return count, total, float(np.sqrt(max(0.0, self._square / pixels - mean**2)))


class _Counts:
    """How often two numbers below 2^31 come together, gathered from blocks."""

    def __init__(self) -> None:
        self._codes, self._counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        codes, counts = np.unique((first.ravel() << 31) | second.ravel(), return_counts=True)
        self._codes.append(codes)
        self._counts.append(counts)

    def result(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        codes, place = np.unique(np.concatenate(self._codes), return_inverse=True)
        counts = np.bincount(place, np.concatenate(self._counts), len(codes))
        return codes >> 31, codes & (2**31 - 1), counts.astype(np.int64)
