"""Labels and image brought together: which dimension of the image is which, given the labels it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.blocks import blocks
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image, refuse_path

_SAMPLES = ("red", "green", "blue")
_BLOCK = 2048
_LARGEST = np.iinfo(np.int64).max


def as_labels(labels: Any, axes: str | None = None, *, negative: bool = False) -> Image:
    """A label image with named axes.

    Parameters
    ----------
    labels : integer array or Image
        0 is background.
    axes : str, optional
        Axes of a plain array, for example ``"TYX"``; two dimensions are "YX" without being told.
    negative : bool
        Whether there may be labels below 0, which say of pixels that they were not annotated.

    Returns
    -------
    Image
        Axes end with "YX"; integer data.

    Raises
    ------
    InputError
        Where the axes are missing or do not end with "YX", or the values are not whole numbers from 0 to 2**63 - 1.
    """
    refuse_path(labels, "read_labels")
    if not isinstance(labels, Image):
        data = labels if hasattr(labels, "shape") and hasattr(labels, "dtype") else np.asarray(labels)
        if axes is None and len(data.shape) != 2:
            raise InputError(
                f"Labels of shape {tuple(data.shape)} have {len(data.shape)} dimensions; name them, "
                "for example axes='TYX' for a time series or axes='ZYX' for a stack."
            )
        labels = Image(data, "YX" if axes is None else axes, name="labels")
    if labels.axes[-2:] != "YX" or set(labels.axes[:-2]) - set("TZ"):
        raise InputError(f"{labels.name}: labels need the axes YX, preceded by T or Z if at all, not '{labels.axes}'.")
    kind = labels.dtype.kind
    if kind == "b":
        raise InputError(
            f"{labels.name}: this is a yes/no mask, in which touching objects cannot be told apart. Number the objects "
            "first, for example with skimage.measure.label."
        )
    if kind not in "iu":
        data = labels.array()
        if kind != "f" or not np.array_equal(data, np.round(data)):
            raise InputError(
                f"{labels.name}: values of type {labels.dtype} that are not whole numbers cannot be object numbers."
            )
        check_object_numbers(Image(data, labels.axes, name=labels.name), negative=negative)
        labels = Image(data.astype(np.int64), labels.axes, labels.pixel_size, name=labels.name)
    else:
        check_object_numbers(labels, negative=negative)
    return labels


def as_image(image: Any, labels: Image, channels: Sequence[str] | None = None) -> Image:
    """An image with named axes that shows the same field as ``labels``.

    Parameters
    ----------
    image : array or Image
        A plain array has the labels' dimensions and at most one more: channels anywhere, or the 3 or 4 samples of a
        colour picture at the end.
    labels : Image
        From :func:`as_labels`.
    channels : sequence of str, optional
        Names of the channels; otherwise the image's own.

    Returns
    -------
    Image

    Raises
    ------
    InputError
        Where the shapes do not fit (both are named), the extra dimension is ambiguous, or the number of names is wrong.
    """
    refuse_path(image, "read")
    if not isinstance(image, Image):
        data = image if hasattr(image, "shape") and hasattr(image, "dtype") else np.asarray(image)
        image = Image(data, _guess_axes(tuple(data.shape), labels), name="image")
    if image.dtype.kind not in "biuf":
        raise InputError(f"{image.name}: pixels of type {image.dtype} have no intensity to measure.")
    for axis in labels.axes:
        if image.size(axis) != labels.size(axis):
            raise InputError(
                f"{image.name}: the labels have shape {labels.shape} ({labels.axes}) and the image {image.shape} "
                f"({image.axes}); they must show the same field at the same size."
            )
    number = image.size("C") * (min(3, image.size("S")) if "S" in image.axes else 1)
    # The name of the only channel is not part of column names: files of one folder may call it differently, or have an
    # axis C of one entry.
    own = image.channels if image.size("C") > 1 else ()
    names = tuple(own if channels is None else channels)
    if "S" in image.axes and channels is None and image.size("S") >= 3:
        names = (
            _SAMPLES if image.size("C") == 1 else tuple(f"{c}_{s}" for c in range(image.size("C")) for s in _SAMPLES)
        )
    if names and len(names) != number:
        raise InputError(f"{image.name}: {number} channels but {len(names)} channel names {list(names)}.")
    if not names:
        names = ("",) if number == 1 else tuple(f"c{i}" for i in range(number))
    return Image(image.data, image.axes, image.pixel_size, names, image.name, image.source, image.notes)


def planes(image: Image, **index: int) -> np.ndarray:
    """All channels of one plane.

    Parameters
    ----------
    image : Image
        From :func:`as_image`.
    **index : int
        Position along T and Z.

    Returns
    -------
    (channels, Y, X) array
        The samples of a colour picture count as channels; transparency is left out.
    """
    plane = Image(image.data, image.axes, name=image.name).take(**index)
    data = plane.array("CSYX" if "S" in plane.axes else "CYX")
    if data.ndim == 4:
        data = data[:, :3].reshape(-1, *data.shape[2:])
    return data


def check_object_numbers(labels: Image, *, negative: bool = False) -> None:
    """Refuse labels that are no object numbers; lazy ones are read block by block.

    Parameters
    ----------
    labels : Image
    negative : bool
        Whether numbers below 0 are let through, as in `as_labels`.

    Raises
    ------
    InputError
        Where numbers are below 0 or above 2**63 - 1.
    """
    kind, size = labels.dtype.kind, labels.dtype.itemsize
    if kind == "u" and size < 8:
        return
    step = getattr(labels.data, "chunks", None)
    if not step or not isinstance(step[0], int):  # the chunks of dask are tuples
        step = [_BLOCK if axis in "YX" else 1 for axis in labels.axes]
    for part in [...] if isinstance(labels.data, np.ndarray) else blocks(labels.shape, step):
        data = np.asarray(labels.data[part])
        lowest, highest = data.min(initial=0), data.max(initial=0)
        if lowest < 0 and not negative:
            raise InputError(
                f"{labels.name}: the negative number {lowest:,.0f} is no label: objects are numbered from 1. Where it "
                "stands for background or for pixels that were not annotated, write 0 there."
            )
        if highest > _LARGEST if kind == "u" else kind == "f" and max(-lowest, highest) >= 2.0**63:
            raise InputError(
                f"{labels.name}: label {highest:,} is too large (at most {_LARGEST:,}); number the objects anew."
            )


def _guess_axes(shape: tuple[int, ...], labels: Image) -> str:
    axes, want = labels.axes, labels.shape
    if len(shape) == len(want):
        return axes
    if len(shape) == len(want) + 1:
        if shape[:-1] == want and shape[-1] in (3, 4):
            found = [f"{axes}S"]
        else:
            found = []
        for i in range(len(axes) - 1):
            if shape[:i] + shape[i + 1 :] == want:
                found.append(f"{axes[:i]}C{axes[i:]}")
        if not found and shape[:-1] == want:
            found = [f"{axes}C"]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"An image of shape {shape} fits labels of shape {want} as {' and as '.join(found)}; "
                "pass micrographia.Image(data, axes) to say which it is."
            )
    raise InputError(
        f"The labels have shape {want} ({axes}) and the image {shape}; they must show the same field at the same size, "
        "with at most one more dimension for channels."
    )
