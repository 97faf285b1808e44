"""Which part of a block is wanted, and the tiles in which it is computed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from micrographia.arrays.errors import InputError


def whole_or_core(core: Sequence[slice] | None, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The core with its numbers; it must lie within the block."""
    if core is None:
        return tuple(slice(0, n) for n in shape)
    part = tuple(slice(*s.indices(n)[:2]) for s, n in zip(core, shape))
    if len(core) != len(shape) or any(s.stop <= s.start for s in part):
        raise InputError(f"The core {tuple(core)} is empty or does not lie within a block of the shape {shape}.")
    return part


def tiles(part: tuple[slice, ...], sizes: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Cut a part into nearly equal tiles, none larger than ``sizes``."""
    cuts = []
    for s, most in zip(part, sizes):
        edges = np.linspace(s.start, s.stop, -(-(s.stop - s.start) // most) + 1).astype(int).tolist()
        cuts.append([slice(a, b) for a, b in itertools.pairwise(edges)])
    yield from itertools.product(*cuts)
