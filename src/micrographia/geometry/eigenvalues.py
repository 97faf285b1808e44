"""Eigenvalues of many symmetric 2 × 2 and 3 × 3 matrices, largest first.

The entries of neighbouring matrices lie in rows of one block whose row length is known to the compiler, which can then
work on several matrices at a time. 3 × 3: the characteristic cubic in its trigonometric form (Smith 1961,
*Communications of the ACM* 4:168), where cos(acos(r) / 3) is the root of 4c³ − 3c = r, found by Newton's steps instead
of the two functions.
"""

from __future__ import annotations

import math

import numba
import numpy as np

ROW = 1056
"""Length of a row of a block, hence the most matrices that are handled in one call (no power of two, for the cache)."""

_START = math.sqrt(3) / 2
_SLOPE = 1 / 6
_BEND = 1 - _START - _SLOPE


@numba.njit(cache=True, nogil=True)
def eigenvalues_2(block, count):
    """Eigenvalues of ``count`` matrices; ``block`` is flat, float32, in rows of `ROW`.

    Rows 0 to 2 are the entries yy, xx, yx; the eigenvalues are written to rows 6 and 7. The squares of very small or
    large entries have no room in single precision.
    """
    for x in range(count):
        a, b, c = np.float64(block[x]), np.float64(block[ROW + x]), np.float64(block[2 * ROW + x])
        spread = np.sqrt((a - b) * (a - b) + 4.0 * c * c)
        block[6 * ROW + x] = np.float32(0.5 * (a + b + spread))
        block[7 * ROW + x] = np.float32(0.5 * (a + b - spread))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def eigenvalues_3(block, count):
    """As :func:`eigenvalues_2`: rows 0 to 5 are zz, yy, xx, zy, zx, yx; the eigenvalues are written to rows 6 to 8."""
    for x in range(count):
        a, b, c = np.float64(block[x]), np.float64(block[ROW + x]), np.float64(block[2 * ROW + x])
        d, e, f = np.float64(block[3 * ROW + x]), np.float64(block[4 * ROW + x]), np.float64(block[5 * ROW + x])
        mean = (a + b + c) * (1.0 / 3.0)
        a -= mean
        b -= mean
        c -= mean
        square = (a * a + b * b + c * c + 2.0 * (d * d + e * e + f * f)) * (1.0 / 6.0)
        size = np.sqrt(square)
        half = 0.5 * (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e))
        r = half / max(size * square, 1e-300)
        s = min(abs(r), 1.0)
        root = _START + s * (_SLOPE + s * _BEND)
        for _ in range(3):
            root -= (root * (4.0 * root * root - 3.0) - s) / (12.0 * root * root - 3.0)
        # sin(φ/3) from sin φ, which keeps its digits where two eigenvalues are nearly the same
        sine = np.sqrt(1.0 - s * s) / (4.0 * root * root - 1.0)
        far = 2.0 * size * root
        near = size * (root - 1.7320508075688772 * sine)
        middle = size * (root + 1.7320508075688772 * sine)
        block[6 * ROW + x] = np.float32(mean + (far if half >= 0.0 else middle))
        block[7 * ROW + x] = np.float32(mean + (near if half < 0.0 else -near))
        block[8 * ROW + x] = np.float32(mean - (middle if half >= 0.0 else far))


@numba.njit(cache=True, nogil=True)
def line(block, k):
    """Row ``k`` of a block."""
    return block[k * ROW : (k + 1) * ROW]


@numba.njit(cache=True, nogil=True)
def copy(row, out):
    """Fill ``out`` with the beginning of ``row``."""
    for x in range(len(out)):
        out[x] = row[x]


@numba.njit(cache=True, nogil=True)
def write_eigenvalues(block, volume, n, slots, out, where):
    """Eigenvalues of ``n`` matrices in ``block`` (see `eigenvalues_2`), written to ``out``.

    The k-th goes to ``out[slots[k]]``, from the pixel ``where`` along its row; nowhere if ``slots[k]`` is negative.
    """
    z, y, x = where
    if volume:
        eigenvalues_3(block, n)
    else:
        eigenvalues_2(block, n)
    for k in range(3 if volume else 2):
        if slots[k] >= 0:
            copy(line(block, 6 + k), out[slots[k], z, y, x : x + n])


def eigenvalues_numpy(matrices: np.ndarray) -> np.ndarray:
    """Plain reference: matrices (…, n, n) → eigenvalues (…, n), largest first."""
    return np.linalg.eigvalsh(matrices)[..., ::-1]
