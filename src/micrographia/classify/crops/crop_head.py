"""The last layer of a network on crops, fitted at once on the features of an encoder that stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from micrographia.nets.crop_encoder import CropNetwork

_BATCH = 256


def fit_head(
    network: CropNetwork, crops: np.ndarray, classes: np.ndarray, *, balance: float = 0.5, strength: float = 1.0
) -> None:
    """Set the last layer of a network, and the scale of the features before it, by logistic regression.

    Parameters
    ----------
    network : CropNetwork
        Its encoder is not changed.
    crops : (N, C, S, S) array
        Every crop is seen in its eight flips and quarter turns, which count as one example together.
    classes : (N,) integer array
        0 to K - 1, each of them present.
    balance : float
        0 counts each crop alike, 1 each class alike.
    strength : float
        Inverse of the penalty on large weights, as in `fit_logistic`.

    Notes
    -----
    With few examples an encoder that learned from many cells without labels is better left as it is. Where it is
    trained further, a fitted layer keeps the first steps from spoiling it (Kumar et al., ICLR 2022, "Fine-tuning can
    distort pretrained features").
    """
    import torch

    from micrographia.classify.learners.logistic import fit_logistic

    views = [np.rot90(side, k, (2, 3)) for side in (crops, crops[..., ::-1]) for k in range(4)]
    features = np.concatenate([_features(network, view) for view in views]).T
    counts = np.bincount(classes, minlength=network.head.out_features)
    share = counts[classes].astype(float) ** -balance
    weights = np.tile(share / share.mean() / len(views), len(views))
    fitted = fit_logistic(
        np.ascontiguousarray(features), np.tile(classes, len(views)), len(counts), weights=weights, strength=strength
    )
    weight = torch.from_numpy(fitted.weights)
    bias = torch.from_numpy(fitted.offset) - weight @ torch.from_numpy(fitted.centre)
    network.set_head(weight, bias, torch.from_numpy(features.mean(1)), torch.from_numpy(features.var(1)))


def _features(network: CropNetwork, crops: np.ndarray) -> np.ndarray:
    """Features (N, F) float32."""
    import torch

    network.encoder.eval()
    with torch.no_grad():
        parts = [
            network.encoder(torch.from_numpy(crops[i : i + _BATCH].astype(np.float32))).numpy()
            for i in range(0, len(crops), _BATCH)
        ]
    return np.concatenate(parts)
