"""``micrographia classify``: give pixels, objects or images a class."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Any

SUBJECTS = {
    "pixels": "a class for every pixel, by a model that 'micrographia train pixels' made",
    "boundaries": "objects between membranes, by a model that 'micrographia train boundaries' made",
    "objects": "a class for every row of tables, by a model that 'micrographia train objects' made",
    "crops": "a class for every object of label images, by a model that 'micrographia train crops' made",
    "images": "a class for every image, by a model that 'micrographia train images' made",
    "plane": "a place on a plane for every row of tables, by a model that 'micrographia train plane' made",
    "average": "one class for every object from the tables of several classifiers",
}
"""What can be classified; each is a module, ``classify_pixels`` and so on, with ``DESCRIPTION``, ``EPILOG``,
``add_arguments(parser)`` and ``run(args)``."""

DESCRIPTION = """
Give pixels, objects or images a class, by a model that learned from examples. Name a SUBJECT before --help for what it
writes and for its flags.
"""
EPILOG = """
examples:
  micrographia classify pixels images/ -m membranes.zip -o results
  micrographia classify boundaries slices/ -m neurons.zip -o results
  micrographia classify objects plate1.parquet plate2.parquet -m phenotypes.zip -o results
  micrographia classify crops images/ --labels labels/ -m phenotypes.zip -o results
  micrographia classify images plate/ -m quality.zip -o results
  micrographia classify objects --help
"""


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments: those of the subject, where one is named."""
    known = "; ".join(f"{name}: {text}" for name, text in SUBJECTS.items())
    parser.add_argument("subject", metavar="SUBJECT", choices=list(SUBJECTS), help=known.replace("%", "%%"))
    if words and words[0] in SUBJECTS:
        subject = _command(words[0])
        parser.description, parser.epilog = subject.DESCRIPTION, subject.EPILOG
        subject.add_arguments(parser)


def run(args: Namespace) -> int:
    """Classify; 1 where some inputs failed."""
    return _command(args.subject).run(args)


def _command(subject: str) -> Any:
    return import_module(f"micrographia.cli.classify_{subject}")
