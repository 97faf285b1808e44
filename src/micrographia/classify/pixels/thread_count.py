"""How many threads work on an image."""

from __future__ import annotations

from micrographia.arrays.errors import RequestError


def thread_count(threads: int | None = None) -> int:
    """So many threads as are asked for; all usable cores where nothing (or 0) is.

    Raises
    ------
    RequestError
        For fewer than none.
    """
    from micrographia.models.runtime import usable_cores

    if threads is not None and threads < 0:
        raise RequestError(f"At least one thread has to work (0 for all usable cores), not {threads}.")
    return threads or usable_cores()
