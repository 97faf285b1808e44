"""Nothing heavy is imported before it is needed, and the first answer comes quickly."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

import micrographia

HEAVY = ("numba", "scipy", "pandas", "pydantic", "onnxruntime", "zarr", "tifffile", "torch", "skimage", "rich", "PIL")


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


def test_every_public_name_is_there():
    for name in micrographia.__all__:
        assert getattr(micrographia, name) is not None
    assert set(micrographia.__all__) <= set(dir(micrographia))
    assert callable(micrographia.segment)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = micrographia.nothing
