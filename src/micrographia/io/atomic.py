"""Nothing half-written: every result is written beside its place, then renamed into it."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from micrographia.arrays.errors import InputError

ZARR_MARKERS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""Files of which a Zarr folder holds at least one."""

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "your disk quota is used up; free some space and run the same command again",
    errno.EACCES: "no permission to write there; choose another output folder",
    errno.EPERM: "no permission to write there; choose another output folder",
    errno.EROFS: "the disk is read-only; choose another output folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another output folder",
    errno.EISDIR: "a folder of that name exists; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def write_problem(path: str | Path, error: OSError) -> InputError:
    """The sentence for a file that could not be written."""
    reason = _REASONS.get(error.errno or 0) or (error.strerror or str(error) or "unknown reason")
    return InputError(f"{path} could not be written: {reason}.")


def check_folder(folder: Path) -> None:
    """Raise InputError where a folder for results cannot be made or written to; it is not made yet."""
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        probe = sibling(there / "probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise write_problem(folder, error) from error


def sibling(path: Path) -> Path:
    """A hidden name beside ``path`` that nothing else uses, ending in the same suffix."""
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write to the path this yields; it takes the place of ``path`` when the block ends well.

    Missing parent folders are made. An existing file is replaced in one step; an existing
    folder only where it is a Zarr (anything else is left alone). When the block fails, for
    whatever reason, what was written so far is deleted and ``path`` is as it was before.

    Raises
    ------
    InputError
        Where the disk is full, the folder cannot be written to, and so on.
    """
    path = Path(path)
    partial = sibling(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        move_into_place(partial, path)
    except OSError as error:
        raise write_problem(path, error) from error
    finally:
        remove(partial)


def move_into_place(partial: Path, path: Path) -> None:
    """Rename a finished file or folder to its final name, replacing an older result."""
    if not path.is_dir() or path.is_symlink():
        os.replace(partial, path)
        return
    if not partial.is_dir() or not any((path / marker).exists() for marker in ZARR_MARKERS):
        raise InputError(f"{path} is a folder that holds something else; choose another output name.")
    aside = sibling(path)
    os.replace(path, aside)
    try:
        os.replace(partial, path)
    except OSError:
        os.replace(aside, path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def remove(path: Path) -> None:
    """Delete a file or folder if it is there; never raises."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
