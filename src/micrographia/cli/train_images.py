"""``micrographia train images``: teach a network to tell whole images apart."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from micrographia.classify.crops.image_classifier import ImageClassifier
from micrographia.cli import flags
from micrographia.cli.authorship import add_authorship, authorship
from micrographia.cli.train_crops import TrainCrops, train_classifier

DESCRIPTION = """
Teach a small network to tell the classes of whole images apart: quality, phenotype of a field, translocation. A table
says which images have which class: Metadata_Image, Class, and where known Metadata_Well (and its Metadata_Plate), whose
images are then kept together; or --images names a CSV with the columns image and Class. The scores are those on images
set aside, or with --folds those on wells (or images) that were never seen; they are printed and go into a report beside
the model, and into its card. Stop with Ctrl-C; the same command goes on where it stopped.
"""
EPILOG = """
examples:
  micrographia train images --images plate/ --table classes.csv -o quality.zip
  micrographia train images --images listed.csv --tiles 4 --folds 5 -o fields.zip
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments and the parameters of the method."""
    flags.add_flags(parser, TrainCrops, short={"out": "-o"}, skip={"labels"})
    flags.add_flags(parser, ImageClassifier, title="parameters of the classifier")
    add_authorship(parser, ImageClassifier)


def run(args: Namespace) -> int:
    """Train and save; 130 where it was stopped."""
    return train_classifier(flags.read(args, ImageClassifier), flags.read(args, TrainCrops), authorship(args))
