"""The sentence for a model that was given to a command or a method for which it is none."""

from __future__ import annotations

from micrographia.arrays.errors import RequestError
from micrographia.methods import get_method, methods
from micrographia.models.package import ModelPackage


def made_by(package: ModelPackage) -> str:
    """Name of the method that made a model; empty for models of others."""
    said = package.description if package.kind == "arrays" else package.config
    return str(said.get("method") or "")


def other_kind(package: ModelPackage, does: str) -> RequestError:
    """The refusal of a model that does not do what it was asked for; names the command that it goes with.

    Parameters
    ----------
    package : ModelPackage
    does : str
        What was asked for: "classify pixels".
    """
    name = made_by(package)
    what = f"was made by the method '{name}'" if name else "is a network of another program"
    use = get_method(name).applied_by if name in methods() else ""
    hint = f"it goes with 'micrographia {use}'." if use else "'micrographia models list' names those at hand."
    return RequestError(f"{package.path}: this model {what} and does not {does}; {hint}")
