"""What was painted and erased on one image, in order, with undo and redo."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.painting.stroke_pieces import stroke_pieces
from micrographia.classify.pixels.strokes import MOST_CLASSES


@dataclass(frozen=True)
class _Edit:
    pixels: np.ndarray
    label: int


@dataclass(frozen=True)
class Labelled:
    """The labelled pixels at one moment.

    Attributes
    ----------
    version : int
        Of the strokes; grows with every change, also with undo, and never comes back.
    pixels : (N,) int64 array
        Flat indices into the image's shape (stack and space), growing.
    labels : (N,) int64 array
        1 for the first class, and so on.
    strokes : (N,) int64 array
        The stroke each pixel was painted last by: its number in the order of painting, from 0.
    """

    version: int
    pixels: np.ndarray
    labels: np.ndarray
    strokes: np.ndarray

    def image(self, shape: Sequence[int]) -> np.ndarray:
        """Label image (uint8) of the image's shape; 0 where nothing is labelled."""
        dense = np.zeros(shape, np.uint8)
        dense.reshape(-1)[self.pixels] = self.labels
        return dense


class StrokeHistory:
    """Strokes on one image; a later one covers an earlier one.

    Not safe in several threads: its owner holds a lock.

    Parameters
    ----------
    shape : sequence of int
        Shape of the image's stack and space.
    classes : sequence of str
        Names of the classes, where they have some.
    """

    def __init__(self, shape: Sequence[int], classes: Sequence[str] = ()) -> None:
        self.shape, self.classes = tuple(shape), tuple(classes)
        self.version = 0
        self._edits: list[_Edit] = []
        self._undone: list[_Edit] = []
        self._kept = 0

    def add(self, where: np.ndarray, label: int) -> int:
        """Label some pixels; the new version. What was undone before can then no longer be redone.

        Parameters
        ----------
        where : (n, D) int array
            Pixels, one index for each axis of `shape`.
        label : int
            Class from 1.

        Raises
        ------
        InputError
            For no pixels, pixels outside the image or a class that is no whole number.
        RequestError
            Where there is no such class.
        """
        return self._edit(where, self._class(label))

    def erase(self, where: np.ndarray) -> int:
        """Take the labels of pixels away; the new version. As `add` otherwise."""
        return self._edit(where, 0)

    def take(self, pixels: np.ndarray, labels: np.ndarray) -> int:
        """Strokes that are there already, each connected piece as one; they cannot be undone. The new version.

        Parameters
        ----------
        pixels, labels : (n,) int64 arrays
            Flat indices, growing, and their classes.

        Raises
        ------
        RequestError
            Where there is no such class.
        """
        found = stroke_pieces(pixels, labels, self.shape)
        self._edits += [_Edit(piece, self._class(label)) for piece, label in found]
        self._kept = len(self._edits)
        self._undone.clear()
        return self._changed()

    def _edit(self, where: np.ndarray, label: int) -> int:
        where = np.asarray(where)
        if where.ndim != 2 or where.shape[1] != len(self.shape) or where.dtype.kind not in "iu" or not len(where):
            raise InputError(
                f"A stroke is a list of pixels, {len(self.shape)} whole numbers each; got an array of shape "
                f"{where.shape} and type {where.dtype}."
            )
        outside = ((where < 0) | (where >= np.array(self.shape))).any(axis=1)
        if outside.any():
            raise InputError(
                f"{np.count_nonzero(outside)} of {len(where)} pixels of the stroke lie outside the image of "
                f"{' x '.join(map(str, self.shape))} pixels, for example {tuple(where[outside][0].tolist())}."
            )
        self._edits.append(_Edit(np.unique(np.ravel_multi_index(tuple(where.T), self.shape)), label))
        self._undone.clear()
        return self._changed()

    def undo(self) -> int:
        """Take the last stroke (or erasing) back; the version, the same where there was none."""
        if len(self._edits) > self._kept:
            self._undone.append(self._edits.pop())
            self._changed()
        return self.version

    def redo(self) -> int:
        """Do again what was undone last; the version, the same where there was nothing."""
        if self._undone:
            self._edits.append(self._undone.pop())
            self._changed()
        return self.version

    def labelled(self) -> Labelled:
        """The labelled pixels as they are now."""
        # The newest edit of each pixel is the first that is met when going backwards.
        back = list(enumerate(self._edits))[::-1]
        pixels = np.concatenate([np.zeros(0, np.int64), *(edit.pixels for _, edit in back)])
        sizes = [len(edit.pixels) for _, edit in back]
        pixels, first = np.unique(pixels, return_index=True)
        labels = np.repeat(np.array([edit.label for _, edit in back], np.int64), sizes)[first]
        strokes = np.repeat(np.array([number for number, _ in back], np.int64), sizes)[first]
        kept = labels > 0
        return Labelled(self.version, pixels[kept], labels[kept], strokes[kept])

    def _class(self, label: int) -> int:
        try:
            number = -1 if isinstance(label, bool) else operator.index(label)
        except TypeError:
            number = -1
        if number < 0:
            raise InputError(f"A stroke's class is a whole number from 1, not {label!r}.")
        if not 1 <= number <= min(len(self.classes) or MOST_CLASSES, MOST_CLASSES):
            known = f"{len(self.classes)}: {', '.join(self.classes)}" if self.classes else f"at most {MOST_CLASSES}"
            raise RequestError(f"There is no class {number}; there are {known}. The first is 1; erase() erases.")
        return number

    def _changed(self) -> int:
        self.version += 1
        return self.version
