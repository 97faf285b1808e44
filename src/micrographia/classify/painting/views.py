"""Views of a part of an image: its tiles classified in threads, coarse or in full, and put together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.blocks import Block, block_shape, inside
from micrographia.arrays.errors import InputError
from micrographia.classify.painting.feature_tiles import FeatureTiles, Kept, Tile
from micrographia.classify.painting.newest_task import GivenUp, Outdated
from micrographia.classify.pixels.image_channels import ImageChannels

if TYPE_CHECKING:
    from micrographia.classify.learners.classifiers import PixelModel

COARSE = 4
"""A coarse view has every fourth pixel along Y and X: those whose indices are multiples of four."""

PART = 64
"""Of a tile the part is classified that is visible, in pixels rounded up to multiples of this."""

_PROBABILITIES = 1 << 26
"""Bytes of full tiles to keep, so that a viewport that moves a little is there at once."""


@dataclass(frozen=True)
class View:
    """Probabilities of a part of the image.

    Attributes
    ----------
    version : int
        Of the strokes it was made from: see `Painter.is_current`.
    at : tuple of int
        Position in the image's stack.
    region : tuple of slice
        Where in the plane or volume.
    step : int
        1: every pixel; 4: every fourth along Y and X, those of the region whose indices are multiples of 4. Where many
        pixels are painted, a coarse view is made by a part of the trees.
    probabilities : (K, ...) float32 array
        They add up to 1.
    last : bool
        Whether the viewport is complete with it.
    """

    version: int
    at: tuple[int, ...]
    region: Block
    step: int
    probabilities: np.ndarray
    last: bool = False


@dataclass(frozen=True)
class Viewport:
    """What is visible: a position in the image's stack, and a region of the plane or volume there."""

    at: tuple[int, ...]
    region: Block


def viewport_of(channels: ImageChannels, region: Block, at: Sequence[int]) -> Viewport:
    """A region of an image at a position of its stack, clipped at the image's border.

    Raises
    ------
    InputError
        Where nothing of the image is left, a slice has a step, or there are slices or positions for other axes than
        it has.
    """
    shape, stack = channels.shape, channels.stack_shape
    try:
        place = tuple(operator.index(i) for i in at)
        fits = len(region) == len(shape) and len(place) == len(stack) and all(s.step in (None, 1) for s in region)
        clipped = tuple(
            slice(max(0, operator.index(s.start or 0)), min(n, n if s.stop is None else operator.index(s.stop)))
            for s, n in zip(region, shape)
        )
    except (TypeError, AttributeError):  # no slices, or not of whole numbers
        fits = False
    if not fits:
        raise InputError(
            f"{channels.title}: a viewport is a slice for each of {', '.join(channels.space)}, without a step, and a "
            f"position for each of {', '.join(channels.stack_axes) or 'no axes'}."
        )
    if min(block_shape(clipped)) <= 0 or any(not 0 <= i < n for i, n in zip(place, stack, strict=True)):
        raise InputError(f"{channels.title}: the viewport lies outside the image.")
    return Viewport(place, clipped)


def _never() -> bool:
    return False


class TileViews:
    """Makes views of the tiles of an image.

    Parameters
    ----------
    tiles : FeatureTiles
        Features of the image.
    pool : ThreadPoolExecutor
        Its threads compute tiles.
    """

    def __init__(self, tiles: FeatureTiles, pool: ThreadPoolExecutor) -> None:
        self._tiles, self._pool = tiles, pool
        self.kept = Kept(_PROBABILITIES)

    def prepare(self, viewport: Viewport, outdated: Outdated) -> None:
        """Compute the features of a viewport."""
        for _ in self._each(lambda tile, _: self._tiles.features(tile), self._parts(viewport), outdated):
            pass

    def coarse_helps(self, version: int, viewport: Viewport) -> bool:
        """Whether a coarse view would be there sooner: the features are there, the full tiles are not."""
        parts = self._parts(viewport)
        ready = all(tile in self._tiles.kept for tile, _ in parts)
        return ready and not all(_key(version, tile, region) in self.kept for tile, region in parts)

    def full(self, model: PixelModel, version: int, viewport: Viewport, outdated: Outdated = _never) -> Iterator[View]:
        """The visible part of every tile, the middle of the viewport first.

        Parameters
        ----------
        model : PixelModel
            What classifies.
        version : int
            Of the strokes it has learned from.
        viewport : Viewport
            What is visible.
        outdated : callable
            Asked before every tile; where it says yes, the rest is given up.

        Raises
        ------
        GivenUp
            Where it was.
        """

        def one(tile: Tile, region: Block) -> np.ndarray:
            key = _key(version, tile, region)
            found = self.kept.get(key)
            if found is None:
                found = self._classified(model, tile, region)
                self.kept.put(key, found)
            return found

        parts = self._parts(viewport)
        for number, (tile, region, found) in enumerate(self._each(one, parts, outdated), 1):
            yield View(version, tile.at, region, 1, found, last=number == len(parts))

    def coarse(self, model: PixelModel, version: int, viewport: Viewport, outdated: Outdated = _never) -> View:
        """A viewport in one piece, every fourth pixel along Y and X; arguments as `full`."""

        def one(tile: Tile, region: Block) -> np.ndarray:
            return self._classified(model, tile, region, COARSE)

        views = (
            View(version, tile.at, region, COARSE, found)
            for tile, region, found in self._each(one, self._parts(viewport), outdated)
        )
        return assembled(views, viewport)

    def _parts(self, viewport: Viewport) -> list[tuple[Tile, Block]]:
        """The tiles of a viewport, the middle first, and what is seen of each."""
        found = []
        for tile in self._tiles.over(viewport.at, viewport.region):
            seen = (
                slice(max(c.start, v.start // PART * PART), min(c.stop, -(-v.stop // PART) * PART))
                for c, v in zip(self._tiles.core(tile)[-2:], viewport.region[-2:], strict=True)
            )
            found.append((tile, (*self._tiles.core(tile)[:-2], *seen)))
        return found

    def _classified(self, model: PixelModel, tile: Tile, region: Block, step: int = 1) -> np.ndarray:
        features = self._tiles.features(tile)[(slice(None), *inside(region, self._tiles.core(tile)))]
        return model.predict(np.ascontiguousarray(features[..., ::step, ::step]))

    def _each(
        self,
        function: Callable[[Tile, Block], np.ndarray],
        parts: Sequence[tuple[Tile, Block]],
        outdated: Outdated,
    ) -> Iterator[tuple[Tile, Block, np.ndarray]]:
        def one(tile: Tile, region: Block) -> np.ndarray:
            if outdated():
                raise GivenUp
            return function(tile, region)

        work = [self._pool.submit(one, tile, region) for tile, region in parts]
        try:
            for (tile, region), future in zip(parts, work, strict=True):
                yield tile, region, future.result()
        finally:
            for future in work:
                future.cancel()


def assembled(views: Iterator[View], viewport: Viewport) -> View:
    """One view of a viewport out of those of its tiles, which cover it."""
    out: np.ndarray | None = None
    for view in views:
        target = _on_lattice(viewport.region, view.step)
        source = _on_lattice(view.region, view.step)
        if out is None:
            out = np.empty((len(view.probabilities), *(b - a for a, b in target)), np.float32)
        both = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(target, source, strict=True)]
        to = tuple(slice(a - t, b - t) for (a, b), (t, _) in zip(both, target, strict=True))
        of = tuple(slice(a - s, b - s) for (a, b), (s, _) in zip(both, source, strict=True))
        out[(slice(None), *to)] = view.probabilities[(slice(None), *of)]
    assert out is not None
    return View(view.version, viewport.at, viewport.region, view.step, out, last=view.step == 1)


def _on_lattice(region: Block, step: int) -> list[tuple[int, int]]:
    """First and last+1 of the indices that are multiples of `step` (Y and X), counted in steps."""
    steps = [1] * (len(region) - 2) + [step, step]
    return [(-(-s.start // n), -(-s.stop // n)) for s, n in zip(region, steps, strict=True)]


def _key(version: int, tile: Tile, region: Block) -> Hashable:
    return version, tile, tuple((s.start, s.stop) for s in region)
