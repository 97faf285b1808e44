"""From a star-polygon network's maps to objects, by windows of a plane of any size.

The law that makes tiles equal the whole: every map value that is used is computed with the network's full
receptive field in view (the halo is that field and the reach of `refine`); an object belongs to the window
whose core holds its anchor (the grid point of its local probability maximum); suppression runs once over
the objects of the whole plane; a region of the label image is rendered from all objects that reach into
it. No step depends on where the windows lie, and no object is too large for its halo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from micrographia.arrays.tiles import tile_plan
from micrographia.geometry.refinement import refine
from micrographia.geometry.render import bounding_boxes, render, star_vertices, support, to_bytes
from micrographia.geometry.suppression import local_maxima, suppress

Maps = Callable[[tuple[slice, slice]], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Window of the plane to probability (y, x) and distance (R, y, x) on the grid, foreground (Y, X) in 0..1."""

_TOGETHER = 4096
"""Objects of which the foreground is looked up between two reports of progress."""


@dataclass(frozen=True)
class Decoding:
    """Thresholds that turn maps into objects, chosen on validation images.

    Parameters
    ----------
    probability : float
        Smallest object probability.
    overlap : float
        Largest share of the smaller of two objects that they may have in common.
    foreground : float
        Smallest foreground value of an object's pixels.
    support : float
        Smallest share of a polygon that is foreground.
    """

    probability: float = 0.4
    overlap: float = 0.4
    foreground: float = 0.5
    support: float = 0.5

    def as_dict(self) -> dict[str, float]:
        """The thresholds by name."""
        return asdict(self)


@dataclass(frozen=True)
class Stars:
    """Star polygons of a plane, in reading order of their anchors; object i has the label i + 1.

    Parameters
    ----------
    centres : (n, 2) float32 array
        Anchors (y, x) in pixels.
    distances : (n, rays) float32 array
        Ray lengths in pixels.
    probability : (n,) float32 array
        Object probability.
    """

    centres: np.ndarray
    distances: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def numbers(self) -> np.ndarray:
        """Labels of the objects."""
        return np.arange(1, len(self) + 1, dtype=np.int32)

    @cached_property
    def boxes(self) -> np.ndarray:
        """Pixels (y0, y1, x0, x1), ends excluded, that each object may touch; (n, 4) int64."""
        return bounding_boxes(self.centres, self.distances) if len(self) else np.zeros((0, 4), np.int64)

    def take(self, which: np.ndarray) -> Stars:
        """The objects that a mask or an index array names."""
        return Stars(self.centres[which], self.distances[which], self.probability[which])

    def outlines(self) -> np.ndarray:
        """Vertices (y, x) of every polygon; (n, rays, 2) float32, pixels."""
        return star_vertices(self.centres, self.distances)


def detect(
    maps: Maps,
    shape: tuple[int, int],
    decoding: Decoding,
    foreground: np.ndarray,
    *,
    window: int,
    halo: int,
    stride: int,
    grid: int = 2,
    progress: Callable[[float], None] = lambda done: None,
) -> Stars:
    """Find the objects of a plane and fill in its foreground map.

    Parameters
    ----------
    maps : callable
        Runs the network on a window; windows may reach beyond the plane, where `maps` pads.
    shape : (int, int)
        Height and width of the plane.
    decoding : Decoding
        Thresholds.
    foreground : (Y, X) uint8 array
        Written: the foreground in 0..255. May be a memory map.
    window, halo, stride : int
        As in `tile_plan`.
    grid : int
        Pixels between grid points.
    progress : callable
        Told the share of windows that are done.

    Returns
    -------
    Stars
    """
    tiles = list(tile_plan(shape, window, halo, stride))
    parts = []
    for count, tile in enumerate(tiles, 1):
        probability, distance, inside = maps(tile.window)
        rows, columns = tile.inner
        to_bytes(inside[rows, columns], foreground[tile.core])
        region = tuple(slice(-(-s.start // grid), -(-s.stop // grid)) for s in (rows, columns))
        # beyond the plane's end, where the picture was mirrored, no point counts as a neighbour
        ends = [-(-(n - s.start) // grid) for n, s in zip(shape, tile.window, strict=True)]
        points = local_maxima(probability[: ends[0], : ends[1]], decoding.probability, (region[0], region[1]))
        origin = np.array([s.start for s in tile.window], np.float32)
        parts.append(
            Stars(
                points.astype(np.float32) * grid + origin,
                refine(points, distance, probability, grid),
                probability[points[:, 0], points[:, 1]],
            )
        )
        progress(count / len(tiles))
    fields = zip(*((p.centres, p.distances, p.probability) for p in parts), strict=True)
    stars = Stars(*(np.concatenate(field) for field in fields))
    stars = stars.take(np.lexsort((stars.centres[:, 1], stars.centres[:, 0])))
    stars = stars.take(suppress(stars.centres, stars.distances, stars.probability, decoding.overlap))
    held = np.zeros(len(stars), bool)
    for start in range(0, len(stars), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        share = support(stars.centres[part], stars.distances[part], foreground, round(decoding.foreground * 255))
        held[part] = share >= decoding.support
        progress(1)
    return stars.take(held)


def render_region(stars: Stars, foreground: Any, region: tuple[slice, slice], decoding: Decoding) -> np.ndarray:
    """A region of the label image, the same wherever the region's borders lie.

    Parameters
    ----------
    stars : Stars
        Objects of the whole plane.
    foreground : (Y, X) uint8 array
        Of the whole plane; read only around the region.
    region : (slice, slice)
        What to render.
    decoding : Decoding
        Thresholds.

    Returns
    -------
    (y, x) int32 array
        Labels as in `Stars`.
    """
    rows, columns = region
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    boxes = stars.boxes
    shown = _meets(boxes, (rows.start, rows.stop, columns.start, columns.stop))
    if not shown.any():
        return np.zeros(shape, np.int32)
    low = np.maximum(boxes[shown][:, [0, 2]].min(axis=0), 0)
    high = np.minimum(boxes[shown][:, [1, 3]].max(axis=0), foreground.shape)
    low = np.minimum(low, (rows.start, columns.start))
    high = np.maximum(high, (rows.stop, columns.stop))
    # objects that meet only the shown ones take part in sharing out the pixels
    near = np.flatnonzero(_meets(boxes, (low[0], high[0], low[1], high[1])))
    part = np.asarray(foreground[low[0] : high[0], low[1] : high[1]])
    labels = render(
        stars.centres[near], stars.distances[near], stars.numbers[near], part,
        round(decoding.foreground * 255), (int(low[0]), int(low[1])), shown[near],
    )  # fmt: skip
    y, x = rows.start - low[0], columns.start - low[1]
    return labels[y : y + shape[0], x : x + shape[1]]


def _meets(boxes: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    y0, y1, x0, x1 = box
    return (boxes[:, 0] < y1) & (boxes[:, 1] > y0) & (boxes[:, 2] < x1) & (boxes[:, 3] > x0)
