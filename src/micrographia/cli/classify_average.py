"""``micrographia classify average``: one class for every object from the tables of several classifiers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.method import Declared, parameter

DESCRIPTION = """
Make one class for every object, by the mean of the probabilities that several classifiers gave: for example one that
learned from measurements and one that looks at crops.
"""
EPILOG = """
examples:
  micrographia classify average objects_classes.csv crops_classes.csv -o average.csv
"""


class ClassifyAverage(Declared):
    """Options of ``micrographia classify average``."""

    name = "classify average"

    out: str = parameter("average_classes.csv", "Table to write, .csv or .parquet")
    overwrite: bool = parameter(False, "Replace a table that exists")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    known = "tables that 'classify objects', 'classify crops' or 'classify images' wrote, of the same objects"
    parser.add_argument("tables", nargs="+", metavar="TABLE", help=known)
    flags.add_flags(parser, ClassifyAverage, short={"out": "-o"})


def run(args: Namespace) -> int:
    """Average and write."""
    from micrographia.classify.averaging import average_classes
    from micrographia.io.tables import read_table, write_table

    options = flags.read(args, ClassifyAverage)
    path = Path(options.out).expanduser()
    if path.exists() and not options.overwrite:
        raise RequestError(f"{path} exists already; choose another name with --out, or replace it with --overwrite.")
    if len(set(args.tables)) < 2 or len(set(args.tables)) < len(args.tables):
        raise RequestError("Name two different tables or more, each once.")
    table = average_classes({name: read_table(Path(name).expanduser()) for name in args.tables})
    write_table(path, table)
    counts = ", ".join(f"{name} {count:,}" for name, count in table["Class"].value_counts().items())
    print(f"{path}: {counts}")
    return 0
