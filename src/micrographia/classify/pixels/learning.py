"""From strokes to stages: features of the painted pixels, then a model, then once more with what it said."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.classify.learners.classifiers import class_weights, learn_model, select_features
from micrographia.classify.pixels.auto_context import context_near, held_out_stages, stroke_folds
from micrographia.classify.pixels.pixel_blocks import Read, reader
from micrographia.classify.pixels.stages import Stage
from micrographia.classify.pixels.stroke_features import features_at
from micrographia.classify.pixels.strokes import Painted, PaintedField
from micrographia.features.pixel_bank import Bank
from micrographia.models.runtime import thread_count

_EXAMPLE = {2: (64, 64), 3: (16, 32, 32)}
"""Size of the piece of image that is stored with a model to test it."""

_ALIKE = (
    "The images are alike under all strokes: nothing can be told apart there, and the model can only give every pixel "
    "the shares that the classes have of the strokes."
)


@dataclass(frozen=True)
class Learned:
    """What was learned.

    Attributes
    ----------
    stages : list of Stage
        One, or two with auto-context.
    out_of_bag_error : float or None
        Of the last stage; None where the classifier has none.
    importance : dict
        Feature name to importance in the last stage, the most important first.
    example : (C, [Z,] Y, X) float32 array or None
        A small piece of an image to test the model with.
    notes : tuple of str
        What whoever uses the model has to know, in sentences.
    """

    stages: list[Stage]
    out_of_bag_error: float | None
    importance: dict[str, float]
    example: np.ndarray | None
    notes: tuple[str, ...] = ()


def learn_stages(
    painted: Painted,
    bank: Bank,
    classifier: str,
    *,
    stages: int = 1,
    trees: int = 100,
    balance: bool = False,
    select: bool = False,
    seed: int = 0,
    threads: int | None = None,
) -> Learned:
    """Learn one stage, or two with auto-context.

    Parameters
    ----------
    painted : Painted
        The strokes.
    bank : Bank
        Features of every stage (:meth:`PixelClassifier.features`).
    classifier : str
        Name in `CLASSIFIERS`.
    stages, trees, balance, select, seed
        As declared by :class:`micrographia.classify.pixels.pixel_classifier.PixelClassifier`.
    threads : int, optional
        Threads to use; all usable cores where not given.
    """
    threads = thread_count(threads)
    count = len(painted.classes)

    def learn(features: np.ndarray, classes: np.ndarray, bank: Bank, context: int) -> tuple[Stage, Any]:
        weights = class_weights(classes, count, balance)
        lesson = learn_model(
            classifier, features, classes, count, trees=trees, weights=weights, seed=seed, threads=threads
        )
        return Stage(bank, lesson.model, count, context), lesson

    def selected(bank: Bank, features: np.ndarray, classes: np.ndarray) -> tuple[Bank, np.ndarray]:
        if not select:
            return bank, features
        kept = np.sort(select_features(features, classes, count, seed))
        return replace(bank, maps=tuple(int(k) for k in kept)), features[kept]

    fields, folds = stroke_folds(painted.fields, seed) if stages == 2 else (painted.fields, [])
    classes = np.concatenate([field.classes for field in fields])
    with ThreadPoolExecutor(threads) as pool:
        reads = [reader(field.channels, field.at) for field in fields]
        features = _features(bank, fields, reads, pool)
        notes = (_ALIKE,) if all((values == values[0]).all() for values in features) else ()
        first_bank, features = selected(bank, features, classes)
        stage, lesson = learn(features, classes, first_bank, 0)
        found = [stage]
        if stages == 2:
            seen = 1 if count == 2 else count
            fold = np.repeat(folds, [len(field.classes) for field in fields])
            held_out = held_out_stages(
                lambda others: learn(features[:, others], classes[others], first_bank, 0)[0], classes, fold, stage
            )
            reads = [
                reader(field.channels, field.at, _context(held_out[k], field, bank.halo, seen, pool), seen)
                for field, k in zip(fields, folds, strict=True)
            ]
            if bank.levels is not None:
                bank = replace(bank, levels=(*bank.levels, *[(0.0, 1.0)] * seen))
            second_bank, features = selected(bank, _features(bank, fields, reads, pool), classes)
            stage, lesson = learn(features, classes, second_bank, seen)
            found.append(stage)
    names = stage.names(painted.channels, painted.classes)
    scores = lesson.importance if lesson.importance is not None else np.zeros(0)
    importance = {names[i]: float(scores[i]) for i in np.argsort(-scores, kind="stable")}
    return Learned(found, lesson.out_of_bag_error(classes), importance, _example(fields), notes)


def _features(
    bank: Bank, fields: Sequence[PaintedField], reads: Sequence[Read], pool: ThreadPoolExecutor
) -> np.ndarray:
    parts = [
        features_at(bank, read, field.channels.shape, field.where, pool)
        for field, read in zip(fields, reads, strict=True)
    ]
    return np.concatenate(parts, axis=1)


def _context(stage: Stage, field: PaintedField, halo: int, count: int, pool: ThreadPoolExecutor) -> np.ndarray:
    read = reader(field.channels, field.at)
    return context_near(stage, read, field.channels.shape, field.where, halo, count, pool)


def _example(fields: Sequence[PaintedField]) -> np.ndarray:
    """A piece of the image with the most strokes, around the middle of the block that holds most of them."""
    field = max(fields, key=lambda field: len(field.where))
    shape = field.channels.shape
    size = np.array(_EXAMPLE[len(shape)])
    cells, counts = np.unique(field.where // size, axis=0, return_counts=True)
    start = np.maximum(0, np.minimum(cells[counts.argmax()] * size, np.array(shape) - size))
    window: Block = tuple(slice(int(a), int(min(a + s, n))) for a, s, n in zip(start, size, shape, strict=True))
    return field.channels.read(field.at, window)
