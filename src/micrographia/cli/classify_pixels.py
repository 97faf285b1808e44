"""``micrographia classify pixels``: a class for every pixel of images of any number and size."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrographia import __version__
from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.batch import automatic_jobs, counted
from micrographia.cli.folder_run import FolderRun, run_folder
from micrographia.cli.input_files import AXES, PIXEL_SIZE, SCENE
from micrographia.cli.pixel_results import OUTPUTS, PixelTask, make_results
from micrographia.cli.run_record import fingerprint
from micrographia.method import Declared, parameter
from micrographia.segment.probability_objects import ObjectOptions, chosen_classes

DESCRIPTION = """
Give every pixel of images a class. For an input cells.tif the output folder gets cells_probabilities.tif (a channel for
each class), cells_classes.tif (the most probable class of each pixel: 1, 2, ...), cells_uncertainty.tif (1 where two
classes are equally probable) or cells_labels.tif (the objects of one class), as --output says. The same command again
goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia classify pixels cells.tif -m membranes.zip -o results
  micrographia classify pixels images/ -m membranes.zip --output probabilities uncertainty -o results
  micrographia classify pixels images/ -m nuclei_pixels.zip --output labels --object-class nucleus -o results
  micrographia classify pixels slide.ome.zarr -m membranes.zip --output classes -o results
"""

_LARGE = 64 * 2**20
"""Inputs from so many bytes on, and OME-Zarr, are worked on one after the other, each by all cores."""


class ClassifyPixels(Declared):
    """Options of ``micrographia classify pixels``."""

    name = "classify pixels"

    model: str | None = parameter(None, "Model by name (see 'micrographia models list') or path of a model .zip")
    out: str = parameter("micrographia-results", "Folder for the results; made where it is missing")
    output: tuple[str, ...] = parameter(("probabilities",), "What to write", choices=OUTPUTS)
    format: str = parameter(
        "auto",
        "Kind of file: TIFF or OME-Zarr; auto stores as OME-Zarr the results of one",
        choices=("auto", "tif", "zarr"),
    )
    pixel_type: str = parameter(
        "float32",
        "How probabilities and uncertainty are stored: 0 to 1, or spread over 0 to 255 or 65,535",
        choices=("float32", "uint8", "uint16"),
    )
    object_class: str | None = parameter(
        None, "Class whose objects --output labels numbers, by name or number from 1; otherwise the last painted"
    )
    channels: tuple[str, ...] = parameter(
        (), "Channels to look at, by name or number from 0, in the order of the training; otherwise found by name"
    )
    axes: str | None = AXES
    scene: int = SCENE
    pixel_size: float | None = PIXEL_SIZE
    jobs: int = parameter(
        0, "Images worked on at the same time; 0 chooses (one where images are large, by all cores together)", ge=0
    )
    overwrite: bool = parameter(False, "Replace results that exist")


_NOT_SETTINGS = ("out", "jobs", "overwrite")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders (the images directly in them) or patterns in quotes"
    )
    flags.add_flags(parser, ClassifyPixels, short={"model": "-m", "out": "-o"})
    flags.add_flags(parser, ObjectOptions, title="how probabilities become the objects of --output labels")


def run(args: Namespace) -> int:
    """Classify the pixels of the inputs; 1 where some failed."""
    options = flags.read(args, ClassifyPixels)
    typed = list(flags.given(args, ObjectOptions))
    if typed and "labels" not in options.output:
        raise RequestError(f"--{typed[0].replace('_', '-')} is about objects; it goes with --output labels.")
    return classify_files(args.images, options, flags.read(args, ObjectOptions))


def classify_files(images: Sequence[str | Path], options: ClassifyPixels, objects: ObjectOptions | None = None) -> int:
    """Classify the pixels of files into a folder, with resume; prints what it does.

    Parameters
    ----------
    images : sequence of paths
        Files, folders or patterns.
    options : ClassifyPixels
        Checked options.
    objects : ObjectOptions, optional
        How probabilities become objects, where labels are written.

    Returns
    -------
    int
        0 where all inputs are finished, 1 where some failed.

    Raises
    ------
    RequestError
        Where the folder holds results that this run would replace, or no model that classifies pixels is named.
    InputError
        Where the model is damaged, or the folder cannot be written to.
    """
    from micrographia.models.runtime import usable_cores

    objects = objects or ObjectOptions()
    options = ClassifyPixels(**options.parameters() | {"output": tuple(dict.fromkeys(options.output))})
    values = options.parameters() | (objects.parameters() if "labels" in options.output else {})
    settings = _settings(options, objects, values)
    folder, cores = Path(options.out).expanduser().absolute(), usable_cores()
    run: FolderRun[PixelTask] = FolderRun(
        "classify pixels",
        folder,
        settings,
        task=lambda path, name: PixelTask(path, folder, name, values),
        work=make_results,
        jobs=lambda tasks: options.jobs or _jobs(tasks, cores),
        cores=cores,
        say=_shares,
        doing="classifying",
        within=True,
    )
    return run_folder(images, run, overwrite=options.overwrite)


def _settings(options: ClassifyPixels, objects: ObjectOptions, values: dict[str, Any]) -> dict[str, Any]:
    """Everything that decides what the results look like; refuses a model that cannot be used before any work."""
    from micrographia.cli.pixel_results import classifier
    from micrographia.models.library import find_model

    if options.model is None:
        raise RequestError("Say which model classifies: -m MODEL.zip; 'micrographia train pixels' makes one.")
    if not options.output:
        raise RequestError(f"Say what to write: --output {'|'.join(OUTPUTS)}.")
    path = find_model(options.model)
    method = classifier(str(options.model))
    number = method.class_of_objects(options.object_class)
    if "labels" in options.output:
        chosen_classes(np.empty((len(method.classes_), 1, 1)), number, objects)
    chosen = {key: value for key, value in values.items() if key not in _NOT_SETTINGS}
    return chosen | {"model file": f"{path.name} ({fingerprint(path)})", "micrographia": __version__}


def _jobs(tasks: Sequence[PixelTask], cores: int) -> int:
    large = any(task.source.is_dir() or task.source.stat().st_size > _LARGE for task in tasks if task.source.exists())
    return 1 if large else automatic_jobs(len(tasks), cores)


def _shares(outcomes: Sequence[dict[str, Any]]) -> str:
    names = list(outcomes[0]["shares"])
    mean = [sum(outcome["shares"][name] for outcome in outcomes) / len(outcomes) for name in names]
    objects = [counted(sum(o["objects"] for o in outcomes), "object")] if "objects" in outcomes[0] else []
    shares = [f"{name} {100 * share:.0f} %" for name, share in zip(names, mean, strict=True)]
    return ", ".join([*objects, *shares])
