"""Run somebody else's bioimage.io model on an image: preprocessing, tiles where it is large, postprocessing."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.models.package import ModelPackage
from micrographia.models.processing import check_steps, postprocess, preprocess
from micrographia.models.runtime import Network
from micrographia.models.tensors import LETTERS, Axis, Like, Steps, TensorSpec

_MARGIN = 64  # pixels of context where a model that must be tiled names no halo


@dataclass(frozen=True)
class _Cut:
    """How one tiled axis of the input is cut: tiles of ``size`` that share ``margin`` with their neighbours."""

    length: int
    size: int
    margin: int

    @property
    def core(self) -> int:
        return self.size - 2 * self.margin

    @property
    def starts(self) -> range:
        return range(0, self.length, self.core)


def run_foreign(
    package: ModelPackage,
    image: Image | np.ndarray,
    *,
    axes: str | None = None,
    tile: int = 1024,
    threads: int | None = None,
) -> dict[str, Image]:
    """Run a model that takes one image.

    Parameters
    ----------
    package : ModelPackage
        A bioimage.io model with one input whose axes are channels, time and space.
    image : Image or ndarray
        The picture; its axes in any order. Axes of length 1 may be missing or too many.
    axes : str, optional
        Axis letters of an array (``"YX"``, ``"CZYX"``); not needed for an Image.
    tile : int
        Longest side of the blocks that go through the network at once, where the model lets us choose (a quarter of
        it for 3-D models).
    threads : int, optional
        Threads for the network.

    Returns
    -------
    dict
        Output id to Image with the output's axes. An output on a coarser grid has a larger pixel size. What was
        assumed is in ``notes``.

    Raises
    ------
    InputError
        Where the image lacks an axis, has other channels than the model, or the model asks for a step or a form of
        output that is not supported.

    Notes
    -----
    Statistics of the preprocessing are taken from the whole image. At the image's border and where it ends before a
    tile does, the picture is mirrored. An output pixel comes from the tile that holds it at least the model's halo
    away from the tile's edge, so that tiled and whole results agree for every network that sees no farther. An image
    that fits into a model's one fixed size goes through in one piece, without a margin.
    """
    if isinstance(image, np.ndarray):
        if axes is None:
            raise InputError("Name the axes of the array, for example axes='YX'.")
        image = Image(image, axes)
    if len(package.inputs) != 1:
        names = ", ".join(s.id for s in package.inputs)
        raise InputError(f"{package.path}: this model takes {len(package.inputs)} inputs ({names}), not one image.")
    spec = package.inputs[0]
    for s in (spec, *package.outputs):
        if "?" in s.letters:
            raise InputError(f"{package.path}: tensor '{s.id}' has an axis that an image does not have: {s.axis_ids}.")
    try:
        check_steps((spec, *package.outputs))
    except InputError as error:
        raise InputError(f"{package.path}: {error}") from error
    raw = {spec.id: _tensor(package, spec, image)}
    x = preprocess(raw, [spec])[spec.id]
    notes = list(image.notes)
    cuts = _plan(package, spec, x.shape, tile, notes)
    results = _run_tiles(package, spec, x, cuts, package.network(threads))
    results = postprocess(results, package.outputs, raw, [spec])
    return {s.id: _image(s, spec, results[s.id], image, tuple(notes)) for s in package.outputs}


def _tensor(package: ModelPackage, spec: TensorSpec, image: Image) -> np.ndarray:
    """The image with the axes of the model's input."""
    letters = spec.letters
    if "S" in image.axes and "C" in letters and "C" not in image.axes:
        image = replace(image, axes=image.axes.replace("S", "C"), channels=())
    data = image.array(letters)
    for a, size in zip((a for a in spec.axes if a.type != "batch"), data.shape, strict=True):
        if a.type == "channel" and size != a.size:
            raise InputError(f"{image.name}: has {size} channels, but the model {package.name} takes {a.size}.")
    batch = [i for i, a in enumerate(spec.axes) if a.type == "batch"]
    return np.expand_dims(data, batch[0]) if batch else data


def _plan(package: ModelPackage, spec: TensorSpec, shape: tuple[int, ...], tile: int, notes: list[str]) -> list[_Cut]:
    """One cut for each axis of the input; channels and batch are never cut."""
    flat = sum(a.type == "space" for a in spec.axes) < 3
    side = tile if flat else max(tile // 4, 16)
    cuts = []
    for a, length in zip(spec.axes, shape, strict=True):
        size: int | Steps | Like | None = a.size
        if isinstance(size, Like):
            size = spec.axis(size.axis).size if size.tensor == spec.id else None
        if a.type in ("batch", "channel") or (isinstance(size, int) and size == length == 1):
            cuts.append(_Cut(length, length, 0))
            continue
        needed, grain, lost = _context(package, spec, a)
        if isinstance(size, int) and length <= size and not lost:  # as its authors ran it
            cuts.append(_Cut(length, size, 0))
            continue
        if isinstance(size, int):
            chosen, margin = size, needed
        else:
            steps = size if isinstance(size, Steps) else Steps(1, 1)
            margin = needed
            chosen = steps.at_least(min(length + 2 * margin, max(side, 4 * margin)))
        if not margin and length > chosen:
            margin = -(-min(_MARGIN, chosen // 8) // grain) * grain
            note = f"The model {package.name} names no halo; its blocks overlap by {2 * margin} pixels."
            if note not in notes:
                notes.append(note)
            if not isinstance(size, int):
                chosen = steps.at_least(max(side, 4 * margin))
        margin += -margin % grain
        margin = margin if (chosen - 2 * margin) > 0 else needed
        core = chosen - 2 * margin
        if core <= 0:
            raise InputError(f"{package.path}: the halo of this model is larger than its block of {chosen} pixels.")
        if core % grain:  # the rest of a tile on a coarser grid would belong to nobody
            raise InputError(f"{package.path}: blocks of {chosen} pixels do not fit the grid of this model's outputs.")
        cuts.append(_Cut(length, chosen, margin))
    return cuts


def _context(package: ModelPackage, spec: TensorSpec, axis: Axis) -> tuple[int, int, bool]:
    """Input pixels to keep from a tile's edge, the grain of the outputs' grid, and whether outputs are smaller."""
    needed, grain, lost = Fraction(0), 1, False
    for out in package.outputs:
        for a in out.axes:
            if isinstance(a.size, Like) and (a.size.tensor, a.size.axis) == (spec.id, axis.id):
                ratio = _ratio(axis, a)
                needed = max(needed, (a.halo - Fraction(min(a.size.offset, 0), 2)) / ratio)
                grain = math.lcm(grain, ratio.denominator)
                lost = lost or a.size.offset < 0
    rounded = -(-needed // grain) * grain
    return int(rounded), grain, lost


def _ratio(reference: Axis, axis: Axis) -> Fraction:
    """Output pixels for one input pixel."""
    return (Fraction(reference.scale) / Fraction(axis.scale)).limit_denominator(64)


def _run_tiles(
    package: ModelPackage, spec: TensorSpec, x: np.ndarray, cuts: list[_Cut], network: Network
) -> dict[str, np.ndarray]:
    results: dict[str, np.ndarray] = {}
    for starts in itertools.product(*(c.starts for c in cuts)):
        block = network({spec.id: _block(x, cuts, starts)})
        for out in package.outputs:
            got = block[out.id]
            if got.ndim != len(out.axes):
                raise InputError(
                    f"{package.path}: output '{out.id}' has {got.ndim} axes, but {len(out.axes)} are described."
                )
            take, put, shape = [], [], []
            for i, a in enumerate(out.axes):
                t, p, s = _place(package, spec, a, got.shape[i], cuts, starts)
                take.append(t)
                put.append(p)
                shape.append(s)
            if out.id not in results:
                results[out.id] = np.empty(shape, got.dtype)
            results[out.id][tuple(put)] = got[tuple(take)]
    return results


def _block(x: np.ndarray, cuts: list[_Cut], starts: tuple[int, ...]) -> np.ndarray:
    """One tile with its margin, mirrored where it reaches beyond the image."""
    block = x
    for i, (c, start) in enumerate(zip(cuts, starts, strict=True)):
        if c.size == c.length and not c.margin:
            continue  # the whole axis
        at = np.arange(start - c.margin, start - c.margin + c.size) % (2 * c.length)
        at = np.where(at < c.length, at, 2 * c.length - 1 - at)
        block = np.take(block, at, axis=i)
    return block


def _place(
    package: ModelPackage, spec: TensorSpec, axis: Axis, size: int, cuts: list[_Cut], starts: tuple[int, ...]
) -> tuple[slice, slice, int]:
    """Along one axis of an output: what to take of a tile's result, where to put it, and the whole length."""
    if not isinstance(axis.size, Like) or axis.size.tensor != spec.id:
        if axis.type in ("space", "time") and any(len(c.starts) > 1 or c.margin for c in cuts):
            raise InputError(
                f"{package.path}: the size of output axis '{axis.id}' does not follow the image; not supported."
            )
        return slice(0, size), slice(0, size), size
    i = spec.axis_ids.index(axis.size.axis)
    cut, start = cuts[i], starts[i]
    ratio = _ratio(spec.axes[i], axis)
    length = -int(-cut.length * ratio // 1)
    begin, core = int(start * ratio), int(cut.core * ratio)
    count = min(core, length - begin)
    skip = Fraction(axis.size.offset, 2) + cut.margin * ratio
    if skip.denominator != 1 or skip < 0 or skip + count > size:
        raise InputError(
            f"{package.path}: output axis '{axis.id}' has {size} entries, which does not fit its description."
        )
    return slice(int(skip), int(skip) + count), slice(begin, begin + count), length


def _image(out: TensorSpec, spec: TensorSpec, result: np.ndarray, image: Image, notes: tuple[str, ...]) -> Image:
    letters = out.letters
    batch = [i for i, a in enumerate(out.axes) if a.type == "batch"]
    pixel_size = {}
    for a in out.axes:
        letter = LETTERS.get(a.id, "")
        if letter in image.pixel_size and isinstance(a.size, Like) and a.size.tensor == spec.id:
            pixel_size[letter] = image.pixel_size[letter] / float(_ratio(spec.axis(a.size.axis), a))
    channels = next((a.names for a in out.axes if a.type == "channel"), ())
    return Image(
        result[(0,) if batch == [0] else ...], letters, pixel_size, channels, f"{image.name}_{out.id}", "", notes
    )
