"""Gaussian derivatives of planes and volumes by kernels of five pixels, and what is made of them.

One pass over the rows gives the smoothed image, its difference of Gaussians, gradient magnitude, Laplacian and the
eigenvalues of its Hessian; each derivative is computed once and shared. What is kept between two steps is a few rows
long and stays in the first-level cache. The structure tensor has kernels of its own:
:mod:`micrographia.geometry.structure_tensor`.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.convolution import gaussian_weights
from micrographia.geometry.eigenvalues import ROW, copy, line, write_eigenvalues
from micrographia.geometry.scratch import Scratch

MARGIN = 2
"""Radius of the kernels: so many pixels must be known around a part."""

SMOOTHED, LAPLACE, GRADIENT, DIFFERENCE, TENSOR, HESSE = 0, 1, 2, 3, 4, 7
"""Positions in a table of slots: where in the output each map goes (-1: nowhere); three places each for eigenvalues."""

SLOTS = 10

WIDEST = ROW
"""Most columns, with the margins, that are handled in one call."""


def five_pixel_weights(sigma: float, window: float = 2.0) -> np.ndarray:
    """Weights at distance 1 and 2 of kernels of five pixels; that of the middle follows from their sum.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, at most 1.
    window : float
        Reach of the kernels in standard deviations, so that none is longer than two pixels.

    Returns
    -------
    (4, 2) float32 array
        Gaussian, first and second derivative at ``sigma``; Gaussian at 0.66 ``sigma`` (of the difference of Gaussians).
    """
    halves = [gaussian_weights(sigma, window, order) for order in (0, 1, 2)]
    halves.append(gaussian_weights(0.66 * sigma, window))
    return np.array([np.append(half[1:], 0.0)[:2] for half in halves], np.float32)


# Smoothing and second derivative are written as differences from the middle pixel: exact on a constant image.


@numba.njit(cache=True, nogil=True)
def _smooth(a, b, c, d, e, weights, out):
    near, far = weights[0], weights[1]
    for x in range(len(out)):
        twice = c[x] + c[x]
        out[x] = c[x] + (near * ((b[x] + d[x]) - twice) + far * ((a[x] + e[x]) - twice))


@numba.njit(cache=True, nogil=True)
def _slope(a, b, d, e, weights, out):
    near, far = weights[0], weights[1]
    for x in range(len(out)):
        out[x] = near * (d[x] - b[x]) + far * (e[x] - a[x])


@numba.njit(cache=True, nogil=True)
def _bend(a, b, c, d, e, weights, out):
    near, far = weights[0], weights[1]
    for x in range(len(out)):
        twice = c[x] + c[x]
        out[x] = near * ((b[x] + d[x]) - twice) + far * ((a[x] + e[x]) - twice)


@numba.njit(cache=True, nogil=True)
def _smooth_along(r, n, weights, out):
    _smooth(r[0:n], r[1 : n + 1], r[2 : n + 2], r[3 : n + 3], r[4 : n + 4], weights, out[:n])


@numba.njit(cache=True, nogil=True)
def _slope_along(r, n, weights, out):
    _slope(r[0:n], r[1 : n + 1], r[3 : n + 3], r[4 : n + 4], weights, out[:n])


@numba.njit(cache=True, nogil=True)
def _bend_along(r, n, weights, out):
    _bend(r[0:n], r[1 : n + 1], r[2 : n + 2], r[3 : n + 3], r[4 : n + 4], weights, out[:n])


@numba.njit(cache=True, nogil=True)
def _magnitude(block, volume, out):
    if volume:
        for x in range(len(out)):
            gy, gx, gz = block[x], block[ROW + x], block[2 * ROW + x]
            out[x] = np.sqrt(gy * gy + gx * gx + gz * gz)
    else:
        for x in range(len(out)):
            gy, gx = block[x], block[ROW + x]
            out[x] = np.sqrt(gy * gy + gx * gx)


@numba.njit(cache=True, nogil=True)
def _plane_filters(planes, volume, skip, weights, slots, size, out, where, rows, block):
    """One plane: see `filter_part`. ``planes``: smoothed, narrowly smoothed, first and second derivative along z."""
    _, height, n = size
    z, first_row, first = where
    last = first + n
    with_hesse = slots[HESSE] >= 0 or slots[HESSE + 1] >= 0 or slots[HESSE + 2] >= 0
    gauss, slope, bend, narrow = weights[0], weights[1], weights[2], weights[3]
    under = n + 2 * MARGIN  # columns under the kernels
    smooth_y, slope_y, other = line(rows, 0)[:under], line(rows, 1)[:under], line(rows, 2)[:under]
    for i in range(height):
        y = first_row + i
        p = planes[0, i + skip : i + skip + 5]
        a, b, c, d, e = p[0][skip:], p[1][skip:], p[2][skip:], p[3][skip:], p[4][skip:]
        _smooth(a, b, c, d, e, gauss, smooth_y)
        _slope(a, b, d, e, slope, slope_y)

        if slots[SMOOTHED] >= 0 or slots[DIFFERENCE] >= 0:
            wide = line(block, 0)
            _smooth_along(smooth_y, n, gauss, wide)
            if slots[SMOOTHED] >= 0:
                copy(wide, out[slots[SMOOTHED], z, y, first:last])
            if slots[DIFFERENCE] >= 0:
                q = planes[1, i + skip : i + skip + 5] if volume else p
                _smooth(q[0][skip:], q[1][skip:], q[2][skip:], q[3][skip:], q[4][skip:], narrow, other)
                thin = line(block, 1)
                _smooth_along(other, n, narrow, thin)
                target = out[slots[DIFFERENCE], z, y, first:last]
                for x in range(n):
                    target[x] = wide[x] - thin[x]

        # entries zz, yy, xx, zy, zx, yx of a volume; yy, xx, yx of a plane
        yy = 1 if volume else 0
        if slots[LAPLACE] >= 0 or with_hesse:
            _bend(a, b, c, d, e, bend, other)
            _smooth_along(other, n, gauss, line(block, yy))
            _bend_along(smooth_y, n, bend, line(block, yy + 1))
            if volume:
                q = planes[3, i + skip : i + skip + 5]
                _smooth(q[0][skip:], q[1][skip:], q[2][skip:], q[3][skip:], q[4][skip:], gauss, other)
                _smooth_along(other, n, gauss, line(block, 0))
            if slots[LAPLACE] >= 0:
                target = out[slots[LAPLACE], z, y, first:last]
                for x in range(n):
                    target[x] = block[x] + block[ROW + x]
                if volume:
                    for x in range(n):
                        target[x] += block[2 * ROW + x]
            if with_hesse:
                _slope_along(slope_y, n, slope, line(block, 5 if volume else 2))
        if volume and (with_hesse or slots[GRADIENT] >= 0):
            # the first derivative along z, smoothed along y, gives an entry of the Hessian and the gradient along z
            q = planes[2, i + skip : i + skip + 5]
            a, b, c, d, e = q[0][skip:], q[1][skip:], q[2][skip:], q[3][skip:], q[4][skip:]
            if with_hesse:
                _slope(a, b, d, e, slope, other)
                _smooth_along(other, n, gauss, line(block, 3))
            _smooth(a, b, c, d, e, gauss, other)
            if with_hesse:
                _slope_along(other, n, slope, line(block, 4))
        if with_hesse:
            write_eigenvalues(block, volume, n, slots[HESSE : HESSE + 3], out, (z, y, first))
        if slots[GRADIENT] >= 0:
            if volume:
                _smooth_along(other, n, gauss, line(block, 2))
            _smooth_along(slope_y, n, gauss, line(block, 0))
            _slope_along(smooth_y, n, slope, line(block, 1))
            _magnitude(block, volume, out[slots[GRADIENT], z, y, first:last])


@numba.njit(cache=True, nogil=True)
def _along_z(stack, z, weights, planes):
    a, b, c, d, e = stack[z], stack[z + 1], stack[z + 2], stack[z + 3], stack[z + 4]
    for y in range(stack.shape[1]):
        _smooth(a[y], b[y], c[y], d[y], e[y], weights[0], planes[0, y])
        _smooth(a[y], b[y], c[y], d[y], e[y], weights[3], planes[1, y])
        _slope(a[y], b[y], d[y], e[y], weights[1], planes[2, y])
        _bend(a[y], b[y], c[y], d[y], e[y], weights[2], planes[3, y])


@numba.njit(cache=True, nogil=True)
def _filters(stack, skip, weights, slots, size, out, where, planes, rows, block):
    """All planes of ``stack`` (Z, Y, X); it has one plane and no margin along z where the image is a plane."""
    volume = len(stack) > 1
    for i in range(size[0]):
        if volume:
            _along_z(stack, i + skip, weights, planes)
        to = (where[0] + i, where[1], where[2])
        _plane_filters(planes if volume else stack, volume, skip, weights, slots, size, out, to, rows, block)


def filter_part(
    smoothed: np.ndarray,
    margin: int,
    weights: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
    where: tuple[int, ...],
    scratch: Scratch | None = None,
) -> None:
    """Filter a part of a plane or volume.

    Parameters
    ----------
    smoothed : ([Z,] Y, X) float32 array, contiguous
        The part and ``margin`` more pixels on each side, mirrored at the image's borders; at most `WIDEST` columns.
    margin : int
        At least `MARGIN`.
    weights : (4, 2) float32 array
        See :func:`five_pixel_weights`.
    slots : (SLOTS,) int64 array
        For each map its position in ``out``, or -1.
    out : (maps, [Z,] Y, X) float32 array, contiguous
        Is filled where ``slots`` says, but for the eigenvalues of the structure tensor.
    where : tuple of int
        The part's first pixel in ``out``.
    scratch : Scratch, optional
        Memory for what lies between.
    """
    size = tuple(n - 2 * margin for n in smoothed.shape)
    scratch = scratch or Scratch()
    planes = scratch.array("derived planes", (4, *smoothed.shape[1:]) if len(size) == 3 else (1, 1, 1))
    if len(size) == 2:
        smoothed, out, where, size = smoothed[None], out[:, None], (0, *where), (1, *size)
    rows, block = scratch.array("rows", (3 * ROW,)), scratch.array("block", (9 * ROW,))
    _filters(smoothed, margin - MARGIN, weights, slots, size, out, where, planes, rows, block)
