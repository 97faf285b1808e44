"""Whether an image can be trusted: saturation, focus, background, and warnings in sentences.

The numbers are pure functions of arrays. :func:`check_image` turns them into sentences for the person who will use
the measurements; its limits were set on the 590 images of the 2018 Data Science Bowl (fluorescence, stained tissue and
brightfield), sharp and blurred, reduced and magnified.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from micrographia.arrays.normalize import sample
from micrographia.arrays.preparation import preparation
from micrographia.features.aligned import as_image, as_labels, planes

SATURATED = 0.01
"""Share of saturated object pixels above which intensities are doubtful."""

BLURRED = 0.5
"""Edge width, in object diameters, above which an image counts as out of focus. Sharp images of the Data Science Bowl:
0.19 to 0.44 (98 %), the same blurred by a fifth of a diameter: 0.47 to 0.64."""

CUT = 0.5
"""Share of objects at the border above which the image is mostly cut objects."""

FAR = 1.1
"""So many times beyond the diameters in training, objects count as larger or smaller. Of 513 well segmented images of
the Data Science Bowl (AP50 above 0.7) this is said of 3."""

MISSED = 0.35
"""Share of what stands out of the background above which it counts as not recognised. Well segmented images of the
Data Science Bowl have less than 0.33, most less than 0.05."""

_CLEAR = 4.0
"""So many standard deviations of the background lie between its mean and that of what stands out; 2.7 to 3.9 in noise
and uneven light, above 4.5 in 99 % of the images of the Data Science Bowl at any magnification."""

_LOOKED_AT = 768
"""What stands out is looked for in a picture reduced to at most about the square of this many pixels."""

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


def check_image(
    image: Any,
    labels: Any,
    *,
    trained_diameter: tuple[float, float] | None = None,
    background: str = "auto",
) -> list[str]:
    """What a person should know before using the measurements of an image.

    Parameters
    ----------
    image : array or Image
        The pixels: (Y, X), with channels or colour samples in addition.
    labels : (Y, X) integer array or Image
        The objects found in it.
    trained_diameter : (low, high), optional
        Equivalent diameters in pixels of most objects the model was trained on. With it, it is also looked for things
        that stand out of the background and were not found.
    background : {"auto", "dark", "bright"}
        What the background is, where it need not be found out.

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
    pixels, found = planes(as_image(image, labels)), labels.array("YX")
    number = len(_areas(found))
    sentences = check_values(pixels, number)
    sentences += check_part(image, labels, trained_diameter=trained_diameter, background=background)
    edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    cut = len(np.unique(edge[edge > 0]))
    if cut > CUT * number:
        sentences.append(f"{cut} of {number} objects touch the border of the image and may be cut.")
    return sentences


def check_values(pixels: np.ndarray, objects: int, *, thinned: bool = False) -> list[str]:
    """Sentences on an image without numbers, with one value only, or without objects.

    Parameters
    ----------
    pixels : array
        Of the whole image.
    objects : int
        Number of objects in it.
    thinned : bool
        Whether these are some of the pixels, so that objects may lie between them.
    """
    known = pixels[np.isfinite(pixels)]
    odd = pixels.size - known.size
    sentences = []
    if known.size == 0:
        sentences.append("The image holds no numbers: all pixels are NaN or infinite.")
    elif odd:
        much = f"About {odd / pixels.size:.1%} of the" if thinned else f"{odd}"
        sentences.append(f"{much} pixels are not numbers (NaN or infinite); they were left out.")
    if known.size and known.min() == known.max() and not (thinned and objects):
        sentences.append("All pixels have the same value: the image is empty.")
    elif objects == 0:
        sentences.append("Nothing was found.")
    return sentences


def check_part(
    image: Any, labels: Any, *, trained_diameter: tuple[float, float] | None = None, background: str = "auto"
) -> list[str]:
    """What :func:`check_image` says that also holds where only a part of an image, or pieces side by side, are seen.

    Parameters
    ----------
    image, labels, trained_diameter, background
        As for :func:`check_image`.

    Returns
    -------
    list of str
        Sentences on saturation, focus, and objects of sizes that the model does not know.
    """
    labels = as_labels(labels)
    field = as_image(image, labels)
    pixels, found = planes(field), labels.array("YX")
    inside = found > 0
    sentences = []
    if inside.any():
        if "S" in field.axes:
            # A colour is saturated where all its samples are, and as sharp as its mean.
            with np.errstate(invalid="ignore", over="ignore"):  # +inf and -inf in one pixel; `finite` takes them out
                brightest, grey = [pixels.min(axis=0)], pixels.mean(axis=0)
        else:
            brightest, grey = list(pixels), pixels[0]
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
    if trained_diameter is not None:
        sentences += _size_warning(found, trained_diameter)
        if field.size("C") == 1:
            sentences += _missed_warning(*missed_share(pixels, found, background), trained_diameter)
    return sentences


def missed_share(image: np.ndarray, labels: np.ndarray, background: str = "auto") -> tuple[float, float]:
    """How much of what stands out of the background belongs to no object, whatever its size.

    What stands out is brighter than Otsu's threshold of the smoothed picture; on a bright background, darker or more
    stained. Not counted are the surroundings of objects that themselves stand out of it (nuclei in a stained cell).

    Parameters
    ----------
    image : (C, Y, X) array
        One channel, or the three of a colour picture.
    labels : (Y, X) integer array
        The objects found.
    background : {"auto", "dark", "bright"}
        What the background is, where it need not be found out.

    Returns
    -------
    share : float
        Share of the pixels that stand out; 0 where nothing stands out clearly.
    diameter : float
        How many pixels it is typically across; NaN where the share is not above ``MISSED``.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter
    from scipy.ndimage import label as regions_of

    nothing = 0.0, float("nan")
    step = max(1, math.ceil(math.sqrt(labels.size) / _LOOKED_AT))
    height, width = (n // step * step for n in labels.shape)
    if min(height, width) == 0:
        return nothing
    found = labels[:height:step, :width:step] > 0
    blocks = image[:, :height, :width].reshape(len(image), height // step, step, width // step, step)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite pixels, which `finite` takes out
        reduced = blocks.mean(axis=(2, 4), dtype=np.float32)
    small = np.stack([finite(channel) for channel in reduced]).astype(np.float32)
    seen = preparation(sample(small, (1, 2)), True, (1, 99.8), background).applied(small)[0]
    smooth = gaussian_filter(seen, 1.0)
    smooth = np.clip(smooth, *np.percentile(smooth, (0.5, 99.8)))
    if smooth.min() == smooth.max():
        return nothing
    excess = smooth - _otsu(smooth)
    out = excess > 0
    if excess[out].mean() - excess[~out].mean() < _CLEAR * excess[~out].std():
        return nothing
    region, number = regions_of(out)
    missed = out & ~binary_dilation(found)

    def mean_excess(where: np.ndarray) -> np.ndarray:
        pixels = np.bincount(region[where], minlength=number + 1)
        return np.bincount(region[where], excess[where], minlength=number + 1) / np.maximum(pixels, 1)

    ignored = mean_excess(out & found) > 1.5 * mean_excess(missed)
    whole = out & ~ignored[region]
    missed &= whole
    share = float(np.count_nonzero(missed) / np.count_nonzero(out))
    return share, step * _thickness(whole, missed) if share > MISSED else float("nan")


def _otsu(values: np.ndarray) -> float:
    """The threshold with most of the variance between the two classes that it makes."""
    counts, edges = np.histogram(values, 128)
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * (edges[1:] + edges[:-1]) / 2)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below.astype(float) * above * gap**2)])


def _thickness(mask: np.ndarray, where: np.ndarray) -> float:
    """Diameter of discs whose pixels lie as deep, on average, as the pixels `where` lie in the mask."""
    from scipy.ndimage import distance_transform_edt

    return float(6 * (distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][where].mean() - 0.5))


def _size_warning(found: np.ndarray, trained: tuple[float, float]) -> list[str]:
    diameter = _median_diameter(found)
    if not (diameter < trained[0] / FAR or diameter > trained[1] * FAR):
        return []
    how = "larger" if diameter > trained[1] else "smaller"
    than = f"than most that the model was trained on ({trained[0]:.0f} to {trained[1]:.0f} px)"
    return [f"Objects are {how} {than}: their median diameter is {diameter:.0f} px. Check the outlines."]


def _missed_warning(share: float, across: float, trained: tuple[float, float]) -> list[str]:
    if share <= MISSED:
        return []
    how = "small" if across < trained[0] else "large" if across > trained[1] else "small or too large"
    return [
        f"{share:.0%} of what stands out of the background was not taken for objects; it is about {across:.0f} px "
        f"across. Objects may be too {how}, or of another kind, for the model, which knows {trained[0]:.0f} to "
        f"{trained[1]:.0f} px: resize the image, or train on your own images."
    ]


def _median_diameter(labels: np.ndarray) -> float:
    areas = _areas(labels)
    return float(np.sqrt(4 / np.pi * np.median(areas))) if areas.size else float("nan")


def _areas(labels: np.ndarray) -> np.ndarray:
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
