"""``micrographia annotate``: which objects of a table to look at next."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.method import Declared, parameter

SUBJECTS = {
    "suggest": "objects whose classes would teach a classifier most",
    "similar": "objects most like those of one class",
    "rare": "clusters of objects unlike everything that has a class: perhaps a new phenotype",
}

DESCRIPTION = """
List the objects to look at and to annotate next. Annotations are a table with the keys of the objects (ImageNumber,
ObjectNumber and so on, as in the table) and a column Class, or a training set of CellProfiler Analyst (.txt); without
--annotations the column Class of the table itself counts. Annotated objects are never listed. With --images a page with
pictures is written beside the list. Tables are read part by part: of more than 50,000 objects, 50,000 that are drawn
and all annotated ones tell which are alike, and all are looked at.
"""
EPILOG = """
examples:
  micrographia annotate suggest --table cells.csv --annotations classes.csv -n 20 -o next.csv
  micrographia annotate suggest --table cells.csv --annotations classes.csv -m phenotypes.zip -o next.csv
  micrographia annotate similar --table cells.csv --annotations classes.csv --like mitotic -n 50 -o mitotic.csv
  micrographia annotate rare --table cells.csv --annotations classes.csv -n 10 --images images/ -o rare.csv
"""


class Annotate(Declared):
    """Options of ``micrographia annotate``."""

    name = "annotate"

    table: str | None = parameter(None, "Table of the objects (.csv, .tsv, .parquet, .h5ad), one row each")
    annotations: str | None = parameter(
        None, "What is annotated already: a table with the objects' keys and Class, or a training set (.txt)"
    )
    seen: str | None = parameter(None, "Table with the keys of objects that are not to be listed, as an earlier list")
    model: str | None = parameter(
        None, "Object classifier that 'suggest' asks; otherwise one is trained from the annotations"
    )
    like: str | None = parameter(None, "Class whose annotated objects 'similar' looks for")
    number: int = parameter(20, "How many objects to list; for 'rare' how many clusters", ge=1, le=100_000)
    each: int = parameter(10, "Objects that 'rare' lists of each cluster, the most typical first", ge=1)
    out: str = parameter("annotate.csv", "List to write, .csv or .parquet")
    images: str | None = parameter(
        None, "Folder with the images or crops that Metadata_Image (or image) names: also write a page with pictures"
    )
    labels: str | None = parameter(
        None, "Folder with the label images of these images: the page also shows the outline of each object"
    )
    crop: int = parameter(64, "Side of the pictures that are cut from the images", ge=8, le=1024, unit="px")
    seed: int = parameter(0, "Seed of what is random", ge=0)
    overwrite: bool = parameter(False, "Replace a list that exists")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    known = "; ".join(f"{name}: {text}" for name, text in SUBJECTS.items())
    parser.add_argument("subject", metavar="SUBJECT", choices=list(SUBJECTS), help=known)
    flags.add_flags(parser, Annotate, short={"number": "-n", "out": "-o", "model": "-m"})


def run(args: Namespace) -> int:
    """Write the list."""
    options = flags.read(args, Annotate)
    if options.table is None:
        raise RequestError("Say which objects: --table TABLE.csv.")
    out = Path(options.out).expanduser()
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise RequestError(f"{out}: the list is stored as .csv or .parquet; choose one of these endings.")
    if options.labels is not None and options.images is None:
        raise RequestError("Outlines are drawn on the images: --images FOLDER --labels FOLDER.")
    for path in [out, *([out.with_suffix(".html")] if options.images else [])]:
        if path.exists() and not options.overwrite:
            raise RequestError(f"{path} exists already; choose another --out, or use --overwrite.")
    return import_module("micrographia.cli.annotate_lists").write_list(args.subject, options, out)
