"""``micrographia classify``: give pixels a class."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Any

SUBJECTS = {
    "pixels": "a class for every pixel, by a model that 'micrographia train pixels' made",
    "objects": "a class for every row of tables, by a model that 'micrographia train objects' made",
    "crops": "a class for every object of label images, by a model that 'micrographia train crops' made",
    "images": "a class for every image, by a model that 'micrographia train images' made",
    "plane": "a place on a plane for every row of tables, by a model that 'micrographia train plane' made",
    "average": "one class for every object from the tables of several classifiers",
}
"""What can be classified; each is a module of its own, ``classify_pixels`` and so on."""

DESCRIPTION = """
Classify what images show. For an input cells.tif the output folder gets cells_probabilities.tif (a channel for each
class), cells_classes.tif (the most probable class of each pixel: 1, 2, ...), cells_uncertainty.tif (1 where two classes
are equally probable) or cells_labels.tif (the objects of one class), as --output says. The same command again goes on
where it stopped. For crops and images the folder gets one table with the class of every object or image and the
probability of each class. For objects, tables of measurements give tables of classes, and images.csv and wells.csv
count the classes, with the score by which each is enriched.
"""
EPILOG = """
examples:
  micrographia classify pixels cells.tif -m membranes.zip -o results
  micrographia classify pixels images/ -m membranes.zip --output probabilities uncertainty -o results
  micrographia classify pixels images/ -m nuclei_pixels.zip --output labels --object-class nucleus -o results
  micrographia classify pixels slide.ome.zarr -m membranes.zip --output classes -o results
  micrographia classify objects plate1.parquet plate2.parquet -m phenotypes.zip -o results
  micrographia classify crops images/ --labels labels/ -m phenotypes.zip -o results
  micrographia classify images plate/ -m quality.zip -o results
"""


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments: those of the subject that is named, or of the first."""
    known = "; ".join(f"{name}: {text}" for name, text in SUBJECTS.items())
    parser.add_argument("subject", metavar="SUBJECT", choices=list(SUBJECTS), help=known.replace("%", "%%"))
    named = words[0] if words and words[0] in SUBJECTS else next(iter(SUBJECTS))
    _command(named).add_arguments(parser)


def run(args: Namespace) -> int:
    """Classify; 1 where some inputs failed."""
    return _command(args.subject).run(args)


def _command(subject: str) -> Any:
    return import_module(f"micrographia.cli.classify_{subject}")
