"""The constant frame around a picture, as padded pictures and screenshots have one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_APART = 0.1
"""A frame differs from what lies beside it by more than this share of the picture's range."""


@dataclass(frozen=True)
class Frame:
    """Whole rows and columns at the border of a picture that hold one and the same value.

    Parameters
    ----------
    value : (C,) array
        Value of its pixels.
    rows, columns : slice
        What it surrounds, in pixels of the sample in which it was found.
    """

    value: np.ndarray
    rows: slice
    columns: slice

    def covers(self, pixels: np.ndarray, start: tuple[int, int], step: tuple[int, int]) -> np.ndarray:
        """Which pixels of a part of the picture belong to the frame.

        Pixels between the last line of the sample in the frame and the first one outside it belong to the frame where
        they have its value.

        Parameters
        ----------
        pixels : (C, Y, X) array
            The part.
        start : (y, x)
            Its first pixel in the whole picture.
        step : (y, x)
            Pixels of the whole picture from one pixel of the sample to the next.

        Returns
        -------
        (Y, X) bool array
        """
        outside = []
        for content, first, length, by in zip((self.rows, self.columns), start, pixels.shape[1:], step, strict=True):
            place = np.arange(first, first + length)
            outside.append((place < content.start * by) | (place > (content.stop - 1) * by))
        if not any(lines.any() for lines in outside):
            return np.zeros(pixels.shape[1:], bool)
        same = (pixels.astype(np.float32) == self.value[:, None, None]).all(axis=0)
        return np.asarray(same & (outside[0][:, None] | outside[1]))


def find_frame(channels: np.ndarray) -> Frame | None:
    """The constant frame around a picture, on any of its sides.

    Where the lines next to it mostly have values near it, it is background and no frame.

    Parameters
    ----------
    channels : (C, Y, X) array
        Of :func:`micrographia.arrays.normalize.sample`.

    Returns
    -------
    Frame or None
    """
    if channels.ndim != 3 or min(channels.shape[1:]) < 3:
        return None
    for line in (channels[:, 0], channels[:, -1], channels[:, :, 0], channels[:, :, -1]):
        if (line != line[:, :1]).any():
            continue
        same = (channels == line[:, :1, None]).all(axis=0)
        if same.all():
            return None
        rows, columns = (_between(same.all(axis=axis)) for axis in (1, 0))
        grey = channels[:, rows, columns].mean(axis=0)
        beside = []
        for content, length, lines in ((rows, same.shape[0], grey), (columns, same.shape[1], grey.T)):
            beside += [lines[0]] * (content.start > 0) + [lines[-1]] * (content.stop < length)
        low, high = np.percentile(grey, (0.5, 99.5))
        if np.median(np.abs(np.concatenate(beside) - line[:, 0].mean())) > _APART * (high - low):
            return Frame(line[:, 0], rows, columns)
    return None


def content(channels: np.ndarray) -> np.ndarray:
    """What a constant frame in a sample (C, Y, X) surrounds; the same array where there is none."""
    frame = find_frame(channels)
    return channels if frame is None else channels[:, frame.rows, frame.columns]


def _between(framed: np.ndarray) -> slice:
    """From the first to the last line that is not in the frame."""
    lines = np.flatnonzero(~framed)
    return slice(int(lines[0]), int(lines[-1]) + 1)
