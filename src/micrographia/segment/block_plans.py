"""The blocks in which planes and volumes are worked on, checked before any of them is read."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from micrographia.arrays.blocks import Block, block_size, blocks
from micrographia.arrays.errors import InputError, RequestError


def block_plan(shape: Sequence[int], side: int | Sequence[int] | None, plane: int, volume: int) -> list[Block]:
    """Blocks that cover a plane or a volume once, in reading order.

    Parameters
    ----------
    shape : sequence of int
        ([Z,] Y, X).
    side : int or sequence of int, optional
        Side of the blocks, or one for each axis.
    plane, volume : int
        Sides where none is given.

    Raises
    ------
    InputError
        Where there is no pixel, or it is neither a plane nor a volume.
    RequestError
        Where a side is no whole number from 1, or there is not one for each axis.
    """
    if len(shape) not in (2, 3):
        raise InputError(f"A plane or a volume is needed, not {len(shape)}-D (shape {tuple(shape)}).")
    if 0 in shape:
        raise InputError(f"There are no pixels: the array has the shape {tuple(shape)}.")
    return list(blocks(shape, block_sides(shape, side, plane, volume)))


def block_sides(shape: Sequence[int], side: int | Sequence[int] | None, plane: int, volume: int) -> tuple[int, ...]:
    """Sides of the blocks of a plane or a volume; raises RequestError as `block_plan`."""
    try:
        size = tuple(operator.index(n) for n in block_size(shape, side, plane, volume))
    except TypeError:
        size = ()
    if len(size) != len(shape) or min(size) < 1:
        raise RequestError(f"A block has a side of at least one pixel along each of {len(shape)} axes, not {side}.")
    return size
