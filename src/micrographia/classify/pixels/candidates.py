"""Places that a stroke might teach from: some of a coarse lattice of pixels, drawn at random from all images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from micrographia.arrays.blocks import Block, blocks, grown, inside
from micrographia.arrays.probabilities import as_probabilities
from micrographia.classify.learners.uncertainty import contenders
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.stages import Stage

Measure = Callable[[np.ndarray], np.ndarray]

MOST = 1500
"""Most candidates that are kept of an image."""

MOST_BLOCKS = 400
"""Blocks of an image that are looked at; of larger images (26 million pixels) so many are drawn at random."""

_BLOCK = {2: (128, 512), 3: (32, 64, 128)}
_TYPICAL = 32
"""Typical pixels of a block."""
_TYPICAL_OF_IMAGE = 1000


@dataclass(frozen=True)
class Candidates:
    """Pixels of one or several images.

    Attributes
    ----------
    image : (n,) int64 array
        Number of the image of each.
    where : (n, D) int64 array
        Indices into its label image (stack and space).
    uncertainty : (n,) float32 array
        0 to 1.
    classes : (n, 2) int64 array
        The likeliest and second likeliest class, from 1.
    features : (F, n) float32 array
        What the classifier sees; no rows where only probabilities are known.
    order : (n,) float64 array
        The order in which they are drawn: by chance, alike from all pixels of all images, those of which the classifier
        is sure after all others.
    """

    image: np.ndarray
    where: np.ndarray
    uncertainty: np.ndarray
    classes: np.ndarray
    features: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def first(self, count: int) -> Candidates:
        """So many of them, drawn at random."""
        k = np.sort(np.argsort(self.order)[:count])
        features = np.ascontiguousarray(self.features[:, k])
        return Candidates(self.image[k], self.where[k], self.uncertainty[k], self.classes[k], features, self.order[k])

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """All candidates of several blocks or images."""
        return cls(
            np.concatenate([p.image for p in parts]),
            np.concatenate([p.where for p in parts]),
            np.concatenate([p.uncertainty for p in parts]),
            np.concatenate([p.classes for p in parts]),
            np.concatenate([p.features for p in parts], axis=1),
            np.concatenate([p.order for p in parts]),
        )


class Near:
    """Pixels of an image that are taken already, and whether others are close to them.

    Parameters
    ----------
    where : (m, D) int array
        Indices into the label image.
    stack : int
        How many of its axes are no space: slices of a stack are never close to each other.
    reach : float
        How close, in pixels along each axis.
    """

    def __init__(self, where: np.ndarray, stack: int, reach: float) -> None:
        self._scale = np.array([reach + 1] * stack + [1] * (where.shape[1] - stack))
        self._tree = cKDTree(where * self._scale) if len(where) else None
        self._reach = reach

    def to(self, where: np.ndarray) -> np.ndarray:
        """Whether each pixel (n, D) is close to one of them."""
        if self._tree is None:
            return np.zeros(len(where), bool)
        distance, _ = self._tree.query(where * self._scale, p=np.inf, distance_upper_bound=self._reach + 0.5)
        return np.isfinite(distance)


def of_classifier(
    stage: Stage,
    channels: ImageChannels,
    image: int,
    near: Near,
    *,
    step: int,
    measure: Measure,
    rng: np.random.Generator,
    pool: ThreadPoolExecutor,
) -> tuple[Candidates, np.ndarray]:
    """Candidates of one image, from all of its blocks or `MOST_BLOCKS` of them: only the lattice is classified.

    Parameters
    ----------
    stage : Stage
        What classifies.
    channels : ImageChannels
        The image; it may be lazy.
    image : int
        Its number.
    near : Near
        Places that are taken.
    step : int
        Pixels between those of the lattice, along each axis.
    measure : callable
        Uncertainty of probabilities.
    rng : numpy.random.Generator
        Draws them.
    pool : ThreadPoolExecutor
        Its threads compute blocks.

    Returns
    -------
    candidates : Candidates
        At most `MOST`.
    typical : (F, m) float32 array
        Features of pixels spread evenly over the image, sure or not: to compare features of different units.
    """

    def of_block(task: tuple[tuple[int, ...], Block]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at, core = task
        window = grown(core, stage.bank.halo, channels.shape)
        maps = stage.bank.compute(channels.read(at, window), inside(core, window))
        features = maps[(slice(None), *_lattice(core, channels.shape, step))]
        features = np.ascontiguousarray(features.reshape(len(features), -1))
        where = _places(core, channels.shape, step)
        where = np.concatenate([np.broadcast_to(np.array(at, np.int64), (len(where), len(at))), where], axis=1)
        return stage.model.predict(features), where, features

    size = [max(step, n // step * step) for n in _BLOCK[len(channels.shape)]]
    tasks = [(at, core) for at in channels.positions for core in blocks(channels.shape, size)]
    if len(tasks) > MOST_BLOCKS:
        tasks = [tasks[k] for k in np.sort(rng.choice(len(tasks), MOST_BLOCKS, replace=False))]
    best: Candidates | None = None
    typical = []
    for probabilities, where, features in _in_order(of_block, tasks, pool):
        typical.append(_thinned(features, _TYPICAL))
        drawn = _candidates(probabilities, where, features, image, near, measure, rng)
        best = (drawn if best is None else Candidates.joined([best, drawn])).first(MOST)
    assert best is not None
    return best, _thinned(np.concatenate(typical, axis=1), _TYPICAL_OF_IMAGE)


def of_probabilities(
    probabilities: np.ndarray, image: int, near: Near, *, step: int, measure: Measure, rng: np.random.Generator
) -> Candidates:
    """Candidates of one image of which the probabilities (K, [Z,] Y, X) are known; arguments as `of_classifier`."""
    shape = probabilities.shape[1:]
    whole = tuple(slice(0, n) for n in shape)
    found = probabilities[(slice(None), *_lattice(whole, shape, step))].reshape(len(probabilities), -1)
    found = as_probabilities(found, f"Image {image}: the probabilities", missing=True)
    where = _places(whole, shape, step)
    none = np.zeros((0, len(where)), np.float32)
    return _candidates(found, where, none, image, near, measure, rng).first(MOST)


def _candidates(
    probabilities: np.ndarray,
    where: np.ndarray,
    features: np.ndarray,
    image: int,
    near: Near,
    measure: Measure,
    rng: np.random.Generator,
) -> Candidates:
    uncertainty = measure(probabilities)
    free = np.flatnonzero(~near.to(where) & ~np.isnan(uncertainty))
    return Candidates(
        np.full(len(free), image, np.int64),
        where[free],
        uncertainty[free],
        contenders(probabilities[:, free]).T + 1,
        np.ascontiguousarray(features[:, free]),
        rng.random(len(free)) + (uncertainty[free] <= 0),
    )


def _thinned(features: np.ndarray, count: int) -> np.ndarray:
    """About as many columns, evenly spread."""
    return np.ascontiguousarray(features[:, :: max(1, features.shape[1] // count)])


def _first(core: Block, shape: Sequence[int], step: int) -> list[int]:
    """First pixel of the lattice along each axis of a block whose start is a multiple of `step`."""
    return [s.start + min(step // 2, (n - 1) // 2) for s, n in zip(core, shape, strict=True)]


def _lattice(core: Block, shape: Sequence[int], step: int) -> Block:
    """The lattice in coordinates of a block."""
    return tuple(slice(a - s.start, s.stop - s.start, step) for a, s in zip(_first(core, shape, step), core))


def _places(core: Block, shape: Sequence[int], step: int) -> np.ndarray:
    """The lattice's pixels (n, D) in coordinates of the image."""
    axes = [np.arange(a, s.stop, step) for a, s in zip(_first(core, shape, step), core, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _in_order(function: Callable, tasks: Iterable, pool: ThreadPoolExecutor, ahead: int = 16) -> Iterator:
    """Results in the order of the tasks, not many more of them under way than are taken."""
    under_way: list = []
    try:
        for task in tasks:
            under_way.append(pool.submit(function, task))
            if len(under_way) >= ahead:
                yield under_way.pop(0).result()
        while under_way:
            yield under_way.pop(0).result()
    finally:
        for future in under_way:
            future.cancel()
