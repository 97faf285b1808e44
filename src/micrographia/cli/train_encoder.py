"""``micrographia train encoder``: learn what cells look like from crops around them, without classes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError
from micrographia.classify.crops.cell_images import CellImages
from micrographia.classify.crops.encoder import CellEncoder
from micrographia.cli import flags
from micrographia.cli.authorship import add_authorship, authorship
from micrographia.cli.train_crops import TrainCrops

if TYPE_CHECKING:
    import numpy as np

DESCRIPTION = """
Learn features of cells from crops around the objects of label images, without any class (self-supervised). Images are
read one after the other, and only crops are kept. Without --labels every image is one crop. With --task measurements
all crops are measured first, which takes about 40 ms a crop and channel on one core. Stop with Ctrl-C; the same command
goes on where it stopped, in the measuring, too.
"""
EPILOG = """
examples:
  micrographia train encoder --images images/ --labels labels/ -o encoder.zip --minutes 60
  micrographia train encoder --images images/ --labels labels/ -o encoder.zip --mask --diameter 24
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the method."""
    flags.add_flags(parser, TrainCrops, short={"out": "-o"}, skip={"table"})
    flags.add_flags(parser, CellEncoder, title="parameters of the encoder")
    add_authorship(parser, CellEncoder)


def run(args: Namespace) -> int:
    """Train and save; 130 where it was stopped."""
    options, method = flags.read(args, TrainCrops), flags.read(args, CellEncoder)
    if options.images is None:
        raise RequestError("Say what to learn from: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    said = authorship(args)
    from micrographia.cli.class_examples import PlaneImages, PlaneLabels, found_images
    from micrographia.cli.result_names import result_names
    from micrographia.cli.train import learn_file

    items = found_images(options.images, options.labels)
    labels = PlaneLabels(items, options.channel) if any(item.label is not None for item in items) else None
    names = list(result_names([item.image for item in items]).values())
    examples = CellImages(PlaneImages(items, options.channel), labels, names)
    method.watch = _watched
    return learn_file(method, examples, options.out, options.overwrite, said)


def _watched(blocks: Sequence[np.ndarray]) -> Generator[np.ndarray, None, None]:
    """The blocks of crops that are to be measured; says how many are done, and how long the others will take."""
    from micrographia.cli.batch import Progress, counted

    with Progress(len(blocks), "measuring crops")() as bar:
        for block in blocks:
            yield block
            bar.advance(f"{counted(len(block), 'crop')} measured")
