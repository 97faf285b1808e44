"""Label images with the shapes that go wrong: holes, touching objects, single pixels, pieces, the border."""

from __future__ import annotations

import numpy as np


def field(side: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels 1…n of a plane and two correlated channels from 0 to 1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for k in range(1, 15):
        cy, cx, a, b, turn = rng.uniform(0, side), rng.uniform(0, side), *rng.uniform(4, 14, 2), rng.uniform(0, np.pi)
        u, v = (y - cy) * np.cos(turn) + (x - cx) * np.sin(turn), (x - cx) * np.cos(turn) - (y - cy) * np.sin(turn)
        labels[(u / a) ** 2 + (v / b) ** 2 < 1] = k  # later ones cut into earlier ones
    labels[40:48, 40:48] = 15
    labels[42:45, 43:46] = 0  # a hole
    labels[3, 3] = 16  # a single pixel
    labels[60, 70:78] = 17  # a line
    labels[90:93, 2:5], labels[90:93, 8:11] = 18, 18  # two pieces
    _, numbers = np.unique(labels, return_inverse=True)
    one = np.clip(0.3 + 0.2 * np.sin(x / 7) * np.cos(y / 5) + rng.normal(0, 0.05, labels.shape), 0, 1)
    two = np.clip(0.6 * one + 0.2 * (labels > 0) + rng.normal(0, 0.04, labels.shape), 0, 1)
    one, two = np.round(one * 65535) / 65535, np.round(two * 65535) / 65535
    return numbers.reshape(labels.shape).astype(np.int32), one, two


def volume(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels 1…n of a volume and two channels from 0 to 1."""
    from scipy.ndimage import gaussian_filter, label

    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(16, 48, 52)), (1.5, 3, 3))
    labels = label(smooth > np.quantile(smooth, 0.8))[0]
    small = np.bincount(labels.ravel()) < 30
    _, numbers = np.unique(np.where(small[labels], 0, labels), return_inverse=True)
    one = (smooth - smooth.min()) / np.ptp(smooth)
    return numbers.reshape(labels.shape).astype(np.int32), one, np.clip(one + rng.normal(0, 0.1, one.shape), 0, 1)
