"""Choose decoding thresholds on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from micrographia.metrics.instances import THRESHOLDS
from micrographia.metrics.matching import match
from micrographia.segment.star_decoding import Decoding, detect, render_region

if TYPE_CHECKING:
    from micrographia.nets.star_unet import StarModel

GRID = {
    "probability": (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
    "support": (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
    "overlap": (0.25, 0.3, 0.4, 0.5, 0.6),
    "foreground": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
}
"""Values that are tried, one threshold after the other, twice."""

Maps = tuple[np.ndarray, np.ndarray, np.ndarray]


def network_maps(model: StarModel, image: np.ndarray) -> Maps:
    """Probability, distance and foreground of a whole normalised image (C, Y, X), run with PyTorch."""
    import torch

    stride: int = model.experts[0].stride  # type: ignore[assignment]
    padded = np.pad(image, [(0, 0), *((0, -n % stride) for n in image.shape[1:])], mode="symmetric")
    with torch.inference_mode():
        probability, distance, foreground = model(torch.from_numpy(padded)[None])
    return probability[0, 0].numpy(), distance[0].numpy(), foreground[0, 0].numpy()


def decode(maps: Maps, shape: tuple[int, int], decoding: Decoding, grid: int = 2) -> np.ndarray:
    """Label image of maps that cover a whole plane: probability, distance, foreground."""
    foreground = np.zeros(shape, np.uint8)
    side = maps[2].shape
    stars = detect(lambda window: maps, shape, decoding, foreground, window=max(side), halo=0, stride=1, grid=grid)
    return render_region(stars, foreground, (slice(0, shape[0]), slice(0, shape[1])), decoding)


def accuracy(
    maps: Sequence[Maps], labels: Sequence[np.ndarray], decoding: Decoding, iou: Sequence[float] = THRESHOLDS
) -> np.ndarray:
    """Mean over images of TP / (TP + FP + FN) at each IoU threshold."""
    rows = [
        [m.accuracy for m in match(truth, decode(three, truth.shape, decoding), iou)]
        for three, truth in zip(maps, labels, strict=True)
    ]
    return np.mean(rows, axis=0)


def choose_thresholds(
    maps: Sequence[Maps], labels: Sequence[np.ndarray], start: Decoding | None = None
) -> tuple[Decoding, float]:
    """The thresholds with the highest accuracy, averaged over images and IoU .5 to .9.

    One threshold after the other takes its best value of `GRID`, the others held; two rounds.

    Parameters
    ----------
    maps : sequence of (probability, distance, foreground)
        The network's outputs on the validation images.
    labels : sequence of (Y, X) int arrays
        Their true label images.
    start : Decoding, optional
        Where the search begins.

    Returns
    -------
    decoding : Decoding
    accuracy : float
        Of the validation images with these thresholds.
    """
    best = start or Decoding()
    score = float(accuracy(maps, labels, best).mean())
    for _ in range(2):
        before = best
        for name, values in GRID.items():
            for value in values:
                tried = replace(best, **{name: value})
                if tried == best:
                    continue
                reached = float(accuracy(maps, labels, tried).mean())
                if reached > score + 1e-6:
                    best, score = tried, reached
        if best == before:
            break
    return best, score
