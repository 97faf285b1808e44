"""Images with the objects in them, brought into crops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.pixels.image_channels import ImageChannels, same_channels
from micrographia.features.crops import CropPlan, stream_crops


@dataclass(frozen=True)
class CellImages:
    """Images with the objects in them.

    Parameters
    ----------
    images : sequence of Image or array
        Planes: (Y, X), (Y, X, 3) or (C, Y, X) with few channels, or Images with axes YX, YXS or CYX.
    labels : sequence of (Y, X) integer arrays, optional
        Label image of each; without them every image is one object, for example a crop that exists already.
    names : sequence of str, optional
        Name of each image; otherwise the images' own, or their number.
    """

    images: Sequence[Image | np.ndarray]
    labels: Sequence[Image | np.ndarray | None] | None = None
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class CellCrops:
    """The crops of all objects, each with the image and the label it comes from.

    Attributes
    ----------
    pixels : (N, C, S, S) float16 array
        The crops.
    images : (N,) array of str
        Name of the image of each.
    labels : (N,) int64 array
        Label of each in its image.
    channels : tuple of str
        Names of the channels, without the mask.
    """

    pixels: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    channels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def with_channels(self, numbers: Sequence[int]) -> CellCrops:
        """The same crops with some of their channels, in this order; the mask stays the last."""
        count = len(self.channels)
        if list(numbers) == list(range(count)):
            return self
        pixels = self.pixels[:, [*numbers, *range(count, self.pixels.shape[1])]]
        return CellCrops(pixels, self.images, self.labels, tuple(self.channels[k] for k in numbers))


class InTurn(Sequence[Any]):
    """A sequence whose entries are made when their turn comes.

    Parameters
    ----------
    length : int
        How many there are.
    make : callable
        Number of an entry to the entry.
    """

    def __init__(self, length: int, make: Callable[[int], Any]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if not 0 <= index < self._length:
            raise IndexError(index)
        return self._make(index)


def plane_of(image: Image | np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels (C, Y, X) of one plane in their own type, and the names of the channels.

    Raises
    ------
    InputError
        Where it is no plane, or a channel holds no numbers.
    """
    channels = ImageChannels(image)
    if channels.stack_axes:
        raise InputError(f"{name}: axes {channels.image.axes} are several planes; give them one by one.")
    order = "SYX" if channels.image.size("S") > 1 else "CYX"
    pixels = channels.image.array(order)[: len(channels.names)]
    for plane, channel in zip(pixels, channels.names, strict=True):
        if not np.isfinite(plane).any():
            raise InputError(f"{name}: all pixels of the channel {channel} are NaN or infinite; leave the image out.")
    return pixels, channels.names


def cell_crops(
    examples: CellImages,
    plan: CropPlan,
    *,
    most: int = 0,
    seed: int = 0,
    divide: Callable[[tuple[int, int]], np.ndarray] | None = None,
) -> CellCrops:
    """Cut the crops of all objects; of one image after the other, so that only crops are kept.

    Parameters
    ----------
    examples : CellImages
        Images and label images.
    plan : CropPlan
        How crops are cut.
    most : int
        Where there are more objects, so many are kept, drawn by chance; 0 keeps all.
    seed : int
        Seed of the draw.
    divide : callable, optional
        Makes a label image from the shape (Y, X) of an image that has none.

    Returns
    -------
    CellCrops

    Raises
    ------
    InputError
        Where images and labels do not fit each other, there are no objects, or channels differ.
    """
    names = cell_names(examples)
    labels: Sequence[Any] = [None] * len(names) if examples.labels is None else examples.labels
    said: list[tuple[str, ...]] = []

    def planes() -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        for image, own, name in zip(examples.images, labels, names, strict=True):
            pixels, channels = plane_of(image, name)
            said.append(channels)
            if channels != said[0] and len(channels) == len(said[0]):
                pixels = pixels[same_channels(channels, said[0], name)[0]]
            if own is None and divide is not None:
                own = divide((pixels.shape[1], pixels.shape[2]))
            yield name, pixels, own.array("YX") if isinstance(own, Image) else own

    rng = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    rows: list[tuple[str, int]] = []
    seen = 0
    for name, crops in stream_crops(planes(), plan):
        for pixels, label in zip(crops.pixels, crops.labels, strict=True):
            seen += 1
            if not most or len(rows) < most:
                kept.append(pixels)
                rows.append((name, int(label)))
            elif (place := int(rng.integers(seen))) < most:  # reservoir sampling (Vitter 1985, algorithm R)
                kept[place], rows[place] = pixels, (name, int(label))
    if not rows:
        raise InputError("No label image holds an object; there are no crops to cut.")
    where, which = zip(*rows, strict=True)
    return CellCrops(np.stack(kept), np.array(where, str), np.array(which, np.int64), said[0])


def cell_names(examples: CellImages) -> list[str]:
    """A name for each image; raises InputError where there are none, or not as many labels."""
    count = len(examples.images)
    if not count:
        raise InputError("There are no images to cut crops from.")
    if examples.labels is not None and len(examples.labels) != count:
        raise InputError(f"{count} images but {len(examples.labels)} label images.")
    if examples.names is not None:
        return list(examples.names)
    return [image.name if isinstance(image, Image) else f"image {i}" for i, image in enumerate(examples.images)]
