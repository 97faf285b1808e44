"""Background, noise and evenness of the light, measured in spite of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from micrographia.features.quality import finite

_GRID = 12
"""The shorter side is cut into about so many blocks."""

_FEWEST = 12
"""Fewest blocks that a surface is fitted to."""


class Background(NamedTuple):
    """The smooth background of an image.

    Attributes
    ----------
    level : float
        Mean of the fitted surface.
    span : float
        Difference between the brightest and the darkest place of the surface.
    fall_off : float
        How much darker the corners are than the middle, as a share of the middle (vignetting); negative where they are
        brighter.
    """

    level: float
    span: float
    fall_off: float


def noise_sigma(image: np.ndarray) -> float:
    """Standard deviation of the noise between neighbouring pixels.

    The image is filtered with the difference of two Laplacians, which sees neither planes nor straight edges
    (Immerkær 1996, "Fast noise variance estimation"); objects are left out by taking the median of the magnitudes of
    the darker half instead of the mean.

    Parameters
    ----------
    image : (Y, X) array

    Returns
    -------
    float
        In grey values; NaN for images with a side under 3 pixels. Noise that a blur or a codec smoothed is not seen.
    """
    image = finite(image)
    if min(image.shape) < 3:
        return float("nan")
    rows = image[:-2] - 2 * image[1:-1] + image[2:]
    filtered = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    inner = image[1:-1, 1:-1]
    darker = np.abs(filtered[inner <= np.median(inner)])
    # Of whole numbers more than half may be 0: the root mean square without the largest tenth is then steadier.
    middle = float(np.median(darker)) / 0.6745
    if middle == 0:
        middle = float(np.sqrt(np.mean(np.sort(darker)[: max(1, int(0.9 * darker.size))] ** 2)))
    return middle / 6.0


def background(image: np.ndarray, bright: bool = False) -> Background:
    """Fit a smooth surface, a polynomial of second order in y and x, to the background.

    The image is cut into blocks; the background of a block is the 20th percentile of its pixels (80th where the
    background is bright). Blocks that objects fill stick out to one side only, so the surface is fitted again and again
    with little weight for those that stick out (asymmetric least squares; Eilers & Boelens 2005).

    Parameters
    ----------
    image : (Y, X) array
    bright : bool
        Whether objects are darker than the background.

    Returns
    -------
    Background
        In grey values; a span of 0 where the image is too small for twelve blocks.
    """
    ends = np.linspace(-1, 1, 9)
    return _described(_fitted(finite(image), bright)(ends, ends))


def flattened(image: np.ndarray, bright: bool = False) -> tuple[np.ndarray, Background]:
    """The image with an even background.

    Parameters
    ----------
    image : (Y, X) array
    bright : bool
        As for `background`.

    Returns
    -------
    flat : (Y, X) float64 array
        The image less the surface that `background` fits, plus the mean of that surface.
    found : Background
    """
    image = finite(image)
    surface = _fitted(image, bright)
    ends = np.linspace(-1, 1, 9)
    found = _described(surface(ends, ends))
    whole = surface(*(np.linspace(-1, 1, n) for n in image.shape))
    return image - whole + whole.mean(), found


def _described(surface: np.ndarray) -> Background:
    """What is said of a surface at 9 × 9 places."""
    middle, corners = float(surface[4, 4]), float(surface[::8, ::8].mean())
    fall_off = 1 - corners / middle if middle > 0 else 0.0
    return Background(float(surface.mean()), float(surface.max() - surface.min()), fall_off)


def _fitted(image: np.ndarray, bright: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The surface, as a function of rows and columns from -1 to 1."""
    sign = -1.0 if bright else 1.0
    rows, columns, levels = _block_levels(sign * image)
    if len(levels) < _FEWEST:
        level = sign * np.median(levels)
        return lambda y, x: np.full((len(y), len(x)), level)
    terms = np.stack([np.ones_like(rows), rows, columns, rows * columns, rows**2, columns**2], axis=1)
    weight = np.ones(len(levels))
    for _ in range(12):
        root = np.sqrt(weight)
        c = np.linalg.lstsq(terms * root[:, None], levels * root, rcond=None)[0]
        off = levels - terms @ c
        spread = 1.4826 * float(np.median(np.abs(off[off <= 0]))) if (off <= 0).any() else 0.0
        # Below the surface a block counts fully; above it the less, the further it sticks out.
        weight = np.where(off <= 0, 1.0, 1.0 / (1.0 + (off / max(2 * spread, 1e-12)) ** 2))

    def surface(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        z = (c[0] + c[1] * y + c[4] * y**2)[:, None] + c[2] * x + c[5] * x**2 + c[3] * y[:, None] * x
        # The fit is not trusted beyond what blocks have: surfaces overshoot at corners that objects fill.
        return sign * z.clip(levels.min(), levels.max())

    return surface


def _block_levels(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle of each block, −1 to 1 along y and x, and the 20th percentile of its pixels."""
    side = max(4, min(image.shape) // _GRID)
    down, across = max(1, image.shape[0] // side), max(1, image.shape[1] // side)
    rows, columns = image.shape[0] // down, image.shape[1] // across
    step = max(1, min(rows, columns) // 24)  # some hundred pixels a block are enough for a percentile
    blocks = image[: down * rows, : across * columns].reshape(down, rows, across, columns)[:, ::step, :, ::step]
    levels = np.percentile(blocks, 20, axis=(1, 3))
    y = (2 * np.arange(down) + 1) / down - 1
    x = (2 * np.arange(across) + 1) / across - 1
    return np.repeat(y, across), np.tile(x, down), levels.ravel()
