"""What several rooms' tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real microscopy data: ``$MICROGRAPHIA_DATA``, else ``../shared/data`` beside the checkout."""
    given = os.environ.get("MICROGRAPHIA_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set MICROGRAPHIA_DATA to their folder)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny networks train faster on one thread, above all on a busy machine."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
