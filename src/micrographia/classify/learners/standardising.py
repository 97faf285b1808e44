"""Features of objects brought to one scale: gaps filled, useless ones left out, outliers held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from micrographia.arrays.errors import InputError

NO_VALUE = "no value at all"
"""Why a feature is left out that no example has."""

_LIMIT = 8.0
_TO_SIGMA = 1.349
"""The distance between the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Standardiser:
    """Median and spread of each feature that is kept.

    Attributes
    ----------
    names : tuple of str
        The F features that are kept.
    median, spread : (F,) float32 array
        A value x becomes (x - median) / spread, held between -8 and 8; a missing one becomes 0, the median.
    dropped : dict of str to str
        The others, with the reason.
    """

    names: tuple[str, ...]
    median: np.ndarray
    spread: np.ndarray
    dropped: dict[str, str]

    @classmethod
    def of(cls, matrix: np.ndarray, names: Sequence[str]) -> Self:
        """Learn from examples.

        Parameters
        ----------
        matrix : (N, F) float32 array
            NaN where a value is missing.
        names : sequence of F str
            Names of the features.

        Raises
        ------
        InputError
            Where no feature is left.
        """
        known = ~np.isnan(matrix)
        dropped = {name: NO_VALUE for name, any_known in zip(names, known.any(axis=0)) if not any_known}
        median, spread = np.zeros(len(names), np.float32), np.zeros(len(names), np.float32)
        kept = []
        for f, name in enumerate(names):
            values = matrix[known[:, f], f].astype(np.float64)
            if name in dropped:
                continue
            low, middle, high = np.percentile(values, [25, 50, 75])
            width = (high - low) / _TO_SIGMA
            # More than half of the values are the same: the quartiles say nothing.
            width = width if width > 1e-6 * (abs(middle) + 1e-30) else float(values.std())
            if not width > 1e-6 * (abs(middle) + 1e-30):
                dropped[name] = "the same value everywhere"
                continue
            median[f], spread[f] = middle, width
            kept.append(f)
        if not kept:
            raise InputError("No feature is left to learn from: each is constant or without values.")
        return cls(tuple(names[f] for f in kept), median[kept], spread[kept], dropped)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Standardise.

        Parameters
        ----------
        matrix : (N, F) float32 array
            The kept features, in the order of `names`; NaN where a value is missing.

        Returns
        -------
        (F, N) float32 array
        """
        scaled = np.array(np.asarray(matrix).T, np.float32, order="C")  # a copy, also of one row or one feature
        scaled -= self.median[:, None]
        scaled /= self.spread[:, None]
        np.clip(scaled, -_LIMIT, _LIMIT, out=scaled)
        scaled[np.isnan(scaled)] = 0
        return scaled

    def only(self, chosen: np.ndarray) -> Standardiser:
        """The same with some of the features, by position."""
        return Standardiser(
            tuple(self.names[i] for i in chosen), self.median[chosen], self.spread[chosen], dict(self.dropped)
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {"names": np.array(self.names), "median": self.median, "spread": self.spread}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], dropped: Mapping[str, str]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        try:
            names = tuple(str(name) for name in arrays["names"])
            median, spread = (np.asarray(arrays[key], np.float32) for key in ("median", "spread"))
        except KeyError as error:
            raise InputError(f"The stored classifier is incomplete: {error} is missing.") from None
        if not median.shape == spread.shape == (len(names),) or not (spread > 0).all():
            raise InputError("The stored classifier is damaged: names and scales of its features do not fit.")
        return cls(names, median, spread, dict(dropped))
