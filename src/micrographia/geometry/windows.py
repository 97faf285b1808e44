"""Square windows of a picture at any place, angle and scale, mirrored where they reach beyond it."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def _mirrored(at, length):
    """A coordinate brought inside 0 .. length - 1 by reflection at the middles of the first and the last pixel."""
    if length == 1:
        return 0.0
    period = 2.0 * (length - 1)
    at = abs(at) % period
    return min(at, period - at)


@numba.njit(cache=True, nogil=True)
def _cut(image, matrix, centre, size, parts):
    channels, height, width = image.shape
    out = np.zeros((channels, size, size), np.float32)
    half = (size - 1) / 2
    share = np.float32(1 / (parts * parts))
    for i in range(size):
        for j in range(size):
            for a in range(parts):
                v = i - half + ((a + 0.5) / parts - 0.5)
                for b in range(parts):
                    u = j - half + ((b + 0.5) / parts - 0.5)
                    y = _mirrored(matrix[0, 0] * v + matrix[0, 1] * u + centre[0], height)
                    x = _mirrored(matrix[1, 0] * v + matrix[1, 1] * u + centre[1], width)
                    y0, x0 = int(y), int(x)
                    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                    fy, fx = np.float32(y - y0), np.float32(x - x0)
                    for c in range(channels):
                        top = image[c, y0, x0] * (1 - fx) + image[c, y0, x1] * fx
                        bottom = image[c, y1, x0] * (1 - fx) + image[c, y1, x1] * fx
                        out[c, i, j] += (top * (1 - fy) + bottom * fy) * share
    return out


@numba.njit(cache=True, nogil=True)
def _cut_object(labels, label, step, centre, size, parts):
    height, width = labels.shape
    out = np.zeros((size, size), np.float32)
    half = (size - 1) / 2
    share = np.float32(1 / (parts * parts))
    for i in range(size):
        for a in range(parts):
            y = int(np.floor(step * (i - half + ((a + 0.5) / parts - 0.5)) + centre[0] + 0.5))
            if y < 0 or y >= height:
                continue
            for j in range(size):
                for b in range(parts):
                    x = int(np.floor(step * (j - half + ((b + 0.5) / parts - 0.5)) + centre[1] + 0.5))
                    if 0 <= x < width and labels[y, x] == label:
                        out[i, j] += share
    return out


def cut_window(
    image: np.ndarray, matrix: np.ndarray, centre: tuple[float, float], size: int, parts: int = 1
) -> np.ndarray:
    """A square window, by linear interpolation.

    Parameters
    ----------
    image : (C, Y, X) float32 array
        The whole picture.
    matrix : (2, 2) array
        Step in the picture (y, x) for a step down (first column) and to the right (second column) in the window.
    centre : (float, float)
        Place (y, x) of the window's middle, in pixels from the middle of the first pixel.
    size : int
        Side of the window in its own pixels.
    parts : int
        Each pixel of the window is the mean of ``parts`` × ``parts`` points; more than 1 where it shrinks the picture.

    Returns
    -------
    (C, size, size) float32 array
    """
    return _cut(image, np.asarray(matrix, float), np.asarray(centre, float), size, parts)


def cut_object(
    labels: np.ndarray, label: int, step: float, centre: tuple[float, float], size: int, parts: int = 1
) -> np.ndarray:
    """How much of each pixel of a window belongs to one object.

    Parameters
    ----------
    labels : (Y, X) integer array
        The whole label image.
    label : int
        The object.
    step : float
        Pixels of the label image in one pixel of the window.
    centre, size, parts
        As in `cut_window`.

    Returns
    -------
    (size, size) float32 array
        0 to 1; 0 beyond the label image.
    """
    return _cut_object(labels, label, float(step), np.asarray(centre, float), size, parts)
