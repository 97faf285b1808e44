"""The quality of images as a table: one row an image or a tile of it; the columns are those of `plane_quality`.

Planes of up to `LARGEST` pixels are measured whole. Larger ones are read tile by tile: means, extremes and percentages
are then exact, medians come from a regular lattice of pixels, and what is measured on a picture (focus, noise) is the
median of the tiles. A tile is measured from its own pixels; only what its pixels are compared with (background, objects
and saturation of the whole plane) comes from outside it, so tiles read from a file equal those cut from an array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.blocks import blocks
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.illumination import background
from micrographia.features.plane_quality import PREFIX, PlaneLevels, grey, lattice, plane_levels, plane_quality

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 3200 * 3200
"""Pixels of the largest plane that is measured as a whole."""

TILE = 1024
"""Side of the tiles of larger planes, in pixels."""


def image_quality(image: Image | np.ndarray) -> pd.DataFrame:
    """Quality of an image, all channels in one row.

    Parameters
    ----------
    image : Image or (Y, X) array
        Lazy images are read tile by tile where a plane has more than `LARGEST` pixels.

    Returns
    -------
    pandas.DataFrame
        One row, or one for each time point and slice (``Metadata_T``, ``Metadata_Z``). Columns as at the head of this
        module, for images with channels followed by the channel's name.

    Raises
    ------
    InputError
        Where the image has no pixels, or several dimensions that are not named.
    """
    return _table(_as_image(image), lambda plane, levels: [({}, _whole(plane, levels))])


def tile_quality(image: Image | np.ndarray, side: int = TILE) -> pd.DataFrame:
    """Quality of the tiles of an image.

    Parameters
    ----------
    image : Image or (Y, X) array
        Only one tile at a time is read of lazy images.
    side : int
        Side of the tiles in pixels; those at the far borders may be smaller.

    Returns
    -------
    pandas.DataFrame
        As `image_quality`, one row a tile: ``Tile_Y`` and ``Tile_X`` are its first row and column in pixels.

    Raises
    ------
    InputError
        As `image_quality`.
    """
    return _table(
        _as_image(image),
        lambda plane, levels: [({"Tile_Y": y, "Tile_X": x}, found) for y, x, found in _tiles(plane, levels, side)],
    )


_Measured = Callable[["_Plane", PlaneLevels], list[tuple[dict[str, int], dict[str, float]]]]


class _Plane:
    """One channel of one plane, (Y, X) or (Y, X, S), read only where it is indexed."""

    def __init__(self, image: Image, at: dict[str, int]) -> None:
        self.image, self.at = image, at
        self.axes = [axis for axis in "YXS" if axis in image.axes]
        self.shape = tuple(image.size(axis) for axis in self.axes)

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        where: dict[str, Any] = dict(zip("YX", key, strict=True)) | self.at
        pixels = np.asarray(self.image.data[tuple(where.get(axis, slice(None)) for axis in self.image.axes)])
        kept = [axis for axis in self.image.axes if axis in self.axes]
        pixels = pixels.transpose([kept.index(axis) for axis in self.axes])
        # The fourth sample is transparency.
        return pixels[..., :3] if pixels.ndim == 3 else pixels


def _table(image: Image, measured: _Measured) -> pd.DataFrame:
    import pandas as pd

    from micrographia.features.columns import channel_endings

    many = image.size("C") > 1
    named = image.channels if many and len(image.channels) == image.size("C") else ()
    endings = channel_endings(named or ([f"Channel{c}" for c in range(image.size("C"))] if many else [""]))
    stack = [axis for axis in "TZ" if image.size(axis) > 1]
    rows = []
    for at in np.ndindex(*(image.size(axis) for axis in stack)):
        index = {axis: 0 for axis in image.axes if axis in "TZ"} | dict(zip(stack, map(int, at), strict=True))
        keys = {f"Metadata_{axis}": index[axis] for axis in stack}
        joined: list[dict[str, Any]] = []
        for c, ending in enumerate(endings):
            plane = _Plane(image, index | ({"C": c} if "C" in image.axes else {}))
            with np.errstate(all="ignore"):  # what is not defined for a degenerate plane is NaN in the table
                rows_of_plane = measured(plane, plane_levels(plane))
            for k, (place, found) in enumerate(rows_of_plane):
                if c == 0:
                    joined.append(keys | place)
                joined[k] |= {_with_channel(name, ending): value for name, value in found.items()}
        rows += joined
    return pd.DataFrame(rows)


def _with_channel(name: str, ending: str) -> str:
    """CellProfiler puts the side of the squares behind the channel."""
    return f"{name}{ending}_20" if name.endswith("LocalFocusScore") else name + ending


def _tiles(plane: _Plane, levels: PlaneLevels, side: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    for where in blocks(plane.shape[:2], (side, side)):
        yield where[0].start, where[1].start, plane_quality(plane[where], levels)


def _whole(plane: _Plane, levels: PlaneLevels) -> dict[str, float]:
    if plane.shape[0] * plane.shape[1] <= LARGEST:
        return plane_quality(plane[:, :], levels)
    return _combined([found for _, _, found in _tiles(plane, levels, TILE)], plane, levels)


def _combined(tiles: list[dict[str, float]], plane: _Plane, levels: PlaneLevels) -> dict[str, float]:
    """Values of a large plane from those of its tiles; see the head of this module."""

    def every(name: str) -> np.ndarray:
        return np.array([tile[PREFIX + name] for tile in tiles])

    def of(name: str) -> np.ndarray:
        return every(name)[known > 0]

    area, scaling = every("TotalArea"), tiles[0][PREFIX + "Scaling"]
    known = area * (1 - every("PercentNotFinite") / 100)
    if not known.any():
        return tiles[0] | {f"{PREFIX}TotalArea": float(area.sum())}
    share = known[known > 0] / known.sum()
    mean = float(share @ of("MeanIntensity"))
    low, high = of("MinIntensity").min(), of("MaxIntensity").max()
    thin = grey(lattice(plane))
    surface = background(thin, levels.bright)
    contrast = abs(levels.objects.objects - levels.objects.background)
    thin = thin[np.isfinite(thin)] / scaling
    middle = float(np.median(thin)) if thin.size else mean
    exact = {
        "MeanIntensity": mean,
        "MedianIntensity": middle,
        "StdIntensity": float(np.sqrt(share @ (of("StdIntensity") ** 2 + (of("MeanIntensity") - mean) ** 2))),
        "MADIntensity": float(np.median(np.abs(thin - middle))) if thin.size else 0.0,
        "MinIntensity": low,
        "MaxIntensity": high,
        "TotalIntensity": of("TotalIntensity").sum(),
        "TotalArea": area.sum(),
        "PercentMaximal": share @ (of("PercentMaximal") * (of("MaxIntensity") == high)),
        "PercentMinimal": share @ (of("PercentMinimal") * (of("MinIntensity") == low)),
        "DebrisSpots": of("DebrisSpots").sum(),
        "DebrisFibres": of("DebrisFibres").sum(),
        "Signal": of("Signal").max(),
    }
    by_area = ("PercentSaturated", "PercentDebris", "PercentNotFinite")
    exact |= {name: float((area / area.sum()) @ every(name)) for name in by_area}
    exact |= {"BackgroundSpan": surface.span / contrast if contrast > 0 else np.nan}
    exact |= {"VignettingFallOff": surface.fall_off, "BackgroundLevel": levels.objects.background / scaling}
    # Tiles without objects have no focus.
    seen = of("Signal") > 0.3 * of("Signal").max()
    rest = [name.removeprefix(PREFIX) for name in tiles[0] if name.removeprefix(PREFIX) not in exact]
    exact |= {name: _median(of(name)[seen]) for name in rest}
    return {name: float(exact[name.removeprefix(PREFIX)]) for name in tiles[0]}


def _median(values: np.ndarray) -> float:
    """Of the values that are known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _as_image(image: Image | np.ndarray) -> Image:
    if not isinstance(image, Image):
        data = image if hasattr(image, "dtype") else np.asarray(image)
        axes = {2: "YX", 3: "YXS"}.get(len(data.shape) if len(data.shape) == 2 or data.shape[-1] in (3, 4) else 0)
        if axes is None:
            raise InputError(
                f"An image of shape {tuple(data.shape)} needs names for its dimensions: micrographia.Image(data, axes)."
            )
        image = Image(data, axes)
    if 0 in image.shape:
        raise InputError(f"{image.name} holds no pixels (its shape is {image.shape}).")
    if "Y" not in image.axes or "X" not in image.axes:
        raise InputError(f"{image.name}: an image has the axes Y and X, not '{image.axes}'.")
    if image.dtype.kind not in "biuf":
        raise InputError(f"{image.name}: pixels of type {image.dtype} have no intensity to measure.")
    return image
