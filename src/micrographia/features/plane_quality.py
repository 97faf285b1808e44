"""The quality of one plane, or of one tile of it, in CellProfiler's names.

======================================  ================================================================================
column (followed by _<channel>)         meaning
======================================  ================================================================================
ImageQuality_MeanIntensity, Median-,    of all pixels, divided by ``ImageQuality_Scaling`` (255 for 8 bits, 65,535 for
Std-, MAD-, Min-, Max-, Total-          16, 1 for real numbers), as in CellProfiler
ImageQuality_PercentMaximal, -Minimal   percentage of pixels that have the largest, the smallest value
ImageQuality_PowerLogLogSlope           slope of the power spectrum (`power_log_log_slope`)
ImageQuality_FocusScore                 variance / mean (`normalized_variance`)
ImageQuality_LocalFocusScore            its differences (`local_normalized_variance`); CellProfiler appends _20
ImageQuality_LaplacianVariance          `micrographia.features.quality.focus_score`
ImageQuality_BlurSigma                  blur in pixels (`blur_sigma`)
ImageQuality_InFocus                    probability that the image is in focus (`in_focus`)
ImageQuality_PercentSaturated           percentage of saturated pixels (`saturated_fraction`)
ImageQuality_PercentObjectsSaturated    the same of the pixels of objects; 0 where the background is bright
ImageQuality_BackgroundLevel            mode of the grey values, divided by the scaling
ImageQuality_BackgroundSpan             how much the background differs from place to place, in contrasts of the objects
ImageQuality_VignettingFallOff          how much darker the background is in the corners, as a share of the middle
ImageQuality_NoiseSigma                 noise between neighbouring pixels, divided by the scaling (`noise_sigma`)
ImageQuality_Signal                     how far the brightest 0.1 % of the smoothed image stand out from the background,
                                        in standard deviations of the background (not of tissue that fills the image:
                                        at most twenty of the noise); about 3 for an image without objects
ImageQuality_DebrisSpots, -Fibres       numbers (`find_debris`)
ImageQuality_PercentDebris              percentage of the pixels that they cover
ImageQuality_PercentNotFinite           percentage of pixels that are NaN or infinite; they were left out
======================================  ================================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.normalize import bright_background
from micrographia.features.blur import blur_sigma, grey_step
from micrographia.features.debris import Objects, find_debris, object_levels
from micrographia.features.focus import in_focus, local_normalized_variance, normalized_variance, power_log_log_slope
from micrographia.features.illumination import flattened, noise_sigma
from micrographia.features.quality import finite, focus_score, saturation_level

PREFIX = "ImageQuality_"

_LATTICE = 512
"""Levels of a whole plane come from at most about this many pixels a side."""

_SMOOTHING = 1.5
_SMOOTHED = 1 / (2 * np.sqrt(np.pi) * _SMOOTHING)
"""What is left of white noise by smoothing with this standard deviation."""

_TEXTURE, _STRONG = 20.0, 0.25
"""What varies more than so many times the noise, and by more than this share of its brightness, is no background:
tissue or cells fill the image."""


class PlaneLevels(NamedTuple):
    """What the pixels of a plane or of one of its tiles are compared with.

    Attributes
    ----------
    scaling : float
        Full scale of the pixel type; 1 for real numbers.
    bright : bool
        Whether the background is bright.
    saturated : float
        Value of saturated pixels; NaN where none are.
    objects : Objects
        Brightness of background and objects.
    """

    scaling: float
    bright: bool
    saturated: float
    objects: Objects


def plane_levels(pixels: Any) -> PlaneLevels:
    """Levels of a whole plane, from a regular lattice of its pixels, once its background is made even.

    Parameters
    ----------
    pixels : (Y, X) or (Y, X, S) array
        NumPy or lazy; the samples of a colour picture are averaged.
    """
    thin = lattice(pixels)
    colour = np.moveaxis(thin, -1, 0) if thin.ndim == 3 else thin[None]
    channels = np.stack([finite(plane).astype(np.float32) for plane in colour])
    bright = bright_background(channels)
    scaling = float(np.iinfo(thin.dtype).max) if thin.dtype.kind in "iu" else 1.0
    return PlaneLevels(
        scaling, bright, saturation_level(colour.min(axis=0)), object_levels(flattened(grey(thin), bright)[0], bright)
    )


def plane_quality(pixels: np.ndarray, levels: PlaneLevels | None = None) -> dict[str, float]:
    """Quality of one plane, or of one tile of it.

    Parameters
    ----------
    pixels : (Y, X) or (Y, X, S) array
        Grey values, or samples of a colour picture, which are averaged; a colour is saturated where all samples are.
    levels : PlaneLevels, optional
        Of the whole plane, for a tile of it; otherwise those of `pixels`.

    Returns
    -------
    dict
        Names as in the table at the head of this module, without channel.

    Raises
    ------
    InputError
        Where there is no pixel.
    """
    if 0 in pixels.shape:
        raise InputError(f"The image holds no pixels (its shape is {tuple(pixels.shape)}).")
    levels = plane_levels(pixels) if levels is None else levels
    raw = grey(pixels)
    plane, step = finite(raw), grey_step(grey(lattice(pixels)))
    brightest = pixels.min(axis=-1) if pixels.ndim == 3 else pixels
    scaling, known = levels.scaling, raw[np.isfinite(raw)]
    if not known.size:
        known = np.array([np.nan])
    middle = float(np.median(known))
    sigma, noise = blur_sigma(plane, step), noise_sigma(plane)
    flat, surface = flattened(plane, levels.bright)
    contrast = abs(levels.objects.objects - levels.objects.background)
    debris = find_debris(plane, levels.objects, levels.bright)
    found = {
        "MeanIntensity": known.mean() / scaling,
        "MedianIntensity": middle / scaling,
        "StdIntensity": known.std() / scaling,
        "MADIntensity": np.median(np.abs(known - middle)) / scaling,
        "MinIntensity": known.min() / scaling,
        "MaxIntensity": known.max() / scaling,
        "TotalIntensity": known.sum() / scaling,
        "TotalArea": float(plane.size),
        "Scaling": scaling,
        "PercentMaximal": 100 * np.mean(known == known.max()),
        "PercentMinimal": 100 * np.mean(known == known.min()),
        "PowerLogLogSlope": power_log_log_slope(plane),
        "FocusScore": normalized_variance(plane / scaling),
        "LocalFocusScore": local_normalized_variance(plane / scaling),
        "LaplacianVariance": focus_score(plane),
        "BlurSigma": sigma,
        "InFocus": in_focus(sigma),
        "PercentSaturated": 100 * np.mean(brightest == levels.saturated),
        "PercentObjectsSaturated": _objects_saturated(plane, brightest, levels),
        "BackgroundLevel": object_levels(lattice(plane), levels.bright).background / scaling,
        "BackgroundSpan": surface.span / contrast if contrast > 0 else np.nan,
        "VignettingFallOff": surface.fall_off,
        "NoiseSigma": noise / scaling,
        "Signal": _signal(flat, levels.bright, step, noise),
        "DebrisSpots": float(debris.spots),
        "DebrisFibres": float(debris.fibres),
        "PercentDebris": 100 * debris.share,
        "PercentNotFinite": 100 * (1 - np.isfinite(raw).mean()),
    }
    return {PREFIX + name: float(value) for name, value in found.items()}


def lattice(pixels: Any) -> np.ndarray:
    """Pixels of a plane on a regular lattice of at most about 512 by 512; `pixels` may be lazy."""
    return np.asarray(pixels[tuple(slice(None, None, max(1, -(-n // _LATTICE))) for n in pixels.shape[:2])])


def grey(pixels: np.ndarray) -> np.ndarray:
    """A plane as (Y, X) float64; the samples of a colour picture are averaged."""
    pixels = np.asarray(pixels, np.float64)
    return pixels.mean(axis=-1) if pixels.ndim == 3 else pixels


def _objects_saturated(plane: np.ndarray, brightest: np.ndarray, levels: PlaneLevels) -> float:
    """Percentage of saturated pixels among those nearer to the objects' brightness than to the background's."""
    objects = plane > (levels.objects.background + levels.objects.objects) / 2
    if levels.bright or not objects.any():
        return 0.0
    return float(100 * np.mean(brightest[objects] == levels.saturated))


def _signal(flat: np.ndarray, bright: bool, step: float, noise: float) -> float:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(flat, _SMOOTHING)
    levels = object_levels(lattice(smooth), bright)
    far = np.percentile(smooth, 0.1 if bright else 99.9)
    spread, height = levels.spread, abs(far - levels.background)
    if noise > 0 and height > _STRONG * max(abs(far), abs(levels.background)):
        spread = min(spread, _TEXTURE * _SMOOTHED * noise)
    spread = max(spread, 0.3 * step)
    return float(height / spread) if spread > 0 else 0.0
