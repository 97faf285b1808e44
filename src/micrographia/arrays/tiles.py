"""Tile plans: cut a plane into tiles, each seen through a larger window, aligned to a network's stride."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """One tile of a plane.

    Parameters
    ----------
    core : (slice, slice)
        The pixels that this tile alone is responsible for.
    window : (slice, slice)
        The pixels it looks at: the core and a halo; may reach beyond the plane at its far end, where
        the caller pads.
    """

    core: tuple[slice, slice]
    window: tuple[slice, slice]

    @property
    def inner(self) -> tuple[slice, slice]:
        """The core in coordinates of the window."""
        a, b = (
            slice(core.start - window.start, core.stop - window.start)
            for core, window in zip(self.core, self.window, strict=True)
        )
        return a, b


def tile_plan(shape: tuple[int, int], window: int, halo: int, stride: int) -> Iterator[Tile]:
    """Tiles that cover a plane once, in reading order.

    A plane that fits into one window is one tile without halo. Windows start at multiples of `stride`
    and their sizes are multiples of it, so a network that downsamples by `stride` sees the same grid
    whichever window a pixel lies in; with a halo of at least its receptive field the values are the same.
    All windows of a plane have the same shape, which keeps the memory of a network's runtime small, and are as
    few and then as small as they can be.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the plane in pixels.
    window : int
        Largest side of a window in pixels.
    halo : int
        Pixels seen on each side of a core.
    stride : int
        Downsampling of the network; `window` and `halo` are rounded to multiples of it.

    Raises
    ------
    ValueError
        Where the halo leaves no core.
    """
    halo = -(-halo // stride) * stride
    window = window // stride * stride
    if window <= 2 * halo:
        raise ValueError(f"A window of {window} pixels has no core with a halo of {halo} on each side.")

    def cuts(length: int) -> list[tuple[slice, slice]]:
        padded = -(-length // stride) * stride
        if padded <= window:
            return [(slice(0, length), slice(0, padded))]
        count = -(-(padded - 2 * halo) // (window - 2 * halo))
        side = -(-(padded + 2 * halo * (count - 1)) // (count * stride)) * stride
        step = side - 2 * halo
        starts = [min(i * step, padded - side) for i in range(count)]
        edges = [0, *(i * step + halo for i in range(1, count)), length]
        return [(slice(*edges[i : i + 2]), slice(start, start + side)) for i, start in enumerate(starts)]

    for rows in cuts(shape[0]):
        for columns in cuts(shape[1]):
            yield Tile((rows[0], columns[0]), (rows[1], columns[1]))
