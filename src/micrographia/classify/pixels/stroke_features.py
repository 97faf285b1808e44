"""Features of painted pixels alone: only blocks in which something was painted are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from micrographia.arrays.blocks import Block, grown, inside
from micrographia.classify.pixels.pixel_blocks import BLOCK, Read
from micrographia.features.pixel_bank import Bank


def features_at(
    bank: Bank, read: Read, shape: Sequence[int], where: np.ndarray, pool: ThreadPoolExecutor
) -> np.ndarray:
    """Features of some pixels of one plane or volume.

    Parameters
    ----------
    bank : Bank
        Which features.
    read : callable
        Gives the pixels (C, *window) float32 of a window.
    shape : sequence of int
        (Y, X) or (Z, Y, X).
    where : (N, D) int array
        The pixels.
    pool : ThreadPoolExecutor
        Its threads compute the blocks.

    Returns
    -------
    (F, N) float32 array
    """

    def of_block(members: np.ndarray) -> np.ndarray:
        places = where[members]
        core = _bounding_box(places)
        window = grown(core, bank.halo, shape)
        maps = bank.compute(read(window), inside(core, window))
        return maps[(slice(None), *(places - [s.start for s in core]).T)]

    parts = list(_by_block(where, BLOCK[len(shape)]))
    found = list(pool.map(of_block, parts))
    result = np.empty((len(found[0]), len(where)), np.float32)
    for members, values in zip(parts, found, strict=True):
        result[:, members] = values
    return result


def blocks_near(where: np.ndarray, halo: int, shape: Sequence[int]) -> Iterator[Block]:
    """Blocks that hold all pixels not farther than `halo` from some pixels, along each axis."""
    size = np.array(BLOCK[len(shape)])
    near = np.zeros([-(-n // s) for n, s in zip(shape, size, strict=True)], bool)
    low = np.maximum(where - halo, 0) // size
    high = np.minimum(where + halo, np.array(shape) - 1) // size
    for a, b in np.unique(np.stack([low, high], axis=1), axis=0):
        near[tuple(slice(i, j + 1) for i, j in zip(a, b, strict=True))] = True
    for corner in np.argwhere(near) * size:
        yield tuple(slice(int(i), int(min(i + s, n))) for i, s, n in zip(corner, size, shape, strict=True))


def _by_block(where: np.ndarray, size: Sequence[int]) -> Iterator[np.ndarray]:
    """Indices of the pixels of each block."""
    _, block = np.unique(where // np.array(size), axis=0, return_inverse=True)
    block = block.reshape(-1)
    order = np.argsort(block, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(block[order])) + 1)


def _bounding_box(where: np.ndarray) -> Block:
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(where.min(axis=0), where.max(axis=0), strict=True))
