"""Auto-context: what the first stage says about painted pixels, said by a model that never saw them.

A second stage that learned from the first one's probabilities on the very strokes that the first one learned from would
trust it too much: there it is nearly always right. So the strokes are divided into folds, by image where there are at
least three, else by stripes of equal numbers of painted pixels across each image; for each fold a first stage learns
from the other folds and predicts the surroundings of this fold's strokes, as far as the second stage's features look.
The second stage learns from these. When it is used, it sees the first stage that learned from all strokes. (Tu and Bai
2010, "Auto-context and its application to high-level vision tasks", sections 3 and 4; the folds are as in stacking,
Wolpert 1992.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from micrographia.arrays.blocks import grown, inside
from micrographia.classify.pixels.pixel_blocks import Read
from micrographia.classify.pixels.stages import Stage
from micrographia.classify.pixels.stroke_features import blocks_near
from micrographia.classify.pixels.strokes import PaintedField

FOLDS = 4
"""Folds of the strokes where there are enough images or stripes."""

_FEWEST_IMAGES = 3


def stroke_folds(fields: Sequence[PaintedField], seed: int = 0) -> tuple[list[PaintedField], list[int]]:
    """Strokes in folds.

    Parameters
    ----------
    fields : sequence of PaintedField
        All of them.
    seed : int
        Seed of the order of the images.

    Returns
    -------
    fields : list of PaintedField
        The same strokes; fields that belong to several folds are divided.
    folds : list of int
        Fold of each of them, counted from 0.
    """
    images = sorted({field.image for field in fields})
    if len(images) >= _FEWEST_IMAGES:
        order = np.random.default_rng(seed).permutation(len(images))
        fold = {image: int(k) % FOLDS for image, k in zip(images, order, strict=True)}
        return list(fields), [fold[field.image] for field in fields]
    parts: list[PaintedField] = []
    folds: list[int] = []
    for field in fields:
        stripe = _stripes(field)
        for k in np.unique(stripe):
            parts.append(field.only(stripe == k))
            folds.append(int(k))
    return parts, folds


def context_near(
    stage: Stage, read: Read, shape: Sequence[int], where: np.ndarray, halo: int, count: int, pool: ThreadPoolExecutor
) -> np.ndarray:
    """Probabilities (count, *shape) of a stage around some pixels, as far as `halo`; 0 elsewhere.

    What is 0 takes no memory until it is written, so this also serves where a few strokes lie on a large plane.
    """
    context = np.zeros((count, *shape), np.float32)

    def fill(core: tuple[slice, ...]) -> None:
        window = grown(core, stage.bank.halo, shape)
        context[(slice(None), *core)] = stage.predict(read(window), inside(core, window))[:count]

    list(pool.map(fill, blocks_near(where, halo, shape)))
    return context


def held_out_stages(
    learn: Callable[[np.ndarray], Stage], classes: np.ndarray, fold: np.ndarray, everything: Stage
) -> list[Stage]:
    """A stage for each fold that learned from the others.

    Parameters
    ----------
    learn : callable
        Takes a mask of the samples to learn from.
    classes, fold : (N,) int arrays
        Class and fold of each sample.
    everything : Stage
        Stands in where the others lack a class, which a model that never saw it could not name.
    """
    stages = []
    for k in range(int(fold.max()) + 1):
        others = fold != k
        complete = len(np.unique(classes[others])) == len(np.unique(classes))
        stages.append(learn(others) if complete and not others.all() else everything)
    return stages


def _stripes(field: PaintedField) -> np.ndarray:
    """Number of the stripe, across the longest axis, of each painted pixel."""
    extent = np.ptp(field.where, axis=0)
    along = field.where[:, int(np.argmax(extent))]
    edges = np.quantile(along, np.arange(1, FOLDS) / FOLDS)
    return np.searchsorted(edges, along, side="right")
