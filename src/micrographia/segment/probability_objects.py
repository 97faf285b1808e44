"""Class probabilities become objects: smooth, threshold, fill holes, split what touches, choose by size.

This module works on planes and volumes in memory; :mod:`micrographia.segment.object_blocks` gives the same objects for
arrays larger than memory. A time series is given time point by time point.
"""

from __future__ import annotations

import operator

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.probabilities import as_probabilities
from micrographia.geometry.splitting import split_at_necks
from micrographia.geometry.watershed import watershed
from micrographia.method import Declared, parameter
from micrographia.segment.label_cleaning import border_labels, check_sizes

TRUNCATE = 4.0
"""Where the Gaussian that smooths is cut off, in sigmas."""


class ObjectOptions(Declared):
    """How class probabilities become objects."""

    name = "objects"

    smooth: float = parameter(
        1.0, "Width (sigma) of the Gaussian that smooths the probabilities first; 0 for none", ge=0, le=100, unit="px"
    )
    threshold: float = parameter(0.5, "Probability from which on a pixel belongs to an object", ge=0, le=1)
    core: float = parameter(
        0.0, "Probability that an object must reach somewhere (hysteresis); 0 for no such condition", ge=0, le=1
    )
    holes: int = parameter(0, "Fill holes of at most so many pixels; 0 leaves them open", ge=0, unit="px")
    split: str = parameter(
        "none", "Split touching objects: at their necks (distance), or so that each holds one seed (seeds)",
        choices=("none", "distance", "seeds"),
    )  # fmt: skip
    neck: float = parameter(
        0.8,
        "With split by distance: split where the passage is narrower than this share of the smaller part",
        ge=0,
        le=1,
    )
    seed_class: int = parameter(
        0,
        "With split by seeds: the class whose pixels are the seeds, 1 for the first; it belongs to the objects, whose "
        "probability is that of both classes together",
        ge=0,
    )
    seed_threshold: float = parameter(
        0.5, "With split by seeds: probability from which on a pixel is a seed", ge=0, le=1
    )
    smallest: int = parameter(0, "Leave out objects of fewer pixels", ge=0, unit="px")
    largest: int = parameter(0, "Leave out objects of more pixels; 0 for no limit", ge=0, unit="px")

    @property
    def halo(self) -> int:
        """Pixels that smoothing looks at beyond a block."""
        return int(TRUNCATE * self.smooth + 0.5)


def objects_from_probabilities(
    probabilities: np.ndarray, class_index: int, options: ObjectOptions | None = None
) -> np.ndarray:
    """Objects of one class, ready to be measured.

    Parameters
    ----------
    probabilities : (K, Y, X) or (K, Z, Y, X) array
        Probability of each class, 0 to 1; as uint8 or uint16 spread over 0 to 255 or 65,535, as they may be stored.
    class_index : int
        Class of the objects, counted from 0.
    options : ObjectOptions, optional
        Defaults where not given.

    Returns
    -------
    (Y, X) or (Z, Y, X) int32 array
        Objects 1…n in the order of their first pixel, 0 for none. Objects are connected over edges (faces in 3-D).

    Raises
    ------
    InputError
        Where the array is no class probabilities (wrong dimensions, no pixels, NaN, not from 0 to 1) or has no such
        class.
    RequestError
        Where the options contradict each other.
    """
    options = options or ObjectOptions()
    chosen = chosen_classes(probabilities, class_index, options)
    planes = [np.asarray(probabilities[k]) for k in chosen]
    evidence = smoothed(planes, options)
    mask = foreground(evidence, options)
    if options.holes:
        mask |= _small_holes(mask, options.holes)
    labels = components(mask)
    return numbered(split(labels, evidence, options), options)


def chosen_classes(probabilities: np.ndarray, class_index: int, options: ObjectOptions) -> list[int]:
    """Which classes are looked at: that of the objects, and that of the seeds where there is one.

    Raises
    ------
    InputError, RequestError
        As `objects_from_probabilities`; the pixels are not looked at.
    """
    shape = tuple(np.shape(probabilities))
    if len(shape) not in (3, 4):
        raise InputError(f"Class probabilities have the axes (K, Y, X) or (K, Z, Y, X), not the shape {shape}.")
    if 0 in shape:
        raise InputError(f"There are no pixels: the class probabilities have the shape {shape}.")
    try:
        number = int(operator.index(class_index))
    except TypeError:
        number = -1
    if not 0 <= number < shape[0]:
        raise InputError(
            f"There is no class {class_index}: the probabilities hold {shape[0]} classes, 0 to {shape[0] - 1}."
        )
    if options.core and options.core < options.threshold:
        raise RequestError(
            f"The core probability {options.core:g} lies below the threshold {options.threshold:g}; it must be higher."
        )
    check_sizes(options.smallest, options.largest)
    if options.split != "seeds":
        return [number]
    seed = options.seed_class - 1
    if not 0 <= seed < shape[0]:
        raise RequestError(f"To split by seeds, name the class of the seeds: seed_class 1 to {shape[0]}.")
    if seed == number:
        raise RequestError("The class of the seeds must be another than that of the objects.")
    return [number, seed]


def smoothed(planes: list[np.ndarray], options: ObjectOptions) -> list[np.ndarray]:
    """Smoothed probabilities as float32, 0 to 1; raises InputError where they are none."""
    from scipy import ndimage

    out = []
    for plane in planes:
        plane = as_probabilities(plane)
        out.append(ndimage.gaussian_filter(plane, options.smooth, truncate=TRUNCATE) if options.smooth else plane)
    return out


def object_probability(evidence: list[np.ndarray]) -> np.ndarray:
    """Probability that a pixel belongs to an object: of its own class, or of that of the seeds."""
    return evidence[0] if len(evidence) == 1 else evidence[0] + evidence[1]


def foreground(evidence: list[np.ndarray], options: ObjectOptions) -> np.ndarray:
    """Pixels of objects or of their seeds."""
    mask = object_probability(evidence) >= np.float32(options.threshold)
    for seed in evidence[1:]:
        mask |= seed >= np.float32(options.seed_threshold)
    return mask


def components(mask: np.ndarray) -> np.ndarray:
    """Pixels connected over edges (faces): int32 labels."""
    from scipy import ndimage

    return ndimage.label(mask, output=np.int32)[0]


def split(labels: np.ndarray, evidence: list[np.ndarray], options: ObjectOptions) -> np.ndarray:
    """Split connected components as the options say, and leave out pieces that nowhere reach the core probability.

    A component's pieces depend on that component alone.
    """
    likely = object_probability(evidence)
    if options.split == "distance":
        labels = split_at_necks(labels, options.neck)
    elif options.split == "seeds":
        seeds = components((evidence[1] >= np.float32(options.seed_threshold)) & (labels > 0))
        labels = watershed(-likely, seeds, labels > 0)
    if options.core:
        reached = np.isin(np.arange(labels.max(initial=0) + 1), labels[likely >= np.float32(options.core)])
        reached[0] = False
        labels = np.where(reached, np.cumsum(reached), 0).astype(np.int32)[labels]
    return labels


def numbered(labels: np.ndarray, options: ObjectOptions) -> np.ndarray:
    """Objects of the right size as 1…n in the order of their first pixel."""
    ids, first, position, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    table = final_numbers(first, (ids > 0) & right_size(count, options))
    return table[position].reshape(labels.shape)


def right_size(count: np.ndarray, options: ObjectOptions) -> np.ndarray:
    """Which of these numbers of pixels lie within the limits."""
    return (count >= options.smallest) & ((count <= options.largest) | (options.largest == 0))


def final_numbers(first: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Numbers 1…n for what is kept, in the order of `first`, and 0 for the rest: int32."""
    table = np.zeros(len(first), np.int32)
    kept = np.flatnonzero(keep)
    table[kept[np.argsort(first[kept], kind="stable")]] = np.arange(1, len(kept) + 1)
    return table


def _small_holes(mask: np.ndarray, largest: int) -> np.ndarray:
    """Background of at most so many pixels (connected over corners, too) that does not touch the border."""
    from scipy import ndimage

    holes, count = ndimage.label(~mask, np.ones((3,) * mask.ndim), output=np.int32)
    small = (np.bincount(holes.ravel(), minlength=count + 1) <= largest) & ~border_labels(holes, count)
    small[0] = False
    return small[holes]
