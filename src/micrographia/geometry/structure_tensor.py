"""Eigenvalues of the structure tensor: the products of the gradient's components, smoothed.

Förstner & Gülch 1987. As in ilastik (its library fastfilters) the gradient is taken at half the scale, by kernels of
three pixels, and its products are smoothed with the scale; at the image's borders the products are mirrored, not the
gradient.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.convolution import gaussian_weights, smooth
from micrographia.geometry.eigenvalues import ROW, copy, line, write_eigenvalues
from micrographia.geometry.scratch import Scratch

MARGIN = 3
"""Pixels that must be known around a part: one for the gradient, two for the smoothing."""

_PRODUCTS = {2: ((0, 0), (1, 1), (0, 1)), 3: ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))}
"""Entries of the tensor in the order that the eigenvalues want; axes from the first to the last."""


@numba.njit(cache=True, nogil=True)
def _smooth(a, b, c, side, out):
    for x in range(len(out)):
        out[x] = b[x] + side * ((a[x] + c[x]) - (b[x] + b[x]))


@numba.njit(cache=True, nogil=True)
def _slope(a, c, out):
    for x in range(len(out)):
        out[x] = np.float32(0.5) * (c[x] - a[x])


@numba.njit(cache=True, nogil=True)
def _gradient(stack, first, side, gradient, planes, rows):
    """Gradient along the axes; its first pixel is the one after ``first`` in ``stack``, which is one plane or more."""
    z0, y0, x0 = first
    volume = len(gradient) == 3
    height, width = gradient.shape[2] + 2, gradient.shape[3] + 2
    smooth_y, slope_y = rows[:width], rows[width : 2 * width]
    for z in range(gradient.shape[1]):
        if volume:
            for y in range(height):
                a, b, c = stack[z0 + z, y0 + y, x0:], stack[z0 + z + 1, y0 + y, x0:], stack[z0 + z + 2, y0 + y, x0:]
                _smooth(a, b, c, side, planes[0, y])
                _slope(a, c, planes[1, y])
        for y in range(height - 2):
            if volume:
                a, b, c = planes[0, y], planes[0, y + 1], planes[0, y + 2]
            else:
                a, b, c = stack[0, y0 + y, x0:], stack[0, y0 + y + 1, x0:], stack[0, y0 + y + 2, x0:]
            _smooth(a, b, c, side, smooth_y)
            _slope(a, c, slope_y)
            _smooth(slope_y, slope_y[1:], slope_y[2:], side, gradient[-2, z, y])
            _slope(smooth_y, smooth_y[2:], gradient[-1, z, y])
            if volume:
                _smooth(planes[1, y], planes[1, y + 1], planes[1, y + 2], side, smooth_y)
                _smooth(smooth_y, smooth_y[1:], smooth_y[2:], side, gradient[0, z, y])


@numba.njit(cache=True, nogil=True)
def _eigenvalues(tensor, slots, out, where, block):
    entries = tensor.shape[0]
    for z in range(tensor.shape[1]):
        for y in range(tensor.shape[2]):
            for k in range(entries):
                row = tensor[k, z, y]
                copy(row, line(block, k)[: len(row)])
            to = (where[0] + z, where[1] + y, where[2])
            write_eigenvalues(block, entries == 6, tensor.shape[3], slots, out, to)


def tensor_part(
    smoothed: np.ndarray,
    part: tuple[slice, ...],
    shape: tuple[int, ...],
    sigma: float,
    slots: np.ndarray,
    out: np.ndarray,
    where: tuple[int, ...],
    window: float = 2.0,
    scratch: Scratch | None = None,
) -> None:
    """Eigenvalues of the structure tensor of a part of a plane or volume, largest first.

    Parameters
    ----------
    smoothed : ([Z,] Y, X) float32 array, contiguous
        The part and `MARGIN` more pixels on each side, mirrored at the image's borders.
    part : tuple of slices
        The part of the image; at most `ROW` columns.
    shape : tuple of int
        Shape of the image.
    sigma : float
        The scale, at most 1: that of the smoothing; the gradient has half of it.
    slots : (3,) int64 array
        Position of each eigenvalue in ``out``, or -1.
    out : (maps, [Z,] Y, X) float32 array, contiguous
        Is filled.
    where : tuple of int
        The part's first pixel in ``out``.
    window : float
        Reach of the kernels in standard deviations; 2 at most.
    scratch : Scratch, optional
        Memory for what lies between.
    """
    scratch = scratch or Scratch()
    reach, dimensions = MARGIN - 1, len(shape)
    region = tuple(slice(max(p.start - reach, 0), min(p.stop + reach, n)) for p, n in zip(part, shape))
    first = tuple(r.start - p.start + reach for r, p in zip(region, part))
    size = tuple(r.stop - r.start for r in region)
    gradient = scratch.array("gradient", (dimensions, *size))
    planes = scratch.array("gradient planes", (2, size[-2] + 2, size[-1] + 2) if dimensions == 3 else (1, 1, 1))
    side = np.float32(gaussian_weights(0.5 * sigma, window)[1])
    rows = scratch.array("gradient rows", (2 * (size[-1] + 2),))
    if dimensions == 3:
        _gradient(smoothed, first, side, gradient, planes, rows)
    else:
        _gradient(smoothed[None], (0, *first), side, gradient[:, None], planes, rows)
    # at borders within the image the part is far enough away from what is mirrored there
    inner = tuple(slice(p.start - r.start, p.stop - r.start) for p, r in zip(part, region))
    weights = gaussian_weights(sigma, window).astype(np.float32)
    product = scratch.array("product", size)
    tensor = scratch.array("tensor", (len(_PRODUCTS[dimensions]), *(s.stop - s.start for s in inner)))
    for (i, j), entry in zip(_PRODUCTS[dimensions], tensor):
        smooth(np.multiply(gradient[i], gradient[j], out=product), inner, weights, entry, scratch)
    if dimensions == 2:
        tensor, out, where = tensor[:, None], out[:, None], (0, *where)
    _eigenvalues(tensor, slots, out, where, scratch.array("block", (9 * ROW,)))
