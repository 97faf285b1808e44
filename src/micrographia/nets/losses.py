"""Losses of the networks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def star_loss(outputs: tuple[Tensor, Tensor, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Loss of a star-polygon network (Schmidt et al. 2018, eqs. 1-2, with a relative distance error).

    The published distance loss is in pixels, so large objects outweigh small ones; here the mean error of
    an object's rays is divided by their mean length, since the IoU depends on the relative error.

    Parameters
    ----------
    outputs : tuple of Tensor
        Object probability logits (N, 1, y, x), distances (N, R, y, x) in pixels, foreground logits (N, 1, Y, X).
    batch : dict of Tensor
        "probability" (N, y, x), -1 where ignored; "distance" (N, R, y, x); "foreground" (N, Y, X), -1 where ignored.

    Returns
    -------
    dict of Tensor
        "probability", "distance", "foreground" and their sum "loss".
    """
    logits, distance, foreground = (o.float() for o in outputs)
    target = batch["probability"]
    known = (target >= 0).float()
    target = target.clamp(min=0)
    bce = F.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")
    probability = (bce * known).sum() / known.sum().clamp(min=1)
    truth = batch["distance"]
    error = (distance - truth).abs().mean(1) / truth.mean(1).clamp(min=1)
    rays = (error * target).sum() / target.sum().clamp(min=1)
    background = (distance.abs().mean(1) * known * (target == 0)).sum() / known.sum().clamp(min=1)
    inside = batch["foreground"]
    known = (inside >= 0).float()
    inside = inside.clamp(min=0)
    bce = F.binary_cross_entropy_with_logits(foreground[:, 0], inside, reduction="none")
    share = torch.sigmoid(foreground[:, 0]) * known
    dice = 1 - (2 * (share * inside).sum() + 1) / (share.sum() + (inside * known).sum() + 1)
    pixels = (bce * known).sum() / known.sum().clamp(min=1) + 0.25 * dice
    return {
        "probability": probability,
        "distance": rays,
        "foreground": pixels,
        "loss": probability + 0.5 * rays + pixels + 1e-4 * background,
    }
