"""``micrographia measure --features cellprofiler``: CellProfiler's measurements, one table of all images."""

from __future__ import annotations

import glob
import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.input_files import with_pixel_size
from micrographia.cli.row_keys import NAMES, item_keys
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.cli.measure import Measure
    from micrographia.io.datasets import Dataset, Item

_MEASUREMENTS = ("shape", "feret", "zernike", "neighbours", "intensity", "texture", "granularity", "radial",
                 "radial-zernike", "colocalisation")  # fmt: skip
_DESCRIPTION = """
CellProfiler's features go into one table of all images, which appears when all are measured; a measurement that was
stopped begins anew. All sizes are in pixels; a table of kind parquet also keeps the pixel size (that of the first
image, where they differ).
"""


class MeasureCellProfiler(Declared):
    """Options that only ``--features cellprofiler`` has."""

    name = "measure --features cellprofiler"

    cells: str | None = parameter(
        None,
        "Label images of the cells, matched by name (or the column cells of a table of images); each nucleus then has "
        "its cell's and its cytoplasm's features",
    )
    ring: float = parameter(
        0, "Where cells are not segmented: width of a ring around each nucleus, the cytoplasm", ge=0, unit="px"
    )
    objects: str = parameter("Nuclei", "Name of the objects that the labels show, with which the columns begin")
    channels: tuple[str, ...] = parameter((), "Names of the channels, in their order; otherwise those of the files")
    white: float | None = parameter(
        None, "Pixel value that counts as 1, for example 4095; otherwise the largest of the file's type", ge=1e-9
    )
    only: tuple[str, ...] = parameter((), "Measurements to make; otherwise all", choices=_MEASUREMENTS)
    appearance: bool = parameter(
        False,
        "Also measure how nuclei and cells look beyond CellProfiler's measurements (Nuclei_Appearance_...): better for "
        "telling phenotypes apart, slower",
    )
    names: str | None = parameter(None, NAMES)
    jobs: int = parameter(0, "Images measured at the same time; 0 chooses", ge=0)


@dataclass(frozen=True)
class CellTask:
    """One image to measure, in this process or in another."""

    number: int
    name: str
    labels: Path
    image: Path | None
    cells: Path | None
    keys: dict[str, str]
    axes: str | None
    pixel_size: float | None
    options: dict[str, Any] = field(default_factory=dict)
    threads: int = 0


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that only these features have."""
    parser.description = f"{parser.description or ''}\n{_DESCRIPTION}".strip()
    flags.add_flags(parser, MeasureCellProfiler, title="flags of --features cellprofiler")


def run(args: Namespace, options: Measure) -> int:
    """Measure the objects of all images; 1 where some failed, 130 where it was stopped."""
    more = flags.read(args, MeasureCellProfiler)
    if more.cells is not None and more.ring > 0:
        raise RequestError("A ring stands for cells that are not segmented; give --cells or --ring, not both.")
    if more.appearance and options.volumes:
        raise RequestError("The appearance of objects is measured in planes; give --appearance or --volumes, not both.")
    path = Path(options.out).expanduser() / f"{more.objects}_cellprofiler.{options.table}"
    if path.exists() and not options.overwrite:
        raise RequestError(f"{path} exists already; replace it with --overwrite or choose another folder.")
    from micrographia.cli.labelled_planes import say_left_out

    if options.pixel_size is not None and options.table != "parquet":
        print("All sizes are in pixels; only --table parquet keeps --pixel-size beside them.", file=sys.stderr)
    data = _label_images(options)
    cells = _cells(more.cells, data, options.images)
    measured = {number: item for number, item in zip(data.numbers, data) if not cells or item.image in cells}
    tasks = cell_tasks(measured, cells, options, more)
    left_out = say_left_out(data) + len(data) - len(measured)
    for item in data:
        if cells and item.image not in cells:
            print(f"failed: {item.image.name}: it has no labels of its cells.", file=sys.stderr)
    try:
        return _write(path, tasks, more.jobs) or min(1, left_out)
    except KeyboardInterrupt:
        print(f"\nStopped; {path} was not written.", file=sys.stderr)
        return 130


def cell_tasks(
    numbered: dict[int, Item], cells: dict[Path, Path], options: Measure, more: MeasureCellProfiler
) -> list[CellTask]:
    """One task for each image, given by its number; `cells` are the label images of the cells by image.

    Raises
    ------
    RequestError
        Where the pattern for plates and wells does not fit the names.
    """
    from micrographia.cli.result_names import result_names

    items = list(numbered.values())
    keys, names = item_keys(items, more.names), result_names([item.image for item in items])
    chosen = {key: getattr(more, key) for key in ("ring", "objects", "white", "only", "appearance")}
    chosen |= {"channels": list(more.channels) or None, "volumes": options.volumes}
    return [
        CellTask(
            number, names[item.image].removesuffix("_labels"), item.label or item.image,
            item.image if item.label is not None else None, cells.get(item.image), key,
            options.axes, options.pixel_size, chosen,
        )
        for (number, item), key in zip(numbered.items(), keys, strict=True)
    ]  # fmt: skip


def measure_image(task: CellTask) -> dict[str, Any]:
    """Measure one image: its table, with the columns that say where the rows come from, and what was assumed."""
    from micrographia.cli.measure import slices_note
    from micrographia.cli.measured_files import read_measured
    from micrographia.features.cells import measure_cells

    labels, image, doubt = read_measured(task.labels, task.image, task.axes)
    labels = with_pixel_size(labels, task.pixel_size)
    cells, _, other = (None, None, "") if task.cells is None else read_measured(task.cells, None, task.axes)
    for warning in filter(None, (doubt, other)):
        print(f"warning: {warning}", file=sys.stderr)
    table = measure_cells(labels, image, cells=cells, threads=task.threads, **task.options)
    note = "" if task.options["volumes"] else slices_note(labels)
    return {"table": with_keys(table, task.number, task.name, task.keys), "note": note}


def with_keys(table: pd.DataFrame, number: int, name: str, keys: dict[str, str]) -> pd.DataFrame:
    """The table with the columns ImageNumber, Metadata_Image and the image's groups in front."""
    import numpy as np
    import pandas as pd

    words: dict[str, Any] = {"Metadata_Image": name, **keys}
    front = pd.DataFrame({key: pd.Series([value] * len(table), dtype="str") for key, value in words.items()})
    front.insert(1, "ImageNumber", np.full(len(table), number, np.int64))
    own = [column for column in table.columns if column not in front.columns]
    out = pd.concat([front, table[own]], axis=1)
    out.attrs = {"units": {}} | {key: table.attrs[key] for key in ("units", "pixel_size") if key in table.attrs}
    return out


def _write(path: Path, tasks: list[CellTask], jobs: int) -> int:
    """Measure and write in the order of the images; a finished image waits for those before it."""
    from micrographia.cli.batch import Progress, automatic_jobs, run_batch
    from micrographia.features.feature_table import feature_columns
    from micrographia.io.atomic import remove
    from micrographia.io.table_stream import stream_table
    from micrographia.models.runtime import usable_cores

    for left in path.parent.glob(f".{glob.escape(path.name[:100])}.{'[0-9a-f]' * 8}.partial{path.suffix}"):
        remove(left)  # of a measurement that was killed
    cores = usable_cores()
    jobs = min(jobs, len(tasks)) or automatic_jobs(len(tasks), cores)
    tasks = [replace(task, threads=max(1, cores // jobs)) for task in tasks]
    waiting: dict[int, Any] = {}
    turns, failed = deque(task.number for task in tasks), 0
    sizes: list[Any] = []
    ends = run_batch(tasks, measure_image, jobs=jobs)
    with stream_table(path, feature_columns) as stream, Progress(len(tasks), "measuring")() as bar, closing(ends):
        for ended in ends:
            waiting[ended.task.number] = ended
            said = "failed" if ended.outcome is None else counted(len(ended.outcome["table"]), "object")
            bar.advance(f"{ended.task.name}: {said}")
            if ended.outcome is not None and ended.outcome["note"]:
                print(f"{ended.task.name}: {ended.outcome['note']}", file=sys.stderr)
            while turns and turns[0] in waiting:
                end = waiting.pop(turns.popleft())
                problem = end.problem
                try:
                    if end.outcome is not None:
                        stream.add(end.outcome["table"])
                        sizes.append(end.outcome["table"].attrs.get("pixel_size"))
                except InputError as error:
                    problem = str(error)
                if problem:
                    print(f"failed: {end.task.name}: {problem}\n{end.details}".rstrip(), file=sys.stderr)
                    failed += 1
    if stream.empty:
        raise InputError("No image could be measured; there is no table to write.")
    if path.suffix == ".parquet" and (others := sum(size != sizes[0] for size in sizes)):
        print(f"{counted(others, 'image')} of another pixel size; {path} names that of the first.", file=sys.stderr)
    images = len(tasks) - failed
    print(f"{path}: {counted(stream.rows, 'object')} of {counted(images, 'image')}")
    return 1 if failed else 0


def _label_images(options: Measure) -> Dataset:
    from micrographia.cli.labelled_planes import labelled_dataset
    from micrographia.cli.measure import label_images

    if options.labels is None:
        if options.images is None or not options.images.lower().endswith(".csv"):
            raise RequestError("Say which label images to measure, for example --labels results/.")
        return labelled_dataset(options.images, None, some=True)
    return label_images(options)


def _cells(folder: str | None, items: Dataset, table: str | None) -> dict[Path, Path]:
    """The label image of the cells for each image: from their folder, or from the column ``cells`` of the table."""
    from micrographia.io.datasets import dataset

    if folder is None:
        listed = {item.image: Path(table or "").expanduser().parent / item.groups["cells"]
                  for item in items if "cells" in item.groups}  # fmt: skip
        missing = [str(path) for path in listed.values() if not path.exists()]
        if missing:
            raise InputError(f"{table}: {missing[0]} does not exist (paths count from the table's folder).")
        return listed
    cells = Path(folder).expanduser()
    if len(items) == 1 and cells.is_file():
        return {items[0].image: cells}
    found = dataset([item.image for item in items], cells, some=True)
    return {item.image: item.label for item in found if item.label is not None}
