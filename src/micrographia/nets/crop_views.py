"""Random views of crops: what may change about a picture of a cell without making it another cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch.utils.data import Dataset

from micrographia.geometry.windows import cut_window
from micrographia.nets.augment import random_blur, random_noise


@dataclass(frozen=True)
class ViewOptions:
    """How far views differ from their crop.

    Parameters
    ----------
    shift : float
        Largest shift, as a share of the crop's side.
    zoom : float
        Largest zoom factor in either direction.
    stretch : float
        Largest factor by which one axis is stretched against the other.
    contrast : float
        Largest natural logarithm of the factor and of gamma by which intensities change.
    blur, noise, neighbours : float
        Probability of a mild blur, of camera noise, and (where the mask is known) of hiding the neighbours.
    """

    shift: float = 0.06
    zoom: float = 1.12
    stretch: float = 1.08
    contrast: float = 0.3
    blur: float = 0.2
    noise: float = 0.4
    neighbours: float = 0.3


GENTLE = ViewOptions(contrast=0.2, blur=0.1, noise=0.3, neighbours=0.1)
"""For learning classes, where size, sharpness and brightness may matter."""

FAITHFUL = ViewOptions(zoom=1.08, contrast=0.12, blur=0.1, noise=0.3, neighbours=0.15)
"""For self-supervised learning, which forgets whatever its views change: size and brightness, too, tell cells apart."""


def random_view(crop: np.ndarray, mask: bool, options: ViewOptions, rng: np.random.Generator) -> np.ndarray:
    """A view of one crop: turned by any angle, mirrored, shifted, scaled, brighter or darker, noisier, blurred.

    Parameters
    ----------
    crop : (C, S, S) float32 array
        Background near 0, bright near 1.
    mask : bool
        Whether the last channel is the object's mask, whose values are not intensities.
    options : ViewOptions
        How far.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    (C, S, S) float32 array
    """
    size = crop.shape[-1]
    angle = rng.uniform(0, 2 * np.pi)
    zoom = np.exp(rng.uniform(-1, 1) * np.log(options.zoom))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(options.stretch) / 2)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn, other = (np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (angle, rng.uniform(0, np.pi)))
    matrix = other @ np.diag([stretch, 1 / stretch]) @ other.T @ turn @ np.diag([1.0, mirror]) * zoom
    shift = rng.uniform(-1, 1, 2) * options.shift * size
    pixels = cut_window(crop[: len(crop) - mask], matrix, tuple((size - 1) / 2 + shift), size)
    own = np.empty((0, size, size), np.float32)
    if mask:  # beyond the crop the picture is mirrored, but the mirrored object is another one
        own = np.pad(crop[-1:], [(0, 0), (size, size), (size, size)])
        own = cut_window(own, matrix, tuple((3 * size - 1) / 2 + shift), size)
        if rng.random() < options.neighbours:
            pixels = pixels * np.minimum(1, random_blur(own, rng) * 2)
    if rng.random() < 0.8:
        pixels = _contrast(pixels, options.contrast, rng)
    if rng.random() < options.blur:
        pixels = random_blur(np.ascontiguousarray(pixels), rng)
    if rng.random() < options.noise:
        pixels = random_noise(pixels, rng)
    return np.concatenate([pixels, own], dtype=np.float32)


def _contrast(pixels: np.ndarray, reach: float, rng: np.random.Generator) -> np.ndarray:
    """Gamma for all channels, and a factor for each."""
    gamma = np.float32(np.exp(rng.uniform(-reach, reach)))
    factors = np.exp(rng.uniform(-reach, reach, (len(pixels), 1, 1))).astype(np.float32)
    return np.sign(pixels) * np.abs(pixels) ** gamma * factors


class CropViews(Dataset):
    """View number i, of the crop whose turn it is, with what is measured of it; a function of seed and number alone.

    Parameters
    ----------
    crops : (N, C, S, S) array
        The crops.
    numbers : range
        Which views; where nothing was measured, it begins at an even number.
    targets : (N, D) float32 array, optional
        What is measured of each crop; without it 2i and 2i + 1 are two views of the same crop.
    mask : bool
        Whether the last channel is a mask.
    seed : int
        Seed of all views.
    """

    def __init__(
        self,
        crops: np.ndarray,
        numbers: range,
        targets: np.ndarray | None = None,
        *,
        mask: bool,
        seed: int = 0,
        options: ViewOptions = FAITHFUL,
    ) -> None:
        self.crops, self.numbers, self.targets, self.mask = crops, numbers, targets, mask
        self.seed, self.options = seed, options

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """The view (C, S, S) under "image", and the measurements (D,) under "target"."""
        number = self.numbers[index]
        turn, stream = (number // 2, 1) if self.targets is None else (number, 3)
        which = _turn(turn, len(self.crops), self.seed)
        rng = np.random.default_rng([self.seed, stream, number])
        view = random_view(self.crops[which].astype(np.float32), self.mask, self.options, rng)
        return {"image": view} if self.targets is None else {"image": view, "target": self.targets[which]}


class ClassViews(Dataset):
    """View number i with its class: classes are drawn evenly, and a share of the views are mixtures of two.

    Parameters
    ----------
    crops : (N, C, S, S) array
        The crops.
    classes : (N,) integer array
        Class of each, 0 to K - 1.
    numbers : range
        Which views.
    mask : bool
        Whether the last channel is a mask.
    balance : float
        0 draws crops as often as they are, 1 draws all classes equally often.
    mixup : float
        Concentration of the beta distribution of mixtures (Zhang et al. 2018); 0 mixes nothing.
    seed : int
        Seed of all views.
    """

    def __init__(
        self,
        crops: np.ndarray,
        classes: np.ndarray,
        numbers: range,
        *,
        mask: bool,
        balance: float = 0.5,
        mixup: float = 0.0,
        seed: int = 0,
        options: ViewOptions = GENTLE,
    ) -> None:
        self.crops, self.classes, self.numbers, self.mask = crops, np.asarray(classes), numbers, mask
        self.mixup, self.seed, self.options = mixup, seed, options
        counts = np.bincount(self.classes)
        share = counts[self.classes].astype(float) ** -balance
        self.share = np.cumsum(share / share.sum())
        self.one_hot = np.eye(len(counts), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """The view (C, S, S) under "image" and its class probabilities (K,) under "target"."""
        rng = np.random.default_rng([self.seed, 2, self.numbers[index]])
        image, target = self._draw(rng)
        if self.mixup:
            share = np.float32(rng.beta(self.mixup, self.mixup))
            other, other_target = self._draw(rng)
            image, target = image * share + other * (1 - share), target * share + other_target * (1 - share)
        return {"image": image, "target": target}

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        which = min(int(np.searchsorted(self.share, rng.random())), len(self.crops) - 1)
        view = random_view(self.crops[which].astype(np.float32), self.mask, self.options, rng)
        return view, self.one_hot[self.classes[which]]


def _turn(number: int, count: int, seed: int) -> int:
    """Which of `count` crops has its turn: every crop once in each round, in another order each round."""
    turn, place = divmod(number, count)
    return int(_order(turn, count, seed)[place])


@lru_cache(maxsize=4)
def _order(turn: int, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, turn]).permutation(count)


def batches(crops: np.ndarray, targets: np.ndarray, size: int = 256) -> Sequence[dict[str, np.ndarray]]:
    """Crops (N, C, S, S) and class probabilities (N, K) without augmentation, as batches to validate on."""
    return [
        {"image": crops[i : i + size].astype(np.float32), "target": targets[i : i + size]}
        for i in range(0, len(crops), size)
    ]
