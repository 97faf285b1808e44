"""``micrographia classify average``: one class for every object from the tables of several classifiers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.method import Declared, parameter

DESCRIPTION = """
Make one class for every object, by the mean of the probabilities that several classifiers gave: for example one that
learned from measurements and one that looks at crops. Beside the table average.csv, average_images.csv and
average_wells.csv count the classes, with their fractions and the score by which each is enriched.
"""
EPILOG = """
examples:
  micrographia classify average objects_classes.csv crops_classes.csv -o average.csv
"""


class ClassifyAverage(Declared):
    """Options of ``micrographia classify average``."""

    name = "classify average"

    out: str = parameter("average_classes.csv", "Table to write, .csv or .parquet")
    overwrite: bool = parameter(False, "Replace tables that exist")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    known = "tables that 'classify objects', 'classify crops' or 'classify images' wrote, of the same objects"
    parser.add_argument("tables", nargs="+", metavar="TABLE", help=known)
    flags.add_flags(parser, ClassifyAverage, short={"out": "-o"})


def run(args: Namespace) -> int:
    """Average and write."""
    from micrographia.classify.objects.averaging import average_classes
    from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts
    from micrographia.cli.classify_objects import write_counts
    from micrographia.io.tables import read_table, write_table

    options = flags.read(args, ClassifyAverage)
    path = Path(options.out).expanduser()
    beside = [path.with_name(f"{path.stem}_{name}{path.suffix}") for name in ("images", "wells")]
    for target in (path, *beside):
        if target.exists() and not options.overwrite:
            raise RequestError(
                f"{target} exists already; choose another name with --out, or replace it with --overwrite."
            )
    if len(set(args.tables)) < 2 or len(set(args.tables)) < len(args.tables):
        raise RequestError("Name two different tables or more, each once.")
    table = average_classes({name: read_table(Path(name).expanduser()) for name in args.tables})
    write_table(path, table)
    counts = ", ".join(f"{name} {count:,}" for name, count in table["Class"].value_counts().items() if name)
    without = int((table["Class"] == "").sum())
    print(f"{path}: {counts or 'no object with a class'}")
    if without:
        print(
            f"note: {without:,} of {len(table):,} objects without a class, and not counted: none of the tables gives "
            "them one"
        )
    classes = [name.removeprefix("Probability_") for name in table.columns if name.startswith("Probability_")]
    by = [ClassCounts(columns, classes) for columns in (IMAGE, WELL)]
    for count in by:
        count.add(table)
    write_counts(dict(zip(beside, by)))
    return 0
