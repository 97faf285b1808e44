"""``micrographia measure``: the objects of label images that exist already."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia import __version__
from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.folder_run import FolderRun, InputTask, run_folder
from micrographia.cli.input_files import PIXEL_SIZE, with_pixel_size
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.arrays.image import Image
    from micrographia.io.datasets import Dataset

FEATURES = {
    "basic": "position, size, shape and the intensities of every channel, one table an image",
    "cellprofiler": "CellProfiler's measurements of nuclei, cells and cytoplasm, one table of all images",
    "learned": "what a network says of each object (-m MODEL), one table of all images",
    "quality": "focus, blur, saturation, background, light and debris of whole images, one table and a report",
}
"""What can be measured. Each but "basic" is a module of its own, ``measure_cellprofiler`` and so on, with
``add_arguments(parser)`` for the flags that only it has and ``run(args, options)``, where `options` is a `Measure`."""

DESCRIPTION = """
Measure every object of label images: position, size, shape and, where the images are given too, the intensities of
every channel. For labels cells_labels.tif the output folder gets cells_objects.csv. Other features are chosen with
--features; name them before --help for their own flags.
"""
EPILOG = """
examples:
  micrographia measure --labels results/ --images images/ -o tables
  micrographia measure --labels cells_labels.tif -o tables --pixel-size 0.65
  micrographia measure --labels volumes/ --volumes -o tables
  micrographia measure --features cellprofiler --labels nuclei/ --images images/ -o tables --table parquet
  micrographia measure --features cellprofiler --appearance --labels nuclei/ --images images/ -o tables
  micrographia measure --features quality --images images/ -o quality
"""


class Measure(Declared):
    """Options of ``micrographia measure``."""

    features: str = parameter(
        "basic", "What to measure: " + "; ".join(f"{k}: {v}" for k, v in FEATURES.items()), choices=tuple(FEATURES)
    )
    labels: str | None = parameter(None, "Label image, or folder of label images")
    images: str | None = parameter(
        None, "Image or folder of images, matched to the labels by name; shapes alone are measured otherwise"
    )
    out: str = parameter("micrographia-tables", "Folder for the tables; made where it is missing")
    axes: str | None = parameter(None, "Axes of label files that do not name them, for example TYX")
    pixel_size: float | None = PIXEL_SIZE
    table: str = parameter("csv", "Kind of table; h5ad is AnnData", choices=("csv", "parquet", "h5ad"))
    volumes: bool = parameter(
        False, "Measure objects through all slices of a z stack (position, volume, intensities), not slice by slice"
    )
    overwrite: bool = parameter(False, "Replace tables that exist")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments, and those of the features that are named."""
    flags.add_flags(parser, Measure, short={"out": "-o"})
    for word, following in zip(words, [*words[1:], ""]):
        named = word.removeprefix("--features=") if word.startswith("--features=") else following
        if word.startswith("--features") and named in FEATURES and named != "basic":
            _module(named).add_arguments(parser)
            break


def run(args: Namespace) -> int:
    """Measure; 1 where some inputs failed, 130 where it was stopped."""
    options = flags.read(args, Measure)
    if options.axes is not None:
        from micrographia.io.axes import checked_axes

        checked_axes(options.axes, "the files to measure")
    if options.features != "basic":
        if options.volumes and options.features != "cellprofiler":
            raise RequestError(
                f"--volumes goes with --features basic or cellprofiler; {options.features} looks at each slice alone."
            )
        return _module(options.features).run(args, options)
    if options.labels is None:
        raise RequestError("Say which label images to measure, for example --labels results/.")
    from micrographia.cli.labelled_planes import say_left_out

    items = label_images(options)
    left_out = say_left_out(items)
    images = {(item.label or item.image).absolute(): None if item.label is None else item.image for item in items}
    folder = Path(options.out).expanduser().absolute()
    values = {key: getattr(options, key) for key in ("axes", "pixel_size", "table", "volumes")}

    folder_run: FolderRun[MeasureTask] = FolderRun(
        "measure",
        folder,
        {"features": "basic", **values, "images": options.images is not None, "micrographia": __version__},
        task=lambda path, name: MeasureTask(path, folder, name, values | {"image": images[path]}),
        work=measure_file,
        jobs=lambda tasks: 1,
        cores=1,
        say=lambda outcomes: counted(sum(outcome["objects"] for outcome in outcomes), "object"),
        doing="measuring",
        record="micrographia-measure.jsonl",
    )
    return run_folder(list(images), folder_run, overwrite=options.overwrite) or min(1, left_out)


class MeasureTask(InputTask):
    """One label image, with the image that it belongs to where that is given."""

    @property
    def files(self) -> list[str]:
        """The table of its objects."""
        return [f"{self.name.removesuffix('_labels')}_objects.{self.options['table']}"]

    @property
    def sources(self) -> list[Path]:
        """The labels and the image."""
        return [path for path in (self.source, self.options["image"]) if path is not None]


def measure_file(task: MeasureTask) -> dict[str, Any]:
    """Measure the objects of one label image and write their table.

    Returns
    -------
    dict
        JSON values: source, name, objects, notes, warnings, seconds.

    Raises
    ------
    InputError
        Where a file cannot be read or the table not be written.
    """
    from micrographia.io.tables import write_table

    start = time.perf_counter()
    values = {key: task.options[key] for key in ("image", "axes", "pixel_size", "volumes")}
    table, notes, doubt = _table(task.source, **values)
    for name in task.files:
        write_table(task.folder / name, table)
    return {
        "source": str(task.source),
        "name": task.name,
        "objects": len(table),
        "notes": notes,
        "warnings": [doubt.removeprefix(f"{task.source.name}: ")] if doubt else [],
        "seconds": round(time.perf_counter() - start, 2),
    }


def _module(features: str) -> Any:
    return import_module(f"micrographia.cli.measure_{features}")


def label_images(options: Measure) -> Dataset:
    """The label images, each with its image; where no images are given, the label image is the image.

    Raises
    ------
    InputError
        Where none of them match by name, or there is no label image.
    """
    from micrographia.io.datasets import Dataset, Item, dataset
    from micrographia.io.find import images_in, is_zarr

    labels = Path(str(options.labels)).expanduser()
    if options.images is not None:
        images = Path(options.images).expanduser()
        if labels.is_dir() and not is_zarr(labels):
            return dataset(images, labels, some=True)
        if images.is_dir() and not is_zarr(images):
            return Dataset(dataset(images, [labels], some=True).items)  # the other images were not asked for
        return Dataset((Item(images, labels),))
    if labels.is_dir() and not is_zarr(labels):
        found = images_in(labels, results=True)
        marked = [path for path in found if "_labels" in path.name]
        if not found:
            raise InputError(f"{labels} holds no label image.")
        return Dataset(tuple(Item(path) for path in (marked or found)))
    return Dataset((Item(labels),))


def _table(
    path: Path, image: Path | None, axes: str | None, pixel_size: float | None, volumes: bool
) -> tuple[pd.DataFrame, list[str], str]:
    """The table of a label image, what to say of it, and whether its labels may be a mask."""
    from micrographia.cli.measured_files import read_measured
    from micrographia.features.objects import measure

    labels, pixels, doubt = read_measured(path, image, axes)
    labels = with_pixel_size(labels, pixel_size)
    if volumes:
        return _volumes(labels, pixels, path), [], doubt
    return measure(labels, pixels), [note for note in (slices_note(labels),) if note], doubt


def slices_note(labels: Image) -> str:
    """What to say of labels that are measured slice by slice; empty for a single slice."""
    count = labels.size("Z")
    return f"{count} z slices, each measured on its own (all together with --volumes)" if count > 1 else ""


def _volumes(labels: Image, pixels: Image | None, path: Path) -> pd.DataFrame:
    """One row an object of a volume, and of each time point of a series of volumes."""
    import pandas as pd

    from micrographia.features.volumes import measure_volumes

    if "Z" not in labels.axes:
        raise InputError(f"{path}: axes {labels.axes}, no z slices; name the axes of the file with --axes ZYX.")
    if "T" not in labels.axes:
        return measure_volumes(labels, pixels)
    tables = []
    for t in range(labels.size("T")):
        seen = pixels.take(T=t) if pixels is not None and "T" in pixels.axes else pixels
        tables.append(measure_volumes(labels.take(T=t), seen))
        tables[-1].insert(1, "t", t)
    table = pd.concat(tables, ignore_index=True)
    table.attrs = tables[0].attrs
    return table
