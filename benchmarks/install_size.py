"""Megabytes on disk of a plain install, compiled files included, in a fresh virtual environment.

python benchmarks/install_size.py [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

ROOT = Path(__file__).resolve().parents[1]

OWNERS = """
import importlib.metadata, json
print(json.dumps({d.name: [str(d.locate_file(f)) for f in d.files or []] for d in importlib.metadata.distributions()}))
"""


def size(path: Path) -> int:
    """Bytes of a file on disk: its blocks, as du counts them."""
    stat = path.lstat()
    return getattr(stat, "st_blocks", -(-stat.st_size // 512)) * 512


def tree_size(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed."""
    return sum(size(Path(root, name)) for root, folders, names in os.walk(folder) for name in [*names, *folders])


def package_sizes(python: Path, environment: Path) -> dict[str, float]:
    """MB (2**20 bytes) of each distribution: the files it installed and what was compiled from them."""
    owned = json.loads(subprocess.run([python, "-c", OWNERS], stdout=subprocess.PIPE, check=True).stdout)
    sizes = {}
    for name, files in owned.items():
        paths = {Path(os.path.normpath(file)) for file in files}
        paths |= {c for p in paths if p.suffix == ".py" for c in (p.parent / "__pycache__").glob(f"{p.stem}.*.pyc")}
        sizes[name.lower()] = sum(size(p) for p in paths if p.exists() and environment in p.parents)
    return {name: round(total / 2**20, 1) for name, total in sorted(sizes.items(), key=lambda item: -item[1])}


def main() -> None:
    """Install, compile, add up, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for the environment, which then stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        environment = (options.keep or Path(scratch) / "env").resolve()
        os.environ.pop("PYTHONPATH", None)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", str(ROOT)]
        subprocess.run(install, check=True)
        site = Path(
            subprocess.run(
                [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                stdout=subprocess.PIPE, text=True, check=True,
            ).stdout.strip()
        )  # fmt: skip
        # a few packages carry files for other Pythons, which do not compile
        subprocess.run([python, "-m", "compileall", "-q", "-j", "0", site], stdout=subprocess.DEVNULL, check=False)
        installed = subprocess.run(
            [python, "-c", "import micrographia.models.library as m; print(*(e.name for e in m.list_models()))"],
            stdout=subprocess.PIPE, text=True, check=True, cwd=scratch,
        ).stdout  # fmt: skip
        assert "nuclei" in installed, "the built-in model is not in the install"
        packages = package_sizes(python, environment)
        numbers = {
            "total_mb": round(tree_size(environment) / 2**20, 1),
            "torch": "torch" in packages,
            "packages_mb": packages,
        }
    words = "a fresh virtual environment, its own pip included, after `pip install .`, everything compiled"
    record("install_size", words, numbers)


if __name__ == "__main__":
    main()
