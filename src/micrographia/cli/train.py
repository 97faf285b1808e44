"""``micrographia train``: teach a method from folders of images."""

from __future__ import annotations

import shlex
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.method import Declared, Method, parameter
from micrographia.methods import get_method, methods

if TYPE_CHECKING:
    from micrographia.segment.star_examples import Examples

DESCRIPTION = """
Teach a method from images with label images and store what it learned as one model file. Images and labels are matched
by name. Stop with Ctrl-C; the same command goes on where it stopped. Name a METHOD before --help for its parameters.
"""
EPILOG = """
examples:
  micrographia train stardist --images images/ --labels labels/ -o my_nuclei.zip --minutes 60
  micrographia train stardist --images plates.csv -o my_nuclei.zip --start nuclei
  micrographia train stardist --help
"""


class Train(Declared):
    """Options of ``micrographia train``."""

    images: str | None = parameter(
        None, "Folder of images, or a CSV with the columns image and label (others, such as plate or well, are groups)"
    )
    labels: str | None = parameter(None, "Folder of label images, matched to the images by name")
    validation_images: str | None = parameter(
        None, "Images that only judge the training; otherwise the method sets some of the images aside"
    )
    validation_labels: str | None = parameter(None, "Labels of the validation images")
    out: str = parameter("model.zip", "Model file to write")
    channel: str | None = parameter(None, "Channel to learn from, by name or by number from 0")
    all_channels: bool = parameter(False, "Learn from all channels together; the model will need all of them")
    overwrite: bool = parameter(False, "Replace a model file that exists")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments, and the parameters of the method where one is named."""
    parser.add_argument("method", metavar="METHOD", help=f"one of: {', '.join(methods())}")
    flags.add_flags(parser, Train, short={"out": "-o"})
    if words and not words[0].startswith("-"):
        method = get_method(words[0])
        flags.add_flags(parser, method, title=f"parameters of {method.name}")


def run(args: Namespace) -> int:
    """Train and save; 130 where it was stopped."""
    options = flags.read(args, Train)
    method = flags.read(args, get_method(args.method))
    if options.images is None:
        raise RequestError("Say what to learn from: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    out = Path(options.out).expanduser()
    if out.suffix.lower() != ".zip":
        raise RequestError(f"{out}: a model is stored in a file that ends in .zip.")
    if out.exists() and not options.overwrite:
        raise RequestError(f"{out} exists already; choose another name with --out, or replace it with --overwrite.")
    folder = out.with_name(f"{out.stem}-training")
    try:
        learn(method, _examples(options), folder, out)
    except KeyboardInterrupt:
        again = shlex.join(["micrographia", *sys.argv[1:]])
        print(f"\nStopped; the last checkpoint is in {folder}.\nTo go on, type the same command again: {again}",
              file=sys.stderr)  # fmt: skip
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    print(f"model: {out}\nuse it with: micrographia segment IMAGE -m {shlex.quote(str(out))}")
    return 0


def learn(method: Method, examples: Examples, folder: Path, out: Path) -> None:
    """Fit a method, with checkpoints in a folder from which it goes on, and save it.

    Raises
    ------
    RequestError
        Where the packages for training are not installed.
    """
    try:
        method.fit(examples, folder=folder, progress=sys.stderr.isatty())  # type: ignore[call-arg]
        method.save(out)
    except ModuleNotFoundError as error:
        raise RequestError(
            f"Training needs the package {error.name}, which the plain installation leaves out: "
            "pip install 'micrographia[train]'"
        ) from error


def _examples(options: Train) -> Examples:
    from micrographia.cli.labelled_planes import LabelledPlane, labelled_dataset, labelled_planes
    from micrographia.segment.star_examples import Examples

    items = list(labelled_dataset(str(options.images), options.labels))
    held = []
    if options.validation_images is not None:
        held = list(labelled_dataset(options.validation_images, options.validation_labels))
    planes: list[LabelledPlane] = []
    validation: list[int] = []
    for item in (*items, *held):
        found = labelled_planes(item, channel=options.channel, all_channels=options.all_channels)
        for plane in found:
            if item in held:
                validation.append(len(planes))
            planes.append(plane)
    print(f"learning from {len(planes) - len(validation)} images" + (f", judged on {len(validation)}" if held else ""))
    return Examples(
        [plane.image for plane in planes],
        [plane.labels for plane in planes],
        validation if held else None,
        [plane.name for plane in planes],
    )
