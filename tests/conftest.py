"""What several rooms' tests share."""

from __future__ import annotations

import os
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
