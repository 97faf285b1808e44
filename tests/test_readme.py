"""Every example in the README runs as it is written, and so do those in Python of the page Getting started."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micrographia.arrays.image import Image
from micrographia.cli import main
from micrographia.cli.demo import synthetic_nuclei
from micrographia.features.cells import measure_cells
from micrographia.io import write, write_labels
from micrographia.io.tables import write_table
from micrographia.models.library import BUILTIN

ROOT = Path(__file__).parents[1]


def _blocks(page: str) -> list[tuple[str, str]]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(console|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


BLOCKS = _blocks("README.md")
WELLS = ("A01", "A02", "B01", "B02")

needs_model = pytest.mark.skipif(not (BUILTIN / "nuclei.zip").exists(), reason="the built-in model is not trained yet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("readme")
    picture, truth = synthetic_nuclei((192, 160), 20)
    size = {"Y": 0.5, "X": 0.5}
    write(folder / "cells.ome.tif", picture, axes="YX", pixel_size=size)
    write(folder / "slide.ome.zarr", picture, axes="YX", pixel_size=size)
    stack = np.stack([np.stack([picture // 3, picture])] * 2)
    write(folder / "stack.ome.tif", stack, axes="ZCYX", channels=("actin", "DAPI"))
    for channel, part in enumerate((picture, picture // 3), start=1):
        write(folder / "plate" / f"A01_w{channel}.tif", part)
    write_labels(folder / "labels" / "cells_labels.tif", truth)
    strokes = np.zeros(truth.shape, np.uint8)
    strokes[::8] = 1 + (truth[::8] > 0)
    write(folder / "strokes" / "cells_strokes.png", strokes)
    write(folder / "images" / "cells.tif", picture, axes="YX", pixel_size=size)
    annotated(folder / "annotated.csv", size)
    return folder


def annotated(path: Path, size: dict[str, float]) -> None:
    """Measured nuclei of four pictures, of which the larger ones have another class."""
    parts = []
    for seed in range(1, 5):
        picture, truth = synthetic_nuclei((192, 160), 20, seed=seed)
        image = Image(picture, "YX", pixel_size=size)
        well = WELLS[seed - 1]
        parts.append(measure_cells(truth, image).assign(Metadata_Image=f"picture {seed}", Metadata_Well=well))
    table = pd.concat(parts)
    area = table["Nuclei_AreaShape_Area"]
    table["Class"] = np.where(area > area.median(), "large", "small")
    write_table(path, table)


@needs_model
def test_commands(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MICROGRAPHIA_MODELS", str(folder / "models"))
    lines = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
    assert len(lines) > 8
    for line in lines:
        words = shlex.split(line.removeprefix("$ "))
        assert words[0] == "micrographia"
        assert main(words[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
    assert (folder / "results" / "cells_labels.tif").exists()


@needs_model
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_python(folder, monkeypatch, page):
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    blocks = [text for kind, text in _blocks(page) if kind == "python"]
    assert len(blocks) > 3
    for text in blocks:
        exec(compile(text, page, "exec"), names)
    assert len(names["table"]) > 10  # type: ignore[arg-type]
