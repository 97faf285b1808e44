"""``micrographia classify boundaries``: the objects between membranes, by the boundary workflow."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia import __version__
from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.folder_run import FolderRun, InputTask, run_folder
from micrographia.cli.input_files import AXES, PIXEL_SIZE, SCENE, read_input
from micrographia.cli.run_record import fingerprint
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    from micrographia.classify.boundaries.boundary_segmenter import BoundarySegmenter

DESCRIPTION = """
Find the objects that membranes or other boundaries separate: every pixel belongs to one. For an input cells.tif the
output folder gets cells_labels.tif (every object has its own number, in each plane of a stack anew) and
cells_overlay.png (outlines to look at). The same command again goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia classify boundaries slice.tif -m neurons.zip -o results
  micrographia classify boundaries slices/ -m neurons.zip --bias 0.4 -o results
"""


_STACKS = {"T": "time points", "Z": "z slices"}


class ClassifyBoundaries(Declared):
    """Options of ``micrographia classify boundaries``."""

    name = "classify boundaries"

    model: str | None = parameter(None, "Model by name (see 'micrographia models list') or path of a model .zip")
    out: str = parameter("micrographia-results", "Folder for the results; made where it is missing")
    bias: float | None = parameter(
        None,
        "Probability from which on an edge keeps its regions apart; less splits more. Otherwise the model's own",
        ge=0.01,
        le=0.99,
    )
    format: str = parameter(
        "auto",
        "Kind of label file: TIFF or OME-Zarr; auto stores as OME-Zarr the results of one",
        choices=("auto", "tif", "zarr"),
    )
    channels: tuple[str, ...] = parameter(
        (), "Channels to look at, by name or number from 0, in the order of the training; otherwise found by name"
    )
    axes: str | None = AXES
    scene: int = SCENE
    pixel_size: float | None = PIXEL_SIZE
    overwrite: bool = parameter(False, "Replace results that exist")


class BoundaryTask(InputTask):
    """One input of ``micrographia classify boundaries``."""

    @property
    def labels(self) -> Path:
        """The label image."""
        return self.picture("labels", self.options["format"])

    @property
    def files(self) -> list[str]:
        """Names of all results in the output folder."""
        return [self.labels.name, f"{self.name}_overlay.png"]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders (the images directly in them) or patterns in quotes"
    )
    flags.add_flags(parser, ClassifyBoundaries, short={"model": "-m", "out": "-o"})


def run(args: Namespace) -> int:
    """Segment the inputs, one after the other by all cores; 1 where some failed."""
    from micrographia.models.library import find_model
    from micrographia.models.runtime import usable_cores

    options = flags.read(args, ClassifyBoundaries)
    if options.model is None:
        raise RequestError("Say which model segments: -m MODEL.zip; 'micrographia train boundaries' makes one.")
    path = find_model(options.model)
    if segmenter(path, path.stat().st_mtime_ns).pixels_ is None:
        raise RequestError(f"{path} needs boundary probabilities beside each image; use it in Python.")
    values = {key: value for key, value in options.parameters().items() if key not in ("out", "overwrite")}
    folder = Path(options.out).expanduser().absolute()
    folder_run: FolderRun[BoundaryTask] = FolderRun(
        "classify boundaries",
        folder,
        values | {"model file": f"{path.name} ({fingerprint(path)})", "micrographia": __version__},
        task=lambda source, name: BoundaryTask(source, folder, name, values),
        work=make_results,
        jobs=lambda tasks: 1,
        cores=usable_cores(),
        say=_objects,
        doing="segmenting",
    )
    return run_folder(args.images, folder_run, overwrite=options.overwrite)


@lru_cache(maxsize=1)
def segmenter(path: Path, changed: int) -> BoundarySegmenter:
    """The model of a file, loaded once unless the file changes."""
    from micrographia.classify.boundaries.boundary_segmenter import BoundarySegmenter

    return BoundarySegmenter.load(path)


def make_results(task: BoundaryTask) -> dict[str, Any]:
    """Segment one input and write its results.

    Returns
    -------
    dict
        JSON values: source, name, number of objects, notes, warnings, seconds.

    Raises
    ------
    InputError
        Where the input cannot be used or a result cannot be written.
    """
    from micrographia.arrays.image import Image
    from micrographia.io.writing import write, write_labels
    from micrographia.models.library import find_model
    from micrographia.report.overlay import overlay

    start = time.perf_counter()
    path = find_model(task.options["model"])
    method = segmenter(path, path.stat().st_mtime_ns)
    if task.options["bias"] is not None:
        method.bias = task.options["bias"]
    image = read_input(task.source, task.options)
    seen = method.look_at(image, task.options["channels"])
    found = method.predict(image, channels=task.options["channels"])
    axes = "".join(a for a in "TZ" if a in image.axes and image.size(a) > 1) + "YX"
    stack = [a for a in axes[:-2] if a == "T" or method.dimensions == 2]
    sizes = {axis: size for axis, size in image.pixel_size.items() if axis in axes}
    write_labels(task.labels, Image(found, axes, sizes, name=task.name))
    middle = {axis: image.size(axis) // 2 for axis in "TZ" if axis in image.axes}
    shown = found[tuple(middle[axis] for axis in axes[:-2])]
    write(task.folder / task.files[1], overlay(image.take(**middle), shown), axes="YXS")
    planes = found.reshape(-1, *found.shape[-2:]) if method.dimensions == 2 else [found]
    return {
        "source": str(task.source),
        "name": task.name,
        "objects": int(sum(np.max(plane) for plane in planes)),
        "notes": [
            *image.notes,
            *(f"{image.size(a)} {_STACKS[a]}, each segmented on its own." for a in stack),
            *seen.notes,
        ],
        "warnings": [],
        "seconds": round(time.perf_counter() - start, 2),
    }


def _objects(outcomes: Sequence[dict[str, Any]]) -> str:
    return counted(sum(outcome["objects"] for outcome in outcomes), "object")
