"""CellProfiler's MeasureGranularity: how much of each object's intensity is in structures of one size after another.

Ravkin & Temov 1988, "Bit representation techniques and image processing". The image is sampled down to a quarter, its
background (what an opening by a disk of radius 10 leaves of the image sampled down once more) is taken away, and then,
again and again, one pixel is eroded and the rest reconstructed; feature k is the loss of mean intensity in step k, in
percent of the object's mean.

Equal to cp_measure 0.3, ``get_granularity``, with its defaults. Where an image has fewer than 8 pixels on a side there
is nothing to sample, and the result is NaN. In volumes cp_measure reads the background from beyond the image (it scales
coordinates that are scaled already), so that most of it is 0; so does this function. The first step of an object
contains the background that was subtracted, since the loss is counted from the image before.

Where the image sampled down twice has a side of 2 (images with a side of 20 to 35 pixels, volumes of 8 to 11 slices),
SciPy's morphology (1.17) reads memory beyond the image, and cp_measure, which calls it with the whole disk, probably
gives numbers that change from run to run; here they are those of the image mirrored at its border.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.label_objects import LabelObjects
from micrographia.geometry.reconstruction import reconstruct, shrink

_SHARE = 0.25
_RADIUS = 10


def granularity(objects: LabelObjects, pixels: np.ndarray, steps: int = 16) -> dict[str, np.ndarray]:
    """The granular spectrum of each object.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane or a volume.
    pixels : float array of the shape of the labels
        What is not finite counts as 0.
    steps : int
        Length of the spectrum.

    Returns
    -------
    dict of str to (n,) float64 array
        ``Granularity_k_{}``, with ``{}`` for the channel.
    """
    small = tuple(int(size * _SHARE) for size in objects.shape)
    if min(small) < 2:
        return {f"Granularity_{k + 1}_{{}}": np.full(len(objects), np.nan) for k in range(steps)}
    pixels = np.nan_to_num(np.asarray(pixels, np.float64), nan=0, posinf=0, neginf=0)
    sampled = np.ascontiguousarray(pixels[tuple(slice(0, 4 * size, 4) for size in small)])
    opened = np.maximum(sampled - _background(sampled), 0)
    opened = opened.reshape((1,) * (3 - opened.ndim) + opened.shape)
    first, place = objects.first, objects.place.astype(np.float64)
    if len(objects.shape) == 2:
        place = np.concatenate([np.zeros((1, place.shape[1])), place])
    for axis in range(3):
        if opened.shape[axis] > 1:
            place[axis] *= (opened.shape[axis] - 1) / (objects.shape[axis - 3] - 1)
    start = object_means(first, objects.of(pixels))
    scale = np.maximum(start, np.finfo(float).eps)
    eroded, mask, current, out = opened, opened, start, {}
    for k in range(steps):
        eroded = shrink(eroded)
        mask = reconstruct(eroded, mask)  # what is left is below what was left before, so that serves as the mask
        mean = sampled_means(first, place, mask)
        out[f"Granularity_{k + 1}_{{}}"] = (current - mean) * 100 / scale
        current = mean
    return out


def _background(image: np.ndarray) -> np.ndarray:
    """The image opened by a disk (a ball), at a quarter of its size."""
    from scipy.ndimage import grey_dilation, grey_erosion, map_coordinates

    shape = np.array(image.shape)
    if image.ndim == 2:
        coarse = image[::4, ::4]
    else:  # cp_measure's volumes: the size of the image, and nothing beyond its first quarter
        coarse = np.zeros_like(image)
        part = image[::4, ::4, ::4]
        coarse[tuple(slice(size) for size in part.shape)] = part
    # Farther than its size the disk only meets what it has met already, mirrored, and SciPy misreads a side of 2.
    reach = [min(_RADIUS, size - 1) for size in coarse.shape]
    axes = np.ogrid[tuple(slice(-most, most + 1) for most in reach)]
    disk = sum(axis**2 for axis in axes) <= _RADIUS**2
    coarse = grey_dilation(grey_erosion(coarse, footprint=disk), footprint=disk)
    where = np.indices(image.shape, dtype=float)
    for axis in range(image.ndim):
        where[axis] *= (shape[axis] * _SHARE - 1) / (shape[axis] - 1)
    return map_coordinates(coarse, where, order=1)


@njit(cache=True, nogil=True)
def object_means(first: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of each object's values; NaN without pixels."""
    out = np.full(len(first) - 1, np.nan)
    for i in range(len(out)):
        if first[i + 1] > first[i]:
            out[i] = values[first[i] : first[i + 1]].sum() / (first[i + 1] - first[i])
    return out


@njit(cache=True, nogil=True)
def sampled_means(first: np.ndarray, place: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Mean of an image, linearly interpolated at the places of each object's pixels.

    Parameters
    ----------
    first : (n + 1,) int64 array
    place : (3, pixels) float64 array
        z, y, x in the image; what lies beyond its last pixel (by rounding) counts as 0.
    image : (Z, Y, X) float64 array

    Returns
    -------
    (n,) float64 array
    """
    depth, height, width = image.shape
    out = np.full(len(first) - 1, np.nan)
    for i in range(len(out)):
        if first[i + 1] == first[i]:
            continue
        total = 0.0
        for k in range(first[i], first[i + 1]):
            z, y, x = place[0, k], place[1, k], place[2, k]
            if z > depth - 1 or y > height - 1 or x > width - 1:
                continue
            z0, y0, x0 = int(z), int(y), int(x)
            z1, y1, x1 = min(z0 + 1, depth - 1), min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            fz, fy, fx = z - z0, y - y0, x - x0
            near = (1 - fy) * ((1 - fx) * image[z0, y0, x0] + fx * image[z0, y0, x1]) + fy * (
                (1 - fx) * image[z0, y1, x0] + fx * image[z0, y1, x1]
            )
            if fz > 0:
                far = (1 - fy) * ((1 - fx) * image[z1, y0, x0] + fx * image[z1, y0, x1]) + fy * (
                    (1 - fx) * image[z1, y1, x0] + fx * image[z1, y1, x1]
                )
                near = (1 - fz) * near + fz * far
            total += near
        out[i] = total / (first[i + 1] - first[i])
    return out
