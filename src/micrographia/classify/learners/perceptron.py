"""A small neural network on features (multi-layer perceptron): scikit-learn trains it, stored arrays predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.scikit_learn import need_scikit_learn
from micrographia.classify.learners.softmax import softmax
from micrographia.classify.learners.training_samples import checked_samples


@dataclass(frozen=True)
class Perceptron:
    """Layers of weights; between them negative values become 0, after the last one stands a softmax.

    Attributes
    ----------
    layers : tuple of (weights, offsets)
        Weights (inputs, outputs) and offsets (outputs,), float32.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    kind: ClassVar[str] = "mlp"

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (K, N) float32 of features (F, N)."""
        x = np.asarray(features, np.float32).T
        for number, (weights, offsets) in enumerate(self.layers):
            x = x @ weights + offsets
            if number < len(self.layers) - 1:
                x = np.maximum(x, 0)
        return softmax(x.T)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        found: dict[str, np.ndarray] = {}
        for number, (weights, offsets) in enumerate(self.layers):
            found |= {f"weights{number}": weights, f"offsets{number}": offsets}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From stored arrays.

        Raises
        ------
        InputError
            Where arrays are missing or do not fit each other.
        """
        layers: list[tuple[np.ndarray, np.ndarray]] = []
        while f"weights{len(layers)}" in arrays and f"offsets{len(layers)}" in arrays:
            weights, offsets = (np.asarray(arrays[f"{key}{len(layers)}"], np.float32) for key in ("weights", "offsets"))
            before = layers[-1][1].shape if layers else weights.shape[:1]
            if weights.ndim != 2 or weights.shape != before + offsets.shape:
                raise InputError("The stored classifier is damaged: its layers do not fit each other.")
            layers.append((weights, offsets))
        if not layers:
            raise InputError("The stored classifier is incomplete: it has no layers.")
        return cls(tuple(layers))


def fit_perceptron(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    weights: np.ndarray | None = None,
    hidden: int = 100,
    penalty: float = 1.0,
    seed: int = 0,
) -> Perceptron:
    """Train one hidden layer by Adam (scikit-learn's MLPClassifier).

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values on one scale, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K.
    weights : (N,) array, optional
        Weight of each sample.
    hidden : int
        Nodes of the hidden layer.
    penalty : float
        Penalty on large weights (scikit-learn's alpha).
    seed : int
        The same seed gives the same network.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    RequestError
        Where scikit-learn is not installed.
    """
    import warnings

    need_scikit_learn("mlp")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    features, classes, weight = checked_samples(features, classes, n_classes, weights)
    network = MLPClassifier((hidden,), alpha=penalty, learning_rate_init=2e-3, max_iter=120, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of rounds is the bound, and part of the design
        network.fit(features.T, classes, sample_weight=weight)
    layers = [(w.astype(np.float32), b.astype(np.float32)) for w, b in zip(network.coefs_, network.intercepts_)]
    w, b = layers[-1]
    if w.shape[1] == 1:  # two classes share one output, the score of the second
        w, b = np.concatenate([0 * w, w], axis=1), np.concatenate([0 * b, b])
    whole = np.zeros((len(w), n_classes), np.float32), np.full(n_classes, -1e30, np.float32)
    seen = np.asarray(network.classes_, int)
    whole[0][:, seen], whole[1][seen] = w, b
    return Perceptron((*layers[:-1], whole))
