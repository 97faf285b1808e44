"""``micrographia classify images``: a class for whole images."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from micrographia.classify.crops.image_classifier import ImageClassifier
from micrographia.cli import flags
from micrographia.cli.classify_crops import ClassifyCrops, classify_files

DESCRIPTION = """
Give whole images a class. The output folder gets one table with the class of every image and the probability of each
class; wells, a table beside it, counts the classes, with their fractions and the score by which each is enriched.
"""
EPILOG = """
examples:
  micrographia classify images plate/ -m quality.zip -o results
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files, a folder, or a CSV with the column image")
    flags.add_flags(parser, ClassifyCrops, short={"model": "-m", "out": "-o"}, skip={"labels"})


def run(args: Namespace) -> int:
    """Classify all images; 1 where some failed."""
    return classify_files(args, ImageClassifier, "images_classes")
