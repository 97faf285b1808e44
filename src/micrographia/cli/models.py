"""``micrographia models``: list, show, test, import and export model packages."""

from __future__ import annotations

import shlex
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli.batch import counted

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage

DESCRIPTION = """
List, show, test, import and export models. A model is one .zip file, in the bioimage.io format where it is a network;
ilastik's pixel classification projects (.ilp) can be imported too.
"""
EPILOG = """
examples:
  micrographia models list
  micrographia models show nuclei
  micrographia models test my_model.zip
  micrographia models import my_model.zip --name mine
  micrographia models import my_project.ilp --images images/
  micrographia models export nuclei nuclei.zip
"""


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the models at hand: built in, imported")
    show = actions.add_parser("show", help="what a model is for, what it takes, how it was made")
    test = actions.add_parser("test", help="run a model on the test images it carries and compare")
    take = actions.add_parser("import", help="check a model and add it to those at hand")
    give = actions.add_parser("export", help="copy a model to a file to share it")
    for one in (show, test, give):
        one.add_argument("model", metavar="MODEL", help="name or path of a model")
    take.add_argument(
        "model", metavar="PATH", help="a .zip file, the folder of an unpacked model, or an ilastik project (.ilp)"
    )
    take.add_argument("--name", metavar="TEXT", help="name to use it by; otherwise made from the model's own name")
    take.add_argument("--force", action="store_true", help="replace one of that name; accept one that fails its test")
    take.add_argument(
        "--images", metavar="PATH", nargs="+", default=[], help="where the images of an ilastik project are"
    )
    give.add_argument("path", metavar="PATH", help="a .zip file to write, or a folder")
    give.add_argument("--force", action="store_true", help="replace an existing file")


def run(args: Namespace) -> int:
    """Do what the action says."""
    return {"list": _list, "show": _show, "test": _test, "import": _import, "export": _export}[args.action](args)


def _list(args: Namespace) -> int:
    from micrographia.models.library import list_models, user_folder
    from micrographia.models.package import open_package

    failed, found = 0, list_models()
    width = max((len(entry.name) for entry in found), default=0) + 2
    for entry in found:
        where = "built in" if entry.builtin else "yours"
        try:
            description = open_package(entry.path).description.get("description", "")
        except InputError as error:  # one damaged file must not hide the others
            print(f"{entry.name}: {error}", file=sys.stderr)
            failed = 1
            continue
        print(f"{entry.name:<{width}}{where:<10}{' '.join(str(description).split())}")
    print(f"\nYour own models are in {user_folder()}")
    return failed


def _show(args: Namespace) -> int:
    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    package = open_package(find_model(args.model))
    about = package.description
    size = package.path.stat().st_size / 2**20 if package.path.is_file() else 0.0
    print(f"{package.name} {package.version}".strip())
    print(" ".join(str(about.get("description", "")).split()))
    rows = [("file", f"{package.path} ({size:.1f} MiB)")]
    if package.kind == "network":
        rows.append(("license", _text(about.get("license") or "none is named")))
    rows += [(key, _text(value)) for key in ("tags", "authors", "timestamp") if (value := about.get(key))]
    for kind, tensors in (("takes", package.inputs), ("gives", package.outputs)):
        rows += [(kind, f"{tensor.id} ({', '.join(tensor.axis_ids)})") for tensor in tensors]
    if package.kind == "arrays":  # what was learned is in the card, in words
        rows += [("method", about["method"]), ("with", _text(about["parameters"]))]
    for key, value in package.config.items() if package.kind == "network" else ():
        rows += _IN_WORDS[key](value, package.config) if key in _IN_WORDS else [(key, _text(value))]
    width = max(len(key) for key, _ in rows) + 2
    for key, text in rows:
        print(f"{key + ':':<{width}}{text}")
    use = _use(package, args.model)
    print(use[0].upper() + use[1:])
    if text := package.documentation:
        print(f"\n{text.strip()}")
    return 0


def _text(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("name", ", ".join(f"{k} {_text(v)}" for k, v in value.items())))
    if isinstance(value, (list, tuple)):
        if len(value) > 1 and all(isinstance(item, dict) and "name" not in item for item in value):
            return f"{len(value)} rows, the last: {_text(value[-1])}"
        return ", ".join(_text(item) for item in value)
    return str(value)


_DECODING = {
    "probability": "probability of an object at least {:g} (--probability)",
    "overlap": "overlap of two objects at most {:g} of the smaller (--overlap)",
    "foreground": "foreground at least {:g}",
    "support": "at least {:g} of an object on foreground",
}
"""What the thresholds of a network that finds objects say (:class:`micrographia.segment.star_decoding.Decoding`)."""


def _experts(experts: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows for the networks of a model that finds objects: the kind of image each is for, its thresholds and sizes."""
    thresholds, diameters = [], []
    try:
        for one in experts:
            said = [_DECODING.get(key, key + " {}").format(value) for key, value in one["decoding"].items()]
            thresholds.append(("thresholds", f"{one['name']}: {', '.join(said)}"))
            low, median, high = one["diameters"]
            if high > 0:
                text = f"{one['name']}: {low:g} to {high:g} pixels in training, median {median:g}"
                diameters.append(("diameters", text))
    except (AttributeError, KeyError, TypeError, ValueError):  # what others wrote there
        return [("experts", _text(experts))]
    return thresholds + diameters


def _training(training: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How long a network was trained, and its last losses."""
    try:
        crops = f" on {training['crops']:,} crops" if "crops" in training else ""
        said = f"{training['steps']:,} steps in {training['minutes']:g} minutes{crops}"
        last = training["history"][-1] if training["history"] else {}
        words = {"train_loss": "loss", "validation_loss": "validation loss"}
        losses = [f"{word} {last[name]:.4g}" for name, word in words.items() if name in last]
        return [("training", ", ".join([said, *losses]))]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # what others wrote there
        return [("training", _text(training))]


def _data(data: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which images a network learned from, and which were set aside."""
    try:
        sides = [("learned from", data["training"]), ("set aside", data["validation"])]
        return [(side, _few([str(name) for name in names])) for side, names in sides]
    except (KeyError, TypeError):
        return [("data", _text(data))]


def _few(names: Sequence[str]) -> str:
    """How many images, with the names of some of them."""
    if not names:
        return "no image"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{counted(len(names), 'image')}: {', '.join(names[:5])}{more}"


def _validation(validation: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How good a network was found to be."""
    from micrographia.segment.star_package import judgement

    try:
        accuracy = validation["accuracy"]
        if not isinstance(accuracy, dict):
            return [("validation", judgement(accuracy, len(config["data"]["validation"])))]
        scores = ", ".join(f"{kind} {score:.3f}" for kind, score in accuracy.items())
        return [("validation", f"accuracy {scores} (TP / (TP + FP + FN), {validation['iou']})")]
    except (KeyError, TypeError, ValueError):
        return [("validation", _text(validation))]


def _colour(colour: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("channels are", "those of colour pictures; grey ones are taken, too")] if colour is True else []


_IN_WORDS = {"colour": _colour, "experts": _experts, "training": _training, "data": _data, "validation": _validation}
"""Entries of a network's config that are shown in words, by what makes rows of them."""


def _use(package: ModelPackage, model: str) -> str:
    """What a model (name or path) can be used for, with the command; for a network of another program it is tried."""
    from micrographia.classify.crops.learned_features import open_features
    from micrographia.cli.train import use_of
    from micrographia.methods import get_method
    from micrographia.models.other_kind import made_by

    if name := made_by(package):
        try:
            return use_of(get_method(name), model)
        except RequestError as error:
            return f"it cannot be used here: {error}"
    try:
        open_features(package.path)
    except (InputError, RequestError):
        test = f"; try it with: micrographia models test {shlex.quote(model)}" if package.has_tests else "."
        return f"it is a network of another program, and no command applies it{test}"
    gives = "it is a network of another program and gives features of objects"
    return f"{gives}; {use_of(get_method('encoder'), model)}"


def _test(args: Namespace) -> int:
    from micrographia.models.library import find_model
    from micrographia.models.verify import test_model

    report = test_model(find_model(args.model))
    for output, difference in report.differences.items():
        print(f"{output}: largest difference {difference:.2g}")
    for note in report.notes:
        print(note, file=sys.stderr)
    print(f"{'passed' if report.passed else 'failed'} in {report.seconds:.2f} s")
    return 0 if report.passed else 1


def _import(args: Namespace) -> int:
    from micrographia.models.library import import_model
    from micrographia.models.package import open_package

    if Path(args.model).suffix.lower() == ".ilp":
        path = _import_ilastik(args)
    elif args.images:
        raise RequestError("--images says where the images of an ilastik project (.ilp) are; this is none.")
    else:
        path = import_model(args.model, args.name, force=args.force)
    print(f"imported as {path.stem}; {_use(open_package(path), path.stem)}")
    return 0


def _import_ilastik(args: Namespace) -> Path:
    from micrographia.classify.ilastik.importing import import_project
    from micrographia.models.library import import_model

    found = import_project(args.model, args.images)
    for note in found.notes:
        print(note, file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        name = args.name or found.project.path.stem
        model = found.classifier.save(Path(folder) / "model.zip", name=name)
        return import_model(model, args.name, force=args.force)


def _export(args: Namespace) -> int:
    from micrographia.models.library import export_model

    print(export_model(args.model, args.path, force=args.force))
    return 0
