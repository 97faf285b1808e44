"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from micrographia.arrays.errors import RequestError
from micrographia.io.atomic import write_problem


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """Keep other processes out of a folder; the system lets go where this one ends, however it ends.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    work : str
        What is done there, for the message: "a training".

    Raises
    ------
    RequestError
        Where another process is there.
    InputError
        Where the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a")
    except OSError as error:
        raise write_problem(folder, error) from error
    with file:
        if not _taken(file):
            raise RequestError(
                f"In {folder} {work} is running; wait for its end, or choose another name to begin one beside it."
            )
        yield


def _taken(file: IO[str]) -> bool:
    """Whether the lock of an open file could be taken; file systems without locks give it to everybody."""
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
