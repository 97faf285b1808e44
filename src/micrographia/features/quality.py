"""Whether an image can be trusted: saturation, focus, background, and warnings in sentences.

The numbers are pure functions of arrays. :func:`check_image` turns them into sentences for the person who will use
the measurements; its limits were set on the 590 images of the 2018 Data Science Bowl (fluorescence, stained tissue and
brightfield), sharp and blurred.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from micrographia.features.aligned import as_image, as_labels, planes

SATURATED = 0.01
"""Share of saturated object pixels above which intensities are doubtful."""

BLURRED = 0.5
"""Edge width, in object diameters, above which an image counts as out of focus. Sharp images of the Data Science Bowl:
0.19 to 0.44 (98 %), the same blurred by a fifth of a diameter: 0.47 to 0.64."""

CUT = 0.5
"""Share of objects at the border above which the image is mostly cut objects."""

FAR = 1.5
"""So many times beyond the diameters in training, objects count as much larger or smaller."""

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

    At every outline pixel: the contrast within one diameter around it, divided by the steepest slope within half a
    diameter, divided by the diameter; then the median. It depends neither on magnification nor on brightness, nor on
    whether objects are bright or dark.

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
    from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

    labels = np.asarray(labels)
    diameter = _median_diameter(labels)
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
    smooth = gaussian_filter(image, max(0.7, diameter / 25))
    slope = np.hypot(*np.gradient(smooth)) if min(smooth.shape) > 1 else np.zeros_like(smooth)
    around = max(5, round(diameter) | 1)
    contrast = maximum_filter(smooth, around) - minimum_filter(smooth, around)
    steepest = maximum_filter(slope, max(3, around // 2 | 1))
    known = outline & (steepest > 0)
    return float(np.median(contrast[known] / steepest[known]) / diameter) if known.any() else float("nan")


def check_image(
    image: Any,
    labels: Any,
    *,
    trained_diameter: tuple[float, float] | None = None,
) -> list[str]:
    """What a person should know before using the measurements of an image.

    Parameters
    ----------
    image : array or Image
        The pixels: (Y, X), with channels or colour samples in addition.
    labels : (Y, X) integer array or Image
        The objects found in it.
    trained_diameter : (low, high), optional
        Equivalent diameters in pixels of most objects the model was trained on.

    Returns
    -------
    list of str
        Sentences; empty where there is nothing to say.

    Raises
    ------
    InputError
        Where labels and image have different shapes.
    """
    labels = as_labels(labels)
    field = as_image(image, labels)
    pixels, found = planes(field), labels.array("YX")
    if "S" in field.axes:
        # A colour is saturated where all its samples are, and as sharp as its mean.
        with np.errstate(invalid="ignore", over="ignore"):  # +inf and -inf in one pixel; `finite` takes them out
            brightest, grey = [pixels.min(axis=0)], pixels.mean(axis=0)
    else:
        brightest, grey = list(pixels), pixels[0]
    sentences = []
    odd = pixels.size - np.count_nonzero(np.isfinite(pixels))
    if odd:
        sentences.append(f"{odd} pixels are not numbers (NaN or infinite); they were left out.")
    inside = found > 0
    number = len(np.unique(found[inside]))
    known = pixels[np.isfinite(pixels)]
    if known.size and known.min() == known.max():
        sentences.append("All pixels have the same value: the image is empty.")
    elif number == 0:
        sentences.append("Nothing was found.")
    if number == 0:
        return sentences
    for name, plane in zip(field.channels if "S" not in field.axes else ("",), brightest):
        fraction = saturated_fraction(plane, inside)
        if fraction > SATURATED:
            channel = f" in channel {name}" if name else ""
            top = saturation_level(plane)
            sentences.append(
                f"Saturated{channel}: {fraction:.0%} of the object pixels have the largest value ({top:g}), "
                "so measured intensities are too low."
            )
    width = edge_width(grey, found)
    if width > BLURRED:
        sentences.append(f"Out of focus: edges are {width:.0%} of an object's diameter wide (sharp: about 25%).")
    sentences += _size_warning(_median_diameter(found), trained_diameter)
    edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    cut = len(np.unique(edge[edge > 0]))
    if cut > CUT * number:
        sentences.append(f"{cut} of {number} objects touch the border of the image and may be cut.")
    return sentences


def _size_warning(diameter: float, trained: tuple[float, float] | None) -> list[str]:
    if trained is None or trained[0] / FAR <= diameter <= trained[1] * FAR:
        return []
    than = f"than the model was trained on ({trained[0]:.0f} to {trained[1]:.0f} px)"
    how = "larger" if diameter > trained[1] else "smaller"
    return [f"Objects are much {how} {than}: their median diameter is {diameter:.0f} px. Check the outlines."]


def _median_diameter(labels: np.ndarray) -> float:
    found = labels[labels > 0]
    if found.size == 0:
        return float("nan")
    return float(np.sqrt(4 / np.pi * np.median(np.unique(found, return_counts=True)[1])))


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
