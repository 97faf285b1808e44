"""Grey reconstruction by dilation: a marker grows inside a mask until nothing changes.

Vincent 1993, "Morphological grayscale reconstruction in image analysis: applications and efficient algorithms", the
hybrid algorithm: sweeps forth and back, then a queue. Neighbours are those that share a side.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_SWEEPS = 64
"""Sweeps before the queue; most images need no more, and a sweep costs less than a queue of many pixels."""


@njit(cache=True, nogil=True)
def reconstruct(marker: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Reconstruction of a mask from a marker.

    Parameters
    ----------
    marker, mask : (Z, Y, X) float64 array
        Finite; ``marker <= mask``.

    Returns
    -------
    (Z, Y, X) float64 array
        The largest image not above the mask whose every regional maximum is one of the marker.
    """
    out = marker.copy()
    for _ in range(_SWEEPS):
        if not _sweep(out, mask):
            return out
    _spread(out, mask)
    return out


@njit(cache=True, nogil=True)
def _sweep(out: np.ndarray, mask: np.ndarray) -> bool:
    """Grow once in raster order and once back; whether anything changed."""
    depth, height, width = mask.shape
    changed = False
    for z in range(depth):
        for y in range(height):
            row, limit = out[z, y], mask[z, y]
            before = -np.inf
            for x in range(width):
                value = max(row[x], before)
                if y > 0:
                    value = max(value, out[z, y - 1, x])
                if z > 0:
                    value = max(value, out[z - 1, y, x])
                before = min(value, limit[x])
                changed |= before != row[x]
                row[x] = before
    for z in range(depth - 1, -1, -1):
        for y in range(height - 1, -1, -1):
            row, limit = out[z, y], mask[z, y]
            before = -np.inf
            for x in range(width - 1, -1, -1):
                value = max(row[x], before)
                if y < height - 1:
                    value = max(value, out[z, y + 1, x])
                if z < depth - 1:
                    value = max(value, out[z + 1, y, x])
                before = min(value, limit[x])
                changed |= before != row[x]
                row[x] = before
    return changed


@njit(cache=True, nogil=True)
def _spread(out: np.ndarray, mask: np.ndarray) -> None:
    """Grow pixel by pixel from a queue until nothing changes; at first all pixels wait in it."""
    depth, height, width = mask.shape
    flat, limit = out.ravel(), mask.ravel()
    queue = np.arange(out.size)
    waiting = np.ones(out.size, np.bool_)
    head, size = 0, out.size
    while size > 0:
        at = queue[head]
        head = (head + 1) % len(queue)
        size -= 1
        waiting[at] = False
        x, y, z = at % width, at // width % height, at // (width * height)
        for side in range(6):
            if side == 0:
                inside, there = x > 0, at - 1
            elif side == 1:
                inside, there = x < width - 1, at + 1
            elif side == 2:
                inside, there = y > 0, at - width
            elif side == 3:
                inside, there = y < height - 1, at + width
            elif side == 4:
                inside, there = z > 0, at - width * height
            else:
                inside, there = z < depth - 1, at + width * height
            if inside and flat[there] < flat[at] and flat[there] < limit[there]:
                flat[there] = min(flat[at], limit[there])
                if not waiting[there]:
                    waiting[there] = True
                    queue[(head + size) % len(queue)] = there
                    size += 1


@njit(cache=True, nogil=True)
def shrink(image: np.ndarray) -> np.ndarray:
    """Smallest value of each pixel and the neighbours that share a side with it; (Z, Y, X) float64."""
    depth, height, width = image.shape
    out = np.empty_like(image)
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                value = image[z, y, x]
                if x > 0:
                    value = min(value, image[z, y, x - 1])
                if x < width - 1:
                    value = min(value, image[z, y, x + 1])
                if y > 0:
                    value = min(value, image[z, y - 1, x])
                if y < height - 1:
                    value = min(value, image[z, y + 1, x])
                if z > 0:
                    value = min(value, image[z - 1, y, x])
                if z < depth - 1:
                    value = min(value, image[z + 1, y, x])
                out[z, y, x] = value
    return out
