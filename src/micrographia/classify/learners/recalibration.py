"""Probabilities that mean what they say: a temperature, or a rising curve for each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from micrographia.arrays.errors import InputError

_SMALLEST = 1e-7
_KNOTS = 64


@dataclass(frozen=True)
class Recalibration:
    """How probabilities are changed.

    Attributes
    ----------
    temperature : float
        p becomes p^(1 / temperature), and all add up to 1 again; 1 leaves them (Guo et al. 2017, section 4.2).
    curves : (K, 2, M) float32 array
        Isotonic regression: for each class M probabilities and what they become; empty where there is none
        (Zadrozny & Elkan 2002).
    """

    temperature: float = 1.0
    curves: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 0), np.float32))

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (K, N) float32, recalibrated."""
        p = np.asarray(probabilities, np.float32)
        if len(self.curves):
            p = np.stack([np.interp(row, *curve) for row, curve in zip(p, self.curves)]).astype(np.float32)
            p = np.maximum(p, _SMALLEST)
        elif self.temperature != 1:
            p = np.maximum(p, _SMALLEST) ** np.float32(1 / self.temperature)
        return p / p.sum(axis=0)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        return {"temperature": np.array(self.temperature), "curves": self.curves}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where they are missing or damaged.
        """
        try:
            temperature, curves = float(arrays["temperature"]), np.asarray(arrays["curves"], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The stored classifier is incomplete or damaged: {error}.") from None
        if not temperature > 0 or curves.ndim != 3 or curves.shape[1] != 2:
            raise InputError("The stored classifier is damaged: its calibration is.")
        return cls(temperature, curves)


def fit_temperature(truth: np.ndarray, probabilities: np.ndarray) -> Recalibration:
    """The temperature with the smallest log-loss.

    Parameters
    ----------
    truth : (N,) integer array
        True classes.
    probabilities : (K, N) array
        Probabilities that these objects were given by models that had not seen them.
    """
    from scipy.optimize import minimize_scalar

    log_p = np.log(np.maximum(np.asarray(probabilities, float), _SMALLEST))
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = log_p / np.exp(log_temperature)
        scaled -= scaled.max(axis=0)
        return float((np.log(np.exp(scaled).sum(axis=0)) - scaled[truth, rows]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return Recalibration(float(np.exp(found.x)))


def fit_isotonic(truth: np.ndarray, probabilities: np.ndarray) -> Recalibration:
    """For each class the rising curve from its probability to how often it is true.

    Parameters
    ----------
    truth : (N,) integer array
        True classes.
    probabilities : (K, N) array
        Probabilities that these objects were given by models that had not seen them.
    """
    from scipy.optimize import isotonic_regression

    curves = np.empty((len(probabilities), 2, _KNOTS), np.float32)
    at = np.linspace(0, 1, _KNOTS) ** 2
    for k, row in enumerate(np.asarray(probabilities, float)):
        order = np.argsort(row, kind="stable")
        rising = isotonic_regression((np.asarray(truth) == k)[order].astype(float)).x
        curves[k] = at, np.interp(at, row[order], rising)
    return Recalibration(curves=curves)
