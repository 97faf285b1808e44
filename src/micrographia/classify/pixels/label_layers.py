"""Strokes or label images that lie on an image, read by windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from micrographia.arrays.blocks import Block, blocks
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.pixels.image_channels import ImageChannels

_WINDOW = {2: (2048, 2048), 3: (64, 512, 512)}
_OTHER = str.maketrans("TZ", "ZT")
_WORDS = {"T": "time points", "Z": "z slices"}


class LabelLayer:
    """Labels in the shape of an image's stack and space.

    Many programs write time points as z slices, and plain TIFF names no axes: where only that keeps the labels from
    lying on the image, z slices are taken for time points, and time points for z slices.

    Parameters
    ----------
    labels : Image or array
        Whole numbers; an array has the image's shape without channels. May be lazy.
    channels : ImageChannels
        The image.

    Attributes
    ----------
    note : str
        Says that z slices or time points were taken for the other; empty where they were not.

    Raises
    ------
    InputError
        Where they are no whole numbers, or of another shape than the image.
    """

    def __init__(self, labels: Image | np.ndarray, channels: ImageChannels) -> None:
        self.axes, self.shape, self.title = channels.stack_axes + channels.space, channels.shape, channels.title
        self._wanted = (*channels.stack_shape, *channels.shape)
        if not isinstance(labels, Image):
            labels = np.asarray(labels)
            if labels.ndim != len(self.axes):
                raise InputError(self._other_shape(labels.shape))
            labels = Image(labels, self.axes)
        self.image, self.note = labels, ""
        if not self._fits(labels):
            self.image = Image(labels.data, labels.axes.translate(_OTHER))
            long = [axis for axis in "TZ" if labels.size(axis) > 1]
            if len(long) != 1 or not self._fits(self.image):
                raise InputError(self._other_shape(labels.shape, labels.axes))
            self.note = (
                f"The {_WORDS[long[0]]} of the labels were taken for {_WORDS[long[0].translate(_OTHER)]}, which the "
                "image has (to name the axes of both, use --axes, axes= in Python)."
            )

    def windows(self) -> Iterator[Block]:
        """Parts of one position of the stack: all of it where it is in memory."""
        size = self.shape if isinstance(self.image.data, np.ndarray) else _WINDOW[len(self.shape)]
        return blocks(self.shape, size)

    def read(self, at: Sequence[int], window: Block) -> np.ndarray:
        """Labels of a window, integers.

        Raises
        ------
        InputError
            Where there are fractions or negative numbers.
        """
        here = dict(zip(self.axes, (*at, *window), strict=True))
        axes = self.image.axes
        data = np.asarray(self.image.data[tuple(here.get(axis, 0) for axis in axes)])
        left = [axis for axis in axes if isinstance(here.get(axis), slice)]
        data = data.transpose([left.index(axis) for axis in self.axes[len(at) :]])
        whole = data.dtype.kind in "iub" or (data.dtype.kind == "f" and (data == np.rint(data)).all())
        if not whole or data.min(initial=0) < 0:
            raise InputError(f"{self.title}: labels are whole numbers from 0 (0 unlabelled, 1 the first class, ...).")
        return data.astype(np.int32) if data.dtype.kind == "f" else data

    def _fits(self, labels: Image) -> bool:
        others = any(labels.size(axis) > 1 for axis in labels.axes if axis not in self.axes)
        return not others and tuple(labels.size(axis) for axis in self.axes) == self._wanted

    def _other_shape(self, shape: Sequence[int], axes: str = "") -> str:
        named = f" The labels have the axes {', '.join(axes)}; to name others, use --axes (axes= in Python)."
        return (
            f"{self.title}: its labels are {_times(shape)} pixels, but the image is {_times(self._wanted)} "
            f"({', '.join(self.axes)}); strokes must lie on the image they were painted on."
            + (named if len(axes) > 2 and axes != self.axes else "")
        )


def label_array(labels: Image | np.ndarray, channels: ImageChannels) -> np.ndarray:
    """All labels, in the shape of an image's stack and space; raises InputError as :class:`LabelLayer` does."""
    layer = LabelLayer(labels, channels)
    whole = tuple(slice(0, n) for n in channels.shape)
    parts = [layer.read(at, whole) for at in channels.positions]
    return np.stack(parts).reshape(*channels.stack_shape, *channels.shape)


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
