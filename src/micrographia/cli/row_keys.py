"""What each row of a table says about where it comes from: image, plate, well, site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from micrographia.arrays.errors import RequestError
from micrographia.io.datasets import Item

NAMES = r"Plate, well and site in the file names: a regular expression such as '(?P<well>[A-P]\d\d)_s(?P<site>\d)'"
"""What the flag ``--names`` says of itself."""

_WORDS = {"plate": "Plate", "well": "Well", "site": "Site", "field": "Site", "t": "T", "z": "Z"}


def metadata(groups: Mapping[str, str]) -> dict[str, str]:
    """Groups of an image as columns: plate becomes ``Metadata_Plate``, any other name ``Metadata_<Name>``."""
    return {_column(name): value for name, value in groups.items()}


def groups_of_names(pattern: str, names: Sequence[str]) -> list[dict[str, str]]:
    """What a pattern with named groups finds in the names of images.

    Parameters
    ----------
    pattern : str
        A regular expression with named groups, for example ``(?P<well>[A-P][0-9]{2})_s(?P<site>[0-9])``; it may match
        anywhere in the name.
    names : sequence of str
        File names.

    Returns
    -------
    list of dict
        The named groups for each name.

    Raises
    ------
    RequestError
        Where the pattern is no regular expression, names no group, or fits not all names (one is shown).
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise RequestError(f"--names '{pattern}' is no regular expression: {error}.") from error
    if not compiled.groupindex:
        raise RequestError(f"--names '{pattern}' names no group; write for example '(?P<well>[A-P][0-9]{{2}})'.")
    found = [compiled.search(name) for name in names]
    strange = [name for name, match in zip(names, found) if match is None]
    if strange:
        raise RequestError(f"--names '{pattern}' does not fit {len(strange):,} of {len(names):,} names: {strange[0]}.")
    return [{key: value or "" for key, value in match.groupdict().items()} for match in found if match]


def item_keys(items: Iterable[Item], pattern: str | None = None) -> list[dict[str, str]]:
    """Where each image comes from, as columns: the groups of a table of images, and what a pattern finds in its name.

    Parameters
    ----------
    items : iterable of Item
        Images of a data set; a group ``cells`` names label images and is left out.
    pattern : str, optional
        As for `groups_of_names`.

    Returns
    -------
    list of dict
        The same columns for every image, empty where one has no value.

    Raises
    ------
    RequestError
        Where the pattern does not fit.
    """
    items = list(items)
    groups = [{name: value for name, value in item.groups.items() if name != "cells"} for item in items]
    if pattern is not None:
        found = groups_of_names(pattern, [item.image.name for item in items])
        groups = [{**known, **new} for known, new in zip(groups, found)]
    columns = [metadata(known) for known in groups]
    empty = dict.fromkeys((key for known in columns for key in known), "")
    return [empty | known for known in columns]


def _column(name: str) -> str:
    if name.startswith("Metadata_"):
        return name
    return f"Metadata_{_WORDS.get(name.lower(), name[:1].upper() + name[1:])}"
