"""Crops: a square picture of each object, all of one size, cut around its centre of mass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.frame import content
from micrographia.arrays.normalize import dark_intensity, normalise, sample
from micrographia.geometry.windows import cut_object, cut_window

INTENSITIES = ("image", "crop", "range")
"""What is made 0 to 1: the percentiles of the whole image, those of each crop, or the range of the pixel type."""

_PERCENTILES = (1.0, 99.8)
_LARGEST_SHRINK = 8


@dataclass(frozen=True)
class CropPlan:
    """How crops are cut.

    Parameters
    ----------
    size : int
        Side of a crop, pixels.
    diameter : float
        Equivalent diameter that every object gets by scaling its crop, pixels; 0 leaves the scale as it is.
    mask : bool
        Whether a last channel says which pixels belong to the object.
    intensity : str
        One of `INTENSITIES`.
    """

    size: int = 64
    diameter: float = 0.0
    mask: bool = False
    intensity: str = "image"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> CropPlan:
        """From what `as_dict` gave; raises KeyError or ValueError where something is missing or wrong."""
        plan = cls(int(said["size"]), float(said["diameter"]), bool(said["mask"]), str(said["intensity"]))
        if plan.size < 1 or plan.intensity not in INTENSITIES:
            raise ValueError("no such plan")
        return plan


@dataclass(frozen=True)
class Crops:
    """The crops of one image or of many.

    Parameters
    ----------
    pixels : (N, C, size, size) float16 array
        Background near 0, bright near 1; the last channel is the mask where the plan says so.
    labels : (N,) int64 array
        Label of each object in its image.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def cut_crops(image: np.ndarray, labels: np.ndarray | None, plan: CropPlan, name: str = "image") -> Crops:
    """Cut a crop around every object of one image.

    Parameters
    ----------
    image : (C, Y, X) array
        Pixels of any number type; channels are normalised each on its own.
    labels : (Y, X) integer array or None
        0 is background, negative labels are left out. None: the whole image is one object, with the label 1.
    plan : CropPlan
        Size, scale, mask and intensity.
    name : str
        The image, for messages.

    Returns
    -------
    Crops
        In the order of the labels. Where a crop reaches beyond the image, the picture is mirrored and the mask is 0.

    Raises
    ------
    InputError
        Where image and labels have different shapes or are no such arrays.
    """
    image = np.asarray(image)
    if image.ndim != 3 or 0 in image.shape:
        raise InputError(f"{name}: crops are cut from pictures (C, Y, X) with pixels, not from shape {image.shape}.")
    if labels is None:
        labels = np.ones(image.shape[1:], np.int32)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise InputError(f"{name}: a label image has whole numbers, this one {labels.dtype}.")
    if labels.shape != image.shape[1:]:
        raise InputError(f"{name}: the image is {image.shape[1:]} pixels, its label image {labels.shape}.")
    pixels = _normalised(image, plan)
    ids, centres, areas = _objects(labels.astype(np.int64, copy=False))
    out = np.empty((len(ids), len(image) + plan.mask, plan.size, plan.size), np.float16)
    for k, (label, centre, area) in enumerate(zip(ids, centres, areas, strict=True)):
        step = np.sqrt(4 * area / np.pi) / plan.diameter if plan.diameter else 1.0
        parts = int(np.clip(np.ceil(step), 1, _LARGEST_SHRINK))
        crop = cut_window(pixels, np.eye(2) * step, tuple(centre), plan.size, parts)
        if plan.intensity == "crop":
            crop = normalise(crop, dark_intensity(crop, _PERCENTILES))
        out[k, : len(image)] = np.clip(crop, -8, 8)
        if plan.mask:
            out[k, -1] = cut_object(labels, label, step, tuple(centre), plan.size, parts)
    return Crops(out, ids)


def stream_crops(
    images: Iterable[tuple[str, np.ndarray, np.ndarray | None]], plan: CropPlan
) -> Iterator[tuple[str, Crops]]:
    """The crops of many images, one image in memory at a time.

    Parameters
    ----------
    images : iterable of (name, image, labels)
        As `cut_crops` takes them; read when their turn comes.
    plan : CropPlan
        The same for all.

    Raises
    ------
    InputError
        Where an image has another number of channels than the first; both are named.
    """
    first: tuple[str, int] | None = None
    for name, image, labels in images:
        if first is None:
            first = (name, len(image))
        if len(image) != first[1]:
            raise InputError(f"{name} has {len(image)} channels, but {first[0]} has {first[1]}; crops need the same.")
        yield name, cut_crops(image, labels, plan, name)


def _normalised(image: np.ndarray, plan: CropPlan) -> np.ndarray:
    if plan.intensity == "image":
        return normalise(image, dark_intensity(content(sample(image, (1, 2))), _PERCENTILES))
    pixels = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if plan.intensity == "range" and image.dtype.kind in "iu":
        pixels /= np.iinfo(image.dtype).max
    return pixels


def _objects(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels above 0, their centres of mass (y, x) and their areas."""
    y, x = np.nonzero(labels > 0)
    ids, index, areas = np.unique(labels[y, x], return_inverse=True, return_counts=True)
    centres = np.stack([np.bincount(index, at, len(ids)) / np.maximum(areas, 1) for at in (y, x)], axis=1)
    return ids, centres, areas
