"""``micrographia measure --features quality``: focus, saturation, background, light and debris of whole images."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia import __version__
from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.folder_run import FolderRun, InputTask, command_line, run_folder
from micrographia.cli.input_files import SCENE
from micrographia.cli.row_keys import NAMES
from micrographia.cli.run_record import NAME
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from micrographia.cli.measure import Measure

FLAGS = "Metadata_Quality"
"""Column with the faults of an image in words; it says something about a row and is no feature."""


class Quality(Declared):
    """Options of ``micrographia measure --features quality``."""

    name = "measure --features quality"

    tile: int = parameter(0, "Measure tiles of this side, too, one table an image; 0 measures none", ge=0, unit="px")
    names: str | None = parameter(None, NAMES)
    scene: int = SCENE
    jobs: int = parameter(0, "Images worked on at the same time; 0 chooses", ge=0)


class QualityTask(InputTask):
    """One image."""

    @property
    def files(self) -> list[str]:
        """The table of its tiles, where that is wanted."""
        return [f"{self.name}_quality_tiles.{self.options['table']}"] if self.options["tile"] else []


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that only these features have."""
    flags.add_flags(parser, Quality, title="--features quality")


def run(args: Namespace, options: Measure) -> int:
    """Measure the images of a folder; 1 where some failed."""
    from micrographia.cli.batch import automatic_jobs
    from micrographia.io.table_stream import require_pyarrow
    from micrographia.models.runtime import usable_cores

    own = flags.read(args, Quality)
    if options.images is None:
        raise RequestError("Say which images to measure, for example --images images/.")
    if options.labels is not None:
        raise RequestError("--features quality measures whole images; leave out --labels.")
    if options.pixel_size is not None:
        raise RequestError("--features quality measures in pixels; leave out --pixel-size.")
    if 0 < own.tile < 32:
        raise RequestError(f"Tiles of {own.tile} pixels are too small to measure focus in; take 32 or more.")
    folder, cores = Path(options.out).expanduser().absolute(), usable_cores()
    table = folder / f"image_quality.{options.table}"
    if table.exists() and not (folder / NAME).exists() and not options.overwrite:
        raise RequestError(f"{table} exists already; replace it with --overwrite or choose another folder.")
    if options.table == "parquet":
        require_pyarrow(table)
    images, keys = _keys(options.images, own.names)
    values = {"axes": options.axes, "table": options.table, "tile": own.tile, "scene": own.scene}
    settings = {"features": "quality", **values, "names": own.names, "micrographia": __version__}

    def report(outcomes: list[dict[str, Any]], problems: list[dict[str, str]]) -> None:
        _write(table, outcomes, problems, settings)

    folder_run: FolderRun[QualityTask] = FolderRun(
        "measure --features quality",
        folder,
        settings,
        task=lambda path, name: QualityTask(path, folder, name, values | {"keys": keys.get(path, {})}),
        work=measure_file,
        jobs=lambda tasks: own.jobs or automatic_jobs(len(tasks), cores),
        cores=cores,
        say=_said,
        doing="measuring",
        report=report,
    )
    return run_folder(images, folder_run, overwrite=options.overwrite)


def _keys(images: str, names: str | None) -> tuple[list[Path | str], dict[Path, dict[str, str]]]:
    """The images, and for each the columns that say where it comes from: from a table of images, and from its name."""
    from micrographia.cli.row_keys import groups_of_names, metadata
    from micrographia.io.datasets import dataset
    from micrographia.io.find import find_images

    known: dict[Path, dict[str, str]] = {}
    asked: list[Path | str] = [images]
    if images.lower().endswith(".csv"):
        items = list(dataset(images))
        asked = [item.image for item in items]
        known = {item.image.absolute(): metadata(item.groups) for item in items}
    if names is not None:
        paths = [path.absolute() for path in find_images(asked, errors=[])]
        for path, found in zip(paths, groups_of_names(names, [path.name for path in paths])):
            known[path] = known.get(path, {}) | metadata(found)
    return asked, known


def _with_keys(table: pd.DataFrame, task: QualityTask) -> pd.DataFrame:
    """The table with the columns that say where its rows come from in front, and the faults in words behind them."""
    from micrographia.features.quality_flags import find_flags

    faults = [", ".join(f.text for f in find_flags(row)) for row in table.to_dict("records")]
    columns = {"Metadata_Image": task.name, **task.options["keys"], FLAGS: faults}
    return table.drop(columns=[name for name in columns if name in table.columns]).assign(**columns)[
        [*columns, *(name for name in table.columns if name not in columns)]
    ]


def measure_file(task: QualityTask) -> dict[str, Any]:
    """Measure one image and, where wanted, write the table of its tiles.

    Returns
    -------
    dict
        JSON values: source, name, rows of the table, notes, warnings, seconds.

    Raises
    ------
    InputError
        Where the image cannot be read or the table not be written.
    """
    from micrographia.features.image_quality import image_quality, tile_quality
    from micrographia.io.reading import read
    from micrographia.io.tables import write_table

    start = time.perf_counter()
    image = read(task.source, axes=task.options["axes"], scene=task.options["scene"])
    table = _with_keys(image_quality(image), task)
    for name in task.files:
        write_table(task.folder / name, _with_keys(tile_quality(image, task.options["tile"]), task))
    return {
        "source": str(task.source),
        "name": task.name,
        "rows": [_json(row) for row in table.to_dict("records")],
        "notes": list(image.notes),
        "warnings": [],
        "seconds": round(time.perf_counter() - start, 2),
    }


def _json(row: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""
    return {key: None if isinstance(value, float) and value != value else value for key, value in row.items()}


def _write(
    path: Path, outcomes: list[dict[str, Any]], problems: list[dict[str, str]], settings: dict[str, Any]
) -> None:
    import pandas as pd

    from micrographia.io.tables import write_table
    from micrographia.report.quality_report import write_quality_report
    from micrographia.report.run_report import FailedImage

    rows = [row for outcome in outcomes for row in outcome["rows"]]
    table = pd.DataFrame(rows)
    numbers = [name for name in table.columns if not str(name).startswith("Metadata_")]
    table = table.astype(dict.fromkeys(numbers, float))
    if rows:
        write_table(path, table)
        print(f"table:   {path}")
    write_quality_report(
        path.parent / "report.html",
        table,
        {outcome["name"]: outcome["source"] for outcome in outcomes},
        [FailedImage(p["source"], p["problem"], p.get("details", "")) for p in problems],
        settings=settings,
        command=command_line(),
    )


def _said(outcomes: Sequence[dict[str, Any]]) -> str:
    faults = [row[FLAGS] for outcome in outcomes for row in outcome["rows"]]
    if len(faults) == 1:
        return faults[0] or "no fault"
    return f"{sum(bool(words) for words in faults):,} of {len(faults):,} with a fault"
