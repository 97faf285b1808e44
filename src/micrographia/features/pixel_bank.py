"""The feature bank of pixel classification: which filters at which scales, computed block by block.

Order of the maps: channel by channel; for each channel the (filter, σ) pairs as they are selected; eigenvalues largest
first. With :meth:`Bank.grid` filters are the outer and scales the inner loop. ilastik keeps the channels of one
(filter, σ) pair together instead: see :meth:`Bank.ilastik_order`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.features.pixel_filters import FILTERS, compute, halo
from micrographia.features.pixel_tiles import tiles, whole_or_core
from micrographia.geometry.scratch import Scratch

SIGMAS = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""ilastik's scales in pixels."""

ILASTIK_FILTERS = ("gaussian", "laplacian", "gradient", "difference", "structure", "hessian")
"""ilastik's filters, in its order."""

SMALLEST, LARGEST = 0.1, 100.0
"""Bounds of σ."""

_SMALLEST_DERIVATIVE = 0.7
"""Below this scale ilastik offers the Gaussian only."""

_TILES = {2: (64, 1024), 3: (64, 64, 256)}
"""Sizes in which a part is computed, so that what is needed between two filters stays small."""


@dataclass(frozen=True)
class Bank:
    """Filters and scales whose maps are the features of a pixel.

    Attributes
    ----------
    selection : tuple of (filter, σ)
        Keys of :data:`micrographia.features.pixel_filters.FILTERS` and scales in pixels.
    dimensions : int
        2: images (C, Y, X); 3: volumes (C, Z, Y, X).
    maps : tuple of int, optional
        Only these maps of the full list, in this order (what an automatic selection found); all otherwise.
    flat : tuple of float
        Scales that are computed slice by slice in a volume (ilastik's ``ComputeIn2d``). Their eigenvalues are two.
    levels : tuple of (low, high), optional
        Of each channel (or one for all) the range of intensities that the local entropy divides into bins.

    Notes
    -----
    The smoothed image is kept in float32, whose numbers near 60,000 lie 0.004 apart. Where contrasts are small beside
    such an offset, differences at large scales are lost: of an image with a contrast (standard deviation) of 30 on
    60,000 the difference of Gaussians has an error of 0.7 % of its own standard deviation at σ = 1, 4 % at 3.5, 12 %
    at 10 and more than 100 % at 50; Laplacian and Hessian 1 % at 3.5, 3 to 4 % at 10 and 70 to 85 % at 50; the
    gradient less than 2 % even there. The error goes with offset / contrast. Subtract the offset from all images first.

    Examples
    --------
    >>> bank = Bank.grid(filters=("gaussian", "hessian"), sigmas=(1.6,))
    >>> bank.names(["DAPI"])[:2]
    ['Gaussian (σ=1.6) DAPI', 'Hessian of Gaussian eigenvalue 1 (σ=1.6) DAPI']
    >>> bank.compute(np.zeros((1, 20, 30), np.float32)).shape
    (3, 20, 30)
    """

    selection: tuple[tuple[str, float], ...]
    dimensions: int = 2
    maps: tuple[int, ...] | None = None
    flat: tuple[float, ...] = ()
    levels: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        selection = tuple((str(name), float(sigma)) for name, sigma in self.selection)
        object.__setattr__(self, "selection", selection)
        object.__setattr__(self, "flat", tuple(float(sigma) for sigma in self.flat))
        if self.maps is not None:
            object.__setattr__(self, "maps", tuple(int(k) for k in self.maps))
            if not self.maps or min(self.maps) < 0 or len(set(self.maps)) < len(self.maps):
                raise RequestError("Name at least one feature map to keep, counted from 0, and none twice.")
        if self.levels is not None:
            object.__setattr__(self, "levels", tuple((float(low), float(high)) for low, high in self.levels))
        if self.dimensions not in (2, 3):
            raise RequestError(f"Features are computed in 2 or 3 dimensions, not in {self.dimensions}.")
        if not selection or len(set(selection)) < len(selection):
            raise RequestError("Choose at least one filter and one scale, and none twice.")
        for name, sigma in selection:
            if name not in FILTERS:
                raise RequestError(f"There is no filter {name!r}; there are {', '.join(FILTERS)}.")
            if not SMALLEST <= sigma <= LARGEST:
                raise RequestError(f"A scale must be between {SMALLEST:g} and {LARGEST:g} pixels, not {sigma:g}.")

    @classmethod
    def grid(
        cls,
        filters: Iterable[str] = ILASTIK_FILTERS,
        sigmas: Iterable[float] = SIGMAS,
        dimensions: int = 2,
        **more: Any,
    ) -> Bank:
        """Every filter at every scale; below σ = 0.7 the Gaussian only, as in ilastik (49 maps without arguments)."""
        pairs = itertools.product(filters, sorted(sigmas))
        chosen = [(name, s) for name, s in pairs if name == "gaussian" or s >= _SMALLEST_DERIVATIVE]
        return cls(tuple(chosen), dimensions, **more)

    @property
    def halo(self) -> int:
        """Pixels that a block must see on each side, where the image goes on, for exact values."""
        return max(halo(name, sigma) for name, sigma in self.selection)

    @property
    def needs_levels(self) -> bool:
        """Whether :meth:`with_levels` has something to do."""
        return self.levels is None and any(name == "entropy" for name, _ in self.selection)

    def count(self, channels: int) -> int:
        """Number of maps of an image with so many channels."""
        return len(self._kept(channels))

    def names(self, channels: Sequence[str]) -> list[str]:
        """Title of every map, such as ``"Gaussian (σ=1.6) DAPI"``.

        Parameters
        ----------
        channels : sequence of str
            Channel names; one without a name adds nothing.

        Returns
        -------
        list of str
        """
        titles = [f"{title} (σ={sigma:g})" for title, sigma in self._titles()]
        full = [f"{title} {channel}".strip() for channel in channels for title in titles]
        return [full[k] for k in self._kept(len(channels))]

    def compute(
        self, pixels: np.ndarray, core: Sequence[slice] | None = None, *, out: np.ndarray | None = None
    ) -> np.ndarray:
        """All maps of an image or of the core of a block.

        Parameters
        ----------
        pixels : (C, [Z,] Y, X) array
            An image, or a block of it that holds :attr:`halo` pixels around the core, fewer only where the image ends:
            the block's borders are mirrored like the image's. The intensities are used as they are.
        core : sequence of slice, optional
            The part of the block that is wanted, one slice an axis without the channels; the whole otherwise.
        out : (F, *core) float32 array, optional
            Is filled and returned; a new array otherwise.

        Returns
        -------
        (F, *core) float32 array
            Block by block it equals the whole image's bit for bit. One thread; the interpreter lock is released. A
            pixel that is not a number makes those around it so, as far as the filters reach: replace it before.

        Raises
        ------
        InputError
            Where the axes, the size or the number of channels do not fit the bank.
        RequestError
            Where the local entropy is wanted and the range of intensities is not known: see :meth:`with_levels`.
        """
        pixels = np.asarray(pixels)
        if pixels.ndim != self.dimensions + 1 or 0 in pixels.shape:
            axes = "CYX" if self.dimensions == 2 else "CZYX"
            raise InputError(f"Features need pixels with the axes {axes}; these have the shape {pixels.shape}.")
        if self.needs_levels:
            raise RequestError("The local entropy needs the range of the intensities: Bank.with_levels(image).")
        part = whole_or_core(core, pixels.shape[1:])
        shape = tuple(s.stop - s.start for s in part)
        wanted = self._wanted(len(pixels))
        full = (self.count(len(pixels)), *shape)
        if out is None:
            out = np.empty(full, np.float32)
        elif out.shape != full or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f"out must be a contiguous float32 array of the shape {full}")
        scratch = Scratch()
        for channel, of_channel in wanted.items():
            image = np.require(pixels[channel], np.float32, ["C", "W"])
            for tile in tiles(part, _TILES[self.dimensions]):
                where = tuple(t.start - p.start for t, p in zip(tile, part))
                self._tile(image, tile, channel, of_channel, out, where, scratch)
        return out

    def with_levels(self, images: Sequence[np.ndarray]) -> Bank:
        """The same bank with the range of intensities of each channel, where the local entropy needs it.

        Parameters
        ----------
        images : sequence of (C, [Z,] Y, X) arrays
            The images it learns from; their 0.1 and 99.9 percentiles are taken.
        """
        if not self.needs_levels:
            return self
        levels = []
        for channel in range(len(images[0])):
            values = np.concatenate([_sample(image[channel]) for image in images])
            low, high = np.percentile(values[np.isfinite(values)], (0.1, 99.9)) if np.isfinite(values).any() else (0, 1)
            levels.append((float(low), float(high) if high > low else float(low) + 1))
        return replace(self, levels=tuple(levels))

    def ilastik_order(self, channels: int) -> np.ndarray:
        """Positions of ilastik's features in the full list of maps (without ``maps``).

        ilastik's feature k is map ``ilastik_order(channels)[k]``, where the selection has ilastik's order: filter by
        filter, for each its scales, for each of these the channels, for each of these the eigenvalues.
        """
        sizes = [len(self._labels(name, sigma)) for name, sigma in self.selection]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        order = [
            channel * starts[-1] + start + k
            for start, size in zip(starts[:-1], sizes)
            for channel in range(channels)
            for k in range(size)
        ]
        return np.array(order, np.int64)

    def as_dict(self) -> dict[str, Any]:
        """What :meth:`from_dict` makes the same bank of; plain values for JSON."""
        return {
            "selection": [[name, sigma] for name, sigma in self.selection],
            "dimensions": self.dimensions,
            "maps": None if self.maps is None else list(self.maps),
            "flat": list(self.flat),
            "levels": None if self.levels is None else [list(pair) for pair in self.levels],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Bank:
        """The bank that :meth:`as_dict` described."""
        maps, levels = stored.get("maps"), stored.get("levels")
        return cls(
            tuple((name, sigma) for name, sigma in stored["selection"]),
            int(stored.get("dimensions", 2)),
            None if maps is None else tuple(maps),
            tuple(stored.get("flat", ())),
            None if levels is None else tuple((low, high) for low, high in levels),
        )

    def _labels(self, name: str, sigma: float) -> list[str]:
        return FILTERS[name].labels(2 if sigma in self.flat else self.dimensions)

    def _titles(self) -> list[tuple[str, float]]:
        return [(label, sigma) for name, sigma in self.selection for label in self._labels(name, sigma)]

    def _kept(self, channels: int) -> Sequence[int]:
        total = len(self._titles()) * channels
        if self.maps is None:
            return range(total)
        if max(self.maps) >= total:
            raise InputError(f"The features were chosen from more channels than the {channels} of this image.")
        return self.maps

    def _wanted(self, channels: int) -> dict[int, dict[float, dict[tuple[str, int], int]]]:
        """Channel → σ → (filter, number of its map) → position in the output."""
        each = [(name, sigma, k) for name, sigma in self.selection for k in range(len(self._labels(name, sigma)))]
        wanted: dict[int, dict[float, dict[tuple[str, int], int]]] = {}
        for position, number in enumerate(self._kept(channels)):
            channel, k = divmod(number, len(each))
            name, sigma, component = each[k]
            wanted.setdefault(channel, {}).setdefault(sigma, {})[name, component] = position
        return wanted

    def _tile(
        self,
        image: np.ndarray,
        tile: tuple[slice, ...],
        channel: int,
        wanted: Mapping[float, Mapping[tuple[str, int], int]],
        out: np.ndarray,
        where: tuple[int, ...],
        scratch: Scratch,
    ) -> None:
        levels = None if self.levels is None else self.levels[min(channel, len(self.levels) - 1)]
        for sigma, maps in wanted.items():
            if self.dimensions == 3 and sigma in self.flat:
                plane = np.empty((len(out), *(t.stop - t.start for t in tile[1:])), np.float32)
                to = tuple(slice(first, first + n) for first, n in zip(where[1:], plane.shape[1:]))
                for z in range(tile[0].start, tile[0].stop):
                    compute(image[z], tile[1:], sigma, maps, plane, (0, 0), levels, scratch)
                    for k in maps.values():
                        out[(k, where[0] + z - tile[0].start, *to)] = plane[k]
                continue
            near, inner = image, tile
            if self.dimensions == 3:
                # the first axis is smoothed over all of the image that is handed over
                reach = max(halo(name, sigma) for name, _ in maps)
                limits = zip(tile, image.shape)
                around = tuple(slice(max(0, t.start - reach), min(n, t.stop + reach)) for t, n in limits)
                near = scratch.array("near", tuple(a.stop - a.start for a in around))
                near[...] = image[around]
                inner = tuple(slice(t.start - a.start, t.stop - a.start) for t, a in zip(tile, around))
            compute(near, inner, sigma, maps, out, where, levels, scratch)


def _sample(image: np.ndarray, most: int = 250_000) -> np.ndarray:
    """Values of a regular lattice of pixels."""
    step = max(1, round((image.size / most) ** (1 / image.ndim)))
    return np.asarray(image[(slice(None, None, step),) * image.ndim], np.float64).ravel()
