"""``micrographia classify objects``: a class for every object of tables of any size, and counts by image and well."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import Progress, counted
from micrographia.method import Declared, parameter
from micrographia.report.durations import duration

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier
    from micrographia.classify.objects.scoring import ClassCounts, Gaps, SeenObjects

DESCRIPTION = """
Give every object of tables a class. For a table plate1.parquet the output folder gets plate1_classes.parquet: which
object a row is and where it lies, its class, and the probability of every class; images.csv and wells.csv count the
classes, with their fractions and the score by which each is enriched. A table that names no image, as 'segment' writes
one for each, counts as the image it is named after; objects that name no well are not in wells.csv. Tables of several
plates need the column Metadata_Plate where they number images or wells alike. Tables are read part by part and may be
larger than memory. Objects that lack more than half of the measurements get no class and are not counted.
"""
EPILOG = """
examples:
  micrographia classify objects plate1.parquet plate2.parquet -m phenotypes.zip -o results
"""


class ClassifyObjects(Declared):
    """Options of ``micrographia classify objects``."""

    name = "classify objects"

    model: str | None = parameter(None, "Model by name (see 'micrographia models list') or path of a model .zip")
    out: str = parameter("micrographia-results", "Folder for the results; made where it is missing")
    format: str = parameter(
        "auto",
        "Kind of tables; auto writes the classes of a Parquet table as Parquet",
        choices=("auto", "csv", "parquet"),
    )
    overwrite: bool = parameter(False, "Replace results that exist")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="tables of objects: .csv, .tsv, .parquet or .h5ad")
    flags.add_flags(parser, ClassifyObjects, short={"model": "-m", "out": "-o"})


def run(args: Namespace) -> int:
    """Classify the objects of the tables; 1 where some failed."""
    return classify_tables(args.tables, flags.read(args, ClassifyObjects))


def classify_tables(tables: Sequence[str | Path], options: ClassifyObjects) -> int:
    """Classify the objects of tables into a folder; prints what it does.

    Parameters
    ----------
    tables : sequence of paths
        Each gives ``NAME_classes``: keys, centre, ``Class``, ``Class_Probability`` and the probability of each class.
        All together give ``images`` and ``wells``: counts, fractions and enrichment scores.
    options : ClassifyObjects
        Checked options.

    Returns
    -------
    int
        0 where all tables are finished, 1 where some failed.

    Raises
    ------
    RequestError
        Where results would be replaced, two tables have the same name, or no model that classifies objects is named.
    InputError
        Where the model is damaged.
    """
    from micrographia.classify.objects.object_classifier import ObjectClassifier
    from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts, SeenObjects

    if options.model is None:
        raise RequestError("Say which model classifies: -m MODEL.zip; 'micrographia train objects' makes one.")
    start = time.monotonic()
    paths, folder = [Path(table).expanduser() for table in tables], Path(options.out).expanduser()
    targets = _targets(paths, folder, options)
    model = ObjectClassifier.load(options.model)
    images, wells = ClassCounts(IMAGE, model.classes_), ClassCounts(WELL, model.classes_)
    problems, found = [], np.zeros_like(images.total)
    lacking: Counter[str] = Counter()
    seen, shared, empty = SeenObjects(), False, list[Path]()
    bar = Progress(len(paths), "classifying")
    with bar() as progress:
        for path, target in zip(paths, targets):
            try:
                count, of_images, of_wells, gaps = _classify(path, target, model, seen, progress)
                images.merge(of_images)
                apart = len(wells.counts) + len(of_wells.counts)
                wells.merge(of_wells)
                shared |= len(wells.counts) < apart and WELL[0] not in of_wells.present
            except InputError as error:
                problems.append(str(error) if str(path) in str(error) else f"{path}: {error}")
                progress.advance(f"{path.name}: failed")
                continue
            if not count.sum():
                empty.append(path)
            found += count
            lacking.update(gaps.mostly())
            progress.advance(f"{path.name}: {counted(int(count.sum()), 'object')}")
    objects, without, finished = int(found.sum()), int(found[-1]), len(paths) - len(problems)
    kind = "parquet" if options.format == "parquet" else "csv"
    counts = {folder / f"images.{kind}": images, folder / f"wells.{kind}": wells}
    if empty:
        print(f"note: {no_rows(empty)}")
    if objects and objects == without:
        problems.append(
            f"No object gets a class: all {objects:,} lack more than half of the measurements that the model looks at."
        )
    if objects == without:
        for path in counts if finished else ():  # of an earlier run, that is overwritten
            path.unlink(missing_ok=True)
    else:
        write_counts(counts)
        if shared:
            print("note: wells of the same name in several tables are counted as one; no Metadata_Plate parts them.")
        shares = [f"{name} {100 * share:.1f} %" for name, share in zip(model.classes_, found / (objects - without))]
        print(", ".join([counted(objects, "object"), *shares, duration(time.monotonic() - start)]))
        if without:
            print(
                f"note: {without:,} of {counted(objects, 'object')} without a class, and not counted: most of the "
                "measurements are missing"
            )
        if lacking:
            print(f"note: {lacking_note(lacking, objects - without, len(model.columns_))}")
    if objects or empty:
        print(f"results: {folder}")
    for problem in problems:
        print(f"failed: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _targets(paths: list[Path], folder: Path, options: ClassifyObjects) -> list[Path]:
    targets = []
    for path in paths:
        suffix = path.suffix.lower() if options.format == "auto" else f".{options.format}"
        targets.append(folder / f"{_stem(path)}_classes{'.parquet' if suffix == '.parquet' else '.csv'}")
        if targets[-1] in targets[:-1]:
            raise RequestError(f"Two tables would give {targets[-1].name}; classify them into different folders.")
    end = "parquet" if options.format == "parquet" else "csv"
    for target in (*targets, folder / f"images.{end}", folder / f"wells.{end}"):
        if target.exists() and not options.overwrite:
            raise RequestError(f"{target} exists already; choose another folder with --out, or use --overwrite.")
    return targets


def _classify(
    path: Path, target: Path, model: ObjectClassifier, seen: SeenObjects, progress: Progress
) -> tuple[np.ndarray, ClassCounts, ClassCounts, Gaps]:
    """Classify one table; how many of each class it holds, in all, by image and by well, and which values it lacks."""
    import pandas as pd

    from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts, Gaps, needed_columns, score_parts
    from micrographia.features.feature_table import OBJECT_KEYS
    from micrographia.io.table_parts import table_columns, table_parts, table_rows
    from micrographia.io.table_stream import stream_table

    all_, images, wells = (ClassCounts(columns, model.classes_) for columns in ((), IMAGE, WELL))
    columns, total = needed_columns(model, table_columns(path)), table_rows(path)
    gaps = Gaps(model.columns_)
    parts = table_parts(path, columns)
    names = columns
    if not set(IMAGE) & set(columns) and set(OBJECT_KEYS) & set(columns):
        names = ["Metadata_Image", *columns]
        parts = _of_one_image(parts, _stem(path).removesuffix("_objects"))
    with stream_table(target) as stream:
        for found in score_parts(parts, model, (all_, images, wells), gaps, (seen, str(path))):
            stream.add(found)
            if total:
                progress.within(stream.rows / total)
        if not stream.rows:  # of an image in which nothing was found
            stream.add(model.found_table(pd.DataFrame(columns=names), np.zeros((0, len(model.classes_)), np.float32)))
    return all_.total, images, wells, gaps


def no_rows(tables: Sequence[Path]) -> str:
    """Which tables hold no objects, in a sentence."""
    if len(tables) == 1:
        return f"{tables[0]} has no rows, and its result has none."
    return f"{tables[0]} and {len(tables) - 1:,} more have no rows, and their results have none."


def lacking_note(missing: Mapping[str, int], objects: int, of: int, filled: str = "median") -> str:
    """Which measurements have hardly a value; the classes rest on the others."""
    names = sorted(missing, key=lambda name: (-missing[name], name))
    shown = ", ".join(f"{name} ({missing[name]:,} of {counted(objects, 'object')})" for name in names[:8])
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    are = "is" if len(names) == 1 else "are"
    return (
        f"{len(names):,} of the {of:,} measurements that the model looks at {are} missing or infinite for most objects "
        f"of a table; the {filled} of the training stands in: {shown}{more}"
    )


def _stem(path: Path) -> str:
    """A table's name without what says that it is a table."""
    return Path(path.name.removesuffix(".gz")).stem


def _of_one_image(parts: Iterable[pd.DataFrame], name: str) -> Iterator[pd.DataFrame]:
    """Parts of a table that names no image, as 'segment' writes one for each: it is the image it is named after."""
    for part in parts:
        part.insert(0, "Metadata_Image", name)
        yield part


def write_counts(tables: Mapping[Path, ClassCounts]) -> None:
    """Write counts, fractions and enrichment scores, each to its file; says which cannot be had, and why.

    Where there is nothing to write, a file of an earlier run is removed.
    """
    from micrographia.classify.objects.scoring import WELL
    from micrographia.io.tables import write_table

    for path, counts in tables.items():
        place = "well" if counts.columns == WELL else "image"
        if not counts.counts:
            names = ", ".join(counts.columns[-1:] if counts.columns == WELL else counts.columns)
            print(f"note: no {path.name}: no {place} is named in {names}.")
            path.unlink(missing_ok=True)
            continue
        table, notes = counts.table()
        write_table(path, table)
        if counts.without:
            without, things = f"{counts.without:,} of {counts.total.sum():,}", counts.things.lower()
            notes.append(f"{path.name} leaves out {without} {things}, which name no {place}.")
        for note in notes:
            print(f"note: {note}")
