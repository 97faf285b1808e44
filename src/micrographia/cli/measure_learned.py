"""``micrographia measure --features learned``: what a network says of each object, one table of all images."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import Progress, counted
from micrographia.cli.row_keys import NAMES, item_keys
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.cli.measure import Measure
    from micrographia.io.datasets import Item


_DESCRIPTION = """
Learned features go into one table of all images, which appears when all are measured; a measurement that was stopped
begins anew.
"""


class MeasureLearned(Declared):
    """Options that only ``--features learned`` has."""

    name = "measure --features learned"

    model: str | None = parameter(
        None, "Model with a network: an encoder, a classifier of crops, a StarDist, any other; or an ONNX file"
    )
    layer: str = parameter(
        "", "Layer of a network that looks at planes, by its name or the end of it; or an ONNX output that is a row"
    )
    objects: str = parameter("Nuclei", "Name of the objects, with which the columns begin")
    channel: str | None = parameter(None, "Channel to look at, by name or by number from 0; otherwise all")
    names: str | None = parameter(None, NAMES)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that only these features have."""
    parser.description = f"{parser.description or ''}\n{_DESCRIPTION}".strip()
    flags.add_flags(parser, MeasureLearned, short={"model": "-m"}, title="flags of --features learned")


def run(args: Namespace, options: Measure) -> int:
    """Measure the objects of all images; 1 where some failed, 130 where it was stopped."""
    more = flags.read(args, MeasureLearned)
    if more.model is None:
        raise RequestError("Say which model looks at the objects: -m MODEL (train one: micrographia train encoder).")
    if options.images is None:
        raise RequestError("Learned features need the images: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    path = Path(options.out).expanduser() / f"{more.objects}_learned.{options.table}"
    if path.exists() and not options.overwrite:
        raise RequestError(f"{path} exists already; replace it with --overwrite or choose another folder.")
    from micrographia.classify.crops.learned_features import CropFeatures, learned_table, open_features
    from micrographia.cli.class_examples import one_channel, planes_of, say_channels
    from micrographia.cli.labelled_planes import labelled_dataset, say_left_out
    from micrographia.cli.measure_cellprofiler import with_keys
    from micrographia.cli.result_names import result_names
    from micrographia.features.feature_table import feature_columns
    from micrographia.io.table_stream import stream_table

    items = labelled_dataset(options.images, options.labels, some=True)
    names = result_names([item.image for item in items])
    keys = item_keys(items, more.names)
    model = open_features(more.model, more.layer)
    if model.note:
        print(model.note, file=sys.stderr)
    failed, said = min(1, say_left_out(items)), set[str]()

    def measured(number: int, item: Item, key: dict[str, str]) -> Iterator[pd.DataFrame]:
        channel = more.channel
        if channel is None and not model.all_channels:
            channel = one_channel(item.image, said)
        planes = 0
        for plane in planes_of(item, channel):
            planes += 1
            if isinstance(model, CropFeatures) and more.channel is None:
                say_channels(plane.image, model.model.channels, item.image.name, said)
            table = learned_table(model, plane.image, plane.labels, name=names[item.image], objects=more.objects)
            for place, (column, at) in enumerate(plane.place.items()):
                table.insert(place, column, at)
            yield with_keys(table, number, names[item.image], key)
        if planes > 1:
            print(f"{item.image.name}: {planes} planes, each measured on its own", file=sys.stderr)

    try:
        with stream_table(path, feature_columns) as stream, Progress(len(items), "measuring")() as bar:
            for number, item, key in zip(items.numbers, items, keys):
                before, ended = stream.rows, ""
                try:
                    for table in measured(number, item, key):
                        stream.add(table)
                except InputError as error:
                    named = item.image.name in str(error)
                    print(f"failed: {error if named else f'{item.image.name}: {error}'}", file=sys.stderr)
                    failed, ended = 1, "failed"
                bar.advance(f"{names[item.image]}: {ended or counted(stream.rows - before, 'object')}")
            if not stream.rows:
                raise InputError("No image gave an object; there is no table to write.")
    except KeyboardInterrupt:
        print(f"\nStopped; {path} was not written.", file=sys.stderr)
        return 130
    print(f"{path}: {counted(stream.rows, 'object')}, {counted(model.count, 'feature')}")
    return failed
