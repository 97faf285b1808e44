"""The objects of one label image, made ready for the kernels that measure them: numbers, boxes, pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from micrographia.features import regions


@dataclass(frozen=True)
class LabelObjects:
    """Objects numbered 1…n in the order of their ids.

    Attributes
    ----------
    ids : (n,) int64 array
        The id of object ``i + 1`` in the label image.
    index : (Y + 2, X + 2) or (Z, Y + 2, X + 2) int32 array
        Numbers of the objects inside a frame of background.
    shape : tuple of int
        Shape of the label image: (Y, X) or (Z, Y, X).
    area : (n,) int64 array
        Pixels or voxels.
    first : (n + 1,) int64 array
        Object ``i`` has the entries ``first[i]:first[i + 1]`` of `position`.
    position : (sum of area,) int64 array
        Flat positions in the label image, object after object, in raster order within each.
    box : (n, 2 * dimensions) int64 array
        First (z,) row and column, then one past the last.
    """

    ids: np.ndarray
    index: np.ndarray
    shape: tuple[int, ...]
    area: np.ndarray
    first: np.ndarray
    position: np.ndarray
    box: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def numbers(self) -> np.ndarray:
        """Numbers of the objects without the frame, (Y, X) or (Z, Y, X)."""
        return self.index[..., 1:-1, 1:-1]

    @cached_property
    def place(self) -> np.ndarray:
        """Coordinates of all object pixels, (dimensions, sum of area) int64."""
        return (
            np.stack(np.unravel_index(self.position, self.shape))
            if len(self.position)
            else np.zeros((len(self.shape), 0), np.int64)
        )

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Values of all object pixels of an image, object after object: (sum of area,) float64 array."""
        return pixels.reshape(-1)[self.position].astype(np.float64, copy=False)


def label_objects(labels: np.ndarray, ids: np.ndarray | None = None) -> LabelObjects:
    """Prepare the objects of a label image.

    Parameters
    ----------
    labels : (Y, X) or (Z, Y, X) integer array
        0 and negative values are background; ids may be sparse.
    ids : (n,) integer array, optional
        Ids that there are; an id without pixels becomes an object of area 0. Otherwise those that are found.

    Returns
    -------
    LabelObjects
    """
    shape = labels.shape
    found, tall = regions.dense(labels.reshape(-1, shape[-1]))
    if ids is not None and not np.array_equal(ids, found):
        number = np.zeros(len(found) + 1, np.int32)
        number[1:] = np.searchsorted(ids, found) + 1
        tall, found = number[tall], np.asarray(ids, np.int64)
    area = np.bincount(tall.ravel(), minlength=len(found) + 1)[1:].astype(np.int64)
    position = regions.grouped_pixels(tall, area)
    first = np.concatenate([[0], np.cumsum(area)])
    box = np.zeros((len(found), 2 * len(shape)), np.int64)
    there = np.flatnonzero(area > 0)
    for axis, where in enumerate(np.unravel_index(position, shape) if len(position) else ()):
        box[there, axis] = np.minimum.reduceat(where, first[there])
        box[there, axis + len(shape)] = np.maximum.reduceat(where, first[there]) + 1
    if len(shape) == 3:
        index = np.zeros((shape[0], shape[1] + 2, shape[2] + 2), np.int32)
        index[:, 1:-1, 1:-1] = tall[1:-1, 1:-1].reshape(shape)
    else:
        index = tall
    return LabelObjects(found, index, shape, area, first, position, box)
