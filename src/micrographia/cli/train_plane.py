"""``micrographia train plane``: learn a continuous phenotype from objects that were placed on a plane."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.objects.regression_plane import RegressionPlane
from micrographia.cli import flags
from micrographia.cli.train import model_file, say_model
from micrographia.cli.train_objects import say_dropped
from micrographia.method import Declared, parameter

DESCRIPTION = """
Teach where objects lie on a plane: a continuous phenotype, such as the course of mitosis or a protein on its way into
the nucleus. A table of measurements has the columns Plane_X and Plane_Y, empty where an object has no place; or
--places names a table with these columns and the same key columns. The error that is printed is that on wells (or
images) that were never seen.
"""
EPILOG = """
examples:
  micrographia train plane --table placed.csv -o mitosis.zip
  micrographia train plane --table objects.parquet --places places.csv -o mitosis.zip
"""


class TrainPlane(Declared):
    """Options of ``micrographia train plane``."""

    name = "train plane"

    table: str | None = parameter(None, "Table of objects, a row each: .csv, .tsv, .parquet or .h5ad")
    places: str | None = parameter(None, "Table with Plane_X, Plane_Y and key columns of the other table")
    out: str = parameter("model.zip", "Model file to write")
    overwrite: bool = parameter(False, "Replace a model file that exists")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the method."""
    flags.add_flags(parser, TrainPlane, short={"out": "-o"})
    flags.add_flags(parser, RegressionPlane, title="parameters of the plane")


def run(args: Namespace) -> int:
    """Train and save."""
    options, method = flags.read(args, TrainPlane), flags.read(args, RegressionPlane)
    if options.table is None:
        raise RequestError("Say what to learn from: --table TABLE.csv, with Plane_X and Plane_Y or with --places.")
    out = model_file(options.out, options.overwrite)
    method.fit(_placed(options))
    method.save(out)
    print(f"{method.count_:,} placed objects, {len(method.columns_)} columns of measurements")
    if method.error_ is None:
        print("error: not known, since all objects come from one well or image")
    else:
        print(f"error on wells or images never seen: {method.error_:.3g} (knowing nothing: {method.spread_:.3g})")
        if method.error_ > 0.9 * method.spread_:
            print(
                "warning: on wells or images never seen the places are hardly better than a guess; place objects of "
                "more wells, or another phenotype",
                file=sys.stderr,
            )
    say_dropped(method.dropped_)
    for note in method.notes_:
        print(f"note: {note}")
    say_model(method, out)
    return 0


def _placed(options: TrainPlane):  # type: ignore[no-untyped-def]
    import pandas as pd

    from micrographia.classify.annotation.object_rows import ObjectRows
    from micrographia.classify.objects.regression_plane import PLACE
    from micrographia.io.tables import read_table

    table = read_table(Path(str(options.table)).expanduser())
    if not len(table):
        raise InputError(f"{options.table}: the table has no rows.")
    if options.places is None:
        return table
    places = read_table(Path(options.places).expanduser())
    rows = ObjectRows(table)
    keys = [name for name in rows.keys if name in places.columns]
    if not keys or not set(PLACE) <= set(places.columns):
        raise RequestError(f"{options.places}: {' and '.join(PLACE)} and some of {', '.join(rows.keys)} are needed.")
    found = rows.find_by(keys, places[keys].to_numpy(object).tolist())
    if (found < 0).any():
        raise InputError(f"{options.places}: {int((found < 0).sum()):,} placed objects are not in the table.")
    if (twice := pd.Series(found).duplicated().to_numpy()).any():
        first = ", ".join(f"{name} {places.loc[twice, name].iloc[0]}" for name in keys)
        raise InputError(f"{options.places}: {int(twice.sum()):,} rows place an object again, first {first}.")
    placed = places[list(PLACE)].set_axis(found).reindex(range(len(table))).set_axis(table.index)
    return pd.concat([table.drop(columns=list(PLACE), errors="ignore"), placed], axis=1)
