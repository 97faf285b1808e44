"""``micrographia measure --features learned``: what a network says of each object, one table of all images."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    from micrographia.cli.measure import Measure


class MeasureLearned(Declared):
    """Options that only ``--features learned`` has."""

    name = "measure --features learned"

    model: str | None = parameter(
        None, "Model with a network: an encoder, a classifier of crops, a StarDist, any other"
    )
    layer: str = parameter("", "Inner layer of a network that looks at planes, by its name or the end of it")
    objects: str = parameter("Nuclei", "Name of the objects, with which the columns begin")
    channel: str | None = parameter(None, "Channel to look at, by name or by number from 0; otherwise all")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that only these features have."""
    flags.add_flags(parser, MeasureLearned, short={"model": "-m"}, title="flags of --features learned")


def run(args: Namespace, options: Measure) -> int:
    """Measure the objects of all images; 1 where some failed."""
    more = flags.read(args, MeasureLearned)
    if more.model is None:
        raise RequestError("Say which model looks at the objects: -m MODEL (train one: micrographia train encoder).")
    if options.images is None:
        raise RequestError("Learned features need the images: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    path = Path(options.out).expanduser() / f"{more.objects}_learned.{options.table}"
    if path.exists() and not options.overwrite:
        raise RequestError(f"{path} exists already; replace it with --overwrite or choose another folder.")
    import pandas as pd

    from micrographia.classify.learned_features import learned_table, open_features
    from micrographia.cli.labelled_planes import labelled_dataset, labelled_planes
    from micrographia.io.tables import write_table

    model = open_features(more.model, more.layer)
    tables, failed = [], 0
    for item in labelled_dataset(options.images, options.labels):
        try:
            for plane in labelled_planes(item, channel=more.channel, all_channels=more.channel is None):
                keys = {f"Metadata_{name[:1].upper()}{name[1:]}": value for name, value in plane.groups.items()}
                tables.append(
                    learned_table(model, plane.image, plane.labels, name=plane.name, objects=more.objects, keys=keys)
                )
        except InputError as error:
            print(f"failed: {error}", file=sys.stderr)
            failed = 1
    if not any(len(table) for table in tables):
        raise InputError("No image gave an object; there is no table to write.")
    table = pd.concat([table for table in tables if len(table)], ignore_index=True)
    write_table(path, table)
    print(f"{path}: {len(table):,} objects, {model.count} features")
    return failed
