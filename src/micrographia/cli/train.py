"""``micrographia train``: teach a method from folders of images."""

from __future__ import annotations

import shlex
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.authorship import add_authorship, authorship
from micrographia.cli.training_lines import training_lines
from micrographia.method import Declared, Method, parameter
from micrographia.methods import get_method, methods

SUBJECTS = {
    "objects": "classes of objects, from a table of measurements",
    "encoder": "features of objects, from crops around them without classes",
    "crops": "classes of objects, by a network that looks at crops around them",
    "images": "classes of whole images, by a network",
    "plane": "places of objects on a plane, from a table of measurements",
}
"""What is taught by a command of its own; each is a module, ``train_crops`` and so on, with ``DESCRIPTION``,
``EPILOG``, ``add_arguments(parser)`` and ``run(args)``."""

DESCRIPTION = """
Teach a method from images with label images and store what it learned as one model file. Images and labels are matched
by name. Labels number the objects of each image; for 'pixels' and 'boundaries' they number classes, 0 where nothing was
painted. Name a METHOD before --help for its parameters, and for what it learns from where that is something else.
"""
RESUMED = "Stop with Ctrl-C; the same command goes on where it stopped."
EPILOG = """
examples:
  micrographia train stardist --images images/ --labels labels/ -o my_nuclei.zip --minutes 60
  micrographia train stardist --images plates.csv -o my_nuclei.zip --start nuclei
  micrographia train pixels --images images/ --labels strokes/ --classes membrane,cytoplasm -o membranes.zip
  micrographia train boundaries --images slices/ --labels strokes/ --classes membrane,inside -o neurons.zip
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
    classes: str | None = parameter(
        None, 'Names of the classes 1, 2, ... for methods that classify: "membrane,cytoplasm", or a CSV (label, name)'
    )
    channel: str | None = parameter(None, "Channel to learn from, by name or by number from 0")
    all_channels: bool = parameter(False, "Learn from all channels together; the model will need all of them")
    axes: str | None = parameter(None, "Axes of image files that do not name them, slowest first, for example TZCYX")
    overwrite: bool = parameter(False, "Replace a model file that exists")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments, and the parameters of the method where one is named."""
    known = ", ".join(sorted({*methods(), *SUBJECTS}))
    parser.add_argument("method", metavar="METHOD", help=f"one of: {known}")
    if words and words[0] in SUBJECTS:
        subject = _subject(words[0])
        parser.description, parser.epilog = subject.DESCRIPTION, subject.EPILOG
        subject.add_arguments(parser)
        return
    flags.add_flags(parser, Train, short={"out": "-o"})
    if words and not words[0].startswith("-"):
        method = get_method(words[0])
        if "folder" in signature(method.fit).parameters:
            parser.description = f"{DESCRIPTION.strip()}\n{RESUMED}"
        flags.add_flags(parser, method, title=f"parameters of {method.name}")
        add_authorship(parser, method)


def run(args: Namespace) -> int:
    """Train and save; 130 where it was stopped."""
    if args.method in SUBJECTS:
        return _subject(args.method).run(args)
    options = flags.read(args, Train)
    method = flags.read(args, get_method(args.method))
    if options.images is None:
        raise RequestError("Say what to learn from: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    model_file(options.out, options.overwrite)
    said = authorship(args)
    from micrographia.cli.training_examples import make_examples

    examples = make_examples(
        type(method), options.images, options.labels, validation_images=options.validation_images,
        validation_labels=options.validation_labels, classes=options.classes, channel=options.channel,
        all_channels=options.all_channels, axes=options.axes,
    )  # fmt: skip
    return learn_file(method, examples, options.out, options.overwrite, said)


def learn_file(
    method: Method, examples: Any, name: str, overwrite: bool = False, said: Mapping[str, Any] | None = None
) -> int:
    """Fit a method and save it under a name; 130 where it was stopped. The same call again goes on where it stopped.

    `said` is what `save` takes beside the file (:func:`micrographia.cli.authorship.authorship`).

    Raises
    ------
    RequestError
        Where the name is no ``.zip``, the file exists, or the packages for training are not installed.
    """
    out = model_file(name, overwrite)
    folder = out.with_name(f"{out.stem}-training")
    try:
        learn(method, examples, folder, out, said)
    except KeyboardInterrupt:
        if not folder.exists():
            raise
        again = shlex.join(["micrographia", *sys.argv[1:]])
        print(f"\nStopped; what is done so far is in {folder}.\nTo go on, type the same command again: {again}",
              file=sys.stderr)  # fmt: skip
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    say_model(method, out)
    if judgement := getattr(method, "judgement", None):
        print(judgement())
    for note in getattr(method, "notes_", ()):
        print(f"note: {note}")
    return 0


def say_model(method: Method, out: Path) -> None:
    """Print where a model was stored, and how it is used."""
    print(f"model: {out}\n{use_of(method, str(out))}")


def use_of(method: Method | type[Method], model: str) -> str:
    """The command that applies a model of a method, by name or path."""
    return f"use it with: micrographia {method.applied_by} {method.applied_to} -m {shlex.quote(model)}"


def _subject(name: str) -> Any:
    return import_module(f"micrographia.cli.train_{name}")


def model_file(name: str, overwrite: bool) -> Path:
    """The file to write a model to; raises RequestError where it is no ``.zip``, or exists already."""
    out = Path(name).expanduser()
    if out.suffix.lower() != ".zip":
        raise RequestError(f"{out}: a model is stored in a file that ends in .zip.")
    if out.exists() and not overwrite:
        raise RequestError(f"{out} exists already; choose another name with --out, or replace it with --overwrite.")
    return out


def learn(method: Method, examples: Any, folder: Path, out: Path, said: Mapping[str, Any] | None = None) -> None:
    """Fit a method, if it can with checkpoints in a folder from which it goes on, and save it; `said` is for `save`.

    Raises
    ------
    RequestError
        Where the packages for training are not installed.
    """
    try:
        known = signature(method.fit).parameters
        shown = sys.stderr.isatty()
        more = {"folder": folder, "progress": shown, "report": None if shown else training_lines(method)}
        method.fit(examples, **{key: value for key, value in more.items() if key in known})
        method.save(out, **(said or {}))
    except ModuleNotFoundError as error:
        raise RequestError(
            f"Training needs the package {error.name}, which the plain installation leaves out: "
            "pip install 'micrographia[train]'"
        ) from error
