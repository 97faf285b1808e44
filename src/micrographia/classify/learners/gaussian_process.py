"""Gaussian process regression (Rasmussen and Williams 2006, algorithm 2.1): smooth functions, and how sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from micrographia.arrays.errors import InputError

_STEP = 4096
_WIDTHS = (0.5, 1.0, 2.0, 4.0)
_NOISES = (0.01, 0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True)
class GaussianProcess:
    """Functions of points with the kernel v exp(-|x - z|^2 / (2 w^2)).

    Attributes
    ----------
    points : (n, d) float64 array
        The examples.
    weights : (n, m) float64 array
        Of the kernel around each example, for each of m functions.
    inverse : (n, n) float64 array
        Inverse of the examples' covariance.
    mean : (m,) float64 array
        Value far from all examples.
    width, variance : float
        w and v.
    """

    points: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray
    mean: np.ndarray
    width: float
    variance: float

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (N, m) and standard deviation (N,) of the functions, without noise, at points (N, d)."""
        values, spread = np.empty((len(points), len(self.mean))), np.empty(len(points))
        for start in range(0, len(points), _STEP):
            near = self.variance * np.exp(-squared_distances(points[start : start + _STEP], self.points) / self._two)
            values[start : start + _STEP] = self.mean + near @ self.weights
            known = ((near @ self.inverse) * near).sum(axis=1)
            spread[start : start + _STEP] = np.sqrt(np.maximum(self.variance - known, 0))
        return values, spread

    def least_sure(self, points: np.ndarray, count: int, free: np.ndarray, most: int = 3000) -> np.ndarray:
        """Rows (n,) of points, each the least sure one when those before it are known.

        Parameters
        ----------
        points : (N, d) array
        count : int
        free : (N,) bool array
            Which may be chosen.
        most : int
            Of more points, so many of the least sure ones are looked at.
        """
        rows = np.flatnonzero(free)
        _, spread = self.predict(points[rows])
        rows = rows[np.argsort(-spread, kind="stable")[:most]]
        x = np.asarray(points[rows], np.float64)
        near = self.variance * np.exp(-squared_distances(x, self.points) / self._two)
        left = self.variance * np.exp(-squared_distances(x, x) / self._two) - near @ self.inverse @ near.T
        open_ = np.ones(len(rows), bool)
        chosen: list[int] = []
        while len(chosen) < min(count, len(rows)):
            best = int(np.where(open_, np.diag(left), -1).argmax())
            open_[best] = False
            chosen.append(best)
            left -= np.outer(left[:, best], left[best]) / max(left[best, best], 1e-12)
        return rows[chosen]

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        scales = np.array([self.width, self.variance])
        named = {"points": self.points, "weights": self.weights, "inverse": self.inverse, "mean": self.mean}
        return named | {"scales": scales}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        try:
            names = ("points", "weights", "inverse", "mean")
            points, weights, inverse, mean = (np.asarray(arrays[name], np.float64) for name in names)
            width, variance = np.asarray(arrays["scales"], float).tolist()
        except (KeyError, ValueError) as error:
            raise InputError(f"The stored regression is incomplete or damaged: {error}.") from None
        n = len(points)
        if points.ndim != 2 or weights.shape != (n, len(mean)) or inverse.shape != (n, n) or width <= 0:
            raise InputError("The stored regression is damaged: its arrays do not fit each other.")
        return cls(points, weights, inverse, mean, width, variance)

    @property
    def _two(self) -> float:
        return 2 * self.width**2


def fit_gaussian_process(points: np.ndarray, values: np.ndarray) -> GaussianProcess:
    """Learn from examples; width and noise are those of the largest marginal likelihood (equation 2.30).

    Parameters
    ----------
    points : (n, d) array
        Examples, in coordinates whose distances mean something; at least two of them.
    values : (n, m) array
        Values of m functions with the same scale.

    Raises
    ------
    InputError
        Where there are fewer than two examples.
    """
    from scipy.linalg import cho_factor, cho_solve

    if len(points) < 2:
        raise InputError(f"At least two examples are needed; there are {len(points)}.")
    x, y = np.asarray(points, np.float64), np.asarray(values, np.float64)
    mean = y.mean(axis=0)
    y = y - mean
    squared = squared_distances(x, x)
    typical = float(np.sqrt(np.median(squared[np.triu_indices(len(x), 1)]))) or 1.0
    best: tuple[float, np.ndarray, np.ndarray, float, float] | None = None
    for width in _WIDTHS:
        kernel = np.exp(-squared / (2 * (width * typical) ** 2))
        for noise in _NOISES:
            factor = cho_factor(kernel + noise * np.eye(len(x)), lower=True)
            weights = cho_solve(factor, y)
            # The variance of the largest likelihood is known in closed form.
            variance = float((y * weights).sum() / y.size)
            likelihood = -0.5 * y.size * np.log(max(variance, 1e-300)) - y.shape[1] * np.log(np.diag(factor[0])).sum()
            if best is None or likelihood > best[0]:
                inverse = cho_solve(factor, np.eye(len(x)))
                best = float(likelihood), weights, inverse, width * typical, variance
    assert best is not None
    _, weights, inverse, width, variance = best
    variance = max(variance, 1e-12)
    return GaussianProcess(x, weights / variance, inverse / variance, mean, width, variance)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (n, m) of points (n, d) and (m, d)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(squared, 0)
