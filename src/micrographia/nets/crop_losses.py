"""Losses of networks that look at crops."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

_VARIANCE, _INVARIANCE, _COVARIANCE = 25.0, 25.0, 1.0
_EPSILON = 1e-4


def vicreg_loss(embeddings: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Variance, invariance and covariance of two views of each crop (VICReg, Bardes et al. 2022, eqs. 1-6).

    Parameters
    ----------
    embeddings : Tensor
        (2N, D); rows 2i and 2i + 1 are the two views of one crop.
    batch : dict
        Not looked at: there are no targets.

    Returns
    -------
    dict of Tensor
        "variance", "invariance", "covariance" and their weighted sum "loss".
    """
    first, second = embeddings.float()[0::2], embeddings.float()[1::2]
    invariance = F.mse_loss(first, second)
    variance, covariance = first.new_zeros(()), first.new_zeros(())
    for view in (first, second):
        centred = view - view.mean(0)
        variance = variance + F.relu(1 - (centred.var(0) + _EPSILON).sqrt()).mean() / 2
        matrix = centred.T @ centred / (len(view) - 1)
        covariance = covariance + (matrix.pow(2).sum() - matrix.diagonal().pow(2).sum()) / view.shape[1]
    loss = _VARIANCE * variance + _INVARIANCE * invariance + _COVARIANCE * covariance
    return {"variance": variance, "invariance": invariance, "covariance": covariance, "loss": loss}


def measurement_loss(found: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """How far what a network tells (N, D) is from what was measured, the batch's "target": Huber's loss."""
    return {"loss": F.smooth_l1_loss(found.float(), batch["target"])}


class CropLoss:
    """Cross-entropy with softened targets (label smoothing, Szegedy et al. 2016).

    Parameters
    ----------
    smoothing : float
        Share of each target that is spread over all classes.

    Notes
    -----
    The batch holds "target": class probabilities (N, K) of each crop, or (1, N, K) for validation, where they stay as
    they are.
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        self.smoothing = smoothing

    def __call__(self, logits: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """ "loss" of logits (N, K) against the batch's "target"."""
        smoothing = self.smoothing if batch["target"].ndim == 2 else 0.0
        target = batch["target"].flatten(0, -2)
        soft = target * (1 - smoothing) + smoothing / target.shape[1]
        each = -(soft * F.log_softmax(logits.float(), dim=1)).sum(1)
        weight = batch["weight"].flatten() if "weight" in batch else each.new_ones(len(each))
        return {"loss": (each * weight).sum() / weight.sum()}
