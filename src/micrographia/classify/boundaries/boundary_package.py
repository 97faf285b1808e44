"""A boundary segmenter as a model package: its forest as arrays, a card to read, a test to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.forest import Forest
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.pixel_package import pixel_parts, pixels_of

if TYPE_CHECKING:
    from micrographia.classify.boundaries.boundary_segmenter import BoundarySegmenter

_SHOWN = 10


def write_boundary_package(path: Path, method: BoundarySegmenter, name: str) -> Path:
    """Write what was learned; the stored test is a small piece of image with its labels."""
    from micrographia.models.write import write_arrays_package

    arrays: dict[str, np.ndarray] = {f"forest_{key}": array for key, array in method.forest_.arrays().items()}
    pixels = None
    if method.pixels_ is not None:
        of_pixels, config = pixel_parts(method.pixels_)
        arrays |= {f"pixels_{key}": array for key, array in of_pixels.items()}
        pixels = {"parameters": method.pixels_.parameters(), "config": config}
    if method.example_ is not None:
        arrays["test_input"], arrays["test_output"] = method.example_, method.predict(method.example_)
    write_arrays_package(
        path, method=method.name, arrays=arrays,
        parameters=method.parameters() | {"pixels": None},  # a file of the user; its settings are kept below
        config={
            "boundary": method.boundary_,
            "channels": method.channels_,
            "out_of_bag_error": method.out_of_bag_error_,
            "importance": method.importance_,
            "counts": method.counts_,
            "pixels": pixels,
        },
        name=name, description="Segments what lies between boundaries.", documentation=_card(method, name),
    )  # fmt: skip
    return path


def read_boundary_package(path: str | Path, kind: type[BoundarySegmenter]) -> BoundarySegmenter:
    """Read what `write_boundary_package` wrote; raises InputError where it is another model, or is damaged."""
    from micrographia.models.library import find_arrays
    from micrographia.models.package import part_of

    package = find_arrays(path, kind.name, "segment by boundaries")
    arrays, config = package.arrays(), package.config
    try:
        method = kind(**package.description["parameters"])
        method.forest_ = Forest.from_arrays(part_of(arrays, "forest_"))
        method.boundary_, method.channels_ = int(config["boundary"]), tuple(config["channels"])
        method.out_of_bag_error_, method.importance_ = config["out_of_bag_error"], dict(config["importance"])
        few, many = config["counts"]
        method.counts_ = (int(few), int(many))
        method.example_ = arrays.get("test_input")
        pixels = config.get("pixels")
        if pixels is not None:
            method.pixels_ = pixels_of(
                PixelClassifier(**pixels["parameters"]), part_of(arrays, "pixels_"), pixels["config"]
            )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{package.path}: what this model package says of its forest is damaged.") from error
    return method


def _card(method: BoundarySegmenter, name: str) -> str:
    none, boundary = method.counts_
    error = method.out_of_bag_error_
    best = "\n".join(f"- {feature}: {value:.3f}" for feature, value in list(method.importance_.items())[:_SHOWN])
    pixels = method.pixels_
    source = "The probabilities are given beside the image."
    if pixels is not None:
        source = f"The probabilities come from a pixel classifier in this package ({', '.join(pixels.classes_)})."
    return (
        f"# {name}\n\nJoins the regions of a watershed of boundary probabilities where a forest sees no boundary. "
        f"{source}\n\n## Training data\n\n{boundary:,} edges that are boundaries and {none:,} that are none.\n\n"
        "## Validation\n\n"
        + ("Not measured." if error is None else f"Out-of-bag error of the edges: {error:.4f}.")
        + f"\n\n## Most important features\n\n{best}\n"
    )
