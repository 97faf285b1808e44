"""Wavelet scattering: how much structure there is at each scale, and how it is arranged at the next larger ones.

Two layers of Morlet wavelets and moduli (Bruna & Mallat 2013, "Invariant scattering convolution networks"), as weighted
means over the object. Means over all directions of the first wavelet remain, by the angle between the second and the
first. The window is set into a square with an odd side, on which the grid of frequencies is symmetric, so that quarter
turns and mirroring change nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SCALES = 4
"""Wavelengths: 8/3 pixels and twice, four times and eight times that."""

ANGLES = 8
"""Directions from 0 to 180 degrees."""

_TINY = 1e-6


def wavelet_scattering(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Scattering coefficients of the root of the brightness above the background, cut out with a soft edge.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel.
    image : (Y, X) float array
        Values below 0 count as 0. The picture is divided by its own root mean square, so gain does not count.

    Returns
    -------
    dict of str to float
        For each scale ``Scattering0`` to ``3``: ``Mean`` (logarithm), ``Direction`` (spread between directions by the
        mean) and ``Peak`` (logarithm of the mean square by the squared mean); for each pair of a scale and a larger one
        ``Scattering<one>Of<larger>Angle0`` to ``4``: logarithm of the second layer by the first, for angles of 0 to 90
        degrees between the two.
    """
    from scipy import fft, ndimage

    side = _odd_side(max(mask.shape))
    soft = ndimage.gaussian_filter(np.pad(ndimage.binary_dilation(np.pad(mask, 2), iterations=2), 4).astype(float), 1)
    soft = soft[6:-6, 6:-6]
    root = np.sqrt(np.maximum(image, 0))
    root = (root - np.percentile(root, 5)) * soft
    picture = np.zeros((side, side), np.float32)
    picture[: root.shape[0], : root.shape[1]] = root
    picture /= max(np.sqrt((root**2).sum() / side**2), 1e-9)
    weight = np.zeros((side, side), np.float32)
    weight[: root.shape[0], : root.shape[1]] = soft / soft.sum()
    bank = _wavelets(side)
    first = np.abs(fft.ifft2(fft.fft2(picture) * bank, overwrite_x=True))
    means = np.tensordot(first, weight, 2)
    found: dict[str, float] = {}
    for j in range(SCALES):
        mean = float(means[j].mean())
        found[f"Scattering{j}Mean"] = np.log(mean + _TINY)
        found[f"Scattering{j}Direction"] = float(means[j].std()) / (mean + _TINY)
        found[f"Scattering{j}Peak"] = np.log((first[j] ** 2).mean() / (first[j].mean() ** 2 + 1e-9) + _TINY)
    for j in range(SCALES - 1):
        waves = fft.fft2(first[j])
        for k in range(j + 1, SCALES):
            second = np.stack([np.tensordot(np.abs(fft.ifft2(wave * bank[k])), weight, 2) for wave in waves])
            turned = np.mean([np.roll(second[a], -a) for a in range(ANGLES)], axis=0)
            for d in range(ANGLES // 2 + 1):
                value = float(turned[d] + turned[-d % ANGLES]) / 2
                found[f"Scattering{j}Of{k}Angle{d}"] = np.log(value / (float(means[j].mean()) + _TINY) + _TINY)
    return found


def _odd_side(least: int) -> int:
    """The next odd number, 45 or more, that has no prime factors but 3, 5 and 7."""
    side = max(least, 45) | 1
    while True:
        left = side
        for prime in (3, 5, 7):
            while left % prime == 0:
                left //= prime
        if left == 1:
            return side
        side += 2


@lru_cache(maxsize=16)
def _wavelets(side: int) -> np.ndarray:
    """Morlet wavelets in Fourier space, (scale, angle, Y, X) float32."""
    frequency = np.fft.fftfreq(side) * 2 * np.pi
    fy, fx = np.meshgrid(frequency, frequency, indexing="ij")
    bank = np.empty((SCALES, ANGLES, side, side), np.float32)
    for j in range(SCALES):
        centre, sigma = 0.75 * np.pi / 2**j, 0.8 * 2**j
        for a in range(ANGLES):
            angle = np.pi * a / ANGLES
            along, across = fx * np.cos(angle) + fy * np.sin(angle), -fx * np.sin(angle) + fy * np.cos(angle)
            wave = np.exp(-(sigma**2) * ((along - centre) ** 2 + (across / 0.5) ** 2) / 2)
            low = np.exp(-(sigma**2) * (along**2 + (across / 0.5) ** 2) / 2)
            bank[j, a] = wave - wave[0, 0] / low[0, 0] * low  # no response to a constant
    return bank
