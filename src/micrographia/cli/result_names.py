"""What the results of each input are called: the file's stem, made distinct where two inputs share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from micrographia.io.find import image_stem


def result_names(paths: Sequence[Path], known: Mapping[Path, str] | None = None) -> dict[Path, str]:
    """One name for each input, no two alike, also where the file system ignores upper and lower case.

    ``a/cells.tif`` and ``b/cells.tif`` become ``a_cells`` and ``b_cells``; ``cells.tif`` and ``cells.png`` in one
    folder become ``cells_tif`` and ``cells_png``.

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
    rest = [path for path in paths if path not in known]
    for proposal in (image_stem, _with_suffix, _with_folder, _with_both):
        proposed = {path: proposal(path) for path in rest}
        count = Counter(name.casefold() for name in proposed.values())
        for path, name in proposed.items():
            if count[name.casefold()] == 1 and name.casefold() not in taken:
                names[path] = name
                taken.add(name.casefold())
        rest = [path for path in rest if path not in names]
    for path in rest:
        names[path] = _numbered(image_stem(path), taken)
        taken.add(names[path].casefold())
    return {path: names[path] for path in paths}


def _with_suffix(path: Path) -> str:
    return f"{image_stem(path)}{path.name[len(image_stem(path)) :]}".replace(".", "_")


def _with_folder(path: Path) -> str:
    folder = path.absolute().parent.name
    return f"{folder}_{image_stem(path)}" if folder else image_stem(path)


def _with_both(path: Path) -> str:
    folder = path.absolute().parent.name
    return f"{folder}_{_with_suffix(path)}"


def _numbered(stem: str, taken: Iterable[str]) -> str:
    number = 2
    while f"{stem}_{number}".casefold() in taken:
        number += 1
    return f"{stem}_{number}"
