"""Focus of an image as CellProfiler measures it, and a calibrated probability that it is in focus.

The formulas are those of CellProfiler's module MeasureImageQuality, described by Bray et al. 2012, "Workflow and
metrics for image quality control in large-scale high-content screens" (J. Biomol. Screen. 17:266); their results equal
CellProfiler's tables.
"""

from __future__ import annotations

import numpy as np

from micrographia.features.quality import finite

LOCAL = 20
"""Side in pixels of the squares of the local focus score, as in CellProfiler."""

IN_FOCUS = (4.3, -8.4)
"""Logarithm of the odds that an image is in focus: a + b·log σ of its blur. Fitted on training images of the Data
Science Bowl, sharp and blurred by 2 to 5 pixels: ``benchmarks/image_quality.py --choose``."""


def power_log_log_slope(image: np.ndarray) -> float:
    """Slope of the logarithm of the power spectrum over the logarithm of the frequency.

    Power is summed, not averaged, over rings of one frequency step, from the first to an eighth of the shorter side.
    The more blurred an image, the steeper (more negative) the slope; an image without structure has a slope above 0.

    Parameters
    ----------
    image : (Y, X) array

    Returns
    -------
    float
        0 for constant images and those with a side under 32 pixels, as in CellProfiler.
    """
    image = finite(image)
    radii = np.arange(2, np.floor(min(image.shape) / 8))
    if len(radii) < 2 or image.max() == image.min():
        return 0.0
    from scipy.fft import rfft2

    # Only rows and columns of low frequency are needed.
    most = int(radii[-1])
    power = np.abs(rfft2(image - image.mean())) ** 2
    rows = np.minimum(np.arange(image.shape[0]), np.arange(image.shape[0])[::-1])
    # CellProfiler counts the frequencies −1, −2, … from the last entry on as 0, 1, …
    columns = np.minimum(np.arange(image.shape[1]), np.arange(image.shape[1])[::-1])
    low_rows, low_columns = np.flatnonzero(rows <= most), np.flatnonzero(columns <= most)
    whole = _full_columns(power, low_rows, low_columns, image.shape)
    ring = np.floor(np.hypot(rows[low_rows][:, None], columns[low_columns])).astype(int) + 1
    total = np.bincount(ring.ravel(), whole.ravel(), most + 1)[2 : most + 1]
    some = total > 0
    if np.count_nonzero(some) < 2:
        return 0.0
    return float(np.polyfit(np.log(radii[some]), np.log(total[some]), 1)[0])


def _full_columns(power: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Chosen rows and columns of the whole spectrum, from the half that `rfft2` gives."""
    half = columns < power.shape[1]
    found = np.empty((len(rows), len(columns)))
    found[:, half] = power[np.ix_(rows, columns[half])]
    found[:, ~half] = power[np.ix_(-rows % shape[0], shape[1] - columns[~half])]
    return found


def normalized_variance(image: np.ndarray) -> float:
    """Variance divided by the mean: CellProfiler's FocusScore (Groen et al. 1985; Sun et al. 2004).

    Parameters
    ----------
    image : (Y, X) array

    Returns
    -------
    float
        0 where the mean is not above 0.
    """
    image = finite(image)
    mean = image.mean()
    return float(image.var() / mean) if mean > 0 else 0.0


def local_normalized_variance(image: np.ndarray, side: int = LOCAL) -> float:
    """How much the normalized variance differs from place to place: CellProfiler's LocalFocusScore.

    Parameters
    ----------
    image : (Y, X) array
    side : int
        Side of the squares in pixels.

    Returns
    -------
    float
        Variance of the squares' normalized variances divided by their median; 0 where the median is 0.
    """
    image = finite(image)
    height, width = image.shape
    down, across = -(-height // side), -(-width // side)
    # As many squares as it takes, shrunk a little so that they cover the image evenly.
    square = np.arange(height)[:, None] * down // height * across + np.arange(width) * across // width
    number = np.bincount(square.ravel())
    mean = np.bincount(square.ravel(), image.ravel()) / number
    variance = np.bincount(square.ravel(), ((image - mean[square]) ** 2).ravel()) / number
    scores = variance[mean != 0] / mean[mean != 0]
    middle = np.median(scores) if len(scores) else 0.0
    return float(scores.var() / middle) if middle > 0 else 0.0


def in_focus(sigma: float) -> float:
    """Probability that an image with this blur is in focus.

    Parameters
    ----------
    sigma : float
        Blur in pixels, from `blur_sigma`.

    Returns
    -------
    float
        0 to 1; NaN where the blur is not known.
    """
    if not np.isfinite(sigma):
        return float("nan")
    return float(1 / (1 + np.exp(-(IN_FOCUS[0] + IN_FOCUS[1] * np.log(sigma)))))
