"""A tiny package of each kind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tiny_nets and tiny_onnx, also for bioimageio.core


@pytest.fixture(scope="session")
def smoother_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with one input and one output, made without torch."""
    from tiny_onnx import write_smoother

    return write_smoother(tmp_path_factory.mktemp("models") / "smoother.zip").path


@pytest.fixture(scope="session")
def broad(data_dir: Path) -> Path:
    """Folder of somebody else's bioimage.io model."""
    folder = data_dir / "bioimageio" / "unet2d_nuclei_broad"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library."""
    folder = tmp_path / "my models"
    monkeypatch.setenv("MICROGRAPHIA_MODELS", str(folder))
    return folder
