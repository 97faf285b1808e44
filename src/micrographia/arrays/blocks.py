"""Blocks of arrays of any dimension: cut without overlap, looked at with a halo that ends at the array's border."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

Block = tuple[slice, ...]
"""One slice for each axis, with start and stop."""


def blocks(shape: Sequence[int], size: Sequence[int]) -> Iterator[Block]:
    """Blocks that cover an array once, in reading order; starts are multiples of ``size``.

    Examples
    --------
    >>> list(blocks((3,), (2,)))
    [(slice(0, 2, None),), (slice(2, 3, None),)]
    """
    starts = [range(0, n, step) for n, step in zip(shape, size, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(slice(i, min(i + step, n)) for i, step, n in zip(corner, size, shape, strict=True))


def block_size(shape: Sequence[int], side: int | Sequence[int] | None, plane: int, volume: int) -> tuple[int, ...]:
    """Sides of the blocks of a plane or volume: as given, otherwise the one for planes or for volumes."""
    if side is None:
        side = plane if len(shape) == 2 else volume
    return (side,) * len(shape) if isinstance(side, int) else tuple(side)


def grown(block: Block, halo: int, shape: Sequence[int]) -> Block:
    """A block with `halo` more entries on each side, as far as the array reaches."""
    return tuple(slice(max(0, s.start - halo), min(n, s.stop + halo)) for s, n in zip(block, shape, strict=True))


def inside(block: Block, window: Block) -> Block:
    """A block in coordinates of a window that holds it."""
    return tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(block, window, strict=True))


def block_shape(block: Block) -> tuple[int, ...]:
    """Shape of a block."""
    return tuple(s.stop - s.start for s in block)
