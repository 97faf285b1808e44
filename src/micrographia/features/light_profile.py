"""Brightness of an object from its edge inwards and outwards, its blobs and edges, and what lies around it."""

from __future__ import annotations

import numpy as np

RINGS = ((-12, -8), (-8, -5), (-5, -3), (-3, -1.5), (-1.5, 0), (0, 1.5), (1.5, 3), (3, 5), (5, 8), (8, 14))
"""Distances from the edge in pixels, above 0 inside."""

SCALES = (0.7, 1.0, 1.5, 2.2, 3.2)
"""Standard deviations of the Gaussian of blobs and edges, pixels."""


def light_profile(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Brightness relative to the object's mean above the background, which is the 5th percentile of the window.

    Parameters
    ----------
    mask : (Y, X) bool array
        The object, at least one pixel.
    image : (Y, X) float array

    Returns
    -------
    dict of str to float
        ``ProfileMean`` (logarithm of the mean above the background) and ``ProfileBackground`` (its root) are of the
        brightness itself; for all others neither gain nor offset of a camera counts. ``ProfileContrast`` (mean by the
        window's maximum), ``ProfileOuter5`` to ``1`` and ``ProfileInner1`` to ``5`` (mean of the rings `RINGS`, from
        far outside to deep inside; NaN where there is no pixel), ``ProfileInner1Std`` to ``5``,
        ``ProfilePercentile1`` to ``99``, ``ProfileSkewness``; for each scale ``Blob...`` (minus the Laplacian of
        Gaussian) and ``Edge...`` (length of the gradient), both times powers of the scale: ``Mean``, ``Std``, ``Low``
        and ``High`` (5th and 95th percentile) over the object; ``AroundShare`` (part of the window that is bright and
        no part of the object) and ``AroundBrightness`` (logarithm of one plus the brightest pixel outside).
    """
    from scipy import ndimage

    back, brightest = np.percentile(image, 5), image.max()
    inside = max(image[mask].mean() - back, 1e-9)
    light = image - back  # the kernels of ndimage's Laplacian answer to a constant, a little
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] - ndimage.distance_transform_edt(~mask)
    found = {
        "ProfileMean": np.log(max(inside, 1e-6)),
        "ProfileBackground": np.sqrt(max(back, 0)),
        "ProfileContrast": inside / max(brightest - back, inside),
    }
    for k, (low, high) in enumerate(RINGS):
        ring = image[(depth > low) & (depth <= high)]
        name = f"ProfileOuter{5 - k}" if high <= 0 else f"ProfileInner{k - 4}"
        found[name] = (ring.mean() - back) / inside if len(ring) else np.nan
        if low >= 0:
            found[f"{name}Std"] = ring.std() / inside if len(ring) else np.nan
    share = (image[mask] - back) / inside
    for percent in (1, 5, 10, 25, 50, 75, 90, 95, 99):
        found[f"ProfilePercentile{percent}"] = np.percentile(share, percent)
    found["ProfileSkewness"] = ((share - share.mean()) ** 3).mean() / max(share.std(), 1e-6) ** 3
    for sigma in SCALES:
        blob = -ndimage.gaussian_laplace(light, sigma)[mask] * sigma**2 / inside
        edge = ndimage.gaussian_gradient_magnitude(light, sigma)[mask] * sigma / inside
        for kind, part in (("Blob", blob), ("Edge", edge)):
            name = f"{kind}{sigma:g}".replace(".", "p")
            found |= {f"{name}Mean": part.mean(), f"{name}Std": part.std()}
            found[f"{name}Low"], found[f"{name}High"] = np.percentile(part, [5, 95])
    others = (image - back > 0.5 * inside) & ~ndimage.binary_dilation(mask, iterations=3)
    found["AroundShare"] = others.mean()
    outside = image[~mask]
    found["AroundBrightness"] = np.log1p(max(outside.max() - back, 0) / inside) if len(outside) else 0.0
    return found
