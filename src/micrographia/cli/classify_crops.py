"""``micrographia classify crops``: a class for every object, by a network that looks at crops."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.cli import flags
from micrographia.cli.row_keys import NAMES, item_keys
from micrographia.method import Declared, parameter

DESCRIPTION = """
Give every object of label images a class, by a network that looks at a crop around each. The output folder gets one
table with the class of every object and the probability of each class; images and wells, tables beside it, count the
classes, with their fractions and the score by which each is enriched.
"""
EPILOG = """
examples:
  micrographia classify crops images/ --labels labels/ -m phenotypes.zip -o results
  micrographia classify crops plate.csv -m phenotypes.zip -o results
"""


class ClassifyCrops(Declared):
    """Options of ``micrographia classify crops`` and ``micrographia classify images``."""

    name = "classify"

    model: str | None = parameter(None, "Model by name (see 'micrographia models list') or path of a model .zip")
    labels: str | None = parameter(None, "Folder of label images, matched to the images by name")
    out: str = parameter("micrographia-results", "Folder for the table; made where it is missing")
    table: str = parameter("csv", "Kind of table", choices=("csv", "parquet"))
    channel: str | None = parameter(None, "Channel to look at, by name or by number from 0; otherwise all")
    names: str | None = parameter(None, NAMES)
    overwrite: bool = parameter(False, "Replace tables that exist")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, a folder, or a CSV with the columns image and label"
    )
    flags.add_flags(parser, ClassifyCrops, short={"model": "-m", "out": "-o"})


def run(args: Namespace) -> int:
    """Classify the objects of all images; 1 where some failed."""
    return classify_files(args, CropClassifier, "objects_classes")


def classify_files(args: Namespace, method: type[CropClassifier], stem: str) -> int:
    """Classify the objects of images, or images, into one table, and count the classes by image and well.

    Raises
    ------
    RequestError
        Where no model of the method is named, or the table exists.
    InputError
        Where images and labels do not match, or nothing could be classified.
    """
    options = flags.read(args, ClassifyCrops)
    if options.model is None:
        raise RequestError(f"Say which model classifies: -m MODEL (train one: micrographia train {method.name}).")
    counted = ("images", "wells") if method is CropClassifier else ("wells",)
    path, *beside = (Path(options.out).expanduser() / f"{name}.{options.table}" for name in (stem, *counted))
    for target in (path, *beside):
        if target.exists() and not options.overwrite:
            raise RequestError(f"{target} exists already; replace it with --overwrite or choose another folder.")
    import pandas as pd

    from micrographia.classify.crops.cell_images import CellImages
    from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts
    from micrographia.cli.class_examples import found_images, planes_of, say_channels
    from micrographia.cli.classify_objects import write_counts
    from micrographia.cli.labelled_planes import say_left_out
    from micrographia.cli.measure_cellprofiler import with_keys
    from micrographia.cli.result_names import result_names
    from micrographia.io.tables import write_table

    classifier = method.load(options.model)
    items = found_images(args.images, options.labels, some=method is CropClassifier)
    if method is CropClassifier and not all(item.label is not None for item in items):
        raise RequestError("Crops are cut around the objects of label images: --labels FOLDER.")
    names, keys = result_names([item.image for item in items]), item_keys(items, options.names)
    tables, failed, said = [], min(1, say_left_out(items)), set[str]()
    for number, item, key in zip(items.numbers, items, keys):
        try:
            for plane in planes_of(item, options.channel):
                if plane.labels is not None and not (plane.labels > 0).any():
                    continue
                if options.channel is None:
                    say_channels(plane.image, classifier.model().channels, item.image.name, said)
                labels = None if plane.labels is None else [plane.labels]
                table = classifier.predict(CellImages([plane.image], labels, [names[item.image]]))
                for place, (column, at) in enumerate(plane.place.items(), start=1):
                    table.insert(place, column, at)
                tables.append(with_keys(table, number, names[item.image], key))
        except InputError as error:
            print(f"failed: {item.image.name}: {error}", file=sys.stderr)
            failed = 1
    if not tables:
        raise InputError("Nothing could be classified; there is no table to write.")
    table = pd.concat(tables, ignore_index=True)
    write_table(path, table)
    counts = ", ".join(f"{name} {count:,}" for name, count in table["Class"].value_counts().items())
    print(f"{path}: {counts}")
    things = "Objects" if method is CropClassifier else "Images"
    by = {"images": IMAGE, "wells": WELL}
    counts_of = {target: ClassCounts(by[name], classifier.classes_, things) for name, target in zip(counted, beside)}
    for count in counts_of.values():
        count.add(table)
    write_counts(counts_of)
    return failed
