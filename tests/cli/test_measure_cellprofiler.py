"""``micrographia measure --features cellprofiler``: one table of many images, its keys, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from micrographia.arrays.image import Image
from micrographia.features.cells import measure_cells
from micrographia.io import write, write_labels
from micrographia.io.atomic import sibling
from micrographia.io.tables import read_table

FAST = ("--only", "shape", "intensity")


def pair(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with `number` nuclei and a picture."""
    labels = np.zeros((48, 64), np.int32)
    for k in range(number):
        labels[10:20, 4 + 15 * k : 14 + 15 * k] = k + 1
    return labels, np.random.default_rng(number).integers(1, 255, labels.shape).astype(np.uint8)


@pytest.fixture
def plate(tmp_path):
    for k, name in enumerate(("P1_B02_s1", "P1_B03_s1", "P2_B02_s2")):
        labels, image = pair(k + 1)
        write_labels(tmp_path / "labels" / f"{name}_labels.tif", labels)
        write(tmp_path / "images" / f"{name}.png", image)
        write_labels(tmp_path / "cells" / f"{name}.tif", (np.arange(48) < 30)[:, None] * np.ones((48, 64), np.int32))
    return tmp_path


def measure(run, *words: str) -> tuple[int, str, str]:
    return run("measure", "--features", "cellprofiler", "-o", "out", *words)


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5ad"])
def test_one_table_of_a_plate(run, plate, kind):
    code, out, err = measure(
        run, "--labels", "labels", "--images", "images", "--table", kind, "--ring", "4", *FAST,
        "--names", r"(?P<plate>P\d)_(?P<well>[A-P]\d\d)_s(?P<site>\d)", "--channels", "DNA",
    )  # fmt: skip
    assert code == 0, err
    assert "6 objects of 3 images" in out
    table = read_table(plate / "out" / f"Nuclei_cellprofiler.{kind}")
    assert table["Metadata_Image"].tolist() == ["P1_B02_s1", *["P1_B03_s1"] * 2, *["P2_B02_s2"] * 3]
    assert table["ImageNumber"].tolist() == [1, 2, 2, 3, 3, 3]
    assert table["ObjectNumber"].tolist() == [1, 1, 2, 1, 2, 3]
    assert table["Metadata_Plate"].tolist() == ["P1"] * 3 + ["P2"] * 3
    assert table["Metadata_Well"].tolist() == ["B02", "B03", "B03", "B02", "B02", "B02"]
    assert table["Metadata_Site"].tolist() == ["1"] * 3 + ["2"] * 3
    expected = measure_cells(*pair(2), ring=4, channels=["DNA"], only=("shape", "intensity"))
    found = table[table["ImageNumber"] == 2].reset_index(drop=True)[list(expected.columns)]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    if kind != "csv":
        assert table.attrs["units"]["Nuclei_AreaShape_Area"] == "px²"


def test_several_processes_give_the_same_rows(run, plate):
    words = ("--labels", "labels", "--images", "images", *FAST)
    assert measure(run, *words)[0] == 0
    one = (plate / "out" / "Nuclei_cellprofiler.csv").read_bytes()
    assert measure(run, *words, "--jobs", "2", "--overwrite")[0] == 0
    assert (plate / "out" / "Nuclei_cellprofiler.csv").read_bytes() == one


def test_a_dataset_table_with_groups_and_cells(run, plate):
    rows = [
        "image,label,cells,plate,well,drug",
        "images/P1_B02_s1.png,labels/P1_B02_s1_labels.tif,cells/P1_B02_s1.tif,P1,01,none",
        "images/P2_B02_s2.png,labels/P2_B02_s2_labels.tif,cells/P2_B02_s2.tif,P2,02,",
    ]
    (plate / "data.csv").write_text("\n".join(rows))
    code, _, err = measure(run, "--images", "data.csv", *FAST)
    assert code == 0, err
    table = read_table(plate / "out" / "Nuclei_cellprofiler.csv")
    assert table["Metadata_Well"].tolist() == ["01", "02", "02", "02"]
    assert table["Metadata_Drug"].fillna("").tolist() == ["none", "", "", ""]
    assert table["Cells_Children_Nuclei_Count"].tolist() == [1, 3, 3, 3]
    assert table["Cells_AreaShape_Area"].tolist() == [30 * 64] * 4
    assert table["Cytoplasm_AreaShape_Area"].tolist() == [30 * 64 - 100] + [30 * 64 - 300] * 3


def test_a_dataset_table_with_empty_cells(run, plate):
    rows = [
        "image,label,cells,well",
        "images/P1_B02_s1.png,,,01",
        "images/P1_B03_s1.png,labels/P1_B03_s1_labels.tif,,02",
        "images/P2_B02_s2.png,labels/P2_B02_s2_labels.tif,cells/P2_B02_s2.tif,03",
    ]
    (plate / "data.csv").write_text("\n".join(rows))
    code, _, err = measure(run, "--images", "data.csv", *FAST)
    assert code == 1
    assert err.count("failed: ") == 2 and "failed: P1_B02_s1.png: it has no labels." in err
    assert "failed: P1_B03_s1.png: it has no labels of its cells." in err
    table = read_table(plate / "out" / "Nuclei_cellprofiler.csv")
    assert table["Metadata_Well"].tolist() == ["03"] * 3 and table["ImageNumber"].tolist() == [3] * 3
    (plate / "data.csv").write_text("image,label\nimages/P1_B02_s1.png,\nimages/P2_B02_s2.png,\n")
    code, _, err = measure(run, "--images", "data.csv", "--overwrite")
    assert code == 1 and "no labels for P1_B02_s1.png and 1 more" in err and "failed" not in err


def test_images_without_labels_are_named_and_the_others_are_measured(run, plate):
    (plate / "labels" / "P1_B02_s1_labels.tif").unlink()
    (plate / "images" / "P1_B03_s1.png").unlink()
    code, out, err = measure(run, "--labels", "labels", "--images", "images", *FAST)
    assert code == 1
    assert "failed: P1_B02_s1.png: it has no labels." in err
    assert "failed: P1_B03_s1_labels.tif: there is no image of this name." in err
    table = read_table(plate / "out" / "Nuclei_cellprofiler.csv")
    assert table["Metadata_Image"].tolist() == ["P2_B02_s2"] * 3
    assert table["ImageNumber"].tolist() == [2] * 3  # of the two images, whether or not both have labels
    for path in (plate / "labels").iterdir():
        path.unlink()
    code, _, err = measure(run, "--labels", "labels", "--images", "images", "--overwrite")
    assert code == 1 and "failed" not in err


def test_cells_of_a_folder(run, plate):
    code, _, err = measure(run, "--labels", "labels", "--images", "images", "--cells", "cells", *FAST)
    assert code == 0, err
    assert read_table(plate / "out" / "Nuclei_cellprofiler.csv")["Nuclei_Parent_Cells"].tolist() == [1] * 6
    (plate / "cells" / "P1_B03_s1.tif").unlink()
    words = ("--labels", "labels", "--images", "images", "--cells", "cells", "--overwrite", *FAST)
    code, out, err = measure(run, *words)
    assert code == 1
    assert "failed: P1_B03_s1.png: it has no labels of its cells." in err and "4 objects of 2 images" in out
    (plate / "labels" / "P2_B02_s2_labels.tif").unlink()
    code, out, err = measure(run, *words)
    assert code == 1
    assert "failed: P2_B02_s2.png: it has no labels." in err and "failed: P1_B03_s1.png: it has" in err
    assert read_table(plate / "out" / "Nuclei_cellprofiler.csv")["ImageNumber"].tolist() == [1]


def test_labels_without_images(run, plate):
    code, _, err = measure(run, "--labels", "labels", "--objects", "Cells", "--only", "shape")
    assert code == 0, err
    table = read_table(plate / "out" / "Cells_cellprofiler.csv")
    assert table["Metadata_Image"].tolist()[:2] == ["P1_B02_s1", "P1_B03_s1"]
    assert not any("Intensity" in name for name in table)


def test_time_and_planes(run, tmp_path):
    labels, image = pair(2)
    write_labels(tmp_path / "stack.tif", np.stack([labels, labels * 0, labels]), axes="TYX")
    code, out, err = measure(run, "--labels", "stack.tif", "--only", "shape")
    assert code == 0, err
    assert "4 objects of 1 image\n" in out and "z slices" not in err
    assert read_table(tmp_path / "out" / "Nuclei_cellprofiler.csv")["Metadata_T"].tolist() == ["0", "0", "2", "2"]


def test_slices_of_a_volume_are_measured_on_their_own_and_that_is_said(run, tmp_path):
    labels = np.zeros((3, 16, 16), np.int32)
    labels[1:, 4:12, 4:12] = 1
    write_labels(tmp_path / "vol_labels.ome.zarr", labels, axes="ZYX")
    words = ("--labels", "vol_labels.ome.zarr", "--only", "shape")
    code, out, err = measure(run, *words)
    assert code == 0 and "vol: 3 z slices, each measured on its own (all together with --volumes)" in err
    assert "2 objects of 1 image\n" in out
    code, out, err = measure(run, *words, "--volumes", "--overwrite")
    assert code == 0 and "z slices" not in err and "1 object of 1 image\n" in out, err


def test_an_image_that_fails_is_named_and_the_others_are_kept(run, plate):
    (plate / "images" / "P1_B03_s1.png").write_bytes(b"no picture")
    code, out, err = measure(run, "--labels", "labels", "--images", "images", *FAST)
    assert code == 1
    assert "failed: P1_B03_s1" in err
    assert "4 objects of 2 images" in out
    assert read_table(plate / "out" / "Nuclei_cellprofiler.csv")["ImageNumber"].tolist() == [1, 3, 3, 3]


def test_an_image_with_other_channels_is_named(run, plate):
    write(plate / "images" / "P1_B03_s1.png", np.zeros((48, 64, 3), np.uint8))
    code, _, err = measure(run, "--labels", "labels", "--images", "images", *FAST)
    assert code == 1
    assert "need the same channels" in err


def test_nothing_can_be_measured(run, plate):
    for path in (plate / "images").iterdir():
        path.write_bytes(b"no picture")
    code, _, err = measure(run, "--labels", "labels", "--images", "images", *FAST)
    assert code == 1
    assert "No image could be measured" in err
    assert not (plate / "out").exists() or not list((plate / "out").iterdir())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "Say which label images"),
        (("--images", "images"), 2, "Say which label images"),
        (("--labels", "labels", "--cells", "cells", "--ring", "3"), 2, "not both"),
        (("--labels", "labels", "--names", "(?P<well>[A-Z"), 2, "no regular expression"),
        (("--labels", "labels", "--names", "[A-P]"), 2, "names no group"),
        (("--labels", "labels", "--names", "(?P<plate>P1)"), 2, "does not fit 1 of 3 names"),
        (("--labels", "labels", "--only", "colour"), 2, "colour"),
        (("--labels", "missing"), 1, "missing"),
    ],
)
def test_bad_requests(run, plate, words, code, sentence):
    found, _, err = measure(run, *words)
    assert found == code, err
    assert sentence in err
    assert "Traceback" not in err


def test_an_existing_table_is_kept(run, plate):
    (plate / "out").mkdir()
    (plate / "out" / "Nuclei_cellprofiler.csv").write_text("mine")
    code, _, err = measure(run, "--labels", "labels")
    assert code == 2
    assert "--overwrite" in err
    assert (plate / "out" / "Nuclei_cellprofiler.csv").read_text() == "mine"


def test_appearance_is_measured_too_where_it_is_asked_for(run, plate):
    words = ("--labels", "labels", "--images", "images", "--channels", "DNA", "--only", "intensity", "--appearance")
    code, _, err = measure(run, *words)
    assert code == 0, err
    table = read_table(plate / "out" / "Nuclei_cellprofiler.csv")
    expected = measure_cells(*pair(2), channels=["DNA"], only=("intensity",), appearance=True)
    found = table[table["ImageNumber"] == 2].reset_index(drop=True)[list(expected.columns)]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert sum(name.startswith("Nuclei_Appearance_") for name in table) > 300
    code, _, err = measure(run, *words, "--volumes", "--overwrite")
    assert code == 2 and "not both" in err


def test_a_parquet_table_keeps_the_pixel_size(run, plate):
    words = ("--labels", "labels", "--images", "images", *FAST)
    code, _, err = measure(run, *words, "--table", "parquet", "--pixel-size", "0.5")
    assert code == 0 and "pixel" not in err, err
    table = read_table(plate / "out" / "Nuclei_cellprofiler.parquet")
    assert table.attrs["pixel_size"] == {"Y": 0.5, "X": 0.5} and table.attrs["units"]
    write_labels(plate / "labels" / "P2_B02_s2_labels.tif", Image(pair(3)[0], "YX", pixel_size={"Y": 0.3, "X": 0.3}))
    code, _, err = measure(run, *words, "--table", "parquet", "--overwrite")
    assert code == 0 and "1 image of another pixel size; " in err and "names that of the first" in err
    code, _, err = measure(run, *words, "--pixel-size", "0.5")
    assert code == 0 and "only --table parquet keeps --pixel-size" in err


def test_what_a_killed_measurement_left_is_removed_by_the_next(run, plate):
    own = sibling(plate / "out" / "Nuclei_cellprofiler.csv")
    others = [sibling(plate / "out" / name) for name in ("Cells_cellprofiler.csv", "Nuclei_cellprofiler.parquet")]
    own.parent.mkdir()
    for path in (own, *others):
        path.write_text("half")
    assert measure(run, "--labels", "labels", "--only", "shape")[0] == 0
    assert not own.exists() and all(path.exists() for path in others)


def test_help_names_the_flags(run):
    out = run("measure", "--features", "cellprofiler", "--help")[1]
    assert "Measure every object" in out and "stopped begins anew" in " ".join(out.split())
    for flag in ("--cells", "--ring", "--names", "--white", "--volumes", "--appearance"):
        assert flag in out


def test_every_measurement_can_be_named():
    from micrographia.cli.measure_cellprofiler import MeasureCellProfiler
    from micrographia.features.cell_measurements import GROUPS

    choices = next(p.choices for p in MeasureCellProfiler.declared() if p.name == "only")
    assert choices == GROUPS
