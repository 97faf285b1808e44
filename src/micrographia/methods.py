"""The registry: every installed method, found through the entry-point group ``micrographia.methods``."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points

from micrographia.arrays.errors import RequestError
from micrographia.method import Method

GROUP = "micrographia.methods"
"""Name of the entry-point group through which methods plug in, ours included."""


def methods() -> dict[str, EntryPoint]:
    """Every installed method by name.

    Returns
    -------
    dict of str to importlib.metadata.EntryPoint
        Sorted by name. ``methods()["stardist"].load()`` imports the class; nothing is imported before that.

    Raises
    ------
    RequestError
        Where two installed packages offer different methods under one name.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            raise RequestError(
                f"Two installed packages offer a method named '{entry.name}' ({other.value} and {entry.value}); "
                "uninstall one of them."
            )
        found[entry.name] = entry
    return found


def get_method(name: str) -> type[Method]:
    """The class of a method.

    Parameters
    ----------
    name : str
        A name that :func:`methods` lists, for example ``"stardist"``.

    Returns
    -------
    subclass of Method

    Raises
    ------
    RequestError
        Where no method has that name, or what it needs is not installed.
    """
    found = methods()
    if not isinstance(name, str) or name not in found:
        near = difflib.get_close_matches(str(name).lower(), found, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Installed are: {', '.join(found) or 'none'}."
        raise RequestError(f"There is no method '{name}'. {hint}")
    try:
        return found[name].load()
    except ImportError as error:
        raise RequestError(f"The method '{name}' cannot be loaded: {error}.") from error
