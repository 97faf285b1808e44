"""Labelled pictures to learn from, checked and brought into shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image


@dataclass(frozen=True)
class Examples:
    """Labelled pictures to learn from.

    Parameters
    ----------
    images : sequence
        (Y, X) grey, (Y, X, 3) colour or (C, Y, X) with few channels, or Images with axes YX, YXS or CYX.
    labels : sequence of (Y, X) integer arrays
        0 background; negative where nothing is known.
    validation : sequence of int, optional
        Which of them only judge the network and choose its thresholds; a share of them where not given.
    names : sequence of str, optional
        Names for messages and for the model card.
    groups : sequence of dict, optional
        Groups of each, for example ``{"plate": "P1", "well": "B03", "file": "a.tif"}``: the pictures that only judge
        are chosen as whole plates, wells and the like (:data:`micrographia.metrics.folds.UNITS`), or as whole files.
    """

    images: Sequence[Any]
    labels: Sequence[np.ndarray]
    validation: Sequence[int] | None = None
    names: Sequence[str] | None = None
    groups: Sequence[Mapping[str, Any]] | None = None


def names_of(examples: Examples) -> list[str]:
    """A name for each image; raises InputError where there are none, or not as many labels or groups."""
    if len(examples.images) != len(examples.labels):
        raise InputError(f"{len(examples.images)} images but {len(examples.labels)} label images.")
    if not len(examples.images):
        raise InputError("There are no images to learn from.")
    if examples.groups is not None and len(examples.groups) != len(examples.images):
        raise InputError(f"{len(examples.images)} images but groups of {len(examples.groups)}.")
    if examples.names is not None:
        return list(examples.names)
    return [getattr(image, "name", "") or f"image {i}" for i, image in enumerate(examples.images)]


def channels_first(image: Any, name: str) -> np.ndarray:
    """Pixels as (C, Y, X)."""
    if isinstance(image, Image):
        if image.axes not in ("YX", "YXS", "CYX"):
            raise InputError(f"{name}: axes '{image.axes}'; StarDist 2D learns from YX, YXS (colour) or CYX.")
        data = image.array("SYX" if "S" in image.axes else "CYX")
    else:
        data = np.asarray(image)
        if data.ndim == 3 and data.shape[2] in (3, 4) and data.shape[0] > 4:
            data = np.moveaxis(data[..., :3], 2, 0)
        data = data[None] if data.ndim == 2 else data
    if data.ndim != 3 or 0 in data.shape:
        raise InputError(f"{name}: shape {data.shape} is not a picture (Y, X), (Y, X, 3) or (C, Y, X).")
    return data[:3] if len(data) == 4 and isinstance(image, Image) and "S" in image.axes else data


def in_colour(image: Any) -> bool:
    """Whether the channels of a picture are the samples of a colour picture."""
    if isinstance(image, Image):
        return image.size("S") in (3, 4)
    shape = np.shape(image)
    return len(shape) == 3 and shape[2] in (3, 4) and shape[0] > 4


def as_colour(image: Image) -> Image:
    """A grey plane as a colour picture; another one as it is."""
    if image.axes != "YX":
        return image
    data = image.array()
    return replace(image, data=np.broadcast_to(data[..., None], (*data.shape, 3)), axes="YXS", channels=())


def channels_of(counts: Sequence[int], colour: Sequence[bool], names: Sequence[str]) -> int:
    """The number of channels for a network that learns from pictures of so many; 3 for grey and colour pictures.

    Raises
    ------
    InputError
        Where they are different in another way; it names the first that is neither grey nor colour, and another one.
    """
    odd = next((i for i, rgb in enumerate(colour) if counts[i] != 1 and not rgb), None)
    if odd is None or len(set(counts)) == 1:
        return max(counts)
    other = next(i for i, count in enumerate(counts) if count != counts[odd])
    said = [f"{names[i]} has {counts[i]} channel{'s' * (counts[i] != 1)}" for i in (odd, other)]
    if any(colour):
        said[0] += " that are not those of a colour picture"
    raise InputError(
        f"{' and '.join(said)}; a network learns from images with the same channels (or grey and colour ones): choose "
        "one channel with --channel (Image.take in Python), or leave some images out."
    )


def checked_labels(labels: Any, image: np.ndarray, name: str) -> np.ndarray:
    """Labels as int32, compared with their image."""
    labels = labels.array("YX") if isinstance(labels, Image) else np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise InputError(f"{name}: a label image has whole numbers, this one {labels.dtype}.")
    if labels.shape != image.shape[1:]:
        raise InputError(f"{name}: the image is {image.shape[1:]} pixels, its label image {labels.shape}.")
    return labels.astype(np.int32)


def validation_example(
    image: np.ndarray, labels: np.ndarray, stride: int, targets: Callable[[np.ndarray], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """A whole image with its targets, padded to the network's stride; nothing is known of the padding."""
    pad = [(0, -n % stride) for n in labels.shape]
    labels = np.pad(labels, pad, constant_values=-1)
    return {"image": np.pad(image, [(0, 0), *pad], mode="edge"), **targets(labels)}
