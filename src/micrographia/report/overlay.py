"""Objects outlined on their image, for a person to check."""

from __future__ import annotations

from typing import Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.features.aligned import as_labels
from micrographia.metrics.matching import assign, overlaps
from micrographia.report.display import LARGEST, display
from micrographia.report.outlines import (
    ON_BRIGHT,
    ON_DARK,
    bright_background,
    neighbour_colours,
    outline_width,
    outlined,
)

MATCHED, INVENTED, MISSED = "matched", "false positive", "missed"


def overlay(image: Any, labels: Any, *, largest: int = LARGEST) -> np.ndarray:
    """Draw the outlines of objects on their image.

    Contrast is stretched, large images are averaged down and small ones enlarged (up to four times), outlines have the
    same visible width everywhere, and neighbours have different colours, which suit a dark or a bright background.

    Parameters
    ----------
    image : (Y, X) array, with channels or colour samples in addition, or Image
        Any type of pixels; NumPy or lazy (large lazy images are read in bands).
    labels : (Y, X) integer array or Image
        The objects, 0 is background.
    largest : int
        Longest side of the picture in pixels.

    Returns
    -------
    (y, x, 3) uint8 array
        RGB picture.

    Raises
    ------
    InputError
        Where image and labels have different shapes.
    """
    found = as_labels(labels)
    shown = display(image, found, largest)
    rgb, marks = shown.rgb, shown.marks(found)
    if bright_background(rgb):
        palette = ON_BRIGHT
    else:  # so that outlines are seen on bright objects too
        palette, rgb = ON_DARK, rgb // 8 * 7
    lines = outlined(marks, outline_width(marks))
    drawn = lines > 0
    rgb[drawn] = palette[neighbour_colours(marks, len(palette))][lines[drawn]]
    return rgb


def comparison(image: Any, truth: Any, predicted: Any, *, threshold: float = 0.5, largest: int = 1024) -> np.ndarray:
    """Draw what was found right, what was invented and what was missed.

    Parameters
    ----------
    image : (Y, X) array, with channels or colour samples in addition, or Image
    truth, predicted : (Y, X) integer arrays or Images
        True and predicted labels; true ones below 0 are pixels that were not annotated.
    threshold : float
        IoU from which a predicted object counts as right.
    largest : int
        Longest side of the picture in pixels.

    Returns
    -------
    (y, x, 3) uint8 array
        Matched objects outlined as predicted, false positives and missed objects outlined and tinted, in the colours of
        :func:`comparison_colours`.

    Raises
    ------
    InputError
        Where the shapes differ.
    """
    field = as_labels(truth, negative=True)
    truth, predicted = field.array("YX"), as_labels(predicted).array("YX")
    table = overlaps(truth, predicted)
    pairs = assign(table, threshold)
    right = np.isin(predicted, table.predicted_ids[table.columns[pairs]])
    found = np.isin(truth, table.truth_ids[table.rows[pairs]])
    shown = display(image, field, largest)
    rgb, width = shown.rgb, outline_width(shown.marks(field))
    for name, colour in comparison_colours(rgb).items():
        labels = {
            MATCHED: np.where(right, predicted, 0),
            MISSED: np.where(found, 0, truth),
            INVENTED: np.where(right, 0, predicted),
        }[name]
        marks = shown.marks(Image(labels, "YX"))
        if name != MATCHED:
            rgb[marks > 0] = np.round(rgb[marks > 0] * 0.7 + np.array(colour) * 0.3)
        rgb[outlined(marks, width) > 0] = colour
    return rgb


def comparison_colours(rgb: np.ndarray) -> dict[str, tuple[int, int, int]]:
    """Colours of matched, false positive and missed objects, told apart by people with any colour vision.

    Parameters
    ----------
    rgb : (y, x, 3) uint8 array
        The picture they are drawn on.

    Returns
    -------
    dict
        "matched", "false positive" and "missed" to (red, green, blue).
    """
    if bright_background(rgb):
        return {MATCHED: (0, 225, 80), INVENTED: (0, 215, 255), MISSED: (255, 70, 0)}
    return {MATCHED: (110, 255, 150), INVENTED: (40, 170, 255), MISSED: (255, 140, 0)}
