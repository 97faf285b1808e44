"""Apply a star-polygon model package to planes: in memory, or from and to OME-Zarr with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.blocks import Block, blocks, inside
from micrographia.arrays.errors import RequestError
from micrographia.arrays.image import Image
from micrographia.geometry.render import present
from micrographia.models.other_kind import other_kind
from micrographia.segment.experts import Expert, Prepared, prepare
from micrographia.segment.plane_pixels import repeated
from micrographia.segment.scratch_map import scratch_map
from micrographia.segment.star_config import star_config
from micrographia.segment.star_decoding import Decoding, Stars, detect, render_region

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage

WINDOW = 2048
"""Largest side of what the network sees at once, in pixels; smaller planes are seen whole."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Segmentation:
    """Objects of one plane.

    Parameters
    ----------
    labels : (Y, X) int32 array
        Label image; 0 is background.
    stars : Stars
        The objects in it: anchors, ray lengths and probabilities.
    label : (n,) int32 array
        Label of each object.
    kind : str
        The kind of image that the model took it for.
    notes : list of str
        What was assumed or noticed, in sentences.
    """

    labels: np.ndarray
    stars: Stars
    label: np.ndarray
    kind: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def probability(self) -> np.ndarray:
        """Object probability of each object, in the order of `label`."""
        return self.stars.probability

    def probabilities(self) -> dict[int, float]:
        """Object probability by label."""
        return dict(zip(self.label.tolist(), self.stars.probability.tolist(), strict=True))

    @property
    def outlines(self) -> list[np.ndarray]:
        """Star polygon (rays, 2) of each object: vertices (y, x) in pixels."""
        return list(self.stars.outlines())


class Predictor:
    """A model package, ready to find objects in planes.

    Parameters
    ----------
    package : ModelPackage
        Made by the method ``stardist``: one network, or one for dark and one for bright backgrounds.
    threads : int, optional
        Threads of the network (all cores).
    window : int
        Largest side of what the network sees at once.

    Raises
    ------
    RequestError
        Where the package was not made by this method.
    InputError
        Where its config was changed into something that cannot be.
    """

    def __init__(self, package: ModelPackage, threads: int | None = None, window: int = WINDOW) -> None:
        if package.config.get("method") != "stardist":
            raise other_kind(package, "find objects")
        self.package, self.threads, self.window = package, threads, window
        config = star_config(package, WINDOW)
        self.channels, self.percentiles, self.experts = config.channels, config.percentiles, config.experts
        self.grid, self.stride, self.halo = config.grid, config.stride, config.halo
        self.colour = config.colour
        self._network: Any = None

    @property
    def all_channels(self) -> bool:
        """Whether the model looks at all channels of an image together."""
        return len(self.experts) == 1 and self.channels > 1

    def network(self) -> Any:
        """The network, loaded when it is first needed."""
        if self._network is None:
            self._network = self.package.network(self.threads)
        return self._network

    def segment(
        self,
        image: Image | np.ndarray,
        *,
        probability: float | None = None,
        overlap: float | None = None,
        background: str = "auto",
        progress: Progress = lambda done: None,
    ) -> Segmentation:
        """Find the objects of one plane.

        Parameters
        ----------
        image : Image or array
            (Y, X) grey, (Y, X, 3) colour, or an Image with axes YX, YXS or CYX.
        probability, overlap : float, optional
            Thresholds from 0 to 1, in place of the model's own.
        background : {"auto", "dark", "bright"}
            Whether the plane goes to the network for dark or for bright backgrounds, where the model has both.
        progress : callable
            Told the share that is done.

        Returns
        -------
        Segmentation

        Raises
        ------
        InputError
            Where the plane has other axes or channels than the model takes.
        RequestError
            Where a threshold is not from 0 to 1.
        """
        seen = prepare(image, self.experts, self.channels, self.percentiles, background, self.colour)
        decoding = _decoding(seen.expert, probability, overlap)
        shape = seen.plane.shape
        foreground = np.zeros(shape, np.uint8)
        stars = self._detect(seen, decoding, foreground, progress)
        labels = render_region(stars, foreground, (slice(0, shape[0]), slice(0, shape[1])), decoding)
        shown = present(labels, len(stars))
        return Segmentation(labels, stars.take(shown), stars.numbers[shown], seen.expert.name, seen.notes)

    def segment_to_zarr(
        self,
        image: Image,
        labels: Any,
        *,
        probability: float | None = None,
        overlap: float | None = None,
        background: str = "auto",
        progress: Progress = lambda done: None,
        scratch: Path | None = None,
        visit: Callable[[np.ndarray, np.ndarray, tuple[slice, slice], Stars], None] | None = None,
    ) -> Segmentation:
        """Find the objects of one plane of any size; the same labels as `segment`, written chunk by chunk.

        Parameters
        ----------
        image : Image
            Lazy data are read window by window.
        labels : array
            (Y, X) int32, written by blocks: a ``zarr.Array``.
        probability, overlap, background
            As in `segment`.
        scratch : Path, optional
            Folder for one byte a pixel of scratch space (the system's temporary folder).
        visit : callable, optional
            Called with (labels, label numbers that are anchored there, region, stars) for regions that hold
            each of these objects whole: to measure them.

        Returns
        -------
        Segmentation
            Its labels are the array that was given.
        """
        seen = prepare(image, self.experts, self.channels, self.percentiles, background, self.colour)
        decoding = _decoding(seen.expert, probability, overlap)
        shape = seen.plane.shape
        with scratch_map(shape, scratch) as (foreground, forget):

            def detected(done: float) -> None:
                forget()
                progress(0.9 * done)

            stars = self._detect(seen, decoding, foreground, detected)
            self._network = None  # it holds the memory of its largest run, which rendering can use
            step = 2 * max(getattr(labels, "chunks", (512,)))
            regions = list(blocks(shape, (step, step)))
            for count, region in enumerate(regions, 1):
                here = _anchored(stars, region)
                whole = _around(stars.boxes[here], region, shape)
                block = render_region(stars, foreground, whole, decoding)
                labels[region] = block[inside(region, whole)]
                if visit is not None and len(here):
                    visit(block, stars.numbers[here], whole, stars)
                forget()
                progress(0.9 + 0.1 * count / len(regions))
            del block
        return Segmentation(labels, stars, stars.numbers, seen.expert.name, seen.notes)

    def _detect(self, seen: Prepared, decoding: Decoding, foreground: Any, progress: Progress) -> Stars:
        plane = seen.plane
        if 0 in plane.shape:
            return Stars(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.float32), np.zeros(0, np.float32))
        network = self.network()

        def maps(window: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            pixels = seen.preparation.applied(plane.read(window), (window[0].start, window[1].start))
            missing = [w.stop - w.start - n for w, n in zip(window, pixels.shape[1:], strict=True)]
            if any(missing):
                pixels = np.pad(pixels, [(0, 0), (0, missing[0]), (0, missing[1])], mode="symmetric")
            feed = {"raw": repeated(pixels, self.channels)[None]}
            if len(self.experts) > 1:
                feed["kind"] = np.full((1, 1), float(seen.expert.bright), np.float32)
            out = network(feed)
            return out["probability"][0, 0], out["distance"][0], out["foreground"][0, 0]

        return detect(
            maps, plane.shape, decoding, foreground,
            window=self.window, halo=self.halo, stride=self.stride, grid=self.grid, progress=progress,
        )  # fmt: skip


def _decoding(expert: Expert, probability: float | None, overlap: float | None) -> Decoding:
    changes = {k: v for k, v in (("probability", probability), ("overlap", overlap)) if v is not None}
    for name, value in changes.items():
        if not (isinstance(value, Real) and 0 <= value <= 1):
            raise RequestError(f"The threshold '{name}' must be a number from 0 to 1, not {value!r:.80}.")
    return replace(expert.decoding, **changes)


def _anchored(stars: Stars, region: Block) -> np.ndarray:
    """Indices of the objects whose anchors lie in a region."""
    rows, columns = region
    y, x = stars.centres[:, 0], stars.centres[:, 1]
    return np.flatnonzero((y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop))


def _around(boxes: np.ndarray, region: Block, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The smallest region that holds a region and boxes (y0, y1, x0, x1) as far as they lie in the plane."""
    rows, columns = region
    box = np.vstack([boxes, [[rows.start, rows.stop, columns.start, columns.stop]]])
    low = np.maximum(box[:, [0, 2]].min(axis=0), 0)
    high = np.minimum(box[:, [1, 3]].max(axis=0), shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def load_predictor(model: str | Path = "nuclei", threads: int | None = None) -> Predictor:
    """The predictor of a model.

    Parameters
    ----------
    model : str or path
        Its name (built in or imported), or the path of its package.
    threads : int, optional
        Threads of the network; all cores where not given.

    Returns
    -------
    Predictor

    Raises
    ------
    InputError, RequestError
        Where there is no such model, or it cannot be used here.
    """
    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    return Predictor(open_package(find_model(model)), threads)
