"""Images that are read, segmented, measured and written block by block give what they give in one piece."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from micrographia.cli import image_results
from micrographia.cli.demo import synthetic_nuclei
from micrographia.io import create_zarr, read_labels
from micrographia.models.library import BUILTIN

pytestmark = pytest.mark.skipif(not (BUILTIN / "nuclei.zip").exists(), reason="the built-in model is not there")


@pytest.mark.parametrize(("axes", "lead"), [("YX", ()), ("TCYX", (2, 2))])
def test_block_by_block_equals_in_one_piece(run, tmp_path, monkeypatch, axes, lead):
    picture, _ = synthetic_nuclei((300, 340), 40)
    names = ("actin", "DAPI") if "C" in axes else ()
    size = {"Y": 0.5, "X": 0.5} | ({"T": 60.0} if "T" in axes else {})
    path = tmp_path / "slide.ome.zarr"
    with create_zarr(path, (*lead, 300, 340), axes, np.uint16, pixel_size=size, channels=names, chunks=None) as new:
        new.array[...] = np.broadcast_to(picture, (*lead, 300, 340))
    words = ("segment", path, "--rois", "--geojson")
    code, _, err = run(*words, "-o", "whole")
    assert code == 0, err
    monkeypatch.setattr(image_results, "LAZY_PIXELS", 1000)
    monkeypatch.setattr("micrographia.io.zarr_writer._CHUNK", 64)
    code, _, err = run(*words, "-o", "blocks")
    assert code == 0, err
    whole, blocks = (read_labels(tmp_path / out / "slide_labels.ome.zarr").array() for out in ("whole", "blocks"))
    assert whole.max() > 20
    np.testing.assert_array_equal(whole, blocks)
    tables = [pd.read_csv(tmp_path / out / "slide_objects.csv") for out in ("whole", "blocks")]
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-6)
    if "T" in axes:
        assert tables[0]["t_s"].unique().tolist() == [0, 60]
        assert "intensity_mean_actin" in tables[0]
    for file in ("slide_overlay.png", "slide_rois.zip"):
        assert (tmp_path / "blocks" / file).stat().st_size == pytest.approx(
            (tmp_path / "whole" / file).stat().st_size, rel=0.1
        )
    geojson = [(tmp_path / out / "slide_objects.geojson").read_text().count('"Feature"') for out in ("whole", "blocks")]
    assert geojson[0] == geojson[1] == len(tables[0])


@pytest.mark.parametrize(("axes", "lead"), [("YX", ()), ("TCYX", (2, 2))])
@pytest.mark.parametrize("level", [0, 500])
def test_nothing_in_a_large_image_gives_empty_results(run, tmp_path, monkeypatch, axes, lead, level):
    path = tmp_path / "blank.ome.zarr"
    with create_zarr(path, (*lead, 300, 340), axes, np.uint16, pixel_size={"Y": 0.5, "X": 0.5}, chunks=None) as new:
        new.array[...] = level
    words = ("segment", path, "--rois", "--geojson")
    assert run(*words, "-o", "whole")[0] == 0
    monkeypatch.setattr(image_results, "LAZY_PIXELS", 1000)
    code, _, err = run(*words, "-o", "blocks")
    assert code == 0 and "the image is empty" in err, err
    assert not read_labels(tmp_path / "blocks" / "blank_labels.ome.zarr").array().any()
    tables = [(tmp_path / out / "blank_objects.csv").read_text() for out in ("whole", "blocks")]
    assert tables[0] == tables[1]
    assert tables[0].startswith("label,") and tables[0].count("\n") == 1


def test_a_large_image_in_which_nothing_is_found_says_so(run, tmp_path, monkeypatch):
    path = tmp_path / "noise.ome.zarr"
    with create_zarr(path, (300, 340), "YX", np.uint16, chunks=None) as new:
        new.array[...] = np.random.default_rng(0).poisson(100, (300, 340))
    monkeypatch.setattr(image_results, "LAZY_PIXELS", 1000)
    code, _, err = run("segment", path, "-o", "out", "--probability", "1")
    assert code == 0 and "Nothing was found." in err, err
    assert pd.read_csv(tmp_path / "out" / "noise_objects.csv").empty
