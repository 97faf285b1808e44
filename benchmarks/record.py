"""Keep what a benchmark measured: one JSON file a benchmark, with the machine it ran on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from micrographia import __version__
from micrographia.io.atomic import replacing
from micrographia.models.runtime import usable_cores

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The machine in a few words: processor, cores that may be used, memory in GB, Python, operating system."""
    return {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory_gb": round(_memory() / 1e9, 1),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.machine()}",
    }


def record(name: str, data: str, numbers: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write ``folder/NAME.json``, replacing what an earlier run measured.

    Parameters
    ----------
    name : str
        Name of the benchmark.
    data : str
        What it was measured on, in words for the documentation.
    numbers : mapping
        JSON values; those that the tables show are named in ``tables.py``.
    folder : Path
        Where results are kept.

    Returns
    -------
    Path
        The file. It appears whole or not at all.
    """
    content = {
        "name": name,
        "version": __version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "data": data,
        "numbers": dict(numbers),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    path = folder / f"{name}.json"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    print(f"{path}:\n{text}", end="", flush=True)
    return path


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    """Bytes of memory of the machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
