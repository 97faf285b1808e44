"""Descriptors of single nuclei beyond CellProfiler's, none of which changes when the crop is turned or mirrored."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

_NEAR = np.ones((3, 3))
_SCALES = 4
_ANGLES = 8


def level_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """How the nucleus looks above rising thresholds: parts, holes, area, elongation, spread.

    The thresholds are shares of the 98th percentile of the brightness above the background.
    """
    smooth = ndimage.gaussian_filter(image.astype(float), 0.7)
    back = np.percentile(smooth, 5)
    top = max(np.percentile(smooth[mask], 98) - back, 1e-6)
    near = ndimage.binary_dilation(mask, iterations=2)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    found = {}
    for share in (0.25, 0.4, 0.55, 0.7, 0.85):
        above = near & (smooth > back + share * top)
        name = f"Level{round(100 * share)}"
        labels, parts = ndimage.label(above, _NEAR)
        sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1].astype(float)
        area = max(float(above.sum()), 1.0)
        found[f"{name}_Area"] = np.sqrt(area)
        found[f"{name}_Share"] = area / mask.sum()
        found[f"{name}_Parts"] = np.log1p((sizes >= 4).sum())
        found[f"{name}_Largest"] = sizes[0] / area if parts else 0.0
        found[f"{name}_Second"] = sizes[1] / area if parts > 1 else 0.0
        found[f"{name}_Holes"] = np.sqrt((ndimage.binary_fill_holes(above) ^ above).sum() / area)
        edge = area - ndimage.binary_erosion(above).sum()
        found[f"{name}_Compactness"] = edge / np.sqrt(area)
        spread = np.cov(np.stack([y[above], x[above]])) if area > 2 else np.eye(2)
        minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 1e-3))
        found[f"{name}_Elongation"] = minor / major
        found[f"{name}_Major"], found[f"{name}_Minor"] = major, minor
        found[f"{name}_Looseness"] = major * minor / area
    return found


def outline_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Lobes: maxima of the distance to the edge, what openings take away, curvature of the outline at three scales."""
    del image
    wide = np.pad(mask, 8)
    distance = ndimage.distance_transform_edt(wide)
    area = mask.sum()
    found = {"Outline_Deepest": distance.max(), "Outline_MeanDepth": distance[wide].mean() / np.sqrt(area)}
    for width in (3, 5, 9):
        smooth = ndimage.gaussian_filter(distance, width / 4)
        peaks = (smooth == ndimage.maximum_filter(smooth, width)) & (distance > 0.35 * distance.max()) & wide
        found[f"Outline_Lobes{width}"] = float(ndimage.label(peaks, _NEAR)[1])
    for radius in (2, 3, 4, 6, 8):
        opened = ndimage.distance_transform_edt(~(distance > radius)) <= radius
        found[f"Outline_Opened{radius}"] = (opened & wide).sum() / area
        closed = ndimage.distance_transform_edt(ndimage.distance_transform_edt(~wide) <= radius) > radius
        found[f"Outline_Closed{radius}"] = closed.sum() / area
    edge = wide & ~ndimage.binary_erosion(wide)
    for sigma in (1.5, 3.0, 5.0):
        # The share of the object in a small window: 1/2 on a straight edge, more in notches, less on tips.
        filled = ndimage.gaussian_filter(wide.astype(float), sigma)[edge]
        for q in (5, 25, 50, 75, 95):
            found[f"Outline_Curvature{sigma:g}_{q}"] = np.percentile(filled, q)
        found[f"Outline_Curvature{sigma:g}_Std"] = filled.std()
    return found


def profile_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Brightness from the edge inwards and from the edge outwards, relative to the object's mean; what lies around."""
    values = image.astype(float)
    back = np.percentile(values, 5)
    inside = max(values[mask].mean() - back, 1e-6)
    depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    found = {
        "Profile_Mean": np.log(inside),
        "Profile_Background": np.log1p(back),
        "Profile_Contrast": inside / max(values.max() - back, 1e-6),
    }
    for low, high in (
        (-12, -8),
        (-8, -5),
        (-5, -3),
        (-3, -1.5),
        (-1.5, 0),
        (0, 1.5),
        (1.5, 3),
        (3, 5),
        (5, 8),
        (8, 14),
    ):
        ring = (depth > low) & (depth <= high)
        found[f"Profile_{low:g}"] = (values[ring].mean() - back) / inside if ring.any() else np.nan
        if low >= 0:
            found[f"Profile_{low:g}_Std"] = values[ring].std() / inside if ring.any() else np.nan
    share = (values[mask] - back) / inside
    for q in (1, 5, 10, 25, 50, 75, 90, 95, 99):
        found[f"Profile_Quantile{q}"] = np.percentile(share, q)
    found["Profile_Skewness"] = float(((share - share.mean()) ** 3).mean() / max(share.std(), 1e-6) ** 3)
    for sigma in (0.7, 1.0, 1.5, 2.2, 3.2):
        blob = -ndimage.gaussian_laplace(values, sigma) * sigma**2 / inside
        edge = ndimage.gaussian_gradient_magnitude(values, sigma) * sigma / inside
        for name, response in (("Blob", blob), ("Edge", edge)):
            part = response[mask]
            found[f"{name}{sigma:g}_Mean"], found[f"{name}{sigma:g}_Std"] = part.mean(), part.std()
            found[f"{name}{sigma:g}_Low"], found[f"{name}{sigma:g}_High"] = np.percentile(part, [5, 95])
    others = (values - back > 0.5 * inside) & ~ndimage.binary_dilation(mask, iterations=3)
    found["Around_Share"] = others.mean()
    found["Around_Brightness"] = np.log1p(max(values[~mask].max() - back, 0) / inside)
    return found


def pattern_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Rotation-invariant uniform local binary patterns (Ojala et al. 2002) with 8 neighbours at three radii."""
    smooth = ndimage.gaussian_filter(image.astype(float), 0.5)
    y, x = np.nonzero(mask)
    found = {}
    for radius in (1, 2, 4):
        angle = 2 * np.pi * np.arange(8) / 8
        at = np.stack([y[:, None] - radius * np.sin(angle), x[:, None] + radius * np.cos(angle)])
        above = ndimage.map_coordinates(smooth, at, order=1, mode="nearest") >= smooth[y, x][:, None]
        changes = (above != np.roll(above, 1, axis=1)).sum(axis=1)
        code = np.where(changes <= 2, above.sum(axis=1), 9)
        share = np.bincount(code, minlength=10) / len(code)
        found |= {f"Pattern{radius}_{c}": share[c] for c in range(10)}
    return found


def scattering_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Two layers of Morlet wavelets and moduli (Bruna & Mallat 2013), means over the object.

    Means over all directions of the first wavelet remain, by the angle between the second and the first.
    """
    root = np.sqrt(image.astype(float))
    soft = ndimage.gaussian_filter(ndimage.binary_dilation(mask, iterations=2).astype(float), 1)
    root = (root - np.percentile(root, 5)) * soft
    root /= max(np.sqrt((root**2).mean()), 1e-6)
    bank = _wavelets(image.shape[0])
    weight = soft / soft.sum()
    first = np.abs(np.fft.ifft2(np.fft.fft2(root) * bank))
    means = np.tensordot(first, weight, 2)
    found = {}
    for j in range(_SCALES):
        found[f"Scattering_{j}"] = np.log(means[j].mean() + 1e-6)
        found[f"Scattering_{j}_Direction"] = means[j].std() / (means[j].mean() + 1e-6)
        found[f"Scattering_{j}_Peak"] = np.log((first[j] ** 2).mean() / (first[j].mean() ** 2 + 1e-9) + 1e-6)
    for j in range(_SCALES - 1):
        again = np.abs(np.fft.ifft2(np.fft.fft2(first[j])[:, None, None] * bank[j + 1 :]))
        second = np.tensordot(again, weight, 2)  # (first angle, larger scale, second angle)
        for k in range(second.shape[1]):
            turned = np.stack([np.roll(second[a, k], -a) for a in range(_ANGLES)]).mean(axis=0)
            folded = [(turned[d] + turned[-d % _ANGLES]) / 2 for d in range(_ANGLES // 2 + 1)]
            for d, value in enumerate(folded):
                found[f"Scattering_{j}_{j + 1 + k}_Angle{d}"] = np.log(value / (means[j].mean() + 1e-6) + 1e-6)
    return found


@cache
def _wavelets(side: int) -> np.ndarray:
    """Morlet wavelets in Fourier space (scale, angle, Y, X)."""
    fy, fx = np.meshgrid(np.fft.fftfreq(side) * 2 * np.pi, np.fft.fftfreq(side) * 2 * np.pi, indexing="ij")
    bank = np.empty((_SCALES, _ANGLES, side, side))
    for j in range(_SCALES):
        centre, sigma = 0.75 * np.pi / 2**j, 0.8 * 2**j
        for a in range(_ANGLES):
            angle = np.pi * a / _ANGLES
            along, across = fx * np.cos(angle) + fy * np.sin(angle), -fx * np.sin(angle) + fy * np.cos(angle)
            wave = np.exp(-(sigma**2) * ((along - centre) ** 2 + (across / 0.5) ** 2) / 2)
            mean = np.exp(-(sigma**2) * (along**2 + (across / 0.5) ** 2) / 2)
            bank[j, a] = wave - wave[0, 0] / mean[0, 0] * mean
    return bank


DESCRIPTORS = (level_features, outline_features, profile_features, pattern_features, scattering_features)
"""Each gives features of one crop (Y, X) of brightness and the mask of its nucleus as a dict."""
