"""Where one more stroke would teach most: places of which the classifier is unsure, and unlike those already known.

Uncertainty alone (margin sampling, Scheffer et al. 2001) asks the same question many times over. So two others are
asked in turn, of some places drawn at random. First, which place is typical of much that is unsure: the one that
covers most of the uncertainty which nothing known or suggested covers yet (facility location; Wei, Iyer and Bilmes
2015, ICML). Then, which unsure place is unlike all of these: the one whose distance from them, times the root of its
uncertainty, is largest (farthest-first traversal, Gonzalez 1985; the k-centre selection of Sener and Savarese 2018,
ICLR). Likeness is that of the places' features, each as its rank among all pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.learners.gaussian_process import squared_distances
from micrographia.classify.learners.uncertainty import UNCERTAINTIES
from micrographia.classify.pixels.candidates import Candidates, Measure, Near, of_classifier, of_probabilities
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.painted_pixels import painted_pixels
from micrographia.classify.pixels.pixel_blocks import reader
from micrographia.classify.pixels.stages import Stage
from micrographia.classify.pixels.stroke_features import features_at
from micrographia.models.runtime import thread_count

if TYPE_CHECKING:
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier

STEP = 8
"""Pixels between places that are considered."""

REACH = 12
"""A place this close to a labelled or suggested one, in pixels along each axis, is not suggested."""

WIDTH = 0.1
"""How unlike two places are of which one still speaks for the other: root mean square of their ranks' differences."""

_POOL = 1500
_KNOWN = 300


@dataclass(frozen=True)
class Place:
    """A place to paint next.

    Attributes
    ----------
    image : int
        Number of the image, from 0.
    where : tuple of int
        Index into its label image: (y, x), with z or t before them where the image has them.
    uncertainty : float
        0 to 1.
    classes : (int, int)
        The two classes in question, the likelier first; from 1, as in labels.
    """

    image: int
    where: tuple[int, ...]
    uncertainty: float
    classes: tuple[int, int]


def suggest(
    classifier: PixelClassifier,
    images: Sequence[Image | np.ndarray],
    labels: Sequence[np.ndarray | None] | None = None,
    *,
    count: int = 10,
    before: Sequence[Place] = (),
    measure: str = "margin",
    seed: int = 0,
    threads: int | None = None,
) -> list[Place]:
    """The places where one more stroke would teach most, the best first.

    Of a classifier with auto-context the first stage is asked: it is what strokes teach directly.

    Parameters
    ----------
    classifier : PixelClassifier
        That has learned.
    images : sequence of Image or array
        Where it may be painted; lazy ones are read block by block.
    labels : sequence of integer arrays or None, optional
        What is painted already, one for each image, 0 where nothing.
    count : int
        Number of places; fewer are returned where there are no more. No image gets more than twice its share.
    before : sequence of Place
        Suggested earlier; neither these nor places near them are suggested again, and the questions go on in turn.
        Best is one place, one stroke, and then the next place.
    measure : {"margin", "entropy"}
        Uncertainty.
    seed : int
        Draws the places that are considered.
    threads : int, optional
        Threads to use; all usable cores where not given.

    Returns
    -------
    list of Place

    Raises
    ------
    InputError
        Where images, labels and earlier places do not fit, or the classifier has learned from other channels.
    RequestError
        Where there is no such measure.
    """
    uncertainty = _uncertainty(measure)
    seen = [classifier.look_at(image) for image in images]
    if not seen:
        return []
    painted = [_painted(one, channels) for one, channels in zip(_each(labels, len(seen)), seen, strict=True)]
    rng = np.random.default_rng(seed)
    stage = classifier.stages_[0]
    parts, typical, known = [], [], []
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        for number, channels in enumerate(seen):
            stack = len(channels.stack_shape)
            asked = _asked(before, number, (*channels.stack_shape, *channels.shape))
            near = Near(np.concatenate([painted[number], asked]), stack, REACH)
            found, some = of_classifier(
                stage, channels, number, near, step=STEP, measure=uncertainty, rng=rng, pool=pool
            )
            parts.append(found)
            typical.append(some)
            few = np.sort(rng.permutation(len(painted[number]))[: max(1, _KNOWN // len(seen))])
            known.append(_features(stage, channels, np.concatenate([painted[number][few], asked]), pool))
    order = np.sort(np.concatenate(typical, axis=1), axis=1)
    taken = _ranks(np.concatenate(known, axis=1), order)
    width = WIDTH * np.sqrt(len(order))
    return _chosen(parts, lambda pool: _ranks(pool.features, order), taken, count, width, len(before))


def suggest_from(
    probabilities: Sequence[np.ndarray],
    labels: Sequence[np.ndarray | None] | None = None,
    *,
    count: int = 10,
    before: Sequence[Place] = (),
    measure: str = "margin",
    seed: int = 0,
) -> list[Place]:
    """Places to paint next where only probabilities (K, [Z,] Y, X) of each image are known, 0 to 1 or as stored.

    As the second question of `suggest`, but the distance between places is that in the image; places in different
    images are far apart.
    """
    uncertainty = _uncertainty(measure)
    if not len(probabilities):
        return []
    rng = np.random.default_rng(seed)
    parts = []
    for number, (one, painted) in enumerate(zip(probabilities, _each(labels, len(probabilities)), strict=True)):
        shape = one.shape[1:]
        if len(shape) not in (2, 3) or len(one) < 2:
            raise InputError(
                f"Image {number}: probabilities (K, [Z,] Y, X) of at least two classes are needed, but their shape is "
                f"{one.shape}."
            )
        if painted is not None and painted.shape != shape:
            raise InputError(f"Image {number}: labels of shape {painted.shape}, but probabilities of {shape}.")
        taken = np.zeros((0, len(shape)), np.int64) if painted is None else np.argwhere(painted > 0)
        near = Near(np.concatenate([taken, _asked(before, number, shape)]), 0, REACH)
        parts.append(of_probabilities(one, number, near, step=STEP, measure=uncertainty, rng=rng))
    return _chosen(parts, _positions, np.zeros((0, 0)), count)


def _chosen(
    parts: Sequence[Candidates],
    points_of: Callable[[Candidates], np.ndarray],
    known: np.ndarray,
    count: int,
    width: float = 0.0,
    asked: int = 0,
) -> list[Place]:
    """Places of some that are drawn, of more of them where these lie too close together."""
    every = Candidates.joined(parts)
    size = max(2 * count, _POOL)
    while True:
        pool = every.first(size)
        found = _spread(pool, points_of(pool), known, count, -(-2 * count // len(parts)), width, asked)
        if len(found) == count or size >= len(every):
            return found
        size *= 4


def _spread(
    pool: Candidates, points: np.ndarray, known: np.ndarray, count: int, most: int, width: float, asked: int = 0
) -> list[Place]:
    """Places whose points (n, d) stand for many unsure ones, or are far from each other and from those `known`.

    In turn, as the module says, after `asked` earlier ones; without `width` only the second. At most `most` an image.
    """
    distance = np.full(len(pool), np.inf)
    for point in known:
        distance = np.minimum(distance, ((points - point) ** 2).sum(axis=1))
    coverage = _Coverage(pool, points, width) if width else None
    free, images = np.ones(len(pool), bool), Counter[int]()
    found: list[Place] = []
    while len(found) < count and free.any():
        if coverage and (asked + len(found)) % 2 == 0:
            score = coverage.gain(distance)
        else:  # where nothing is known yet, all are equally far
            score = np.sqrt(pool.uncertainty * (distance if np.isfinite(distance).any() else 1.0))
        best = int(np.where(free, score, -1).argmax())
        image, where = int(pool.image[best]), pool.where[best]
        first, second = pool.classes[best].tolist()
        found.append(Place(image, tuple(where.tolist()), float(pool.uncertainty[best]), (first, second)))
        distance = np.minimum(distance, ((points - points[best]) ** 2).sum(axis=1))
        here = pool.image == image
        free &= ~(here & (np.abs(pool.where - where).max(axis=1) <= REACH))
        images[image] += 1
        if images[image] >= most:
            free &= ~here
    return found


class _Coverage:
    """How much uncertainty each place would cover, of those that were drawn first."""

    def __init__(self, pool: Candidates, points: np.ndarray, width: float) -> None:
        self._drawn, self._width = np.argsort(pool.order)[:_POOL], width
        self._uncertainty = pool.uncertainty[self._drawn]
        self._covers = np.empty((len(self._drawn), len(points)), np.float32)
        for start in range(0, len(points), _POOL):
            part = slice(start, start + _POOL)
            self._covers[:, part] = self._near(squared_distances(points[self._drawn], points[part]))

    def gain(self, distance: np.ndarray) -> np.ndarray:
        """Of each place, beyond what is covered already; `distance` (n,) is the squared one to what is known."""
        covered = self._near(distance[self._drawn])[:, None].astype(np.float32)
        return self._uncertainty @ np.maximum(self._covers - covered, 0)

    def _near(self, squared: np.ndarray) -> np.ndarray:
        return np.exp(squared / (-2 * self._width**2))


def _ranks(features: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Each feature (F, n) as the share of all pixels that are below it, points (n, F); `order` (F, m) is sorted."""
    return np.stack([np.searchsorted(o, f) for o, f in zip(order, features, strict=True)], axis=1) / order.shape[1]


def _positions(pool: Candidates) -> np.ndarray:
    """Positions in the image; those of other images are far away."""
    return np.column_stack([pool.image * 1e6, pool.where]).astype(np.float64)


def _features(stage: Stage, channels: ImageChannels, where: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
    """Features (F, n) of some pixels of a stack."""
    stack = len(channels.stack_shape)
    parts = [np.zeros((stage.bank.count(len(channels.names)), 0), np.float32)]
    for at in np.unique(where[:, :stack], axis=0):
        here = where[(where[:, :stack] == at).all(axis=1)][:, stack:]
        read = reader(channels, tuple(int(i) for i in at))
        parts.append(features_at(stage.bank, read, channels.shape, here, pool))
    return np.concatenate(parts, axis=1)


def _painted(labels: np.ndarray | None, channels: ImageChannels) -> np.ndarray:
    if labels is None:
        return np.zeros((0, len(channels.stack_shape) + len(channels.shape)), np.int64)
    pixels, _ = painted_pixels(labels, channels)
    return np.stack(np.unravel_index(pixels, (*channels.stack_shape, *channels.shape)), axis=1)


def _asked(before: Sequence[Place], image: int, shape: Sequence[int]) -> np.ndarray:
    """Pixels (n, D) of an image that were suggested before."""
    found = [place.where for place in before if place.image == image]
    for where in found:
        if len(where) != len(shape) or any(not 0 <= i < n for i, n in zip(where, shape, strict=True)):
            raise InputError(
                f"Image {image}: the place {tuple(where)} that was suggested before does not lie in the image of "
                f"{' x '.join(map(str, shape))} pixels."
            )
    return np.array(found, np.int64).reshape(-1, len(shape))


def _uncertainty(measure: str) -> Measure:
    if measure not in UNCERTAINTIES:
        raise RequestError(f"Uncertainty is measured by {' or '.join(UNCERTAINTIES)}, not by '{measure}'.")
    return UNCERTAINTIES[measure]


def _each(labels: Sequence[np.ndarray | None] | None, count: int) -> Sequence[np.ndarray | None]:
    if labels is None:
        return [None] * count
    if len(labels) != count:
        raise InputError(f"{count} images but {len(labels)} label images.")
    return labels
