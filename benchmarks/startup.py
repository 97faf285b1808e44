"""Seconds that ``micrographia --help`` and ``import micrographia`` take in fresh processes.

python benchmarks/startup.py                      # the Micrographia of this Python
python benchmarks/startup.py --python ENV/bin/python
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from record import record


def seconds(command: list[str], repeats: int) -> list[float]:
    """Wall clock of each run, after one that warms the disk cache."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return times[1:]


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="Python with Micrographia installed")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    if options.python != Path(sys.executable):
        os.environ.pop("PYTHONPATH", None)
    python = str(options.python)
    script = options.python.parent / "micrographia"
    help_of = [str(script)] if script.exists() else [python, "-m", "micrographia"]
    commands = {
        "python": [python, "-c", "pass"],
        "import": [python, "-c", "import micrographia"],
        "help": [*help_of, "--help"],
        "segment_help": [*help_of, "segment", "--help"],
    }
    numbers = {"runs": options.repeats}
    for name, command in commands.items():
        times = seconds(command, options.repeats)
        numbers[name] = round(float(np.median(times)), 4)
        numbers[f"{name}_slowest"] = round(max(times), 4)
    record("startup", f"{options.repeats} fresh processes each (median), after one that fills the disk cache", numbers)


if __name__ == "__main__":
    main()
