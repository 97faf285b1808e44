"""Losses of the networks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def star_loss(outputs: tuple[Tensor, Tensor, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Loss of a star-polygon network (Schmidt et al. 2018, eqs. 1-2, with a relative distance error and weights).

    The published distance loss is in pixels, so large objects outweigh small ones; here the mean error of
    an object's rays is divided by their mean length, since the IoU depends on the relative error. The weights
    (`geometry.contacts.importance`) do the same for the other terms.

    Parameters
    ----------
    outputs : tuple of Tensor
        Object probability logits (N, 1, y, x), distances (N, 4R, y/2, x/2) in pixels as `StarUNet` gives them,
        foreground logits (N, 1, Y, X).
    batch : dict of Tensor
        "probability" (N, y, x), -1 where ignored; "distance" (N, R, y, x); "foreground" (N, Y, X), -1 where
        ignored; "weight" (N, Y, X), how much each pixel counts.

    Returns
    -------
    dict of Tensor
        "probability", "distance", "foreground" and their sum "loss".
    """
    logits, packed, foreground = (o.float() for o in outputs)
    target = batch["probability"]
    grid = batch["weight"].shape[-1] // target.shape[-1]
    weight = batch["weight"][:, ::grid, ::grid] * (target >= 0)
    target = target.clamp(min=0)
    bce = F.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")
    probability = _mean(bce, weight)
    # the rays of background are never asked: only places with an object in one of their four grid points are compared
    share = _by_place(F.pixel_unshuffle((weight * target)[:, None], 2))
    places = share.any(1).nonzero()[:, 0]
    share = share[places]
    truth = _by_place(F.pixel_unshuffle(batch["distance"], 2))[places].unflatten(1, (-1, 4))
    error = _by_place(packed).index_select(0, places).unflatten(1, (-1, 4)) - truth
    rays = _mean(error.abs().mean(1) / truth.mean(1).clamp(min=1), share)
    inside = batch["foreground"]
    weight = batch["weight"] * (inside >= 0)
    inside = inside.clamp(min=0)
    bce = F.binary_cross_entropy_with_logits(foreground[:, 0], inside, reduction="none")
    found = torch.sigmoid(foreground[:, 0]) * weight
    dice = 1 - (2 * (found * inside).sum() + 1) / (found.sum() + (inside * weight).sum() + 1)
    pixels = _mean(bce, weight) + 0.25 * dice
    return {
        "probability": probability,
        "distance": rays,
        "foreground": pixels,
        "loss": probability + 0.5 * rays + pixels,
    }


def _by_place(maps: Tensor) -> Tensor:
    """(N, C, y, x) as one row of C values a place."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
