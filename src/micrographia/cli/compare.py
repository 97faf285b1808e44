"""``micrographia compare``: several methods on the same folds, each image judged by a model that never saw it."""

from __future__ import annotations

import shlex
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia import __version__
from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import compare_objects, flags
from micrographia.cli.candidates import Candidate, comparable, read_candidate
from micrographia.cli.run_record import RunRecord
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import numpy as np

    from micrographia.cli.fold_runs import Material

DESCRIPTION = """
Compare methods on images with labels. The images are divided into folds, the same for every method; each fold is judged
by a model that learned from the others, and images of one plate, well, experiment or donor stay together. A METHOD is a
method's name, with parameters where wanted (stardist:steps=2000,rays=64; several numbers as widths=16+32), or a model
that exists, by name or path, which is used as it is. Stop with Ctrl-C; the same command goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia compare stardist stardist:start=nuclei nuclei --images images/ --labels labels/ -o comparison
  micrographia compare stardist:rays=16 stardist:rays=64 --images plates.csv --group plate --minutes 30
  micrographia compare objects --table hand_crafted.parquet --table learned.parquet -o comparison
"""


class Compare(Declared):
    """Options of ``micrographia compare``."""

    images: str | None = parameter(
        None, "Folder of images, or a CSV with the columns image and label (others, such as plate or well, are groups)"
    )
    labels: str | None = parameter(None, "Folder of true labels, matched to the images by name")
    out: str = parameter("micrographia-comparison", "Folder for report and tables; made where it is missing")
    folds: int = parameter(5, "Parts into which the images are divided; at most as many as there are groups", ge=2)
    group: str | None = parameter(
        None,
        "Column whose groups are never divided, or 'image'; otherwise the coarsest of donor, plate, well and such "
        "that has at least two groups",
    )
    minutes: float = parameter(0.0, "Time budget of each training, 0 for the method's own", ge=0, unit="min")
    channel: str | None = parameter(None, "Channel to look at, by name or by number from 0")
    all_channels: bool = parameter(False, "Learn from all channels together")
    seed: int = parameter(0, "Seed of the folds, the trainings and the bootstrap", ge=0)
    overwrite: bool = parameter(False, "Replace a comparison that exists and has other settings")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments; those of ``compare objects`` where tables are compared."""
    if words and words[0] == "objects":
        parser.add_argument("subject", choices=["objects"], help="tables of features of the same objects")
        parser.description, parser.epilog = compare_objects.DESCRIPTION, compare_objects.EPILOG
        compare_objects.add_arguments(parser)
        return
    shown = not words or {"-h", "--help"} & set(words)  # to know which methods find objects, all of them are loaded
    known = f"a method ({', '.join(comparable() if shown else ())}), with or without parameters, or a model"
    parser.add_argument("methods", nargs="+", metavar="METHOD", help=known)
    flags.add_flags(parser, Compare, short={"out": "-o"})


def run(args: Namespace) -> int:
    """Compare and report; 130 where it was stopped."""
    if hasattr(args, "subject"):
        return compare_objects.run(args)
    options = flags.read(args, Compare)
    if options.images is None:
        raise RequestError("Say which images to compare on: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    common = {"seed": options.seed} | ({"minutes": options.minutes} if options.minutes else {})
    candidates = [read_candidate(text, common) for text in args.methods]
    if twice := next((text for text in args.methods if args.methods.count(text) > 1), None):
        raise RequestError(f"{twice} is named twice; name each method once.")
    from micrographia.cli.fold_runs import run_fold
    from micrographia.cli.labelled_planes import not_judged

    material, column = _material(options)
    material.refuse_copies()
    planes = [plane for item in material.planes(options.all_channels) for plane in item]
    doubts = dict.fromkeys(doubt for plane in planes for doubt in plane.doubts)
    for doubt in (*doubts, *not_judged([plane.partly for plane in planes])):
        print(f"warning: {doubt}", file=sys.stderr)
    if any(one.method is not None for one in candidates):
        material.refuse_channels()
    folder = Path(options.out).expanduser()
    record = _record(folder, options, column)
    _write_folds(folder, material)
    trainings = options.folds * sum(c.method is not None for c in candidates)
    print(f"{len(material.data)} images in {options.folds} folds by {column}; {trainings} trainings", flush=True)
    outcomes: dict[str, list[dict[str, Any]]] = {}
    try:
        for one in candidates:
            outcomes[one.text] = [run_fold(one, k, material, record) for k in range(1, options.folds + 1)]
    except KeyboardInterrupt:
        again = shlex.join(["micrographia", *sys.argv[1:]])
        print(f"\nStopped; what is finished is kept in {folder}.\nTo go on, type the same command again: {again}",
              file=sys.stderr)  # fmt: skip
        return 130
    _report(folder, candidates, outcomes, material, options, column)
    print(f"report: {folder / 'report.html'}")
    return 0


def _material(options: Compare) -> tuple[Material, str]:
    """The images in their folds, and the column that the folds keep together."""
    from micrographia.cli.fold_runs import Material
    from micrographia.cli.labelled_planes import labelled_dataset
    from micrographia.metrics.folds import assign_folds, nested_units

    data = labelled_dataset(str(options.images), options.labels)
    if len(data) < 2:
        raise RequestError(f"A comparison needs at least two images with labels; {options.images} has {len(data)}.")
    ways = nested_units([item.groups for item in data])
    column = options.group or next((columns[-1] for columns, units in ways if len(set(units)) > 1), "image")
    groups = [str(item.image) for item in data]
    if column != "image":
        if column not in data.group_names:
            columns = ", ".join([*data.group_names, "image"])
            raise RequestError(f"There is no group column '{column}'; known: {columns}.")
        groups = data.groups(column)
        if "" in groups:
            name = data[groups.index("")].image.name
            raise InputError(f"{name} has no value in the column '{column}'; fill it in, or choose another --group.")
    count = len(set(groups))
    if options.folds > count:
        what = "images" if column == "image" else f"groups in the column '{column}'"
        if count < 2:
            raise RequestError(f"There is only one of the {what}; name a finer column with --group, such as image.")
        raise RequestError(f"{options.folds} folds need as many {what}, and there are {count}: use --folds {count}.")
    folds = assign_folds(groups, options.folds, options.seed)
    return Material(data, groups, folds, options.channel, options.all_channels, options.seed), column


def _record(folder: Path, options: Compare, column: str) -> RunRecord:
    """What an earlier run of the same command has finished; a folder of something else is refused."""
    settings = {key: value for key, value in options.parameters().items() if key not in ("out", "overwrite", "minutes")}
    settings |= {
        "command": "compare",
        "images": str(Path(str(options.images)).resolve()),
        "group": column,
        "micrographia": __version__,
    }
    if options.labels is not None:
        settings["labels"] = str(Path(options.labels).resolve())
    if (folder / "report.html").exists() and not (folder / "folds.csv").exists() and not options.overwrite:
        raise RequestError(f"{folder / 'report.html'} is of another command; choose another --out, or use --overwrite.")
    record = RunRecord(folder, settings)
    if refusal := record.refusal():
        if not options.overwrite:
            raise RequestError(refusal)
        shutil.rmtree(folder / "folds", ignore_errors=True)
    record.start()
    return record


def _write_folds(folder: Path, material: Material) -> None:
    """Which image is judged in which fold, before anything is learned."""
    import pandas as pd

    from micrographia.io.tables import write_table

    rows = [{"image": str(i.image), "fold": k, **i.groups} for i, k in zip(material.data, material.folds)]
    write_table(folder / "folds.csv", pd.DataFrame(rows))


def _report(
    folder: Path,
    candidates: Sequence[Candidate],
    outcomes: dict[str, list[dict[str, Any]]],
    material: Material,
    options: Compare,
    column: str,
) -> None:
    """Scores of every method on the same images in the same order, as tables and as one report."""
    from micrographia.cli.labelled_planes import not_judged
    from micrographia.io.reading import read_labels
    from micrographia.metrics.folds import UNITS
    from micrographia.metrics.instances import evaluate_instances
    from micrographia.report.comparison_report import Compared, write_comparison

    unit = None if column == "image" or column.lower() in UNITS else column
    items = material.planes(options.all_channels)
    planes = [plane for item in items for plane in item]
    compared, names = [], [plane.name for plane in planes]
    for one in candidates:
        files = {int(i): names for done in outcomes[one.text] for i, names in done["files"].items()}

        def pairs(files: dict[int, list[str]] = files) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for i, item in enumerate(items):
                for plane, name in zip(item, files[i], strict=True):
                    yield plane.labels, read_labels(folder / name).array("YX")

        result = evaluate_instances(
            pairs(), names=names, groups=[p.groups for p in planes], unit=unit, seed=options.seed
        )
        seconds = [sum(done[f"seconds_{what}"] for done in outcomes[one.text]) for what in ("train", "predict")]
        note = one.note
        for seen in _seen(one, names):
            print(f"warning: {seen}", file=sys.stderr)
            note += f"; {seen.removesuffix('.')}"
        compared.append(Compared(one.text, result, seconds[0], seconds[1], note))
    settings = {"methods": " ".join(one.text for one in candidates), "folds by": column}
    if unjudged := not_judged([plane.partly for plane in planes]):
        settings["not judged"] = unjudged[0]
    text = write_comparison(
        folder,
        compared,
        groups=[p.groups for p in planes],
        unit=unit,
        seed=options.seed,
        settings=settings | options.parameters(),
        command=shlex.join(["micrographia", *sys.argv[1:]]),
    )
    print(text)


def _seen(one: Candidate, names: Sequence[str]) -> list[str]:
    """Sentences where a model that is compared, or that a method goes on from, may have learned from these images."""
    from micrographia.cli.seen_images import seen_images
    from micrographia.models.library import find_model, origin
    from micrographia.models.package import open_package

    if one.model:
        return seen_images(one.text, open_package(find_model(one.model)).config, names)
    start = one.parameters.get("start")
    return seen_images(one.text, {"data": {"start": origin(start)}}, names) if start else []
