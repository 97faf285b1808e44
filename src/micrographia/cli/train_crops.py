"""``micrographia train crops``: teach a network to tell objects apart by crops around them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.cli import flags
from micrographia.cli.authorship import add_authorship, authorship
from micrographia.method import Declared, parameter

DESCRIPTION = """
Teach a small network to tell the classes of objects apart by a crop around each of them. A table says which objects
have which class: Metadata_Image, ObjectNumber (the label), Class, and where known Metadata_Well (and its
Metadata_Plate), whose objects are then kept together, else those of an image. The scores are those on objects set
aside, or with --folds those on wells (or images) that were never seen; they are printed and go into a report beside the
model, and into its card. Stop with Ctrl-C; the same command goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia train crops --images images/ --labels labels/ --table annotated.csv -o phenotypes.zip
  micrographia train crops --images images/ --labels labels/ --table annotated.csv --folds 5 -o phenotypes.zip
  micrographia train crops --images images/ --labels labels/ --table annotated.csv --start encoder.zip -o phenotypes.zip
"""


class TrainCrops(Declared):
    """Options of ``micrographia train crops`` and ``micrographia train images``."""

    name = "train"

    images: str | None = parameter(None, "Folder of images, or a CSV with the columns image, label and others")
    labels: str | None = parameter(None, "Folder of label images, matched to the images by name")
    table: str | None = parameter(None, "Table with the classes; otherwise the column Class of the CSV of --images")
    out: str = parameter("model.zip", "Model file to write")
    channel: str | None = parameter(None, "Channel to learn from, by name or by number from 0; otherwise all")
    overwrite: bool = parameter(False, "Replace a model file that exists")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the method."""
    flags.add_flags(parser, TrainCrops, short={"out": "-o"})
    flags.add_flags(parser, CropClassifier, title="parameters of the classifier")
    add_authorship(parser, CropClassifier)


def run(args: Namespace) -> int:
    """Train and save; 130 where it was stopped."""
    options = flags.read(args, TrainCrops)
    if options.images is not None and options.labels is None and not str(options.images).lower().endswith(".csv"):
        raise RequestError("Crops are cut around the objects of label images: --labels FOLDER.")
    return train_classifier(flags.read(args, CropClassifier), options, authorship(args))


def train_classifier(method: CropClassifier, options: TrainCrops, said: Mapping[str, Any]) -> int:
    """Teach a classifier of crops or images from files, with resume; `said` is what its package says of its authors.

    Raises
    ------
    RequestError
        Where something is not said, or the model file exists.
    InputError
        Where images, labels and table do not fit each other.
    """
    from micrographia.classify.objects.class_tables import ClassifiedImages
    from micrographia.cli.class_examples import PlaneImages, PlaneLabels, class_table, found_images
    from micrographia.cli.result_names import result_names
    from micrographia.cli.train import learn_file, model_file
    from micrographia.cli.train_objects import report_files

    if options.images is None:
        raise RequestError("Say what to learn from: --images FOLDER, or --images TABLE.csv.")
    out = model_file(options.out, options.overwrite)
    report_files(out, options.overwrite)
    items = found_images(options.images, options.labels)
    table = class_table(options.table, items)
    labelled = any(item.label is not None for item in items)
    examples = ClassifiedImages(
        PlaneImages(items, options.channel),
        table,
        PlaneLabels(items, options.channel) if labelled else None,
        list(result_names([item.image for item in items]).values()),
    )
    method.say_fold = lambda fold: print(f"judging by folds: {fold}", file=sys.stderr, flush=True)
    code = learn_file(method, examples, options.out, options.overwrite, said)
    if code == 0:
        _judge(method, options, out)
    return code


def _judge(method: CropClassifier, options: TrainCrops, out: Path) -> None:
    """Print how the classes are told apart, and write the reports."""
    from micrographia.cli.folder_run import command_line
    from micrographia.cli.train_objects import report_files
    from micrographia.report.classification_report import (
        classification_numbers,
        write_classification_report,
        write_numbers,
    )

    judged = method.judged_
    print("\n".join([*judged.lines(), judged.told, *(f"warning: {warning}" for warning in judged.warnings)]))
    page, data = report_files(out, overwrite=True)
    if judged.scores is None:
        for earlier in (page, data):
            earlier.unlink(missing_ok=True)
        return
    numbers = classification_numbers(judged.scores, warnings=judged.warnings, how=judged.how, told=judged.told)
    write_numbers(data, numbers)
    shown = {**options.parameters(), **method.parameters()}
    write_classification_report(page, numbers, settings=shown, command=command_line(), title=f"Classifier {out.stem}")
    print(f"report: {page}")
