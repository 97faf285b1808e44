"""Pictures and strokes that the tests of pixel classification make."""

from __future__ import annotations

import numpy as np


def blobs(shape: tuple[int, ...] = (90, 130), seed: int = 0, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noisy bright blobs, (C, *shape) float32, and the truth: 1 background, 2 blob."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape)
    truth = np.ones(shape, np.int32)
    for _ in range(6):
        centre = [rng.uniform(0, n) for n in shape]
        truth[sum((g - c) ** 2 for g, c in zip(grid, centre)) < (min(shape) / 6) ** 2] = 2
    picture = np.stack([(truth == 2) * (40 + 10 * c) + rng.normal(100, 12, shape) for c in range(channels)])
    return picture.astype(np.float32), truth


def strokes_of(truth: np.ndarray, step: int = 9) -> np.ndarray:
    """Short strokes: of every `step`-th row some pixels keep their class, all others are 0."""
    painted = np.zeros_like(truth)
    rows = (..., slice(3, None, step), slice(5, None, 3))
    painted[rows] = truth[rows]
    return painted
