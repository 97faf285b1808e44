"""``micrographia train objects``: learn the classes of objects from a table of measurements."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.folder_run import command_line
from micrographia.cli.train import model_file, say_model
from micrographia.method import Declared, parameter
from micrographia.report.durations import duration

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """
Teach a classifier from a table of measurements in which some objects have a class: in the column Class, or in a list of
annotations that names objects by the same key columns (Metadata_Image, ObjectNumber and so on). The scores that are
printed are those on wells (or images) that were never seen; beside the model a report is written, and the same numbers
as JSON. Ctrl-C during the judging still writes the model, without scores.
"""
EPILOG = """
examples:
  micrographia train objects --table annotated.csv -o phenotypes.zip
  micrographia train objects --table objects.parquet --annotations annotations.csv -o phenotypes.zip
  micrographia train objects --table annotated.csv --classifier average -o phenotypes.zip
  micrographia train objects --table profiles.csv --group Metadata_Compound -o mechanisms.zip
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
    """Train on everything and save, then judge; 130 where the judging was stopped."""
    options, method = flags.read(args, TrainObjects), flags.read(args, ObjectClassifier)
    if options.table is None:
        raise RequestError("Say what to learn from: --table TABLE.csv, with the column Class or with --annotations.")
    out = model_file(options.out, options.overwrite)
    if options.outer_folds == 1:
        raise RequestError("A single fold cannot judge; --outer-folds is 0 or at least 2.")
    if options.outer_folds:
        report_files(out, options.overwrite)
    table = _examples(options)
    _say("learning from all examples")
    method.fit(table)
    from micrographia.classify.objects.object_package import write_object_package
    from micrographia.io.atomic import remove, sibling

    places = [out, *report_files(out, overwrite=True)]
    model, *reports = hidden = [sibling(path) for path in places]  # nothing is replaced before the judging has ended
    card, stopped = "", False
    try:
        write_object_package(model, method, out.stem)
        if options.outer_folds:
            try:
                card = _judge(method, table, options, *reports)
                write_object_package(model, method, out.stem, card)
            except KeyboardInterrupt:
                stopped = True
                for report in reports:
                    remove(report)
        _put_in_place(hidden, places, options.overwrite)
    finally:
        for path in hidden:
            remove(path)
    if stopped:
        return _stopped(out, options)
    if options.outer_folds:
        print(f"report: {places[1]}")
    for note in method.notes_:
        if f"- {note}" not in card:  # said as a warning
            print(f"note: {note}")
    say_dropped(method.dropped_)
    say_model(method, out)
    return 0


def _put_in_place(hidden: list[Path], places: list[Path], overwrite: bool) -> None:
    """Rename what was written; earlier reports go where there is none of the new model."""
    from micrographia.io.atomic import move_into_place, remove, write_problem

    for path, place in zip(hidden, places, strict=True):
        try:
            if path.exists():
                move_into_place(path, place)
            elif overwrite:
                remove(place)
        except OSError as error:
            raise write_problem(place, error) from error


def _stopped(out: Path, options: TrainObjects) -> int:
    again = command_line() + ("" if options.overwrite else " --overwrite")
    print(
        f"\nStopped. The model {out} is written, but not judged.\nTo judge it, type {again}\n"
        "This is faster with --no-random-split, or with fewer --outer-folds.",
        file=sys.stderr,
    )
    return 130


def _examples(options: TrainObjects) -> pd.DataFrame:
    """The table with its classes; rows without a class are left out."""
    from micrographia.classify.annotation.annotated_rows import with_annotations
    from micrographia.classify.objects.cross_validation import classified
    from micrographia.io.tables import read_table

    table = read_table(Path(str(options.table)).expanduser())
    if options.annotations is not None:
        table = with_annotations(table, read_table(Path(options.annotations).expanduser()))
    examples, *_ = classified(table)
    if without := len(table) - len(examples):
        rest = "the other one is" if without == 1 else f"the other {without:,} are"
        print(f"{len(examples):,} of {len(table):,} rows have a class; {rest} left out")
    return examples


def _judge(method: ObjectClassifier, table: pd.DataFrame, options: TrainObjects, page: Path, data: Path) -> str:
    """Cross-validate, print, write the report and its numbers; what the model card says of it."""
    import numpy as np

    from micrographia.classify.objects.cross_validation import cross_validate
    from micrographia.classify.objects.example_warnings import example_warnings
    from micrographia.classify.objects.feature_importance import permutation_importance
    from micrographia.classify.objects.learning_curve import learning_curve
    from micrographia.classify.objects.score_lines import score_card, score_lines
    from micrographia.features.feature_table import group_kind, groups
    from micrographia.report.classification_report import (
        classification_numbers,
        write_classification_report,
        write_numbers,
    )

    judge = partial(cross_validate, method, table, folds=options.outer_folds, seed=method.seed)
    kind, known = group_kind(table, method.group), groups(table, method.group)
    several = 1 if known is None else len(np.unique(known))
    by, folds = (f" by {kind}", min(several, options.outer_folds)) if several > 1 else ("", options.outer_folds)
    tell = _telling(folds + (options.outer_folds if by and options.random_split else 0) + 1)
    grouped = judge(progress=lambda at: tell(f"judging{by}: {at}"))
    random = None
    if options.random_split and grouped.grouped:
        random = judge(grouped=False, progress=lambda at: tell(f"judging with random folds: {at}"))
    tell("learning curve and importance of the measurements")
    warnings = example_warnings(grouped, random)
    numbers = classification_numbers(
        grouped,
        random,
        curve=learning_curve(method, table, grouped, seed=method.seed),
        importance=permutation_importance(table, grouped, seed=method.seed),
        warnings=warnings,
    )
    write_numbers(data, numbers)
    title = f"Classifier {Path(options.out).stem}"
    shown = {**options.parameters(), **method.parameters()}
    write_classification_report(page, numbers, settings=shown, command=command_line(), title=title)
    lines = score_lines(grouped, f"{kind} never seen" if grouped.grouped else "random folds", random)
    print("\n".join(lines))
    for warning in warnings:
        print(f"warning: {warning}")
    return score_card(lines, warnings)


def _telling(steps: int) -> Callable[[str], None]:
    """Says each of some steps of about the same length as it begins, and from the second one on what time is left."""
    start, begun = time.monotonic(), count()

    def tell(words: str) -> None:
        if done := next(begun):
            words += f", about {duration((time.monotonic() - start) / done * max(1, steps - done))} left"
        _say(words)

    return tell


def report_files(out: Path, overwrite: bool) -> tuple[Path, Path]:
    """The report and its numbers beside a model file; raises RequestError where one exists already."""
    files = out.with_name(f"{out.stem}-report.html"), out.with_name(f"{out.stem}-report.json")
    there = next((path for path in files if path.exists()), None)
    if there is not None and not overwrite:
        raise RequestError(f"{there} exists already; choose another name with --out, or replace it with --overwrite.")
    return files


def say_dropped(dropped: dict[str, str]) -> None:
    """Print which columns are not learned from, and why."""
    if not dropped:
        return
    by_reason: dict[str, list[str]] = {}
    for name, reason in dropped.items():
        by_reason.setdefault(reason, []).append(name)
    said = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        said.append(f"{', '.join(names[:3])}{more} ({reason})")
    are = "is" if len(dropped) == 1 else "are"
    print(f"{counted(len(dropped), 'column')} {are} not learned from: {'; '.join(said)}")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
