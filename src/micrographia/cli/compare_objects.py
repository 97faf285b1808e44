"""``micrographia compare objects``: tables of features of the same objects, each alone and all together."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.cli import flags
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.table_comparison import TableComparison

DESCRIPTION = """
Compare tables of features of the same objects, for example hand-crafted and learned ones: each table alone and all of
them together, by the same classifier under the same folds, which keep plate and well (or image) together. One table has
the column Class. Rows are matched by the key columns that the tables share.
"""
EPILOG = """
examples:
  micrographia compare objects --table Nuclei_cellprofiler.parquet --table Nuclei_learned.parquet -o comparison
  micrographia compare objects --table a.csv b.csv --annotations annotated.csv --classifier average
  micrographia compare objects --table a.csv b.csv --group Metadata_Compound
"""


class CompareObjects(Declared):
    """Options of ``micrographia compare objects``."""

    name = "compare objects"

    annotations: str | None = parameter(None, "Table with the column Class and key columns of the first table")
    out: str = parameter("micrographia-comparison", "Folder for the tables; made where it is missing")
    outer_folds: int = parameter(5, "Folds by which the classifier is judged", ge=2, le=20)
    overwrite: bool = parameter(False, "Replace a comparison that exists")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the classifier."""
    parser.add_argument(
        "--table", dest="tables", action="append", nargs="+", metavar="TABLE", default=[],
        help="a table of features, .csv, .parquet or .h5ad; given twice or more",
    )  # fmt: skip
    flags.add_flags(parser, CompareObjects, short={"out": "-o"})
    flags.add_flags(parser, ObjectClassifier, title="parameters of the classifier")


def run(args: Namespace) -> int:
    """Compare, print, and write ``comparison.csv``, ``classes.csv`` and ``gains.csv``."""
    from micrographia.classify.annotation.annotated_rows import with_annotations
    from micrographia.classify.objects.table_comparison import compare_tables
    from micrographia.io.tables import read_table, write_table

    options, method = flags.read(args, CompareObjects), flags.read(args, ObjectClassifier)
    paths = [Path(path).expanduser() for given in args.tables for path in given]
    if len(paths) < 2:
        raise RequestError("Name the tables to compare: --table A.parquet --table B.parquet.")
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise RequestError("A table is named twice; name each one once.")
    folder = Path(options.out).expanduser()
    if (folder / "comparison.csv").exists() and not options.overwrite:
        raise RequestError(f"{folder / 'comparison.csv'} exists already; replace it with --overwrite or choose --out.")
    tables = {name: read_table(path) for name, path in zip(names, paths, strict=True)}
    if options.annotations is not None:
        tables[names[0]] = with_annotations(tables[names[0]], read_table(Path(options.annotations).expanduser()))
    found = compare_tables(
        method, tables, folds=options.outer_folds, seed=method.seed, progress=lambda at: print(at, file=sys.stderr)
    )
    overall, classes, gains = comparison_tables(found)
    for name, table in (("comparison", overall), ("classes", classes), ("gains", gains)):
        write_table(folder / f"{name}.csv", table)
    _say(found, overall, gains)
    print(f"tables: {folder}")
    return 0


def comparison_tables(found: TableComparison) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores of each candidate (with intervals and means over folds), of each class, and gains over the first."""
    import numpy as np
    import pandas as pd

    overall, classes = [], []
    for name, one in found.judged.items():
        folds = {f"{score}_mean_of_folds": float(np.nanmean(values)) for score, values in one.fold_scores().items()}
        overall.append({"table": name, "objects": len(one.truth), **one.evaluation.overall, **folds})
        rows = one.evaluation.table.copy()
        rows.insert(0, "table", name)
        classes.append(rows)
    gains = [
        {
            "first": gain.first,
            "second": gain.second,
            "score": score,
            "gain": values[0],
            "low": values[1],
            "high": values[2],
        }
        for gain in found.gains
        for score, values in gain.gains.items()
    ]
    return pd.DataFrame(overall), pd.concat(classes, ignore_index=True), pd.DataFrame(gains)


def _say(found: TableComparison, overall: pd.DataFrame, gains: pd.DataFrame) -> None:
    from micrographia.classify.objects.example_warnings import warning_of_groups

    first = next(iter(found.judged.values()))
    how = f"folds that keep {first.kind} together"
    if not first.grouped:
        one = f"all objects are from one {first.one_of_kind}"
        how = f"random folds: {'nothing tells where objects come from' if first.groups is None else one}"
    print(f"{len(first.truth):,} objects, {len(first.classes)} classes, {int(first.fold.max()) + 1} {how}")
    for name, count in found.left_out.items():
        if count:
            print(f"{name}: {count:,} rows have no partner in the other tables, no class or no measurements")
    width = max(len(name) for name in overall["table"])
    print(f"{'':<{width}}  weighted F1   macro F1   (mean of folds)")
    for row in overall.to_dict("records"):
        folds = f"{row['weighted_f1_mean_of_folds']:.3f}, {row['macro_f1_mean_of_folds']:.3f}"
        print(f"{row['table']:<{width}}  {row['weighted_f1']:>11.3f}{row['macro_f1']:>11.3f}   ({folds})")
    for row in gains.to_dict("records"):
        if row["score"] == "macro_f1":
            known = row["low"] == row["low"]  # NaN where too few draws hold all classes
            interval = f"({row['low']:+.3f} to {row['high']:+.3f})" if known else "(no interval)"
            print(f"{row['second']} - {row['first']}: macro F1 {row['gain']:+.3f} {interval}")
    print(f"intervals: drawn from {found.gains[0].units}")
    for doubt in filter(None, (found.gains[0].doubt, warning_of_groups(first))):
        print(f"warning: {doubt}")
