"""A pixel classifier as a model package: arrays beside a declaration, with a card to read and a test to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.classifiers import from_arrays
from micrographia.classify.pixels.learning import Learned
from micrographia.classify.pixels.stages import Stage
from micrographia.features.pixel_bank import Bank
from micrographia.models.card import markdown_table

if TYPE_CHECKING:
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier

_SHOWN = 10
"""Most important features that the card lists."""


def write_pixel_package(path: Path, method: PixelClassifier, name: str) -> Path:
    """Write what was learned; the stored test is a small piece of image with the probabilities that belong to it."""
    from micrographia.models.write import write_arrays_package

    arrays, config = pixel_parts(method)
    write_arrays_package(
        path,
        method=method.name,
        parameters=method.parameters(),
        arrays=arrays,
        config=config,
        name=name,
        description=f"Pixel classifier: {', '.join(method.classes_)}.",
        documentation=_card(method, name),
    )
    return path


def pixel_parts(method: PixelClassifier) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the JSON values that a package holds of a pixel classifier, beside its parameters."""
    arrays: dict[str, np.ndarray] = {}
    stages = []
    for number, stage in enumerate(method.stages_):
        arrays |= {f"stage{number}_{key}": array for key, array in stage.model.arrays().items()}
        stages.append(
            {
                "kind": stage.model.kind,
                "classes": stage.classes,
                "context": stage.context,
                "levels": stage.levels,
                "bank": stage.bank.as_dict(),
            }
        )
    if method.example_ is not None:
        arrays["test_input"] = method.example_
        arrays["test_output"] = method.predict(method.example_)
    return arrays, {
        "classes": method.classes_,
        "channels": method.channels_,
        "stages": stages,
        "out_of_bag_error": method.out_of_bag_error_,
        "importance": method.importance_,
        "counts": method.counts_,
        "notes": method.notes_,
    }


def read_pixel_package(path: str | Path, kind: type[PixelClassifier]) -> PixelClassifier:
    """Read what `write_pixel_package` wrote; `path` may be the name of an imported model.

    Raises
    ------
    RequestError
        Where it is no pixel classifier.
    InputError
        Where it is damaged.
    """
    from micrographia.models.library import find_arrays

    package = find_arrays(path, kind.name, "classify pixels")
    try:
        return pixels_of(kind(**package.description["parameters"]), package.arrays(), package.config)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{package.path}: what this model package says of its pixel classifier is damaged.") from error


def pixels_of(method: PixelClassifier, arrays: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> PixelClassifier:
    """The classifier of `pixel_parts`; raises KeyError, TypeError, ValueError or IndexError where they are damaged."""
    from micrographia.models.package import part_of

    stages = []
    for number, one in enumerate(config["stages"]):
        model = from_arrays(str(one["kind"]), part_of(arrays, f"stage{number}_"))
        numbers = (int(one[key]) for key in ("classes", "context", "levels"))
        stages.append(Stage(Bank.from_dict(one["bank"]), model, *numbers))
    notes = tuple(map(str, config.get("notes", ())))
    learned = Learned(stages, config["out_of_bag_error"], dict(config["importance"]), arrays.get("test_input"), notes)
    return method.take(learned, tuple(config["classes"]), tuple(config["channels"]), dict(config["counts"]))


def _card(method: PixelClassifier, name: str) -> str:
    stages = method.stages_
    features = len(stages[-1].names(method.channels_, method.classes_))
    two = " A second stage looks at the image and at what the first one said (auto-context)." if len(stages) > 1 else ""
    space = "planes" if method.dimensions == 2 else "volumes"
    lines = [
        f"# {name}",
        f"Classifies every pixel of {space} as {_listed(method.classes_)}, from {features} features of "
        f"{_listed(method.channels_)} ({stages[-1].model.kind}).{two}",
        "## Training data",
    ]
    if method.counts_:
        rows = [[image, *map(str, counts)] for image, counts in method.counts_.items()]
        lines.append("Painted pixels of each class:")
        lines.append(markdown_table(["image", *method.classes_], rows))
    else:
        lines.append("Learned elsewhere; the painted pixels are not in this package.")
    lines += [f"Note: {note}" for note in method.notes_]
    lines.append("## Validation")
    if method.out_of_bag_error_ is None:
        lines.append("Not measured.")
    else:
        lines.append(
            f"Out-of-bag error {method.out_of_bag_error_:.4f}: the share of the painted pixels that trees which have "
            "not seen them get wrong. Neighbouring pixels are alike, so the error on new images is higher; measure it "
            "on images without strokes."
        )
    if method.importance_:
        lines.append("## Most important features")
        best = list(method.importance_.items())[:_SHOWN]
        lines.append("\n".join(f"- {feature}: {value:.3f}" for feature, value in best))
    return "\n\n".join(lines) + "\n"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
