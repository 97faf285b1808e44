"""``micrographia train objects``: learn the classes of objects from a table of measurements."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.arrays.errors import RequestError
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.cli import flags
from micrographia.cli.folder_run import command_line
from micrographia.cli.train import model_file, say_model
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """
Teach a classifier from a table of measurements in which some objects have a class: in the column Class, or in a list of
annotations that names objects by the same key columns (Metadata_Image, ObjectNumber and so on). The scores that are
printed are those on wells (or images) that were never seen; beside the model a report is written, and the same numbers
as JSON.
"""
EPILOG = """
examples:
  micrographia train objects --table annotated.csv -o phenotypes.zip
  micrographia train objects --table objects.parquet --annotations annotations.csv -o phenotypes.zip
  micrographia train objects --table annotated.csv --classifier average -o phenotypes.zip
"""


class TrainObjects(Declared):
    """Options of ``micrographia train objects``."""

    name = "train objects"

    table: str | None = parameter(None, "Table of objects, a row each: .csv, .tsv, .parquet or .h5ad")
    annotations: str | None = parameter(
        None, "Table with the column Class and key columns of the other table, in place of its own column Class"
    )
    out: str = parameter("model.zip", "Model file to write")
    outer_folds: int = parameter(5, "Folds by which the classifier is judged; 0 leaves the judging out", ge=0, le=20)
    random_split: bool = parameter(True, "Also judge with random folds, which shows how much is learned of the wells")
    overwrite: bool = parameter(False, "Replace a model file that exists")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the method."""
    flags.add_flags(parser, TrainObjects, short={"out": "-o"})
    flags.add_flags(parser, ObjectClassifier, title="parameters of the classifier")


def run(args: Namespace) -> int:
    """Judge, train on everything and save."""
    options, method = flags.read(args, TrainObjects), flags.read(args, ObjectClassifier)
    if options.table is None:
        raise RequestError("Say what to learn from: --table TABLE.csv, with the column Class or with --annotations.")
    out = model_file(options.out, options.overwrite)
    if options.outer_folds == 1:
        raise RequestError("A single fold cannot judge; --outer-folds is 0 or at least 2.")
    reports = _reports(out) if options.outer_folds else ()
    there = next((path for path in reports if path.exists()), None)
    if there is not None and not options.overwrite:
        raise RequestError(f"{there} exists already; choose another name with --out, or replace it with --overwrite.")
    table = _examples(options)
    card = _judge(method, table, options, out) if options.outer_folds else ""
    _say("learning from all examples")
    method.fit(table)
    from micrographia.classify.objects.object_package import write_object_package

    write_object_package(out, method, out.stem, card)
    for note in method.notes_:
        print(f"note: {note}")
    if method.dropped_:
        print(f"{len(method.dropped_):,} columns are not learned from: {_reasons(method.dropped_)}")
    say_model(method, out)
    return 0


def _examples(options: TrainObjects) -> pd.DataFrame:
    """The table with its classes; rows without a class are left out."""
    from micrographia.classify.annotation.annotated_rows import with_annotations
    from micrographia.classify.objects.cross_validation import labelled
    from micrographia.io.tables import read_table

    table = read_table(Path(str(options.table)).expanduser())
    if options.annotations is not None:
        table = with_annotations(table, read_table(Path(options.annotations).expanduser()))
    examples = labelled(table)[0]
    if len(examples) < len(table):
        print(f"{len(examples):,} of {len(table):,} rows have a class; the others are left out")
    return examples


def _judge(method: ObjectClassifier, table: pd.DataFrame, options: TrainObjects, out: Path) -> str:
    """Cross-validate, print, write the reports; what the model card says of it."""
    from micrographia.classify.objects.cross_validation import cross_validate
    from micrographia.classify.objects.example_warnings import example_warnings
    from micrographia.classify.objects.feature_importance import permutation_importance
    from micrographia.classify.objects.learning_curve import learning_curve
    from micrographia.report.classification_report import (
        classification_numbers,
        write_classification_report,
        write_numbers,
    )

    judge = partial(cross_validate, method, table, folds=options.outer_folds, seed=method.seed)
    kind = "wells" if {"Metadata_Plate", "Metadata_Well"} & set(table.columns) else "images"
    grouped = judge(progress=lambda at: _say(f"judging by {kind}: {at}"))
    random = None
    if options.random_split and grouped.grouped:
        random = judge(grouped=False, progress=lambda at: _say(f"judging with random folds: {at}"))
    _say("learning curve and importance of the measurements")
    warnings = example_warnings(grouped, random)
    numbers = classification_numbers(
        grouped,
        random,
        curve=learning_curve(method, table, grouped, seed=method.seed),
        importance=permutation_importance(table, grouped, seed=method.seed),
        warnings=warnings,
    )
    page, data = _reports(out)
    write_numbers(data, numbers)
    shown = {**options.parameters(), **method.parameters()}
    write_classification_report(page, numbers, settings=shown, command=command_line(), title=f"Classifier {out.stem}")
    lines = _table(numbers, kind)
    print("\n".join(lines))
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"report: {page}")
    return _card(numbers, warnings, kind)


def _table(numbers: dict[str, Any], kind: str) -> list[str]:
    overall, random = numbers["overall"], numbers["random_split"]
    how = f"{kind} never seen" if numbers["folds_by_group"] else "random folds"
    width = max(len("class"), *(len(name) for name in numbers["classes"]))
    lines = [f"{'class':<{width}}  examples  precision  recall     F1   (95 % interval)"]
    for row in numbers["by_class"]:
        values = "".join(f"{_number(row[name]):>{w}}" for name, w in (("precision", 11), ("recall", 8), ("f1", 7)))
        interval = f"   ({_number(row['f1_low'])} to {_number(row['f1_high'])})"
        lines.append(f"{row['class']:<{width}}{row['objects']:>10,}{values}{interval}")
    for name, words in (("weighted_f1", "weighted F1"), ("macro_f1", "macro F1"), ("accuracy", "accuracy")):
        beside = f"; with random folds {_number(random[name])}" if random else ""
        low, high = _number(overall[f"{name}_low"]), _number(overall[f"{name}_high"])
        lines.append(f"{words}, {how}: {_number(overall[name])} ({low} to {high}){beside}")
    lines.append(f"calibration error: {_number(numbers['calibration']['calibration_error'])}")
    lines.append(f"intervals: drawn from {numbers['units']}")
    return lines


def _card(numbers: dict[str, Any], warnings: list[str], kind: str) -> str:
    lines = ["```", *_table(numbers, kind), "```"]
    return "\n".join([*lines, *(f"- {warning}" for warning in warnings)])


def _reports(out: Path) -> tuple[Path, Path]:
    return out.with_name(f"{out.stem}-report.html"), out.with_name(f"{out.stem}-report.json")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _reasons(dropped: dict[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, reason in dropped.items():
        by_reason.setdefault(reason, []).append(name)
    said = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        said.append(f"{', '.join(names[:3])}{more} ({reason})")
    return "; ".join(said)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
