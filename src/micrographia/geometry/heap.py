"""A binary heap for compiled kernels: the smallest key first, in two plain arrays that may grow.

A key is one unsigned 64-bit number: a float in an order-preserving form above, and below it what decides between equal
floats (:func:`key`). Keys are therefore never equal and kernels that use the heap are deterministic.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, inline="always")
def key(rank, tie):
    """Heap key of an ordered float (`ordered`) and, among equals, a whole number below 2³²."""
    return (np.uint64(rank) << np.uint64(32)) | np.uint64(tie)


@numba.njit(cache=True, nogil=True)
def grown(values):
    """The same values in an array twice as long."""
    longer = np.empty(2 * len(values), values.dtype)
    longer[: len(values)] = values
    return longer


@numba.njit(cache=True, nogil=True)
def push(keys, items, size, new, item):
    """Add an item to a heap of `size` items; the arrays must have room. The heap is then one longer."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] <= new:
            break
        keys[at] = keys[parent]
        items[at] = items[parent]
        at = parent
    keys[at] = new
    items[at] = item


@numba.njit(cache=True, nogil=True)
def pop(keys, items, size):
    """Remove the first item of a heap of `size` items and return it. The heap is then one shorter."""
    first = items[0]
    last = size - 1
    moved = keys[last]
    item = items[last]
    at = 0
    child = 1
    while child < last:
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if moved <= keys[child]:
            break
        keys[at] = keys[child]
        items[at] = items[child]
        at = child
        child = 2 * at + 1
    keys[at] = moved
    items[at] = item
    return first


def ordered(values: np.ndarray) -> np.ndarray:
    """Floats as unsigned 32-bit numbers in the same order.

    Parameters
    ----------
    values : array
        Compared as float32; not NaN.

    Returns
    -------
    uint32 array of the same shape
    """
    bits = (np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)).view(np.uint32)  # + 0: no negative zero
    return np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(2**31))


@numba.njit(cache=True, nogil=True)
def ordered_one(value, scratch):
    """:func:`ordered` of one number; `scratch` is a float32 array of length 1."""
    scratch[0] = np.float32(value) + np.float32(0)
    bits = scratch.view(np.uint32)[0]
    return ~bits if bits >> np.uint32(31) else bits | np.uint32(2**31)
