"""``micrographia segment``: every object in images of any number and size."""

from __future__ import annotations

import re
import shlex
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from micrographia import __version__
from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import Progress, automatic_jobs, duration, run_batch
from micrographia.cli.image_results import Task, make_results
from micrographia.cli.result_names import result_names
from micrographia.cli.run_record import RunRecord, fingerprint
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
    axes: str | None = parameter(
        None, "Axes of files that do not name them, slowest first, for example TZCYX (S: samples of a colour picture)"
    )
    scene: int = parameter(0, "Which scene of files that hold several, counted from 0", ge=0)
    pixel_size: float | None = parameter(None, "Size of a pixel where the file does not know it", ge=1e-9, unit="µm")
    probability: float | None = parameter(
        None, "Smallest object probability; lower finds more objects. Otherwise the model's own", ge=0, le=1
    )
    overlap: float | None = parameter(
        None, "How much two objects may overlap, as a share of the smaller. Otherwise the model's own", ge=0, le=1
    )
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
    from micrographia.io.find import find_images
    from micrographia.models.runtime import usable_cores

    start = time.monotonic()
    folder = Path(options.out).expanduser().absolute()
    settings = _settings(options)
    missing: list[InputError] = []
    paths = [path.absolute() for path in find_images(images, errors=missing)]
    problems = [{"source": "", "problem": str(error)} for error in missing]
    if not paths:
        return _closing([], 0, problems, folder, start)
    record = RunRecord(folder, settings)
    tasks, kept = _plan(paths, folder, options, record)
    record.start()
    _remove_partial_files(folder, record)
    cores = usable_cores()
    jobs = options.jobs or automatic_jobs(len(tasks), cores)
    tasks = [replace(task, threads=0 if jobs == 1 else max(1, cores // jobs)) for task in tasks]
    outcomes, prints = list(kept), {}

    def before(task: Task) -> None:
        prints[task.source] = _fingerprint(task.source)
        record.begin(task.source, task.name, task.files)

    try:
        ends = run_batch(tasks, make_results, jobs=jobs, before=before)
        with Progress(len(tasks))() as progress, closing(ends):
            for end in ends:
                source = end.task.source
                if end.outcome is None:
                    problems.append({"source": str(source), "problem": end.problem, "details": end.details})
                    progress.advance(f"{source.name}: failed")
                else:
                    outcome = end.outcome | {"fingerprint": prints[source]}
                    record.finish(source, prints[source], end.task.files, outcome)
                    outcomes.append(outcome)
                    progress.advance(f"{source.name}: {_objects(outcome['objects'])}")
    except KeyboardInterrupt:
        _remove_partial_files(folder, record)
        print(
            f"\nStopped. {len(outcomes)} of {len(paths)} images are finished; their results stay in {folder}.\n"
            f"To go on, type the same command again: {_command()}",
            file=sys.stderr,
        )
        return 130
    order = {str(path): i for i, path in enumerate(paths)}
    outcomes.sort(key=lambda outcome: order.get(outcome["source"], 0))
    _report(folder, outcomes, problems, settings)
    return _closing(outcomes, len(kept), problems, folder, start)


def _settings(options: Segment) -> dict[str, Any]:
    """Everything that decides what the results look like; refuses a model that cannot be used before any work."""
    if options.table == "parquet" and find_spec("pyarrow") is None:
        raise RequestError("Parquet needs the package pyarrow: pip install pyarrow, or use --table csv.")
    from micrographia.cli.image_results import predictor

    path = Path(predictor(options.model, 0).package.path)
    chosen = {key: value for key, value in options.parameters().items() if key not in _NOT_SETTINGS}
    return chosen | {"model file": f"{path.name} ({fingerprint(path)})", "micrographia": __version__}


def _plan(
    paths: list[Path], folder: Path, options: Segment, record: RunRecord
) -> tuple[list[Task], list[dict[str, Any]]]:
    """What there is to do, and what an earlier run of the same command has finished.

    Raises
    ------
    RequestError
        Where results of other settings, or files that are no results, would be replaced without being asked to.
    """
    changed = record.changed_settings()
    if changed and not options.overwrite:
        raise RequestError(
            f"{folder} holds the results of a run with other settings ({'; '.join(changed)}). "
            "Choose another folder with --out, or replace them with --overwrite."
        )
    names = result_names(paths, record.names)
    values = options.parameters()
    tasks, kept = [], []
    in_the_way = [] if record.earlier is not None else [folder / "report.html"]
    for path in paths:
        task = Task(path, folder, names[path], values)
        done = None if options.overwrite else record.finished(path, _fingerprint(path))
        if done is not None:
            kept.append(done)
            continue
        tasks.append(task)
        in_the_way += [folder / name for name in task.files if name not in record.files]
    in_the_way = [path for path in in_the_way if path.exists()]
    if in_the_way and not options.overwrite:
        more = f" and {len(in_the_way) - 1} more" if len(in_the_way) > 1 else ""
        raise RequestError(
            f"{in_the_way[0]}{more} would be replaced, but this command did not make it. "
            "Choose another folder with --out, or replace it with --overwrite."
        )
    inputs = set(paths)
    if lost := next((folder / f for task in tasks for f in task.files if folder / f in inputs), None):
        raise RequestError(f"{lost} is an input and would be replaced by a result; choose another folder with --out.")
    return tasks, kept


def _fingerprint(path: Path) -> str:
    try:
        return fingerprint(path)
    except OSError:  # reading it will say what is wrong
        return ""


def _remove_partial_files(folder: Path, record: RunRecord) -> None:
    """Delete what a run that was stopped left under hidden names."""
    from micrographia.io.atomic import remove

    ours = {name[:100] for name in (*record.files, "report.html")}
    for path in folder.glob(".*"):
        match = _PARTIAL.fullmatch(path.name)
        if path.name.startswith(".foreground-") or (match and match[1] in ours):
            remove(path)


_PARTIAL = re.compile(r"\.(.+)\.[0-9a-f]{8}\.partial.*")


def _report(
    folder: Path, outcomes: list[dict[str, Any]], problems: list[dict[str, str]], settings: dict[str, Any]
) -> None:
    from micrographia.report.run_report import write_run_report

    write_run_report(folder / "report.html", outcomes, problems, settings=settings, command=_command())


def _closing(
    outcomes: list[dict[str, Any]], kept: int, problems: list[dict[str, str]], folder: Path, start: float
) -> int:
    """Say what was assumed, what failed and where the results are; returns the exit code."""
    said: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        for note in (*outcome["notes"], *outcome["warnings"]):
            said[note].append(Path(outcome["source"]).name)
    for note, names in said.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        print(f"{where}: {note}", file=sys.stderr)
    for failed in problems:
        name = Path(failed["source"]).name
        text = failed["problem"]
        print(f"failed: {text if not name or name in text else f'{name}: {text}'}", file=sys.stderr)
    if outcomes:
        total = sum(outcome["objects"] for outcome in outcomes)
        earlier = f" ({kept} from an earlier run)" if kept else ""
        images = f"{len(outcomes)} image{'s' * (len(outcomes) != 1)}"
        print(f"{images}{earlier}, {_objects(total)}, {duration(time.monotonic() - start)}")
        print(f"results: {folder}")
        print(f"report:  {folder / 'report.html'}")
    if problems:
        print(f"{len(problems)} input{'s' * (len(problems) != 1)} failed.", file=sys.stderr)
    return 1 if problems else 0


def _objects(n: int) -> str:
    return f"{n:,} object{'s' * (n != 1)}"


def _command() -> str:
    return shlex.join(["micrographia", *sys.argv[1:]])
