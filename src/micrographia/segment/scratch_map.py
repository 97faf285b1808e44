"""A map of bytes on disk, for planes that are too large for memory."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError


@contextmanager
def scratch_map(shape: tuple[int, int], folder: Path | None) -> Iterator[tuple[np.ndarray, Callable[[], None]]]:
    """A (Y, X) uint8 array in a file without a name, and a function that gives back the memory of what was touched.

    Nothing is lost by that: what was written is read from the file when it is next looked at.

    Parameters
    ----------
    shape : (int, int)
        Height and width; the array begins with zeros.
    folder : Path, optional
        Where the file lies (the system's temporary folder).

    Raises
    ------
    InputError
        Where there is no room for it.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix=".foreground-"))
            size = max(1, shape[0] * shape[1])
            if hasattr(os, "posix_fallocate"):  # a full disk is an error now, not a crash later
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            memory = mmap.mmap(file.fileno(), size)
        except OSError as error:
            where = folder or tempfile.gettempdir()
            raise InputError(f"{where}: no room for the foreground map ({error.strerror}).") from error
        advice = getattr(mmap, "MADV_DONTNEED", None)

        def forget() -> None:
            if advice is not None:
                memory.madvise(advice)

        yield np.frombuffer(memory, np.uint8, count=shape[0] * shape[1]).reshape(shape), forget
