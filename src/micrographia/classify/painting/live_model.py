"""The model while strokes come in: only the features of newly painted pixels are looked up before it learns again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from micrographia.classify.learners.classifiers import PixelModel, class_weights, learn_model
from micrographia.classify.learners.contradictions import Contradiction, contradictions, held_out_probabilities
from micrographia.classify.painting.feature_tiles import FeatureTiles
from micrographia.classify.painting.stroke_history import Labelled
from micrographia.classify.pixels.painted_pixels import drawn, shares
from micrographia.classify.pixels.pixel_classifier import PixelClassifier

MANY, QUICK_TREES = 2000, 16
"""From so many painted pixels on, a first look is made by so many trees."""


class LiveModel:
    """Learns what :class:`~micrographia.classify.pixels.pixel_classifier.PixelClassifier` learns as its first stage.

    Parameters
    ----------
    tiles : FeatureTiles
        Features of the image.
    classifier : PixelClassifier
        Its parameters are used; it is not changed.
    classes : int
        Fewest classes; there are more where more were painted.
    pool : ThreadPoolExecutor
        Its threads compute tiles.
    threads : int
        Threads that grow trees.
    """

    def __init__(
        self, tiles: FeatureTiles, classifier: PixelClassifier, classes: int, pool: ThreadPoolExecutor, threads: int
    ) -> None:
        self._tiles, self._method, self._fewest = tiles, classifier, classes
        self._pool, self._threads = pool, threads
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Give up the features of the labelled pixels and the model."""
        with self._lock:
            self._pixels = np.zeros(0, np.int64)
            self._rows = np.zeros((0, 0), np.float32)
            self._learned: tuple[int, PixelModel | None] = (-1, None)

    def learn(self, labelled: Labelled) -> PixelModel | None:
        """The model of the labelled pixels; None where they are of fewer than two classes.

        The last one is kept, so asking again for the same version costs nothing. A second thread waits for the first.
        """
        with self._lock:
            if self._learned[0] != labelled.version:
                pixels, classes = self._samples(labelled)
                self._learned = (labelled.version, self._fit(self._look_up(pixels), classes, self._count(labelled)))
            return self._learned[1]

    def quick(self, labelled: Labelled) -> PixelModel | None:
        """A model for a first look: with `QUICK_TREES` where so much is painted that all trees take long to grow."""
        with self._lock:
            if self._learned[0] == labelled.version:
                return self._learned[1]
            pixels, classes = self._samples(labelled)
            if self._method.classifier == "forest" and len(pixels) > MANY and self._method.trees > QUICK_TREES:
                return self._fit(self._look_up(pixels), classes, self._count(labelled), QUICK_TREES)
        return self.learn(labelled)

    def contradictions(self, labelled: Labelled) -> list[Contradiction]:
        """The strokes that contradict the others, judged by models that never saw them."""
        if len(np.unique(labelled.labels)) < 2:
            return []
        with self._lock:
            rows, classes = self._look_up(labelled.pixels), labelled.labels - 1
        count = self._count(labelled)
        probabilities = held_out_probabilities(
            lambda kept: self._fit(rows[:, kept], classes[kept], count), rows, classes, labelled.strokes, count
        )
        return contradictions(probabilities, classes, labelled.strokes)

    def _samples(self, labelled: Labelled) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and classes (from 0) that are learned from, those that the classifier draws and in its order."""
        if not len(labelled.pixels):
            return labelled.pixels, labelled.labels
        places, place = np.unique(labelled.pixels // int(np.prod(self._tiles.channels.shape)), return_inverse=True)
        classes = self._count(labelled)
        counts = np.bincount(place * classes + labelled.labels - 1, minlength=len(places) * classes)
        counts = counts.reshape(len(places), classes)
        order = np.lexsort((labelled.pixels, labelled.labels, place))
        groups = np.split(labelled.pixels[order], np.cumsum(counts)[:-1])
        kept = shares(counts, self._method.samples).reshape(-1)
        pixels = np.concatenate(drawn(groups, kept, np.random.default_rng(self._method.seed)))
        return pixels, np.repeat(np.tile(np.arange(classes), len(places)), kept)

    def _count(self, labelled: Labelled) -> int:
        return max(self._fewest, int(labelled.labels.max(initial=0)))

    def _fit(self, rows: np.ndarray, classes: np.ndarray, count: int, trees: int = 0) -> PixelModel | None:
        if len(np.unique(classes)) < 2:
            return None
        m = self._method
        weights = class_weights(classes, count, m.balance)
        lesson = learn_model(
            m.classifier, rows, classes, count, trees=trees or m.trees, weights=weights, seed=m.seed,
            threads=self._threads,
        )  # fmt: skip
        return lesson.model

    def _look_up(self, pixels: np.ndarray) -> np.ndarray:
        """Features (F, N) of labelled pixels; those of the labelled pixels are kept for the next time."""
        new = np.setdiff1d(pixels, self._pixels, assume_unique=True)
        known = np.concatenate([self._pixels, new])
        rows = self._computed(new)
        rows = np.concatenate([self._rows, rows], axis=1) if self._rows.size else rows
        order = np.argsort(known)
        column = order[np.searchsorted(known, pixels, sorter=order)]
        self._pixels, self._rows = pixels, np.ascontiguousarray(rows[:, column])
        return self._rows

    def _computed(self, pixels: np.ndarray) -> np.ndarray:
        """Features (F, n) of pixels whose tiles are kept, or are computed now."""
        channels = self._tiles.channels
        shape = (*channels.stack_shape, *channels.shape)
        where = np.stack(np.unravel_index(pixels, shape), axis=1) if len(pixels) else np.zeros((0, len(shape)), int)
        stack = len(channels.stack_shape)
        places, member = np.unique(where[:, :stack], axis=0, return_inverse=True)
        work = []
        for k, at in enumerate(places):
            here = np.flatnonzero(member.reshape(-1) == k)
            for tile, part in self._tiles.tiles_of(tuple(int(i) for i in at), where[here, stack:]):
                found = self._pool.submit(self._tiles.rows, tile, where[here[part], stack:])
                work.append((here[part], found))
        if not work:
            return np.zeros((len(self._rows), 0), np.float32)
        rows = np.empty((len(work[0][1].result()), len(pixels)), np.float32)
        for columns, future in work:
            rows[:, columns] = future.result()
        return rows
