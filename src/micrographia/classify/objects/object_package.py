"""An object classifier as a model package: arrays beside a declaration, with a card to read and a test to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.recalibration import Recalibration
from micrographia.classify.learners.standardising import Standardiser
from micrographia.classify.objects.object_fitting import Fitted, Member
from micrographia.classify.objects.object_learners import stored_model
from micrographia.models.card import markdown_table

if TYPE_CHECKING:
    from micrographia.classify.objects.object_classifier import ObjectClassifier

M = TypeVar("M", bound="ObjectClassifier")


def write_object_package(path: Path, method: ObjectClassifier, name: str, card: str = "") -> Path:
    """Write what was learned; the stored test is some examples with their probabilities.

    Parameters
    ----------
    path : Path
        The ``.zip``.
    method : ObjectClassifier
        A fitted method.
    name : str
        Name for people.
    card : str
        What is known of its accuracy, in Markdown; the section *Validation* of the model card.

    Raises
    ------
    InputError
        Where nothing was learned yet.
    """
    from micrographia.models.write import write_arrays_package

    method.check_fitted()
    fitted = method.fitted_
    arrays = {f"standard_{key}": array for key, array in fitted.standardiser.arrays().items()}
    arrays["columns"] = np.array(method.columns_)
    arrays |= {f"calibration_{key}": array for key, array in fitted.calibration.arrays().items()}
    for number, member in enumerate(fitted.members):
        arrays |= {f"member{number}_{key}": array for key, array in member.model.arrays().items()}
        arrays |= {f"member{number}calibration_{key}": array for key, array in member.calibration.arrays().items()}
    arrays |= {"test_input": method.example_, "test_output": method.predict(method.example_)}
    write_arrays_package(
        path,
        method=method.name,
        parameters=method.parameters(),
        arrays=arrays,
        config={
            "classes": method.classes_,
            "counts": method.counts_,
            "dropped": method.dropped_,
            "constant": fitted.standardiser.dropped,
            "notes": method.notes_,
            "members": [{"kind": member.kind, "setting": member.setting} for member in fitted.members],
        },
        name=name,
        description=f"Object classifier: {', '.join(method.classes_)}.",
        documentation=_card(method, name, card),
    )
    return path


def read_object_package(path: str | Path, kind: type[M]) -> M:
    """Read what `write_object_package` wrote; `path` may be the name of an imported model.

    Raises
    ------
    RequestError
        Where it is no object classifier.
    InputError
        Where it is damaged.
    """
    from micrographia.models.library import find_arrays
    from micrographia.models.package import part_of

    package = find_arrays(path, kind.name, kind.applied_by)
    arrays, config = package.arrays(), package.config
    try:
        members = []
        for number, said in enumerate(config["members"]):
            model = stored_model(str(said["kind"]), part_of(arrays, f"member{number}_"))
            calibration = Recalibration.from_arrays(part_of(arrays, f"member{number}calibration_"))
            members.append(Member(str(said["kind"]), dict(said["setting"]), model, calibration))
        standardiser = Standardiser.from_arrays(part_of(arrays, "standard_"), config["constant"])
        last = Recalibration.from_arrays(part_of(arrays, "calibration_"))
        method = kind(**package.description["parameters"])
        method.fitted_ = Fitted(standardiser, tuple(members), last, tuple(config["notes"]))
        method.classes_ = tuple(str(name) for name in config["classes"])
        method.columns_ = tuple(str(name) for name in arrays["columns"])
        method.counts_, method.dropped_ = dict(config["counts"]), dict(config["dropped"])
        method.notes_, method.example_ = tuple(config["notes"]), arrays["test_input"]
        if not members or len(method.probabilities(method.example_).T) != len(method.classes_):
            raise ValueError
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"{package.path}: what this model package says of its object classifier is damaged."
        ) from error
    return method


def _card(method: ObjectClassifier, name: str, validation: str) -> str:
    kinds = ", ".join(member.kind for member in method.fitted_.members)
    lines = [
        f"# {name}",
        f"Gives objects one of {len(method.classes_)} classes, from {len(method.columns_):,} measurements ({kinds}).",
        "## Training data",
        markdown_table(["class", "examples"], [(kind, f"{count:,}") for kind, count in method.counts_.items()]),
        "## Validation",
        validation or "Not measured.",
    ]
    return "\n\n".join([*lines, *method.notes_]) + "\n"
