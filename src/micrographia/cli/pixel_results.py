"""One image of a batch: read it, classify its pixels region by region, write the results as TIFF or OME-Zarr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.cli.folder_run import InputTask
from micrographia.cli.input_files import read_input

if TYPE_CHECKING:
    from micrographia.classify.pixels.image_channels import ImageChannels
    from micrographia.classify.pixels.pixel_blocks import Predicted
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier

OUTPUTS = ("probabilities", "classes", "uncertainty", "labels")
"""What can be written of the classes of an image's pixels."""

_CHUNKS = {"Z": 32, "Y": 256, "X": 256}
"""Chunks of the results of volumes."""

_OTHER_SCALE = 50
"""Intensities so many times larger or smaller than those of the training come from another way to store pictures."""


class PixelTask(InputTask):
    """One input of ``micrographia classify pixels``."""

    def path(self, output: str) -> Path:
        """File of one of `OUTPUTS`: OME-Zarr or TIFF."""
        return self.picture(output, self.options["format"])

    @property
    def files(self) -> list[str]:
        """Names of all results in the output folder."""
        return [self.path(output).name for output in self.options["output"]]


def classifier(model: str) -> PixelClassifier:
    """The pixel classifier of a model by name or path, loaded once in each process unless its file changes."""
    from micrographia.models.library import find_model

    path = find_model(model)
    return _loaded(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int) -> PixelClassifier:
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier

    return PixelClassifier.load(path)


def make_results(task: PixelTask, progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
    """Classify the pixels of one input and write its results.

    Returns
    -------
    dict
        JSON values for the record: source, files, shares of the classes, objects where they are labelled, notes,
        warnings, seconds.

    Raises
    ------
    InputError
        Where the input cannot be used or a result cannot be written.
    """

    start = time.perf_counter()
    options, method = task.options, classifier(task.options["model"])
    image = read_input(task.source, options)
    seen = method.look_at(image, options["channels"])
    counts = np.zeros(len(method.classes_), np.int64)
    facts: dict[str, Any] = {}
    with ExitStack() as stack:
        sinks = [stack.enter_context(_SINKS[output](task, method, seen, facts)) for output in options["output"]]
        for part in method.predict_blocks(seen, threads=task.threads or None, progress=progress):
            best = part.probabilities.argmax(axis=0)
            counts += np.bincount(best.reshape(-1), minlength=len(counts))
            for put in sinks:
                put(part, best)
    return {
        "source": str(task.source),
        "name": task.name,
        "files": task.files,
        "shape": list(image.shape),
        "axes": image.axes,
        "shares": dict(zip(method.classes_, (counts / counts.sum()).tolist(), strict=True)),
        **facts,
        "notes": list(dict.fromkeys([*image.notes, *_notes(seen), *seen.notes])),
        "warnings": _warnings(seen, method.example_),
        "seconds": round(time.perf_counter() - start, 2),
    }


Put = Callable[["Predicted", np.ndarray], None]


@contextmanager
def _probabilities(
    task: PixelTask, method: PixelClassifier, seen: ImageChannels, facts: dict[str, Any]
) -> Iterator[Put]:
    kind = task.options["pixel_type"]
    with _target(task, "probabilities", seen, np.dtype(kind), method.classes_) as (array, axes):
        yield lambda part, best: _put(array, axes, seen, part, _scaled(part.probabilities, kind))


@contextmanager
def _classes(task: PixelTask, method: PixelClassifier, seen: ImageChannels, facts: dict[str, Any]) -> Iterator[Put]:
    with _target(task, "classes", seen, np.dtype(np.uint8)) as (array, axes):
        yield lambda part, best: _put(array, axes, seen, part, (best + 1).astype(np.uint8))


@contextmanager
def _uncertainty(task: PixelTask, method: PixelClassifier, seen: ImageChannels, facts: dict[str, Any]) -> Iterator[Put]:
    from micrographia.classify.learners.uncertainty import margin

    kind = task.options["pixel_type"]
    with _target(task, "uncertainty", seen, np.dtype(kind)) as (array, axes):
        yield lambda part, best: _put(array, axes, seen, part, _scaled(margin(part.probabilities), kind))


@contextmanager
def _labels(task: PixelTask, method: PixelClassifier, seen: ImageChannels, facts: dict[str, Any]) -> Iterator[Put]:
    """Objects need the whole plane or volume: its probabilities are kept until the last of its regions has come."""
    from micrographia.classify.pixels.pixel_blocks import REGION, scratch_array
    from micrographia.classify.pixels.strokes import class_number
    from micrographia.segment.lazy_planes import PlaneOf
    from micrographia.segment.object_blocks import objects_in_blocks
    from micrographia.segment.probability_objects import ObjectOptions

    known = {p.name for p in ObjectOptions.declared()}
    options = ObjectOptions(**{key: value for key, value in task.options.items() if key in known})
    chosen = [method.class_of_objects(task.options["object_class"])]
    if options.split == "seeds":
        chosen.append(class_number(str(options.seed_class), method.classes_))
        options = ObjectOptions(**options.parameters() | {"seed_class": 2})
    size = REGION[len(seen.shape)]
    facts["objects"] = 0
    at: tuple[int, ...] | None = None

    def finish() -> None:
        if at is not None:
            target = array[at] if isinstance(array, np.ndarray) else PlaneOf(array, at)
            facts["objects"] += objects_in_blocks(kept, 0, target, options, block=[2 * n for n in size])

    def put(part: Predicted, best: np.ndarray) -> None:
        nonlocal at
        if part.at != at:
            finish()
            at = part.at
        kept[(slice(None), *part.region)] = part.probabilities[chosen]

    with (
        _target(task, "labels", seen, np.dtype(np.int32)) as (array, _),
        scratch_array((len(chosen), *seen.shape), (1, *size)) as kept,
    ):
        yield put
        finish()


_SINKS: dict[str, Any] = {
    "probabilities": _probabilities,
    "classes": _classes,
    "uncertainty": _uncertainty,
    "labels": _labels,
}
"""What takes the regions of an image as they are made, and writes one output."""


@contextmanager
def _target(
    task: PixelTask, output: str, seen: ImageChannels, dtype: np.dtype, classes: tuple[str, ...] = ()
) -> Iterator[tuple[Any, str]]:
    """An array that becomes the file of an output when the block ends well, and its axes."""
    from micrographia.io.writing import write
    from micrographia.io.zarr_writer import create_zarr

    sizes = dict(zip(seen.stack_axes + seen.space, (*seen.stack_shape, *seen.shape), strict=True))
    sizes |= {"C": len(classes)} if classes else {}
    axes = "".join(axis for axis in "TCZYX" if axis in sizes)
    shape = [sizes[axis] for axis in axes]
    pixel_size = {axis: size for axis, size in seen.image.pixel_size.items() if axis in axes}
    path = task.path(output)
    if path.suffix == ".zarr":
        chunks = [_CHUNKS.get(axis, 1) for axis in axes] if seen.space == "ZYX" else None
        with create_zarr(
            path, shape, axes, dtype, pixel_size=pixel_size, channels=classes, chunks=chunks,
            labels=output in ("classes", "labels"),
        ) as new:  # fmt: skip
            yield new.array, axes
        return
    array = np.zeros(shape, dtype)
    yield array, axes
    write(path, Image(array, axes, pixel_size, classes, name=task.name))


def _put(array: Any, axes: str, seen: ImageChannels, part: Predicted, values: np.ndarray) -> None:
    where: dict[str, Any] = dict(zip(seen.stack_axes, part.at, strict=True))
    where |= dict(zip(seen.space, part.region, strict=True))
    array[tuple(where.get(axis, slice(None)) for axis in axes)] = values


def _scaled(values: np.ndarray, kind: str) -> np.ndarray:
    """Values from 0 to 1 as they are, or spread over the whole numbers of a type."""
    if kind == "float32":
        return values.astype(np.float32, copy=False)
    return np.rint(values * np.iinfo(kind).max).astype(kind)


def _notes(seen: ImageChannels) -> list[str]:
    words = {"T": "time points", "Z": "z slices"}
    return [
        f"{count} {words[axis]}, each classified on its own."
        for axis, count in zip(seen.stack_axes, seen.stack_shape, strict=True)
    ]


def _warnings(seen: ImageChannels, learned: np.ndarray | None) -> list[str]:
    from micrographia.arrays.normalize import sample

    axes = seen.image.axes
    values = sample(seen.image.data, [axes.index(axis) for axis in seen.space])
    constant = values.size and values.min() == values.max()
    if constant:
        return ["The picture is constant (or nearly so): nothing can be told apart in it."]
    both = (values, learned)
    here, there = (float(np.abs(pixels).max()) if pixels is not None and pixels.size else 0.0 for pixels in both)
    if min(here, there) and max(here / there, there / here) > _OTHER_SCALE:
        return [
            f"Intensities are much {'larger' if here > there else 'smaller'} than those of the training, which reach "
            f"{there:.4g}: they seem to be stored in another way (8 or 16 bits, 0 to 1). Store them as those were, or "
            "train on such images."
        ]
    return []
