"""How blurred an image is, in pixels, from the fall of its power spectrum.

Pictures of things with edges have a power spectrum that falls as the third power of the frequency beyond the scale of
the things (an edge along a curve: Field 1987, "Relations between the statistics of natural images and the response
properties of cortical cells"; for discs it follows from the Bessel function). A Gaussian blur of σ pixels multiplies
the spectrum by exp(−σ²ω²), and camera noise adds a constant. So the spectrum is fitted by

    P(ω) = A · (ω² + ω₀²)^(−3/2) · exp(−σ²ω²) + N

with the likelihood of a periodogram (Whittle 1953): the sum over frequencies of log P + observed / P. Frequencies at
which rounding to whole grey levels may dominate are left out: the steps that rounding makes of a smooth picture have
edges of their own, with a spectrum that falls as ω⁻².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from micrographia.features.quality import finite

ROUNDING = 0.1
"""Rounding to steps of q counts up to a power of ROUNDING · q² / ω². Chosen on training images of the Data Science Bowl
whose blurred copies were rounded."""

CALIBRATION = (0.14, -0.035, -0.147)
"""log(true σ / fitted σ) = a + b·log σ + c·log(σ·reach): what the model misses where objects are small or noise leaves
only low frequencies. Found on 64 training images of the Data Science Bowl (30 fluorescence, 25 stained, 9 brightfield)
blurred by 1 to 5 pixels, with and without camera noise after the blur: ``benchmarks/image_quality.py --choose``."""

SHARP = 0.93
"""Blur of sharp images, in pixels: the median of the same images before they were blurred."""

_SMALLEST = 16
"""Shortest side, in pixels, of an image whose blur can be measured."""

_RINGS = 6
"""Fewest rings that are fitted."""

_CONSTANT = 1e-12
"""An image whose grey values differ by at most so much of the largest is constant but for rounding."""

_COUNTED = 400
"""A ring of frequencies counts at most like so many, so that the many highest ones do not decide alone."""


class BlurFit(NamedTuple):
    """The best fit of a spectrum.

    Attributes
    ----------
    sigma : float
        σ in pixels, before calibration.
    corner : float
        ω₀, radians a pixel.
    reach : float
        Highest frequency at which the picture stands above the noise, radians a pixel.
    """

    sigma: float
    corner: float
    reach: float


def power_rings(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean power in rings of frequency.

    Parameters
    ----------
    image : (Y, X) array

    Returns
    -------
    frequency : (R,) array
        Mean angular frequency of the ring, radians a pixel, up to π.
    power : (R,) array
        Mean squared magnitude, per pixel, under a Hann window (so that the image's borders are no edges); white noise
        of variance v has v everywhere.
    number : (R,) array
        Frequencies in the ring.
    """
    image = finite(image)
    height, width = image.shape
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]
    centred = (image - (image * window).sum() / window.sum()) * window
    power = np.abs(np.fft.rfft2(centred)) ** 2 / (window**2).sum()
    columns = np.arange(power.shape[1])
    twice = np.where((columns == 0) | (2 * columns == width), 1.0, 2.0) * np.ones(power.shape)
    radius = np.hypot(2 * np.pi * np.fft.fftfreq(height)[:, None], 2 * np.pi * np.fft.rfftfreq(width))
    edges = _ring_edges(2 * np.pi / min(height, width))
    ring = np.digitize(radius, edges).ravel() - 1
    kept = (ring >= 0) & (ring < len(edges) - 1)
    ring, weight = ring[kept], twice.ravel()[kept]
    number = np.bincount(ring, weight, len(edges) - 1)
    total = np.bincount(ring, weight * power.ravel()[kept], len(edges) - 1)
    middle = np.bincount(ring, weight * radius.ravel()[kept], len(edges) - 1)
    some = number > 0
    return middle[some] / number[some], total[some] / number[some], number[some]


def grey_step(image: np.ndarray) -> float:
    """Smallest difference between two grey values: 1 for whole numbers, 0 where values are not rounded at all.

    Looked for on a lattice of at most 512 × 512 pixels.
    """
    thin = np.asarray(image)[tuple(slice(None, None, -(-n // 512)) for n in np.shape(image))]
    values = np.unique(thin[np.isfinite(thin)].astype(np.float64))
    return float(np.diff(values).min()) if len(values) > 1 else 0.0


def blur_sigma(image: np.ndarray, step: float | None = None) -> float:
    """Width of the blur of an image: σ of a Gaussian, in pixels.

    All blur counts, also that of a microscope in focus: nuclei in focus have about 0.5 to 1.2.

    Parameters
    ----------
    image : (Y, X) array
    step : float, optional
        Difference between neighbouring grey values, for rounding; otherwise `grey_step`.

    Returns
    -------
    float
        NaN for constant images and those with a side under 16 pixels.
    """
    return calibrated(fit_spectrum(image, step))


def fit_spectrum(image: np.ndarray, step: float | None = None) -> BlurFit:
    """The best fit of an image's spectrum, before calibration; parameters as for `blur_sigma`."""
    image = np.asarray(image)
    unknown = BlurFit(float("nan"), float("nan"), float("nan"))
    if min(image.shape) < _SMALLEST:
        return unknown
    known = finite(image)
    low, high = float(known.min()), float(known.max())
    if not high - low > _CONSTANT * max(abs(low), abs(high)):
        return unknown  # the window of a constant image leaves rounding errors, which are no spectrum
    frequency, power, number = power_rings(known)
    if not power.max() > 0:
        return unknown
    step = grey_step(image) if step is None else step
    drowned = np.flatnonzero(power < ROUNDING * (step / frequency) ** 2)
    last = max(_RINGS, drowned[0]) if len(drowned) else len(power)
    return fit_blur(frequency[:last], power[:last], number[:last])


def calibrated(fit: BlurFit) -> float:
    """σ in pixels of a fit, corrected as `CALIBRATION` says."""
    constant, by_size, by_reach = CALIBRATION
    reach = min(max(fit.sigma * fit.reach, 0.2), 5.0)
    return float(fit.sigma * np.exp(constant + by_size * np.log(fit.sigma) + by_reach * np.log(reach)))


def fit_blur(frequency: np.ndarray, power: np.ndarray, number: np.ndarray) -> BlurFit:
    """σ in pixels of the best fit of a spectrum; see the head of this module for the model.

    Parameters
    ----------
    frequency, power, number : (R,) array
        Rings as `power_rings` gives them.

    Returns
    -------
    BlurFit
    """
    observed = np.maximum(power, 1e-9 * power.max())
    weight = np.minimum(number, _COUNTED)
    corners = np.r_[0.0, np.geomspace(frequency[0] / 2, 0.8, 9)]
    sigmas = np.geomspace(0.25, 2.5 / frequency[0], 32)
    misfit, amplitude, noise = _misfits(_shapes(sigmas, corners, frequency), observed, weight)
    best, corner = (int(k) for k in np.unravel_index(misfit.argmin(), misfit.shape))
    signal = amplitude[best, corner] * _shapes(sigmas[best : best + 1], corners[corner : corner + 1], frequency)[0, 0]
    seen = np.flatnonzero(signal > noise[best, corner])
    reach = float(frequency[seen[-1]]) if len(seen) else float(frequency[0])
    sigma = float(sigmas[best])
    if 0 < best < len(sigmas) - 1:
        left, middle, right = misfit[best - 1 : best + 2].min(axis=1)
        sigma *= float((sigmas[1] / sigmas[0]) ** (0.5 * (left - right) / (left - 2 * middle + right)))
    return BlurFit(sigma, float(corners[corner]), reach)


def _shapes(sigmas: np.ndarray, corners: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """The model without amplitude and noise: (σ, ω₀, R)."""
    fall = (frequency**2 + corners[:, None] ** 2) ** -1.5
    return fall * np.exp(-((sigmas[:, None, None] * frequency) ** 2))


def _misfits(shapes: np.ndarray, observed: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Negative log-likelihood for each σ and corner frequency, with the best amplitude and noise."""
    noise = np.full(shapes.shape[:2], observed[-max(1, len(observed) // 8) :].mean() / 2)
    relative = shapes / observed
    amplitude = (relative @ weight) / ((relative**2) @ weight)
    for _ in range(5):  # iterated weighted least squares; the weights are those of a periodogram, 1 / model²
        w = weight / (amplitude[..., None] * shapes + noise[..., None]) ** 2
        by_shape = w * shapes
        ss, s1, s11 = (by_shape * shapes).sum(axis=-1), by_shape.sum(axis=-1), w.sum(axis=-1)
        sy, s1y = by_shape @ observed, w @ observed
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = np.clip(np.nan_to_num((ss * s1y - s1 * sy) / (ss * s11 - s1**2)), 0, s1y / s11)
            amplitude = np.maximum((sy - noise * s1) / ss, 1e-12 * sy / ss)
    model = amplitude[..., None] * shapes + noise[..., None]
    return (np.log(model) + observed / model) @ weight, amplitude, noise


def _ring_edges(smallest: float) -> np.ndarray:
    """Rings that are 6 % wide, but not narrower than the distance of two frequencies; the mean is left out."""
    edges = [0.75 * smallest]
    while edges[-1] < np.pi:
        edges.append(edges[-1] + max(smallest, 0.06 * edges[-1]))
    return np.minimum(edges, np.pi * (1 + 1e-9))
