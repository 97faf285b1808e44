"""Eigenvalues of the structure tensor: the products of the gradient's components, smoothed by a kernel of three pixels.

Förstner & Gülch 1987. The gradient comes from :mod:`micrographia.geometry.derivatives`.
"""

from __future__ import annotations

import numba
import numpy as np

from micrographia.geometry.convolution import mirrored
from micrographia.geometry.derivatives import HESSE, TENSOR, region_around
from micrographia.geometry.eigenvalues import ROW, line, write_eigenvalues


@numba.njit(cache=True, nogil=True)
def _product(a0, a1, a2, b0, b1, b2, middle, side, out):
    for x in range(len(out)):
        out[x] = middle * (a1[x] * b1[x]) + side * (a0[x] * b0[x] + a2[x] * b2[x])


@numba.njit(cache=True, nogil=True)
def _three(a, b, c, middle, side, out):
    for x in range(len(out)):
        out[x] = middle * b[x] + side * (a[x] + c[x])


@numba.njit(cache=True, nogil=True)
def _tensor(gradient, tables, before, weights, slots, out, where, planes, rows, block):
    depth_table, row_table, column_table = tables
    volume = len(gradient) == 3
    middle, side = weights[0], weights[1]
    columns, width = gradient.shape[3], len(column_table) - 2
    # products in the order of the entries that the eigenvalues want; gradient holds y, x, z
    first = (2, 0, 1, 2, 2, 0) if volume else (0, 1, 0, 0, 0, 0)
    second = (2, 0, 1, 0, 1, 1) if volume else (0, 1, 1, 0, 0, 0)
    count = 6 if volume else 3
    for z in range(len(depth_table) - 2):
        if volume:
            za, zb, zc = depth_table[z], depth_table[z + 1], depth_table[z + 2]
            for k in range(count):
                a, b = gradient[first[k]], gradient[second[k]]
                for y in range(a.shape[1]):
                    _product(a[za, y], a[zb, y], a[zc, y], b[za, y], b[zb, y], b[zc, y], middle, side, planes[k, y])
        for y in range(len(row_table) - 2):
            ya, yb, yc = row_table[y], row_table[y + 1], row_table[y + 2]
            for k in range(count):
                inner = rows[before : before + columns]
                if volume:
                    p = planes[k]
                    _three(p[ya], p[yb], p[yc], middle, side, inner)
                else:
                    a, b = gradient[first[k], 0], gradient[second[k], 0]
                    _product(a[ya], a[yb], a[yc], b[ya], b[yb], b[yc], middle, side, inner)
                # columns mirrored at the image's border
                rows[0] = rows[before + column_table[0]]
                rows[width + 1] = rows[before + column_table[width + 1]]
                _three(rows[0:width], rows[1 : width + 1], rows[2 : width + 2], middle, side, line(block, k)[:width])
            to = (where[0] + z, where[1] + y, where[2])
            write_eigenvalues(block, volume, width, 0, width, slots, out, to)


def tensor_part(
    gradient: np.ndarray,
    part: tuple[slice, ...],
    shape: tuple[int, ...],
    weights: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
    where: tuple[int, ...],
) -> None:
    """Eigenvalues of the structure tensor of a part.

    Parameters
    ----------
    gradient, part, shape, slots, out, where
        As :func:`micrographia.geometry.derivatives.filter_part` gives and takes them.
    weights : (2,) float32 array
        Half of the kernel that smooths the products of the gradient, which are mirrored at the image's borders.
    """
    region = region_around(part, shape, True)
    tables = [mirrored(p.start - 1, p.stop + 1, n) - r.start for p, r, n in zip(part, region, shape)]
    before = 1 - (part[-1].start - region[-1].start)
    planes = np.empty((6, *gradient.shape[2:]) if len(shape) == 3 else (1, 1, 1), np.float32)
    if len(shape) == 2:
        gradient, out, where, tables = gradient[:, None], out[:, None], (0, *where), [np.zeros(3, np.int64), *tables]
    rows, block = np.empty(ROW, np.float32), np.empty(9 * ROW, np.float32)
    slots = slots[TENSOR:HESSE]
    _tensor(gradient, (tables[0], tables[1], tables[2]), before, weights, slots, out, where, planes, rows, block)
