"""Supervoxels to paint with: compact regions that follow edges (SLIC, Achanta et al. 2012, IEEE PAMI 34:2274)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.blocks import block_size, blocks
from micrographia.arrays.errors import InputError, RequestError


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
        Pixels of a region, about.
    compactness : float
        More makes regions rounder, less lets them follow edges more closely.
    spacing : tuple of float, optional
        Size of a pixel along each axis.
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
        Where scikit-image is missing.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.dtype.kind not in "biuf" or not image.size:
        raise InputError(f"Supervoxels are made of one channel, a plane or a volume, not of shape {image.shape}.")
    image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    if size < 1:
        raise RequestError(f"A supervoxel has at least one pixel, not {size}.")
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
    size, compactness, spacing
        As for `supervoxels`.
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
    if len(shape) not in (2, 3) or tuple(target.shape) != shape:
        raise InputError(f"The image has the shape {shape}, the target {tuple(target.shape)}; a plane or a volume.")
    if size < 1:
        raise RequestError(f"A supervoxel has at least one pixel, not {size}.")
    plan = list(blocks(shape, block_size(shape, block, 1024, 128)))
    ends = [(float(np.min(image[part])), float(np.max(image[part]))) for part in plan]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    count = 0
    for part in plan:
        pixels = np.asarray(image[part], np.float32)
        found = _regions(pixels, (low, high), max(1, round(pixels.size / size)), compactness, spacing, None)
        target[part] = found + count
        count += int(found.max())
    return count


def _regions(
    image: np.ndarray,
    ends: tuple[float, float],
    count: int,
    compactness: float,
    spacing: tuple[float, ...] | None,
    mask: np.ndarray | None,
) -> np.ndarray:
    """About `count` regions of an image of which `ends` become 0 and 1."""
    found = _slic()(
        (image - ends[0]) / ((ends[1] - ends[0]) or 1.0), n_segments=count, compactness=compactness, spacing=spacing,
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
        Pixels that the brush touched.
    label : int
        Label to give; 0 wipes.

    Returns
    -------
    ([Z,] Y, X) int32 array
    """
    positions = np.asarray(positions).reshape(-1, np.ndim(regions))
    if np.shape(labels) != np.shape(regions):
        raise InputError(f"The labels have the shape {np.shape(labels)} and the supervoxels {np.shape(regions)}.")
    if len(positions) and ((positions < 0).any() or (positions >= np.shape(regions)).any()):
        raise InputError(f"The brush left the image of shape {np.shape(regions)}.")
    touched = np.unique(regions[tuple(positions.T)])
    return np.where(np.isin(regions, touched[touched > 0]), label, labels).astype(np.int32)


def _slic():  # type: ignore[no-untyped-def]
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise RequestError("Supervoxels need scikit-image: pip install 'micrographia[tools]'") from None
    return slic
