"""``micrographia models``: list, show, test, import and export model packages."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from micrographia.arrays.errors import InputError, RequestError

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

    failed = 0
    for entry in list_models():
        where = "built in" if entry.builtin else "yours"
        try:
            description = open_package(entry.path).description.get("description", "")
        except InputError as error:  # one damaged file must not hide the others
            print(f"{entry.name}: {error}", file=sys.stderr)
            failed = 1
            continue
        print(f"{entry.name:<20}{where:<10}{' '.join(str(description).split())}")
    print(f"\nYour own models are in {user_folder()}")
    return failed


def _show(args: Namespace) -> int:
    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    package = open_package(find_model(args.model))
    about = package.description
    size = package.path.stat().st_size / 2**20 if package.path.is_file() else 0.0
    print(f"{package.name} {package.version}")
    print(" ".join(str(about.get("description", "")).split()))
    print(f"file:     {package.path} ({size:.1f} MiB)")
    for key in ("license", "tags", "authors", "timestamp"):
        if value := about.get(key):
            print(f"{key + ':':<10}{_text(value)}")
    for kind, tensors in (("takes", package.inputs), ("gives", package.outputs)):
        for tensor in tensors:
            print(f"{kind + ':':<10}{tensor.id} ({', '.join(tensor.axis_ids)})")
    if package.kind == "arrays":  # what was learned is in the card, in words
        print(f"method:   {about['method']}\n{'with:':<10}{_text(about['parameters'])}")
    else:
        for key, value in package.config.items():
            print(f"{key + ':':<10}{_text(value)}")
    if text := package.documentation:
        print(f"\n{text.strip()}")
    return 0


def _text(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("name", ", ".join(f"{k} {_text(v)}" for k, v in value.items())))
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)


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
    from micrographia.cli.train import use_of
    from micrographia.method import Method
    from micrographia.methods import get_method, methods
    from micrographia.models.library import import_model
    from micrographia.models.other_kind import made_by
    from micrographia.models.package import open_package

    if Path(args.model).suffix.lower() == ".ilp":
        path = _import_ilastik(args)
    elif args.images:
        raise RequestError("--images says where the images of an ilastik project (.ilp) are; this is none.")
    else:
        path = import_model(args.model, args.name, force=args.force)
    package = open_package(path)
    name = made_by(package)
    method = get_method(name) if name in methods() else Method
    print(f"imported as {path.stem}; {use_of(method, path.stem)}")
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
