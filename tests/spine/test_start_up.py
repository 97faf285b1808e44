"""Nothing heavy is imported before it is needed, and the first answer comes quickly."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import micrographia

HEAVY = ("numba", "scipy", "pandas", "pydantic", "onnxruntime", "zarr", "tifffile", "torch", "skimage", "rich", "PIL")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _modules(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import micrographia",
        "from micrographia.cli import main; main(['--help'])",
        "from micrographia.cli import main; main(['segment', '--help'])",
        "from micrographia.cli import main; main(['models', '--help'])",
    ],
)
def test_nothing_heavy_is_imported(code):
    assert not _modules(code) & set(HEAVY)


@pytest.mark.parametrize("words", [["-c", "import micrographia"], ["-m", "micrographia", "--help"]])
def test_starts_in_less_than_four_tenths_of_a_second(words):
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - start

    seconds()  # fills the disk cache
    assert min(statistics.median(seconds() for _ in range(5)) for _ in range(2)) < 0.4


def _imported(node: ast.AST) -> Iterator[str]:
    """Modules that are imported when this one is: not those in functions, or for types alone."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            yield from (f"{one.module}.{alias.name}" for alias in one.names)
        elif isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING":
            yield from (name for part in one.orelse for name in _imported(part))
        elif isinstance(one, (ast.stmt, ast.excepthandler)) and not isinstance(one, _FUNCTIONS):
            yield from _imported(one)


def test_outside_nets_nothing_imports_pytorch_before_it_is_needed():
    package = Path(micrographia.__file__).parent
    heavy = ("torch", "pytorch_lightning", "lightning", "micrographia.nets")
    looked_at = 0
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] == "nets":
            continue
        looked_at += 1
        names = set(_imported(ast.parse(path.read_text(encoding="utf-8"))))
        assert not [name for name in names if name.startswith(heavy)], path
    assert looked_at > 200


def test_every_public_name_is_there():
    for name in micrographia.__all__:
        assert getattr(micrographia, name) is not None
    assert set(micrographia.__all__) <= set(dir(micrographia))
    assert callable(micrographia.segment)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = micrographia.nothing
