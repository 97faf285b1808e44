"""Gaussian derivatives of planes and volumes by kernels of five pixels, and what is made of them.

One pass over the rows gives the smoothed image, its difference of Gaussians, gradient, gradient magnitude, Laplacian
and the eigenvalues of its Hessian; each derivative is computed once and shared. The structure tensor is another pass,
over the gradient: :mod:`micrographia.geometry.structure_tensor`. What is kept between two steps is a few rows long and
stays in the first-level cache.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.convolution import gaussian_weights
from micrographia.geometry.eigenvalues import ROW, copy, line, write_eigenvalues

MARGIN = 2
"""Radius of the kernels."""

SMOOTHED, LAPLACE, GRADIENT, DIFFERENCE, TENSOR, HESSE = 0, 1, 2, 3, 4, 7
"""Positions in a table of slots: where in the output each map goes (-1: nowhere); three places each for eigenvalues."""

SLOTS = 10

WIDEST = ROW - 2 * MARGIN
"""Most columns that are handled in one call."""


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
def _magnitude(block, volume, first, out):
    gy, gx, gz = block[first:], block[ROW + first :], block[2 * ROW + first :]
    if volume:
        for x in range(len(out)):
            out[x] = np.sqrt(gy[x] * gy[x] + gx[x] * gx[x] + gz[x] * gz[x])
    else:
        for x in range(len(out)):
            out[x] = np.sqrt(gy[x] * gy[x] + gx[x] * gx[x])


@numba.njit(cache=True, nogil=True)
def _plane_filters(planes, volume, weights, slots, offset, size, gradient, plane, out, where, rows, block):
    """One plane: see `filter_part`. ``planes``: smoothed, narrowly smoothed, first and second derivative along z."""
    height, width = planes.shape[1] - 2 * MARGIN, planes.shape[2] - 2 * MARGIN
    _, top, left = offset
    _, core_height, core_width = size
    z, first_row, first_column = where
    last_column = first_column + core_width
    all_columns = width + 2 * MARGIN
    with_tensor = slots[TENSOR] >= 0 or slots[TENSOR + 1] >= 0 or slots[TENSOR + 2] >= 0
    with_hesse = slots[HESSE] >= 0 or slots[HESSE + 1] >= 0 or slots[HESSE + 2] >= 0
    gauss, slope, bend, narrow = weights[0], weights[1], weights[2], weights[3]
    smooth_y, slope_y, bend_y = line(rows, 0)[:all_columns], line(rows, 1)[:all_columns], line(rows, 2)[:all_columns]
    for i in range(height):
        inside = 0 <= i - top < core_height
        y = first_row + i - top
        p = planes[0, i : i + 5]
        _smooth(p[0], p[1], p[2], p[3], p[4], gauss, smooth_y)
        _slope(p[0], p[1], p[3], p[4], slope, slope_y)

        if inside and (slots[SMOOTHED] >= 0 or slots[DIFFERENCE] >= 0):
            wide = line(block, 0)
            _smooth_along(smooth_y, width, gauss, wide)
            if slots[SMOOTHED] >= 0:
                copy(wide[left:], out[slots[SMOOTHED], z, y, first_column:last_column])
            if slots[DIFFERENCE] >= 0:
                k = planes[1, i : i + 5] if volume else p
                _smooth(k[0], k[1], k[2], k[3], k[4], narrow, bend_y)
                thin = line(block, 1)
                _smooth_along(bend_y, width, narrow, thin)
                target = out[slots[DIFFERENCE], z, y, first_column:last_column]
                for x in range(core_width):
                    target[x] = wide[left + x] - thin[left + x]

        if with_tensor or (inside and slots[GRADIENT] >= 0):
            _smooth_along(slope_y, width, gauss, line(block, 0))
            _slope_along(smooth_y, width, slope, line(block, 1))
            if volume:
                q = planes[2, i : i + 5]
                _smooth(q[0], q[1], q[2], q[3], q[4], gauss, bend_y)
                _smooth_along(bend_y, width, gauss, line(block, 2))
            if with_tensor:
                for k in range(len(gradient)):
                    copy(line(block, k), gradient[k, plane, i])
            if inside and slots[GRADIENT] >= 0:
                _magnitude(block, volume, left, out[slots[GRADIENT], z, y, first_column:last_column])

        if inside and (slots[LAPLACE] >= 0 or with_hesse):
            # entries zz, yy, xx, zy, zx, yx of a volume; yy, xx, yx of a plane
            yy = 1 if volume else 0
            _bend(p[0], p[1], p[2], p[3], p[4], bend, bend_y)
            _smooth_along(bend_y, width, gauss, line(block, yy))
            _bend_along(smooth_y, width, bend, line(block, yy + 1))
            if volume:
                q = planes[3, i : i + 5]
                _smooth(q[0], q[1], q[2], q[3], q[4], gauss, bend_y)
                _smooth_along(bend_y, width, gauss, line(block, 0))
            if slots[LAPLACE] >= 0:
                target = out[slots[LAPLACE], z, y, first_column:last_column]
                for x in range(core_width):
                    target[x] = block[left + x] + block[ROW + left + x]
                if volume:
                    for x in range(core_width):
                        target[x] += block[2 * ROW + left + x]
            if with_hesse:
                _slope_along(slope_y, width, slope, line(block, 5 if volume else 2))
                if volume:
                    q = planes[2, i : i + 5]
                    _slope(q[0], q[1], q[3], q[4], slope, bend_y)
                    _smooth_along(bend_y, width, gauss, line(block, 3))
                    _smooth(q[0], q[1], q[2], q[3], q[4], gauss, bend_y)
                    _slope_along(bend_y, width, slope, line(block, 4))
                to = (z, y, first_column)
                write_eigenvalues(block, volume, width, left, core_width, slots[HESSE : HESSE + 3], out, to)


@numba.njit(cache=True, nogil=True)
def _along_z(stack, z, weights, planes):
    a, b, c, d, e = stack[z], stack[z + 1], stack[z + 2], stack[z + 3], stack[z + 4]
    for y in range(stack.shape[1]):
        _smooth(a[y], b[y], c[y], d[y], e[y], weights[0], planes[0, y])
        _smooth(a[y], b[y], c[y], d[y], e[y], weights[3], planes[1, y])
        _slope(a[y], b[y], d[y], e[y], weights[1], planes[2, y])
        _bend(a[y], b[y], c[y], d[y], e[y], weights[2], planes[3, y])


@numba.njit(cache=True, nogil=True)
def _filters(stack, weights, slots, outside, offset, size, gradient, out, where, planes, rows, block):
    """All planes of ``stack`` (Z, Y, X); it has one plane and no margin along z where the image is a plane.

    Planes that do not belong to the part need the gradient only: ``outside`` has the slots of the structure tensor.
    """
    volume = len(stack) > 1
    for i in range(len(stack) - 2 * MARGIN if volume else 1):
        if volume:
            _along_z(stack, i, weights, planes)
        to = (where[0] + i - offset[0], where[1], where[2])
        wanted = slots if 0 <= i - offset[0] < size[0] else outside
        _plane_filters(
            planes if volume else stack, volume, weights, wanted, offset, size, gradient, i, out, to, rows, block
        )


def filter_part(
    smoothed: np.ndarray,
    part: tuple[slice, ...],
    shape: tuple[int, ...],
    weights: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
    where: tuple[int, ...],
) -> np.ndarray:
    """Filter a part of a plane or volume.

    Parameters
    ----------
    smoothed : ([Z,] Y, X) float32 array, contiguous
        The image in the region of :func:`region_around`, with `MARGIN` more pixels on each side (mirrored at the
        image's borders).
    part : tuple of slices
        The part of the image; at most `WIDEST` - 2 columns.
    shape : tuple of int
        Shape of the image.
    weights : (4, 2) float32 array
        See :func:`five_pixel_weights`.
    slots : (SLOTS,) int64 array
        For each map its position in ``out``, or -1.
    out : (maps, [Z,] Y, X) float32 array, contiguous
        Is filled where ``slots`` says, but for the eigenvalues of the structure tensor.
    where : tuple of int
        The part's first pixel in ``out``.

    Returns
    -------
    (2 or 3, *region) float32 array
        Gradient along y, x and z in the region, where the structure tensor is wanted; otherwise one meaningless pixel.
    """
    tensor = bool(np.any(slots[TENSOR:HESSE] >= 0))
    region = region_around(part, shape, tensor)
    offset = [p.start - r.start for p, r in zip(part, region)]
    size = [p.stop - p.start for p in part]
    held = [r.stop - r.start for r in region] if tensor else [1] * len(shape)
    if len(shape) == 2:
        smoothed, out, where = smoothed[None], out[:, None], (0, *where)
        offset, size, held = [0, *offset], [1, *size], [1, *held]
    gradient = np.empty((len(shape), *held), np.float32)
    planes = np.empty((4, *smoothed.shape[1:]) if len(shape) == 3 else (1, 1, 1), np.float32)
    rows, block = np.empty(3 * ROW, np.float32), np.empty(9 * ROW, np.float32)
    outside = np.full_like(slots, -1)
    outside[TENSOR:HESSE] = slots[TENSOR:HESSE]
    place = (tuple(offset), tuple(size))
    _filters(smoothed, weights, slots, outside, *place, gradient, out, where, planes, rows, block)
    return gradient if len(shape) == 3 else gradient[:, 0]


def region_around(part: tuple[slice, ...], shape: tuple[int, ...], tensor: bool) -> tuple[slice, ...]:
    """Where derivatives are taken: one pixel more than the part where a tensor is smoothed, but within the image."""
    if not tensor:
        return part
    return tuple(slice(max(p.start - 1, 0), min(p.stop + 1, n)) for p, n in zip(part, shape))
