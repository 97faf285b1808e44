"""``micrographia classify plane``: a place on a plane for every object of tables."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.classify_objects import lacking_note, no_rows
from micrographia.method import Declared, parameter

DESCRIPTION = """
Give every object of tables its place on a plane that was learned from examples: a continuous phenotype. For a table
cells.csv the output folder gets cells_plane.csv with Plane_X, Plane_Y and Plane_Uncertainty, which are empty where an
object lacks more than half of the measurements.
"""
EPILOG = """
examples:
  micrographia classify plane cells.csv -m mitosis.zip -o results
"""


class ClassifyPlane(Declared):
    """Options of ``micrographia classify plane``."""

    name = "classify plane"

    model: str | None = parameter(None, "Model by name (see 'micrographia models list') or path of a model .zip")
    out: str = parameter("micrographia-results", "Folder for the results; made where it is missing")
    overwrite: bool = parameter(False, "Replace results that exist")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="tables of objects: .csv, .tsv, .parquet or .h5ad")
    flags.add_flags(parser, ClassifyPlane, short={"model": "-m", "out": "-o"})


def run(args: Namespace) -> int:
    """Write ``NAME_plane`` for each table: keys, centre, Plane_X, Plane_Y, Plane_Uncertainty; 1 where some failed."""
    from micrographia.classify.objects.regression_plane import UNCERTAINTY, RegressionPlane
    from micrographia.classify.objects.scoring import Gaps
    from micrographia.features.feature_table import feature_matrix
    from micrographia.io.tables import read_table, write_table

    options = flags.read(args, ClassifyPlane)
    if options.model is None:
        raise RequestError("Say which model places objects: -m MODEL.zip; 'micrographia train plane' makes one.")
    paths, folder = [Path(table).expanduser() for table in args.tables], Path(options.out).expanduser()
    targets = []
    for path in paths:
        suffix = ".parquet" if path.suffix.lower() == ".parquet" else ".csv"
        targets.append(folder / f"{path.name.partition('.')[0] or path.name}_plane{suffix}")
        if targets[-1] in targets[:-1]:
            raise RequestError(f"Two tables would give {targets[-1].name}; place them into different folders.")
        if targets[-1].exists() and not options.overwrite:
            raise RequestError(f"{targets[-1]} exists already; choose another --out, or use --overwrite.")
    model = RegressionPlane.load(options.model)
    problems, objects = 0, 0
    lacking: Counter[str] = Counter()
    empty: list[Path] = []
    for path, target in zip(paths, targets):
        try:
            table = read_table(path)
            if not len(table):  # of an image in which nothing was found
                table = table.astype({name: float for name in model.columns_ if name in table.columns})
            found = model.predict(table)
            write_table(target, found)
            gaps = Gaps(model.columns_)
            gaps.add(feature_matrix(table, model.columns_))
            lacking.update(gaps.mostly())
            objects += len(found)
            if not len(table):
                empty.append(path)
            print(f"{counted(len(found), 'object')}: {target}")
            if without := int(found[UNCERTAINTY].isna().sum()):
                print(f"note: {counted(without, 'object')} without a place: most of the measurements are missing")
        except InputError as error:
            problems += 1
            print(f"failed: {error if str(path) in str(error) else f'{path}: {error}'}", file=sys.stderr)
    if empty:
        print(f"note: {no_rows(empty)}")
    if lacking:  # a plane knows no median
        print(f"note: {lacking_note(lacking, objects, len(model.columns_), 'mean')}")
    return 1 if problems else 0
