"""What a person should know before using the measurements of an image, in sentences.

The limits were set on the 590 images of the 2018 Data Science Bowl (fluorescence, stained tissue and brightfield),
sharp and blurred, reduced and magnified.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from micrographia.features.aligned import as_image, as_labels, planes
from micrographia.features.missed import MISSED, missed_share
from micrographia.features.quality import (
    SATURATED,
    edge_width,
    median_diameter,
    object_areas,
    saturated_fraction,
    saturation_level,
)

BLURRED = 0.5
"""Edge width, in object diameters, above which an image counts as out of focus. Sharp images of the Data Science Bowl:
0.19 to 0.44 (98 %), the same blurred by a fifth of a diameter: 0.47 to 0.64."""

CUT = 0.5
"""Share of objects at the border above which the image is mostly cut objects."""

FAR = 1.1
"""So many times beyond the diameters in training, objects count as larger or smaller. Of 513 well segmented images of
the Data Science Bowl (AP50 above 0.7) this is said of 3."""


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
    number = len(object_areas(found))
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


def _size_warning(found: np.ndarray, trained: tuple[float, float]) -> list[str]:
    diameter = median_diameter(found)
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
