"""``micrographia segment``: every object in images of any number and size."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from micrographia import __version__
from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.batch import automatic_jobs, counted
from micrographia.cli.folder_run import FolderRun, command_line, run_folder
from micrographia.cli.image_results import Task, make_results
from micrographia.cli.input_files import AXES, BACKGROUND, PIXEL_SIZE, SCENE
from micrographia.cli.run_record import fingerprint
from micrographia.method import Declared, parameter
from micrographia.segment.planes import Z_CHOICES

DESCRIPTION = """
Find every object in images, measure each one and show the result. For an input cells.tif the output folder gets
cells_labels.tif (every object has its own number), cells_objects.csv (one row an object), cells_overlay.png (outlines
to look at) and, for all inputs together, report.html. The same command again goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia segment cells.tif
  micrographia segment images/ -o results
  micrographia segment "plate1/*.ome.tif" --channel DAPI --z max -o results --rois
  micrographia segment slide.ome.zarr -o results
"""


class Segment(Declared):
    """Options of ``micrographia segment``."""

    model: str = parameter("nuclei", "Model by name (see 'micrographia models list') or path of a model .zip")
    out: str = parameter("micrographia-results", "Folder for the results; made where it is missing")
    channel: str | None = parameter(
        None,
        "Channel to segment, by name or by number from 0; otherwise the one whose name says nuclei, else the first",
    )
    z: str = parameter(
        "each", "What to do with z stacks: every slice, the maximum projection or the sharpest slice", choices=Z_CHOICES
    )
    axes: str | None = AXES
    scene: int = SCENE
    pixel_size: float | None = PIXEL_SIZE
    probability: float | None = parameter(
        None, "Smallest object probability; lower finds more objects. Otherwise the model's own", ge=0, le=1
    )
    overlap: float | None = parameter(
        None, "How much two objects may overlap, as a share of the smaller. Otherwise the model's own", ge=0, le=1
    )
    background: str = BACKGROUND
    table: str = parameter("csv", "Kind of table", choices=("csv", "parquet"))
    labels_format: str = parameter(
        "auto",
        "Kind of label file: TIFF or OME-Zarr; auto stores as OME-Zarr what is one",
        choices=("auto", "tif", "zarr"),
    )
    rois: bool = parameter(False, "Also write outlines as an ImageJ ROI zip")
    geojson: bool = parameter(False, "Also write outlines as GeoJSON for QuPath")
    jobs: int = parameter(0, "Images worked on at the same time; 0 chooses", ge=0)
    overwrite: bool = parameter(False, "Replace results that exist")


_NOT_SETTINGS = ("out", "jobs", "overwrite")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders (the images directly in them) or patterns in quotes"
    )
    flags.add_flags(parser, Segment, short={"model": "-m", "out": "-o"})


def run(args: Namespace) -> int:
    """Segment the inputs; 1 where some failed."""
    return segment_files(args.images, flags.read(args, Segment))


def segment_files(images: Sequence[str | Path], options: Segment) -> int:
    """Segment files into a folder, with resume; prints what it does.

    Parameters
    ----------
    images : sequence of paths
        Files, folders or patterns.
    options : Segment
        Checked options.

    Returns
    -------
    int
        0 where all inputs are finished, 1 where some failed.

    Raises
    ------
    RequestError
        Where the folder holds results that this run would replace, or the model does not exist.
    InputError
        Where the folder cannot be written to.
    """
    from micrographia.models.runtime import usable_cores

    folder, values, cores = Path(options.out).expanduser().absolute(), options.parameters(), usable_cores()
    settings = _settings(options)

    def report(outcomes: list[dict[str, Any]], problems: list[dict[str, str]]) -> None:
        from micrographia.report.run_report import write_run_report

        write_run_report(folder / "report.html", outcomes, problems, settings=settings, command=command_line())

    run = FolderRun(
        "segment",
        folder,
        settings,
        task=lambda path, name: Task(path, folder, name, values),
        work=make_results,
        jobs=lambda tasks: options.jobs or automatic_jobs(len(tasks), cores),
        cores=cores,
        say=_objects,
        doing="segmenting",
        report=report,
    )
    return run_folder(images, run, overwrite=options.overwrite)


def _settings(options: Segment) -> dict[str, Any]:
    """Everything that decides what the results look like; refuses a model that cannot be used before any work."""
    if options.table == "parquet" and find_spec("pyarrow") is None:
        raise RequestError("Parquet needs the package pyarrow: pip install pyarrow, or use --table csv.")
    from micrographia.cli.image_results import predictor

    finder = predictor(options.model, 0)
    if options.background == "bright" and len(finder.experts) == 1:
        raise RequestError("The model has one network for every background; leave --background at auto.")
    path = Path(finder.package.path)
    chosen = {key: value for key, value in options.parameters().items() if key not in _NOT_SETTINGS}
    return chosen | {"model file": f"{path.name} ({fingerprint(path)})", "micrographia": __version__}


def _objects(outcomes: Sequence[dict[str, Any]]) -> str:
    return counted(sum(outcome["objects"] for outcome in outcomes), "object")
