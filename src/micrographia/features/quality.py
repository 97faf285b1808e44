"""Whether an image can be trusted, in numbers: saturation, focus and background, as pure functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

SATURATED = 0.01
"""Share of saturated object pixels above which intensities are doubtful."""

_OUTLINE_PIXELS = 150
"""At most so many outline pixels tell how wide the edges are; on average this is within 2 % of what all tell."""

_FULL_SCALE = {2**bits - 1 for bits in (8, 10, 11, 12, 13, 14, 15, 16, 32)}


def saturated_fraction(image: np.ndarray, where: np.ndarray | None = None) -> float:
    """Share of the pixels that are saturated.

    A pixel is saturated where it has the largest value of the image and that value is the end of a camera's range
    (255, 1023, 4095, 16383, 65535…) or, for any other value, where pixels pile up at it (more than three times as many
    as within the next 2 % of the range, or the next two whole numbers).

    Parameters
    ----------
    image : array
        Pixel values, any shape.
    where : bool array of the same shape, optional
        The pixels to look at, for example those of objects; the largest value is still that of the whole image.

    Returns
    -------
    float
        Between 0 and 1; 0 for a constant or yes/no image.
    """
    image = np.asarray(image)
    top = saturation_level(image)
    chosen = image if where is None else image[where]
    return float(np.mean(chosen == top)) if chosen.size else 0.0


def saturation_level(image: np.ndarray) -> float:
    """The value of saturated pixels: the largest of the image, where `saturated_fraction` says that it is no signal.

    Parameters
    ----------
    image : array
        Pixel values, any shape.

    Returns
    -------
    float
        NaN where no pixel is saturated.
    """
    none = float("nan")
    image = np.asarray(image)
    if image.dtype == bool or image.size == 0:
        return none
    known: Any = image if image.dtype.kind in "iu" else image[np.isfinite(image)]
    if known.size == 0:
        return none
    top, bottom = float(np.max(known)), float(np.min(known))
    if top == bottom:
        return none
    if not (top in _FULL_SCALE and image.dtype.kind in "iu"):
        at_top = int(np.count_nonzero(known == top))
        step = max(0.02 * (top - bottom), 2.0 if image.dtype.kind in "iu" else 0.0)
        near = int(np.count_nonzero(known >= top - step)) - at_top
        if at_top <= max(3 * near, 10):
            return none
    return top


def background_level(image: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Intensity of the background.

    Parameters
    ----------
    image : (Y, X) array
    labels : (Y, X) integer array, optional
        Where objects are (above 0).

    Returns
    -------
    float
        Median of the pixels outside objects; without labels (or where objects fill the image) the middle of the
        fullest of 256 bins, the mode. NaN where no pixel is finite.
    """
    image = np.asarray(image, np.float64)
    outside = image[labels == 0] if labels is not None else image[:0]
    outside = outside[np.isfinite(outside)]
    if outside.size:
        return float(np.median(outside))
    known = image[np.isfinite(image)]
    if known.size == 0:
        return float("nan")
    counts, edges = np.histogram(known, 256)
    k = int(np.argmax(counts))
    return float(edges[k] + edges[k + 1]) / 2


def focus_score(image: np.ndarray) -> float:
    """How much fine detail an image has, to compare planes of one stack: the sharpest plane has the highest score.

    Variance of the Laplacian of the slightly smoothed image (Gaussian, 1 pixel), divided by the squared mean intensity
    so that bleaching does not count (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy").

    Parameters
    ----------
    image : (Y, X) array

    Returns
    -------
    float
        At least 0; 0 for a constant image. Comparable between images of the same field only.
    """
    from scipy.ndimage import gaussian_laplace

    image = finite(image)
    mean = np.abs(image).mean() if image.size else 0.0
    return float(gaussian_laplace(image, 1.0).var() / mean**2) if mean > 0 else 0.0


def edge_width(image: np.ndarray, labels: np.ndarray) -> float:
    """Width of the objects' edges, as a share of the objects' diameter.

    At outline pixels spread over all objects: the contrast within one diameter around it, divided by the steepest slope
    within half a diameter, divided by the diameter; then the median. It depends neither on magnification nor on
    brightness, nor on whether objects are bright or dark.

    Parameters
    ----------
    image : (Y, X) array
    labels : (Y, X) integer array
        The objects of the image.

    Returns
    -------
    float
        About 0.25 for sharp nuclei, above ``BLURRED`` (0.5) where out of focus; NaN without objects or contrast.
    """
    from scipy.ndimage import gaussian_filter

    labels = np.asarray(labels)
    diameter = median_diameter(labels)
    outline = _outline(labels)
    if not outline.any():
        return float("nan")
    image = finite(image)
    # Beyond 60 pixels a diameter the picture holds more pixels than the answer needs.
    step = max(1, int(diameter // 60))
    if step > 1:
        height, width = (n // step * step for n in image.shape)
        blocks = image[:height, :width].reshape(height // step, step, width // step, step)
        image, outline = blocks.mean(axis=(1, 3)), _outline(labels[step // 2 : height : step, step // 2 : width : step])
        diameter /= step
        if not outline.any():
            return float("nan")
    places = np.argwhere(outline)
    places = places[:: -(-len(places) // _OUTLINE_PIXELS)]
    sigma = max(0.7, diameter / 25)
    half = max(2, round(diameter) // 2)
    margin = int(4 * sigma + 0.5) + 1
    reach = half + margin
    padded = np.pad(image, reach, mode="symmetric")
    around = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))[tuple(places.T)]
    smooth = gaussian_filter(around, (0, sigma, sigma))
    near = slice(reach - max(1, half // 2) - 1, reach + max(1, half // 2) + 2)
    slope = np.hypot(*np.gradient(smooth[:, near, near], axis=(1, 2)))
    steepest = slope[:, 1:-1, 1:-1].max(axis=(1, 2), initial=0)
    contrast = np.ptp(smooth[:, margin:-margin, margin:-margin], axis=(1, 2))
    known = steepest > 0
    return float(np.median(contrast[known] / steepest[known]) / diameter) if known.any() else float("nan")


def median_diameter(labels: np.ndarray) -> float:
    """Median equivalent diameter of the objects, in pixels; NaN without objects."""
    areas = object_areas(labels)
    return float(np.sqrt(4 / np.pi * np.median(areas))) if areas.size else float("nan")


def object_areas(labels: np.ndarray) -> np.ndarray:
    """Number of pixels of each object."""
    if labels.min(initial=0) >= 0 and labels.max(initial=0) <= labels.size:
        areas = np.bincount(labels.ravel().astype(np.int64))[1:]
        return areas[areas > 0]
    return np.unique(labels[labels > 0], return_counts=True)[1]


def _outline(labels: np.ndarray) -> np.ndarray:
    """Object pixels with a 4-neighbour that belongs to something else; the image's edge does not count."""
    around = np.pad(labels, 1, mode="edge")
    differs = (around[:-2, 1:-1] != labels) | (around[2:, 1:-1] != labels)
    differs |= (around[1:-1, :-2] != labels) | (around[1:-1, 2:] != labels)
    return differs & (labels > 0)


def finite(image: np.ndarray) -> np.ndarray:
    """Pixels as float64; those that are NaN or infinite get the median of the others, 0 where there are none."""
    image = np.asarray(image, np.float64)
    good = np.isfinite(image)
    if good.all():
        return image
    return np.where(good, image, np.median(image[good]) if good.any() else 0.0)
