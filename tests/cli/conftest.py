"""A stand-in for the model, so that the commands are tested without one."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from micrographia.arrays.image import Image
from micrographia.cli import main


class BrightSpots:
    """Finds connected bright regions: what the commands need of a predictor, and nothing more."""

    all_channels = False
    experts: tuple[Any, ...] = ()

    def __init__(self, path: Path) -> None:
        self.package = SimpleNamespace(path=path, config={})

    def segment(
        self, image: Image, *, probability: float | None = None, overlap: float | None = None, background: str = "auto"
    ) -> Any:
        from scipy import ndimage

        data = np.nan_to_num(np.asarray(image.data[...]).astype(float), posinf=0, neginf=0)
        data = data.mean(axis=-1) if image.axes.endswith("S") else data
        labels, n = ndimage.label(data > (data.min() + data.max()) / 2) if data.max() > data.min() else (data * 0, 0)
        label = np.arange(1, n + 1)
        return SimpleNamespace(
            labels=labels.astype(np.int32), label=label, kind="bright", notes=["taken for a bright image"],
            probabilities=lambda: {int(k): 0.9 for k in label},
        )  # fmt: skip


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model name stands for :class:`BrightSpots`."""
    from micrographia.cli import image_results

    path = tmp_path / "spots.zip"
    path.write_bytes(b"spots")
    monkeypatch.setattr("micrographia.segment.predictor.load_predictor", lambda model, threads=None: BrightSpots(path))
    monkeypatch.setattr("micrographia.cli.segment.automatic_jobs", lambda tasks, cores: 1)
    image_results.predictor.cache_clear()
    yield
    image_results.predictor.cache_clear()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder; gives (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def _run(*words: Any) -> tuple[int, str, str]:
        code = main([os.fspath(word) if isinstance(word, Path) else str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return code, said.out, said.err

    return _run
