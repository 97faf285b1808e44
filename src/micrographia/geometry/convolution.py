"""Smoothing by separable kernels, any part of an image at a time, every part with the numbers of the whole.

Borders are mirrored without repeating the border pixel (``d c b | a b c d | c b a``), again and again where the kernel
is longer than the image, as NumPy's ``pad(mode="reflect")`` does. Each value is summed in one order wherever it lies in
a part, and the compiler is not allowed to reassociate, so parts equal the whole bit for bit.

Kernels are those of VIGRA (Köthe 2000, *Generische Programmierung für die Bildverarbeitung*; ``Kernel1D``), on which
ilastik's features rest: a sampled Gaussian of radius ⌊window·σ + ½⌋, at least 1; derivatives lose their mean and are
scaled to give 1 for xⁿ/n!.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from micrographia.geometry.scratch import Scratch

_STRIP = 1024
"""Columns handled together, so that the rows under a long kernel stay in the second-level cache."""


def mirrored(start: int, stop: int, size: int) -> np.ndarray:
    """Positions ``start … stop-1`` on an axis of ``size`` pixels, those outside mirrored into it.

    Returns
    -------
    (stop - start,) int64 array
        Indices from 0 to ``size - 1``.
    """
    position = np.arange(start, stop)
    if size == 1:
        return np.zeros_like(position)
    folded = position % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)


def gaussian_radius(sigma: float, window: float) -> int:
    """Radius of a Gaussian kernel that reaches to ``window`` standard deviations."""
    return max(1, int(window * sigma + 0.5))


def gaussian_weights(sigma: float, window: float, order: int = 0) -> np.ndarray:
    """One half of the kernel of a Gaussian or of its first or second derivative.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, above 0.
    window : float
        Reach of the kernel in standard deviations.
    order : int
        0, 1 or 2: the derivative.

    Returns
    -------
    (radius + 1,) float64 array
        Weights of the pixels at distance 0, 1, … in the direction of the axis; those of the other direction are the
        same (order 0 and 2) or the negative (order 1).
    """
    x = np.arange(-gaussian_radius(sigma, window), gaussian_radius(sigma, window) + 1, dtype=np.float64)
    kernel = np.exp(-0.5 * (x / sigma) ** 2)
    if order == 1:
        kernel = x * kernel
    elif order == 2:
        kernel = ((x / sigma) ** 2 - 1) * kernel
    if order:
        kernel -= kernel.mean()
    kernel /= np.sum(kernel * x**order) / math.factorial(order)
    return kernel[len(x) // 2 :]


# Few passes over `out`, each with at most nine rows, which is what the compiler is willing to check for overlap.


@numba.njit(cache=True, nogil=True)
def _begin(middle, a1, b1, a2, b2, a3, b3, weights, pairs, out):
    """out = the middle and up to three pairs of pixels at the distances 1, 2, 3, weighted."""
    w0, w1 = weights[0], weights[min(1, pairs)]
    w2, w3 = weights[min(2, pairs)], weights[min(3, pairs)]
    if pairs == 0:
        for x in range(len(out)):
            out[x] = w0 * middle[x]
    elif pairs == 1:
        for x in range(len(out)):
            out[x] = w0 * middle[x] + w1 * (a1[x] + b1[x])
    elif pairs == 2:
        for x in range(len(out)):
            out[x] = w0 * middle[x] + w1 * (a1[x] + b1[x]) + w2 * (a2[x] + b2[x])
    else:
        for x in range(len(out)):
            out[x] = w0 * middle[x] + w1 * (a1[x] + b1[x]) + (w2 * (a2[x] + b2[x]) + w3 * (a3[x] + b3[x]))


@numba.njit(cache=True, nogil=True)
def _go_on(a0, b0, a1, b1, a2, b2, a3, b3, weights, t, out):
    """Add four more pairs, from distance ``t``."""
    w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
    for x in range(len(out)):
        near = w0 * (a0[x] + b0[x]) + w1 * (a1[x] + b1[x])
        out[x] += near + (w2 * (a2[x] + b2[x]) + w3 * (a3[x] + b3[x]))


@numba.njit(cache=True, nogil=True)
def _add_rows(source, row, weights, first, out):
    """out = Σ weights[|t|] · source[row[radius + t], first:first+len(out)]; row holds 2·radius+1 indices."""
    last = first + len(out)
    r = len(weights) - 1
    pairs = r % 4
    u, v, w = min(1, pairs), min(2, pairs), min(3, pairs)
    a1, b1 = source[row[r - u], first:last], source[row[r + u], first:last]
    a2, b2 = source[row[r - v], first:last], source[row[r + v], first:last]
    a3, b3 = source[row[r - w], first:last], source[row[r + w], first:last]
    _begin(source[row[r], first:last], a1, b1, a2, b2, a3, b3, weights, pairs, out)
    for t in range(pairs + 1, r, 4):
        a0, b0 = source[row[r - t], first:last], source[row[r + t], first:last]
        a1, b1 = source[row[r - t - 1], first:last], source[row[r + t + 1], first:last]
        a2, b2 = source[row[r - t - 2], first:last], source[row[r + t + 2], first:last]
        a3, b3 = source[row[r - t - 3], first:last], source[row[r + t + 3], first:last]
        _go_on(a0, b0, a1, b1, a2, b2, a3, b3, weights, t, out)


@numba.njit(cache=True, nogil=True)
def _add_columns(padded, weights, out):
    """out[x] = Σ weights[|t|] · padded[x + radius + t]."""
    r = len(weights) - 1
    pairs = r % 4
    u, v, w = min(1, pairs), min(2, pairs), min(3, pairs)
    a1, b1, a2, b2 = padded[r - u :], padded[r + u :], padded[r - v :], padded[r + v :]
    _begin(padded[r:], a1, b1, a2, b2, padded[r - w :], padded[r + w :], weights, pairs, out)
    for t in range(pairs + 1, r, 4):
        a0, b0, a1, b1 = padded[r - t :], padded[r + t :], padded[r - t - 1 :], padded[r + t + 1 :]
        a2, b2, a3, b3 = padded[r - t - 2 :], padded[r + t + 2 :], padded[r - t - 3 :], padded[r + t + 3 :]
        _go_on(a0, b0, a1, b1, a2, b2, a3, b3, weights, t, out)


@numba.njit(cache=True, nogil=True)
def _smooth_plane(plane, rows, columns, start, weights, out, buffer):
    """Rows and columns: what lies under the kernels, mirrored; the first column under them is ``start``, unmirrored."""
    radius = len(weights) - 1
    width = len(columns)
    first, last = columns[0], columns[0] + 1
    for x in range(width):
        first, last = min(first, columns[x]), max(last, columns[x] + 1)
    # buffer[x - origin] is column x of the mirrored plane
    origin = min(start, first)
    for y in range(out.shape[0]):
        _add_rows(plane, rows[y : y + 2 * radius + 1], weights, first, buffer[first - origin : last - origin])
        for x in range(start, first):
            buffer[x - origin] = buffer[columns[x - start] - origin]
        for x in range(last, start + width):
            buffer[x - origin] = buffer[columns[x - start] - origin]
        _add_columns(buffer[start - origin : start - origin + width], weights, out[y])


def smooth_plane(plane: np.ndarray, part: tuple[slice, slice], weights: np.ndarray, out: np.ndarray) -> None:
    """Smooth a part of a plane along both axes.

    Parameters
    ----------
    plane : (Y, X) float array, contiguous
        The plane, float32 or float64.
    part : (slice, slice)
        Rows and columns wanted; they may begin before 0 and end behind the plane (the mirrored plane is smoothed).
    weights : (radius + 1,) array of the plane's type
        One half of a symmetric kernel: see :func:`gaussian_weights`.
    out : (rows, columns) array of the plane's type
        Is filled.
    """
    radius = len(weights) - 1
    (y, x), (height, width) = part, plane.shape
    rows = mirrored(y.start - radius, y.stop + radius, height)
    columns = mirrored(x.start - radius, x.stop + radius, width)
    buffer = np.empty(len(columns) + width, plane.dtype)
    _smooth_plane(plane, rows, columns, x.start - radius, weights, out, buffer)


@numba.njit(cache=True, nogil=True)
def _smooth_first_axis(stack, rows, weights, out):
    radius = len(weights) - 1
    for first in range(0, stack.shape[1], _STRIP):
        last = min(first + _STRIP, stack.shape[1])
        for z in range(out.shape[0]):
            _add_rows(stack, rows[z : z + 2 * radius + 1], weights, first, out[z, first:last])


def smooth_first_axis(stack: np.ndarray, part: slice, weights: np.ndarray, out: np.ndarray) -> None:
    """Smooth the planes ``part`` of a contiguous volume along its first axis only: see :func:`smooth_plane`."""
    radius = len(weights) - 1
    rows = mirrored(part.start - radius, part.stop + radius, len(stack))
    _smooth_first_axis(stack.reshape(len(stack), -1), rows, weights, out.reshape(len(out), -1))


def smooth(
    image: np.ndarray,
    part: tuple[slice, ...],
    weights: np.ndarray,
    out: np.ndarray | None = None,
    scratch: Scratch | None = None,
) -> np.ndarray:
    """Smooth a part of a plane or volume along all its axes (see :func:`smooth_plane`).

    ``out`` is filled and returned where it is given; ``scratch`` gives the memory for what lies between.

    Returns
    -------
    array of the part's shape and the image's type
    """
    shape = tuple(s.stop - s.start for s in part)
    out = np.empty(shape, image.dtype) if out is None else out
    if image.ndim == 2:
        smooth_plane(image, (part[0], part[1]), weights, out)
        return out
    planes = (scratch or Scratch()).array("planes", (shape[0], *image.shape[1:]), image.dtype)
    smooth_first_axis(image, part[0], weights, planes)
    for plane, target in zip(planes, out):
        smooth_plane(plane, (part[1], part[2]), weights, target)
    return out


def smooth_numpy(image: np.ndarray, part: tuple[slice, ...], weights: np.ndarray) -> np.ndarray:
    """Plain reference of `smooth`, in float64."""
    radius = len(weights) - 1
    kernel = np.concatenate([weights[:0:-1], weights]).astype(np.float64)
    out = image.astype(np.float64)
    for axis, s in enumerate(part):
        out = out.take(mirrored(s.start - radius, s.stop + radius, image.shape[axis]), axis)
        out = np.apply_along_axis(np.convolve, axis, out, kernel, "valid")
    return out
