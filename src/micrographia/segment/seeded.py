"""Segment from a few seeds: random walker and graph cut.

Random walker (Grady 2006, IEEE PAMI 28:1768) and graph cut (Boykov & Jolly 2001, ICCV). Both take planes and volumes; a
time series is segmented time point by time point. On one core of a small machine, with seeds of two kinds in electron
micrographs, the walker took 1 s for a plane of 512² pixels, 6 s for one of 1024², 2 s for a volume of 24 x 104 x 104
voxels, 5 to 8 s and 1 GB for one of 24 x 208 x 208, a million (beta 130 to 4000), and 5 s for 100³ of noise (beta 0 to
1000); each further kind of seeds took 2 s more for a million. The cut took 1 s for that plane and 2 s for that million,
24 s for 100³ of noise between two faces. Both compile for 5 s once after an installation.
:mod:`micrographia.segment.seeded_regions` does the same over regions, with less noise and for images larger than
memory. The defaults were chosen on six neurons in electron micrographs and 27 nuclei of training images, over pixels
and over regions.
"""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.geometry.minimum_cut import minimum_cut
from micrographia.segment.label_cleaning import label_array
from micrographia.segment.seed_graph import (
    BACKGROUND,
    OBJECT,
    check_cut,
    check_hindrance,
    check_kinds,
    cutting,
    first_reached,
    pixel_pairs,
    walking,
)


def random_walker(image: np.ndarray, seeds: np.ndarray, *, beta: float = 1000.0) -> np.ndarray:
    """Give each pixel the seed that a random walker reaches first, who avoids steps in intensity.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel.
    seeds : ([Z,] Y, X) integer array
        Numbers above 0 where a label is known (background needs seeds of its own), 0 elsewhere.
    beta : float
        How much a step in intensity hinders, 0 or more: 4000 keeps to strong edges after noise was smoothed away, 130
        (the default of scikit-image) lets the walker pass most edges.

    Returns
    -------
    ([Z,] Y, X) int32 array
        A seed's number for each pixel.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN or is constant, or there are not two different seeds.
    RequestError
        Where beta is negative or not finite, or the equations are not solved after 500 steps (10 to 30 are usual).
    """
    check_hindrance("beta", beta)
    values, seeds = _checked(image, seeds)
    pairs = pixel_pairs(values.shape)
    ease = walking(values.ravel(), pairs, beta, float(values.std()))
    return first_reached(pairs, ease, seeds.ravel()).reshape(seeds.shape).astype(np.int32)


def graph_cut(image: np.ndarray, seeds: np.ndarray, *, sharpness: float = 80.0) -> np.ndarray:
    """The cheapest cut between the seeds of an object and those of the background.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel. Cutting between two pixels costs exp(-sharpness · d) for intensities (0 to 1) that differ by d.
    seeds : ([Z,] Y, X) integer array
        1 for the object, 2 for the background, 0 elsewhere.
    sharpness : float
        0 or more. More makes the cut follow steps in intensity, less makes it short: with few seeds and less than 40 it
        often runs close around them.

    Returns
    -------
    ([Z,] Y, X) bool array
        The object.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN, or the seeds are not those of an object and of background.
    RequestError
        Where the sharpness is negative or not finite.
    """
    check_hindrance("sharpness", sharpness)
    values, seeds = _checked(image, seeds)
    check_cut(seeds)
    pairs = pixel_pairs(values.shape)
    costs = cutting(values.ravel(), pairs, sharpness)
    inside = minimum_cut(pairs, costs, seeds.ravel() == OBJECT, seeds.ravel() == BACKGROUND)
    return inside.reshape(values.shape)


def _checked(image: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image from 0 to 1 in float32, and the seeds."""
    image, seeds = np.asarray(image), label_array(seeds, "seeds")
    if image.ndim not in (2, 3) or image.dtype.kind not in "biuf":
        raise InputError(f"One channel is segmented from seeds, a plane or a volume, not the shape {image.shape}.")
    if seeds.shape != image.shape:
        raise InputError(f"The image has the shape {image.shape} and the seeds {seeds.shape}.")
    if not np.isfinite(image).all():
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    check_kinds(seeds)
    low, high = float(image.min()), float(image.max())
    return ((image.astype(np.float64) - low) / ((high - low) or 1.0)).astype(np.float32), seeds
