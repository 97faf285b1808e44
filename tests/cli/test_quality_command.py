"""``micrographia measure --features quality``: tables, faults, report; files that cannot be read among good ones."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

import micrographia as mg
from micrographia.arrays.image import Image
from micrographia.features.feature_table import feature_columns, groups, object_keys
from micrographia.io.tables import read_table


def cells(seed=0, blur=1.0, shape=(120, 150)):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for _ in range(20):
        image[np.hypot(y - rng.uniform(0, shape[0]), x - rng.uniform(0, shape[1])) < 8] = 900
    return rng.poisson(gaussian_filter(image, blur) + 100).astype(np.uint16)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(2):
        mg.write(folder / f"good{k}.tif", Image(cells(k), "YX"))
    mg.write(folder / "soft.tif", Image(cells(3, 4.0), "YX"))
    return folder


def test_table_and_report(run, images, tmp_path):
    code, out, err = run("measure", "--features", "quality", "--images", images, "-o", tmp_path / "out", "--jobs", 1)
    assert code == 0
    assert "3 images, 1 of 3 with a fault" in out
    table = read_table(tmp_path / "out" / "image_quality.csv")
    assert list(table["Metadata_Image"]) == ["good0", "good1", "soft"]
    assert list(table["Metadata_Quality"].fillna("")) == ["", "", "out of focus"]
    assert len(feature_columns(table)) == 28
    assert object_keys(table) == ["Metadata_Image"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Out of focus: blurred by" in page
    assert page.count("data:image/jpeg") == 1
    assert "good0" in page and "<th>features</th><td>quality</td>" in page


def test_tiles(run, images, tmp_path):
    words = ("measure", "--features", "quality", "--images", images / "soft.tif", "-o", tmp_path / "out", "--tile", 64)
    assert run(*words)[0] == 0
    tiles = read_table(tmp_path / "out" / "soft_quality_tiles.csv")
    assert object_keys(tiles) == ["Metadata_Image", "Tile_Y", "Tile_X"]
    assert list(tiles["Tile_X"]) == [0, 64, 128] * 2
    assert (tiles["Metadata_Quality"] == "out of focus").any()


def test_the_same_command_goes_on_and_another_is_refused(run, images, tmp_path):
    words = ("measure", "--features", "quality", "--images", images, "-o", tmp_path / "out", "--jobs", 1)
    assert run(*words)[0] == 0
    first = (tmp_path / "out" / "image_quality.csv").read_bytes()
    code, out, _ = run(*words)
    assert code == 0 and "3 from an earlier run" in out
    assert (tmp_path / "out" / "image_quality.csv").read_bytes() == first
    code, _, err = run(*words, "--tile", 64)
    assert code == 2 and "tile was 0 and is now 64" in err
    assert run(*words, "--tile", 64, "--overwrite")[0] == 0


def test_plate_well_and_site_from_names_and_tables(run, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for well in ("A01", "B12"):
        mg.write(folder / f"{well}_s2.tif", Image(cells(shape=(64, 64)), "YX"))
    words = ("measure", "--features", "quality", "--jobs", 1)
    pattern = r"(?P<well>[A-P]\d\d)_s(?P<site>\d)"
    assert run(*words, "--images", folder, "-o", "a", "--names", pattern)[0] == 0
    table = read_table(tmp_path / "a" / "image_quality.csv")
    assert list(table["Metadata_Well"]) == ["A01", "B12"] and list(table["Metadata_Site"]) == ["2", "2"]
    (tmp_path / "list.csv").write_text("image,plate,well\nimages/A01_s2.tif,P1,A01\nimages/B12_s2.tif,P2,B12\n")
    assert run(*words, "--images", tmp_path / "list.csv", "-o", "b", "--tile", 32)[0] == 0
    listed = read_table(tmp_path / "b" / "image_quality.csv")
    assert list(listed["Metadata_Plate"]) == ["P1", "P2"]
    assert list(groups(listed)) == ["P1/A01", "P2/B12"]
    assert set(read_table(tmp_path / "b" / "B12_s2_quality_tiles.csv")["Metadata_Well"]) == {"B12"}
    code, _, err = run(*words, "--images", folder, "-o", "c", "--names", "(?P<well>Z99)")
    assert code == 2 and "does not fit" in err


def test_files_that_cannot_be_read_do_not_stop_the_others(run, images, tmp_path):
    (images / "broken.tif").write_text("no picture")
    code, out, err = run("measure", "--features", "quality", "--images", images, "-o", tmp_path / "out", "--jobs", 1)
    assert code == 1
    assert "broken.tif" in err and "1 input failed" in err
    assert len(read_table(tmp_path / "out" / "image_quality.csv")) == 3
    assert "broken.tif" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_channels_time_and_parquet(run, tmp_path):
    stack = np.stack([np.stack([cells(t), cells(t + 5, 3.5)]) for t in range(2)])
    mg.write(tmp_path / "movie.ome.tif", Image(stack, "TCYX", channels=("DNA", "ER")))
    code, _, _ = run(
        "measure", "--features", "quality", "--images", tmp_path / "movie.ome.tif", "-o", "out", "--table", "parquet"
    )
    assert code == 0
    table = pd.read_parquet(tmp_path / "out" / "image_quality.parquet")
    assert list(table["Metadata_T"]) == [0, 1]
    assert set(table["Metadata_Quality"]) == {"out of focus (ER)"}
    assert "ImageQuality_PowerLogLogSlope_DNA" in table


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("-o", "out"), 2, "--images"),
        (("--images", "images", "--labels", "images", "-o", "out"), 2, "leave out --labels"),
        (("--images", "images", "-o", "out", "--tile", "8"), 2, "too small"),
        (("--images", "images", "-o", "out", "--pixel-size", "0.5"), 2, "leave out --pixel-size"),
        (("--images", "empty", "-o", "out"), 1, "holds no image"),
        (("--images", "nowhere", "-o", "out"), 1, "does not exist"),
    ],
)
def test_what_is_refused(run, images, tmp_path, words, code, says):
    (tmp_path / "empty").mkdir()
    found, _, err = run("measure", "--features", "quality", *words)
    assert found == code
    assert says in err


def test_a_table_that_the_run_did_not_make_is_not_replaced(run, images, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "image_quality.csv").write_text("mine")
    code, _, err = run("measure", "--features", "quality", "--images", images, "-o", tmp_path / "out")
    assert code == 2 and "exists already" in err
    assert (tmp_path / "out" / "image_quality.csv").read_text() == "mine"


def test_odd_images_are_measured_and_recorded_as_json(run, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    mg.write(folder / "tiny.tif", Image(np.arange(64, dtype=np.uint8).reshape(8, 8), "YX"))
    mg.write(folder / "constant.tif", Image(np.full((40, 40), 7, np.uint8), "YX"))
    broken = cells().astype(np.float32)
    broken[0, 0] = np.nan
    mg.write(folder / "holes.tif", Image(broken, "YX"))
    mg.write(folder / "rgb.tif", Image(np.stack([(cells() // 8).clip(0, 255).astype(np.uint8)] * 3, axis=-1), "YXS"))
    code, _, _ = run("measure", "--features", "quality", "--images", folder, "-o", tmp_path / "out", "--jobs", 1)
    assert code == 0
    table = read_table(tmp_path / "out" / "image_quality.csv").set_index("Metadata_Image")
    assert table.loc["constant", "Metadata_Quality"] == "empty"
    assert np.isnan(table.loc["tiny", "ImageQuality_BlurSigma"])
    assert table.loc["holes", "ImageQuality_PercentNotFinite"] > 0
    for line in (tmp_path / "out" / "micrographia-run.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
