"""Planes of arrays that are too large for memory: nothing is read or written but what is indexed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.segment.planes import Index


class PlaneOf:
    """One plane or volume of a stack that is written by blocks: indexed with its own axes alone."""

    def __init__(self, array: Any, at: tuple[int, ...]) -> None:
        self.array, self.at = array, at
        self.shape, self.dtype = array.shape[len(at) :], array.dtype
        self.chunks = array.chunks[len(at) :]

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.asarray(self.array[(*self.at, *key)])

    def __setitem__(self, key: Any, value: np.ndarray) -> None:
        self.array[(*self.at, *key)] = value


class LazyPlane:
    """A lazy array with some axes fixed, read only where it is indexed."""

    def __init__(self, data: Any, axes: str, index: Mapping[str, int]) -> None:
        self.data, self.axes, self.fixed = data, axes, index
        self.kept = "".join(axis for axis in axes if axis not in index)
        self.shape = tuple(data.shape[axes.index(axis)] for axis in self.kept)
        self.dtype = np.dtype(data.dtype)
        self.ndim = len(self.shape)
        self.image: Image

    @classmethod
    def of(cls, image: Image, index: Index) -> LazyPlane:
        """The plane of an image; ``.image`` is the same as an Image."""
        fixed = {axis: int(at) for axis, at in index.items() if axis in image.axes}
        fixed |= {axis: 0 for axis in image.axes if axis in "TZ" and axis not in fixed}
        plane = cls(image.data, image.axes, fixed)
        channels = (image.channels[fixed["C"]],) if "C" in fixed and image.channels else image.channels
        size = {axis: at for axis, at in image.pixel_size.items() if axis in plane.kept}
        plane.image = Image(plane, plane.kept, size, channels, image.name, image.source)
        return plane

    def __getitem__(self, key: Any) -> np.ndarray:
        keys = list(key) if isinstance(key, tuple) else [key]
        keys = [slice(None)] * self.ndim if keys == [Ellipsis] else keys
        keys += [slice(None)] * (self.ndim - len(keys))
        by_axis = dict(zip(self.kept, keys)) | dict(self.fixed)
        return np.asarray(self.data[tuple(by_axis[axis] for axis in self.axes)])

    def region(self, region: tuple[slice, slice]) -> Image:
        """The pixels of a region, all channels."""
        by_axis = dict(zip("YX", region))
        return replace(self.image, data=self[tuple(by_axis.get(axis, slice(None)) for axis in self.kept)])

    def thinned(self, step: int) -> Image:
        """Every ``step``-th row and column."""
        return self.region((slice(None, None, step), slice(None, None, step)))
