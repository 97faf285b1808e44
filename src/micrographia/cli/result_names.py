"""What the results of each input are called: the file's stem, made distinct where two inputs share it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from micrographia.io.find import image_stem


def result_names(paths: Sequence[Path], known: Mapping[Path, str] | None = None) -> dict[Path, str]:
    """One name for each input, no two alike, also where the file system ignores upper and lower case.

    ``a/cells.tif`` and ``b/cells.tif`` become ``a_cells`` and ``b_cells``, and so do ``a/images/cells.tif`` and
    ``b/images/cells.tif``; ``cells.tif`` and ``cells.png`` in one folder become ``cells_tif`` and ``cells_png``.

    Parameters
    ----------
    paths : sequence of Path
        The inputs.
    known : mapping of Path to str, optional
        Names that earlier runs gave: these inputs keep theirs, and none gets that of another input.

    Returns
    -------
    dict of Path to str
        In the order of ``paths``.
    """
    known = known or {}
    names = {path: known[path] for path in paths if path in known}
    taken = {name.casefold() for name in known.values()}
    for path, name in _told_apart(paths, set()).items() if known else ():  # a run that goes on calls them as it began
        if path not in names and name.casefold() not in taken:
            names[path] = name
            taken.add(name.casefold())
    names |= _told_apart([path for path in paths if path not in names], taken)
    return {path: names[path] for path in paths}


def _told_apart(paths: Sequence[Path], taken: set[str]) -> dict[Path, str]:
    """One name for each input, no two alike and none of those that are taken already."""
    names: dict[Path, str] = {}
    taken = set(taken)
    for proposal in (_each(image_stem), _each(_with_suffix), _each(_with_folder), _each(_with_both),
                     _with_folders(image_stem), _with_folders(_with_suffix)):  # fmt: skip
        if len(names) == len(paths):
            break
        proposed = {path: name for path, name in proposal(paths).items() if path not in names}
        count = Counter(name.casefold() for name in proposed.values())
        for path, name in proposed.items():
            if count[name.casefold()] == 1 and name.casefold() not in taken:
                names[path] = name
                taken.add(name.casefold())
    for path in paths:
        if path not in names:
            names[path] = _numbered(image_stem(path), taken)
            taken.add(names[path].casefold())
    return names


def _each(name: Callable[[Path], str]) -> Callable[[Sequence[Path]], dict[Path, str]]:
    return lambda paths: {path: name(path) for path in paths}


def _with_folders(name: Callable[[Path], str]) -> Callable[[Sequence[Path]], dict[Path, str]]:
    """The folders in which files of one name differ, from the nearest one that tells all of them apart down."""

    def propose(paths: Sequence[Path]) -> dict[Path, str]:
        alike = defaultdict(list)
        for path in dict.fromkeys(paths):
            alike[name(path).casefold()].append(path)
        found: dict[Path, str] = {}
        for group in alike.values():
            words = [[name(path)] for path in group]
            for folders in zip_longest(*([folder.name for folder in _place(path).parents] for path in group)):
                if len({"_".join(word).casefold() for word in words}) == len(group):
                    break
                if len(set(folders)) > 1:
                    words = [[folder, *word] if folder else word for folder, word in zip(folders, words)]
            found.update(zip(group, map("_".join, words)))
        return found

    return propose


def _place(path: Path) -> Path:
    """The whole path, without . and .. in it."""
    return Path(os.path.normpath(path.absolute()))


def _with_suffix(path: Path) -> str:
    return f"{image_stem(path)}{path.name[len(image_stem(path)) :]}".replace(".", "_")


def _with_folder(path: Path) -> str:
    folder = _place(path).parent.name
    return f"{folder}_{image_stem(path)}" if folder else image_stem(path)


def _with_both(path: Path) -> str:
    folder = _place(path).parent.name
    return f"{folder}_{_with_suffix(path)}"


def _numbered(stem: str, taken: Iterable[str]) -> str:
    number = 2
    while f"{stem}_{number}".casefold() in taken:
        number += 1
    return f"{stem}_{number}"
