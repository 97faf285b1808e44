"""Features of an image tile by tile, kept as long as memory allows, the most recently used ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.blocks import Block, grown, inside
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.features.pixel_bank import Bank

SIDE = 256
"""Height and width of a tile, a multiple of the step of coarse views; in volumes a tile is one slice."""


@dataclass(frozen=True)
class Tile:
    """A tile of an image: position in its stack, and which tile along each axis of the plane or volume."""

    at: tuple[int, ...]
    index: tuple[int, ...]


class Kept:
    """Arrays by key, the least recently used given up where they exceed a number of bytes; for several threads.

    Parameters
    ----------
    limit : int
        Bytes. A single array may be larger: it is then kept until the next one comes.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.nbytes = limit, 0
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._arrays

    def __len__(self) -> int:
        with self._lock:
            return len(self._arrays)

    def get(self, key: Hashable) -> np.ndarray | None:
        """The array, which thereby becomes the most recently used; None where it is not kept."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: Hashable, array: np.ndarray) -> None:
        """Keep an array, in place of what was kept under this key."""
        with self._lock:
            old = self._arrays.pop(key, None)
            self._arrays[key] = array
            self.nbytes += array.nbytes - (0 if old is None else old.nbytes)
            while self.nbytes > self.limit and len(self._arrays) > 1:
                self.nbytes -= self._arrays.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Give up everything."""
        with self._lock:
            self._arrays.clear()
            self.nbytes = 0


class FeatureTiles:
    """Features of one image, computed once for each tile that is asked for.

    They are kept in the 4 bytes in which they are computed: 2 would halve the memory, but move a feature across the
    threshold of a tree here and there, and then a tile would not be what the classifier says of the whole image.

    Parameters
    ----------
    channels : ImageChannels
        The image.
    bank : Bank
        Which features.
    limit : int
        Bytes of features to keep.
    side : int
        Height and width of a tile.
    """

    def __init__(self, channels: ImageChannels, bank: Bank, limit: int, side: int = SIDE) -> None:
        self.channels, self.bank = channels, bank
        self.size = (*(1 for _ in channels.shape[:-2]), side, side)
        self.kept = Kept(limit)
        self._lock = threading.Lock()
        self._running: dict[Tile, Future[np.ndarray]] = {}

    def over(self, at: tuple[int, ...], region: Block) -> Iterator[Tile]:
        """The tiles that touch a region of a plane or volume, those nearest to its middle first."""
        first = [s.start // n for s, n in zip(region, self.size, strict=True)]
        counts = [-(-s.stop // n) - a for s, n, a in zip(region, self.size, first, strict=True)]
        index = np.stack(np.unravel_index(np.arange(int(np.prod(counts))), counts), axis=1) + first
        middle = np.array([(s.start + s.stop) / 2 for s in region])
        distance = (((index + 0.5) * self.size - middle) ** 2).sum(axis=1)
        for k in np.argsort(distance, kind="stable"):
            yield Tile(at, tuple(int(i) for i in index[k]))

    def core(self, tile: Tile) -> Block:
        """The region of a tile, which ends where the image does."""
        return tuple(
            slice(i * n, min((i + 1) * n, length))
            for i, n, length in zip(tile.index, self.size, self.channels.shape, strict=True)
        )

    def features(self, tile: Tile) -> np.ndarray:
        """Features (F, *core) float32 of a tile.

        A second thread that asks for the tile while it is computed waits for the first one.
        """
        found = self.kept.get(tile)
        if found is not None:
            return found
        with self._lock:
            running = self._running.get(tile)
            mine = running is None
            if running is None:
                running = self._running[tile] = Future()
        if not mine:
            return running.result()
        try:
            found = self.kept.get(tile)  # it may have been finished between the two looks
            if found is None:
                found = self._compute(tile)
                self.kept.put(tile, found)
            running.set_result(found)
            return found
        except BaseException as error:
            running.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._running[tile]

    def tiles_of(self, at: tuple[int, ...], where: np.ndarray) -> list[tuple[Tile, np.ndarray]]:
        """The tiles that hold some pixels (n, D), and which of the pixels each of them holds."""
        index, member = np.unique(where // np.array(self.size), axis=0, return_inverse=True)
        order = np.argsort(member.reshape(-1), kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(member.reshape(-1), minlength=len(index)))[:-1])
        return [(Tile(at, tuple(int(i) for i in row)), part) for row, part in zip(index, parts, strict=True)]

    def rows(self, tile: Tile, where: np.ndarray) -> np.ndarray:
        """Features (F, n) of pixels (n, D) that lie in one tile."""
        start = [s.start for s in self.core(tile)]
        return self.features(tile)[(slice(None), *(where - start).T)]

    def _compute(self, tile: Tile) -> np.ndarray:
        core = self.core(tile)
        window = grown(core, self.bank.halo, self.channels.shape)
        return self.bank.compute(self.channels.read(tile.at, window), inside(core, window))
