"""The sentence for a model that was given to a command or a method for which it is none."""

from __future__ import annotations

import shlex

from micrographia.arrays.errors import RequestError
from micrographia.methods import get_method, methods
from micrographia.models.package import ModelPackage


def made_by(package: ModelPackage) -> str:
    """Name of the method that made a model; empty for models of others."""
    said = package.description if package.kind == "arrays" else package.config
    return str(said.get("method") or "")


def other_kind(package: ModelPackage, does: str) -> RequestError:
    """The refusal of a model that does not do what it was asked for; says what it goes with.

    Parameters
    ----------
    package : ModelPackage
    does : str
        What was asked for: "classify pixels".
    """
    name = made_by(package)
    what = f"was made by the method '{name}'" if name else "is a network of another program"
    if name in methods():
        hint = f"it goes with 'micrographia {get_method(name).applied_by}'."
    elif name:
        hint = "no method of this name is installed."
    else:
        hint = f"'micrographia models show {shlex.quote(str(package.path))}' says what it can be used for."
    return RequestError(f"{package.path}: this model {what} and does not {does}; {hint}")
