"""``micrographia measure --features cellprofiler``: CellProfiler's measurements, one table of all images."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError

if TYPE_CHECKING:
    from micrographia.cli.measure import Measure


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that only these features have."""


def run(args: Namespace, options: Measure) -> int:
    """Measure the objects of all images; 1 where some failed."""
    raise RequestError("--features cellprofiler is under construction.")
