"""What commands that read images have in common: the parameters that say how files are read, and the reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.arrays.preparation import BACKGROUNDS
from micrographia.method import parameter

if TYPE_CHECKING:
    from micrographia.arrays.image import Image

AXES = parameter(
    None, "Axes of files that do not name them, slowest first, for example TZCYX (S: samples of a colour picture)"
)
SCENE = parameter(0, "Which scene of files that hold several, counted from 0", ge=0)
BACKGROUND = parameter(
    "auto", "Background of the images, where the model takes it for the wrong one: fluorescence has a dark background, "
    "stained tissue and brightfield a bright one", choices=BACKGROUNDS,
)  # fmt: skip
PIXEL_SIZE = parameter(None, "Size of a pixel, in place of what the file says", ge=1e-9, unit="µm")


def read_input(source: Path, options: Mapping[str, Any]) -> Image:
    """Read an image as the options ``axes``, ``scene`` and ``pixel_size`` say; raises InputError where it cannot be."""
    from micrographia.io.reading import read

    return with_pixel_size(read(source, axes=options["axes"], scene=options["scene"]), options["pixel_size"])


def with_pixel_size(image: Image, size: float | None) -> Image:
    """The image with pixels of so many micrometres along Y and X; as it is where None."""
    if size is None:
        return image
    return replace(image, pixel_size=dict(image.pixel_size) | {"Y": float(size), "X": float(size)})
