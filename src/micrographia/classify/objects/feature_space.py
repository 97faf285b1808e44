"""Where objects are alike: features as points whose distances mean something.

Features are standardised and turned to their principal axes. Where some objects have a class, the directions in which
objects of one class differ from each other count less: relevant component analysis (Shental, Hertz, Weinshall and Pavel
2002, ECCV), which whitens the covariance within classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from micrographia.arrays.errors import InputError

AXES = 60
"""Principal axes that are kept at most."""

_LEARNED_FROM = 50_000
_LIMIT = 8.0
_SHRINKAGE = 0.1
_STEP = 65_536


@dataclass(frozen=True)
class FeatureSpace:
    """A linear map from features to points.

    Attributes
    ----------
    mean, spread : (F,) float64 arrays
        Each feature x becomes (x - mean) / spread, held between -8 and 8, and 0 where it is missing. The spread of a
        feature that is the same everywhere, or has no value, is infinite.
    axes : (F, d) float64 array
        From standardised features to points.
    """

    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, classes: np.ndarray | None = None, *, most: int = AXES, seed: int = 0) -> Self:
        """Learn from objects.

        Parameters
        ----------
        features : (N, F) array
            NaN where a value is missing; of many objects 50,000 are looked at.
        classes : (N,) int array, optional
            Class of each object from 0, -1 where it has none.
        most : int
            Number of axes d at most.
        seed : int
            Chooses the objects that are looked at.

        Raises
        ------
        InputError
            Where there are fewer than two objects, or every feature is constant or without values.
        """
        if features.ndim != 2 or len(features) < 2:
            raise InputError(f"At least two objects are needed to compare them; there are {len(features)}.")
        rng = np.random.default_rng(seed)
        some = np.sort(rng.permutation(len(features))[:_LEARNED_FROM])
        sample = np.asarray(features[some], np.float64)
        known = np.isfinite(sample)
        sample[~known] = 0
        count = np.maximum(known.sum(axis=0), 1)
        mean = sample.sum(axis=0) / count
        spread = np.sqrt((np.where(known, sample - mean, 0) ** 2).sum(axis=0) / count)
        spread[~(spread > 1e-6 * (np.abs(mean) + 1e-30))] = np.inf
        if not np.isfinite(spread).any():
            raise InputError("No feature tells the objects apart: each is constant or without values.")
        space = cls(mean, spread, np.zeros((len(mean), 0)))
        scaled = space._scaled(np.asarray(features[some]))
        values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        kept = np.argsort(-values)[: min(most, int((values > 1e-9 * values.max()).sum()))]
        space = cls(mean, spread, vectors[:, kept])
        if classes is None or not (np.bincount(classes[classes >= 0]) > 1).any():
            return space
        labelled = np.flatnonzero(classes >= 0)
        labelled = labelled[np.sort(rng.permutation(len(labelled))[:_LEARNED_FROM])]
        return cls(mean, spread, space.axes @ _within(space(features[labelled]), classes[labelled]))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Points (N, d) float32 of features (N, F)."""
        points = np.empty((len(features), self.axes.shape[1]), np.float32)
        for start in range(0, len(features), _STEP):
            points[start : start + _STEP] = self._scaled(features[start : start + _STEP]) @ self.axes
        return points

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        scaled = (np.asarray(features, np.float64) - self.mean) / self.spread
        return np.nan_to_num(np.clip(scaled, -_LIMIT, _LIMIT), nan=0.0)


def _within(points: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The map (d, d) that makes the covariance within classes, shrunken towards a sphere, the identity."""
    counts = np.bincount(classes)
    kinds = np.flatnonzero(counts > 1)
    covariance = np.zeros((points.shape[1], points.shape[1]))
    for k in kinds:
        own = points[classes == k].astype(np.float64)
        own -= own.mean(axis=0)
        covariance += own.T @ own
    covariance /= counts[kinds].sum()
    covariance *= 1 - _SHRINKAGE
    covariance[np.diag_indices(len(covariance))] += _SHRINKAGE * max(np.trace(covariance) / len(covariance), 1e-12)
    values, vectors = np.linalg.eigh(covariance)
    return vectors / np.sqrt(values)
