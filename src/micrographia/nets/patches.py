"""Training patches drawn from labelled images, each a pure function of the seed and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch.utils.data import Dataset

from micrographia.nets.augment import augment_intensity, random_window
from micrographia.nets.neighbours import random_neighbours

Targets = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Label patch (Y, X) to the arrays that the loss compares with the network's outputs."""


class Patches(Dataset):
    """Patch number i, the same in every run with the same seed: resuming is counting on.

    Parameters
    ----------
    images : sequence of (C, Y, X) float32 arrays
        Normalised images.
    labels : sequence of (Y, X) int32 arrays
        Their label images; negative labels are ignored in training.
    targets : callable
        Label patch to targets.
    numbers : range
        Which patches.
    size : int
        Side of a patch in pixels.
    scale : float
        Largest zoom factor of the augmentation.
    foreground : float
        Share of the patches centred on an object.
    neighbours : float
        Share of the patches in which objects are set down beside others.
    weights : sequence of float, optional
        How often each image is used; default the square root of its area.
    seed : int
        Seed of all patches.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Sequence[np.ndarray],
        targets: Targets,
        numbers: range,
        *,
        size: int,
        scale: float,
        foreground: float = 0.85,
        neighbours: float = 0.5,
        weights: Sequence[float] | None = None,
        seed: int = 0,
    ) -> None:
        self.images, self.labels, self.targets, self.numbers = images, labels, targets, numbers
        self.size, self.scale, self.foreground, self.seed = size, scale, foreground, seed
        self.neighbours = neighbours
        share = np.array([np.sqrt(a.size) for a in labels] if weights is None else weights, float)
        self.share = np.cumsum(share / share.sum())
        self._boxes: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def _objects(self, which: int) -> np.ndarray:
        """Bounding boxes (y0, x0, y1, x1) of the objects of one image."""
        if which not in self._boxes:
            from scipy.ndimage import find_objects

            boxes = [b for b in find_objects(np.maximum(self.labels[which], 0)) if b is not None]
            self._boxes[which] = np.array([[y.start, x.start, y.stop, x.stop] for y, x in boxes]).reshape(-1, 4)
        return self._boxes[which]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Image patch (C, size, size) under "image" and its targets."""
        rng = np.random.default_rng([self.seed, self.numbers[index]])
        patch, labels = self._window(rng)
        if rng.random() < self.neighbours:
            donor = (patch, labels) if rng.random() < 0.5 else self._window(rng)
            patch, labels = random_neighbours(patch, labels, *donor, rng)
        return {"image": augment_intensity(patch, labels, rng), **self.targets(labels)}

    def _window(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A window of one of the images, most often around one of its objects."""
        which = min(int(np.searchsorted(self.share, rng.random())), len(self.images) - 1)
        image, labels = self.images[which], self.labels[which]
        boxes = self._objects(which)
        centre = rng.random(2) * labels.shape
        if len(boxes) and rng.random() < self.foreground:
            y0, x0, y1, x1 = boxes[rng.integers(len(boxes))]
            centre = np.array([y0 + y1, x0 + x1]) / 2 + rng.uniform(-0.4, 0.4, 2) * self.size
        return random_window(image, labels, tuple(centre), self.size, self.scale, rng)
