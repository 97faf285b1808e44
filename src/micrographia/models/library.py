"""The models at hand: the built-in ones and those that the user imported or trained."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import InputError, RequestError
from micrographia.models import archive
from micrographia.models.other_kind import made_by, other_kind
from micrographia.models.package import ModelPackage, open_package

BUILTIN = Path(__file__).parent / "builtin"
"""Folder of the models that come inside the package."""


@dataclass(frozen=True)
class ModelEntry:
    """One model of the library: the name to use it by, its file, and whether it came inside the package."""

    name: str
    path: Path
    builtin: bool


def user_folder() -> Path:
    """Folder of the user's own models: ``$MICROGRAPHIA_MODELS``, else where the system keeps application data."""
    if folder := os.environ.get("MICROGRAPHIA_MODELS"):
        return Path(folder).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("micrographia", appauthor=False)) / "models"


def list_models() -> list[ModelEntry]:
    """All models at hand. The packages are not opened.

    Returns
    -------
    list of ModelEntry
        Name and file of each, the built-in ones first.
    """
    found = [ModelEntry(p.stem, p, True) for p in sorted(BUILTIN.glob("*.zip"))]
    taken = {e.name for e in found}
    own = user_folder()
    return found + [ModelEntry(p.stem, p, False) for p in sorted(own.glob("*.zip")) if p.stem not in taken]


def find_model(name: str | Path) -> Path:
    """File of a model.

    Parameters
    ----------
    name : str or Path
        Name of a model in the library (``"nuclei"``), or the path of a package.

    Returns
    -------
    Path

    Raises
    ------
    RequestError
        Where there is no model of this name, with the names there are.
    InputError
        Where it is a path and there is no such file.
    """
    for entry in list_models():
        if entry.name == str(name):
            return entry.path
    _refuse_address(name)
    path = Path(name).expanduser()
    if path.exists():
        return path
    if path.suffix.lower() in (".zip", ".onnx") or len(path.parts) > 1:
        raise InputError(f"{name}: there is no such model file.")
    names = ", ".join(e.name for e in list_models()) or "none yet"
    raise RequestError(
        f"There is no model '{name}'. Models at hand: {names}. A file is given by its path, ending in .zip."
    )


def find_arrays(name: str | Path, method: str, does: str) -> ModelPackage:
    """The package of a method without a network, by name or path.

    Parameters
    ----------
    name : str or Path
        As `find_model` takes it.
    method : str
        Name of the method that must have made it.
    does : str
        What it does, for the message: "classify pixels".

    Raises
    ------
    RequestError
        Where another method made it, or it holds a network.
    """
    package = open_package(find_model(name))
    if package.kind != "arrays" or made_by(package) != method:
        raise other_kind(package, does)
    return package


def origin(start: str) -> dict[str, Any]:
    """The model that a training goes on from, and what its package says of the images that taught it."""
    return {"model": start, "data": open_package(find_model(start)).config.get("data")}


def import_model(source: str | Path, name: str | None = None, *, force: bool = False) -> Path:
    """Check a model package, run its test and put it into the user's library.

    Parameters
    ----------
    source : str or Path
        A ``.zip`` file, or the folder of an unpacked bioimage.io model.
    name : str, optional
        Name to use it by; made from the model's own name where not given.
    force : bool
        Replace a model of the same name, and take a model that does not reproduce its own test output.

    Returns
    -------
    Path
        The package in the library.

    Raises
    ------
    InputError
        Where the package is refused or fails its own test.
    RequestError
        Where the name is taken or cannot be used.
    """
    from micrographia.models.conform import validate
    from micrographia.models.verify import test_model

    _refuse_address(source)
    source = Path(source).expanduser()
    package = open_package(source)
    name = name or _slug(package.name)
    target = _target(user_folder(), name, force)
    if any(e.builtin and e.name == name for e in list_models()):
        raise RequestError(f"'{name}' is the name of a built-in model; choose another with --name (name= in Python).")
    if package.kind == "network":
        validate(source, _json(package.description))
        package.network()
    if package.has_tests:
        report = test_model(package)
        if not report.passed and not force:
            raise InputError(f"{source}: this model does not reproduce its own test. {' '.join(report.notes)}")
    if source.is_dir():
        archive.write(target, {n: package.read(n) for n in package.names()})
    else:
        archive.copy(source, target)
    return target


def export_model(name: str | Path, path: str | Path, *, force: bool = False) -> Path:
    """Copy a model to a file to share it.

    Parameters
    ----------
    name : str or Path
        A model of the library, or a package's path.
    path : str or Path
        A ``.zip`` file, or a folder that gets ``NAME.zip``.
    force : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RequestError
        Where there is no such model, or the file exists already.
    InputError
        Where the package is damaged or the file cannot be written.
    """
    found = find_model(name)
    open_package(found)
    path = Path(path).expanduser()
    if path.is_dir():
        path = path / f"{found.stem}.zip"
    if path.suffix.lower() != ".zip":
        raise RequestError(f"{path}: a model is exported to a file that ends in .zip, or to a folder that exists.")
    if path.exists() and not force:
        raise RequestError(f"{path}: this file exists already; use --force (force=True in Python) to replace it.")
    archive.copy(found, path)
    return path


def _target(folder: Path, name: str, force: bool) -> Path:
    if not re.fullmatch(r"[\w][\w.+-]*", name):
        raise RequestError(f"A model cannot be named '{name}'; use letters, digits, '-', '_', '.' and '+'.")
    target = folder / f"{name}.zip"
    if target.exists() and not force:
        raise RequestError(
            f"There is a model '{name}' already ({target}); give another --name (name= in Python), or --force "
            "(force=True) to replace it."
        )
    return target


def _slug(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text.strip().lower()).strip("-.") or "model"


def _json(part: Any) -> Any:
    """Dates of the YAML as text."""
    if isinstance(part, dict):
        return {k: _json(v) for k, v in part.items()}
    if isinstance(part, list):
        return [_json(v) for v in part]
    return part.isoformat() if hasattr(part, "isoformat") else part


def _refuse_address(name: str | Path) -> None:
    if "://" in str(name):
        raise RequestError(f"{name} is a network address, and nothing is downloaded; fetch the file and name its path.")
