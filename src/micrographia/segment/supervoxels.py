"""Supervoxels to paint with: compact regions that follow edges (SLIC, Achanta et al. 2012, IEEE PAMI 34:2274)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.segment.block_plans import block_plan
from micrographia.segment.label_cleaning import label_array


def supervoxels(
    image: np.ndarray,
    size: int = 200,
    *,
    compactness: float = 0.1,
    spacing: tuple[float, ...] | None = None,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Divide a plane or a volume into regions of about the same size; a time series goes time point by time point.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel; it is scaled to the range 0 to 1.
    size : int
        Pixels of a region, about. A region falls into pieces where noise outweighs its compactness; pieces smaller
        than half of this are joined to a neighbour, and regions become much larger than asked for (pure noise may give
        a single one). What helps is to smooth the image first (sigma of 1 to 2 pixels), or more compactness.
    compactness : float
        More makes regions rounder, less lets them follow edges more closely; above 0. With 1 they have about their
        size even in noise.
    spacing : tuple of float, optional
        Size of a pixel along each axis, above 0.
    mask : ([Z,] Y, X) bool array, optional
        Where regions are wanted.

    Returns
    -------
    ([Z,] Y, X) int32 array
        Regions 1…n; 0 outside the mask.

    Raises
    ------
    InputError
        Where the image has no such axes, holds NaN, or the mask is empty.
    RequestError
        Where the size, the compactness or the spacing makes no sense, or scikit-image is missing.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.dtype.kind not in "biuf" or not image.size:
        raise InputError(f"Supervoxels are made of one channel, a plane or a volume, not of shape {image.shape}.")
    if not np.isfinite(image).all():
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    _check_options(image.ndim, size, compactness, spacing)
    if mask is not None and (np.shape(mask) != image.shape or not np.any(mask)):
        raise InputError("The mask must have the image's shape and hold a pixel.")
    low, high = float(image.min()), float(image.max())
    room = image.size if mask is None else int(np.count_nonzero(mask))
    return _regions(image, (low, high), max(1, round(room / size)), compactness, spacing, mask)


def supervoxels_in_blocks(
    image: Any,
    target: Any,
    size: int = 200,
    *,
    compactness: float = 0.1,
    spacing: tuple[float, ...] | None = None,
    block: int | Sequence[int] | None = None,
) -> int:
    """Supervoxels of an image larger than memory, block by block; regions end where their block ends.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel; anything with a shape and NumPy slicing, for example a ``zarr.Array``. It is scaled by the range of
        the whole.
    target : ([Z,] Y, X) int32 array
        Where the regions are written, numbered on from block to block.
    size : int
        Pixels of a region, about; see `supervoxels`.
    compactness : float
        More makes regions rounder, less lets them follow edges more closely; above 0.
    spacing : tuple of float, optional
        Size of a pixel along each axis, above 0.
    block : int or sequence of int, optional
        Side of the blocks; 1024 for planes and 128 for volumes where not given.

    Returns
    -------
    int
        Number of regions.

    Raises
    ------
    InputError, RequestError
        As for `supervoxels`; also where the target has another shape.
    """
    shape = tuple(int(n) for n in image.shape)
    if tuple(target.shape) != shape:
        raise InputError(f"The image has the shape {shape}, the target {tuple(target.shape)}.")
    plan = block_plan(shape, block, 1024, 128)
    _check_options(len(shape), size, compactness, spacing)
    ends = [(float(np.min(image[part])), float(np.max(image[part]))) for part in plan]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    count = 0
    for part in plan:
        pixels = np.asarray(image[part])
        found = _regions(pixels, (low, high), max(1, round(pixels.size / size)), compactness, spacing, None)
        target[part] = found + count
        count += int(found.max())
    return count


def _check_options(dimensions: int, size: int, compactness: float, spacing: tuple[float, ...] | None) -> None:
    """Refuse what SLIC cannot work with."""
    if not size >= 1:
        raise RequestError(f"A supervoxel has at least one pixel, not {size}.")
    if not 0 < compactness < np.inf:
        raise RequestError(f"The compactness of supervoxels must be a number above 0, not {compactness}.")
    if spacing is not None:
        sides = np.asarray(spacing)
        if sides.shape != (dimensions,) or sides.dtype.kind not in "iuf" or not ((sides > 0) & (sides < np.inf)).all():
            raise RequestError(f"The spacing is a number above 0 for each of {dimensions} axes, not {spacing}.")


def _regions(
    image: np.ndarray,
    ends: tuple[float, float],
    count: int,
    compactness: float,
    spacing: tuple[float, ...] | None,
    mask: np.ndarray | None,
) -> np.ndarray:
    """About `count` regions of an image of which `ends` become 0 and 1."""
    low, high = ends
    scaled = ((image.astype(np.float64) - low) / ((high - low) or 1.0)).astype(np.float32)
    found = _slic()(
        scaled, n_segments=count, compactness=compactness, spacing=spacing,
        mask=mask, channel_axis=None, start_label=1, convert2lab=False,
    )  # fmt: skip
    return found.astype(np.int32)


def paint_supervoxels(regions: np.ndarray, labels: np.ndarray, positions: np.ndarray, label: int) -> np.ndarray:
    """Give whole supervoxels a label, as a brush does that touches them.

    Parameters
    ----------
    regions : ([Z,] Y, X) integer array
        From `supervoxels`.
    labels : ([Z,] Y, X) integer array
        What was painted so far.
    positions : (N, 2) or (N, 3) integer array
        Pixels that the brush touched; where there are none, nothing is painted.
    label : int
        Label to give; 0 wipes.

    Returns
    -------
    ([Z,] Y, X) int32 array

    Raises
    ------
    InputError
        Where the shapes differ, the brush left the image, or positions or label are no whole numbers from 0.
    """
    regions, labels, positions = label_array(regions, "supervoxels"), label_array(labels), np.asarray(positions)
    if labels.shape != regions.shape:
        raise InputError(f"The labels have the shape {labels.shape} and the supervoxels {regions.shape}.")
    try:
        number = operator.index(label)
    except TypeError:
        number = -1
    if not 0 <= number <= np.iinfo(np.int32).max:
        raise InputError(f"A label is a whole number from 0 to 2,147,483,647, not {label!r}.")
    if not positions.size:
        return labels.astype(np.int32)
    if positions.dtype.kind not in "iu" or positions.size % regions.ndim:
        raise InputError(f"The pixels a brush touched are {regions.ndim} whole numbers each.")
    positions = positions.reshape(-1, regions.ndim)
    if (positions < 0).any() or (positions >= regions.shape).any():
        raise InputError(f"The brush left the image of shape {regions.shape}.")
    touched = np.unique(regions[tuple(positions.T)])
    return np.where(np.isin(regions, touched[touched > 0]), number, labels).astype(np.int32)


def _slic():  # type: ignore[no-untyped-def]
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise RequestError("Supervoxels need scikit-image: pip install 'micrographia[tools]'") from None
    return slic
