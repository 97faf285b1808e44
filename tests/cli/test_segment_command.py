"""``micrographia segment``: results, resume, names, stacks, interruption."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import zarr
from made_pictures import spots

from micrographia.arrays.errors import InputError
from micrographia.cli import image_results
from micrographia.cli.run_record import NAME
from micrographia.io import read, read_labels, write

pytestmark = pytest.mark.usefixtures("model")


def test_results_of_one_image(run, tmp_path):
    write(tmp_path / "cells.tif", spots(), axes="YX", pixel_size={"Y": 0.5, "X": 0.5})
    code, out, err = run("segment", "cells.tif", "-o", "out", "--rois", "--geojson")
    assert code == 0, err
    labels = read_labels(tmp_path / "out" / "cells_labels.tif")
    assert labels.dtype == np.int32
    assert labels.pixel_size["Y"] == pytest.approx(0.5)
    table = pd.read_csv(tmp_path / "out" / "cells_objects.csv")
    assert table["label"].tolist() == [1, 2, 3]
    assert table["area_um2"].tolist() == [25, 25, 25]
    assert table["probability"].tolist() == [0.9] * 3
    assert read(tmp_path / "out" / "cells_overlay.png").axes == "YXS"
    features = json.loads((tmp_path / "out" / "cells_objects.geojson").read_text())["features"]
    assert [f["properties"]["name"] for f in features] == ["1", "2", "3"]
    assert (tmp_path / "out" / "cells_rois.zip").exists()
    assert "<html" in (tmp_path / "out" / "report.html").read_text().lower()
    assert "3 objects" in out
    assert "report.html" in out
    assert not list((tmp_path / "out").glob(".*"))


def test_same_command_again_goes_on(run, tmp_path):
    write(tmp_path / "in" / "a.png", spots(n=1))
    write(tmp_path / "in" / "b.png", spots(n=2))
    assert run("segment", "in", "-o", "out")[0] == 0
    before = (tmp_path / "out" / "a_labels.tif").stat().st_mtime_ns
    write(tmp_path / "in" / "b.png", spots(n=3))
    write(tmp_path / "in" / "c.png", spots(n=3))
    code, out, err = run("segment", "in", "-o", "out")
    assert code == 0
    assert "3 images (1 from an earlier run), 7 objects" in out
    assert (tmp_path / "out" / "a_labels.tif").stat().st_mtime_ns == before
    assert "] a.png" not in err
    assert "] b.png: 3 objects" in err
    assert read_labels(tmp_path / "out" / "b_labels.tif").data.max() == 3


def test_other_settings_are_refused_or_replace(run, tmp_path):
    write(tmp_path / "a.png", spots())
    assert run("segment", "a.png", "-o", "out")[0] == 0
    code, _, err = run("segment", "a.png", "-o", "out", "--probability", "0.7")
    assert code == 2
    assert "probability was not set and is now 0.7" in err
    assert run("segment", "a.png", "-o", "out", "--probability", "0.7", "--overwrite")[0] == 0
    code, out, _ = run("segment", "a.png", "-o", "out", "--probability", "0.7")
    assert "1 image (1 from an earlier run)" in out


def test_files_that_are_no_results_are_never_replaced(run, tmp_path):
    write(tmp_path / "a.png", spots())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a_objects.csv").write_text("my notes")
    code, _, err = run("segment", "a.png", "-o", "out")
    assert code == 2
    assert "a_objects.csv would be replaced" in err
    assert (tmp_path / "out" / "a_objects.csv").read_text() == "my notes"
    assert run("segment", "a.png", "-o", "out", "--overwrite")[0] == 0


def test_results_beside_the_images_are_not_taken_as_images(run, tmp_path):
    write(tmp_path / "in" / "a.png", spots())
    for _ in range(2):
        code, out, _ = run("segment", "in", "-o", "in")
        assert code == 0
        assert out.startswith("1 image")


def test_time_z_and_channels(run, tmp_path):
    stack = np.stack([np.stack([np.stack([spots(n=1), spots(n=k + 1)]) for k in range(3)])] * 2)
    write(tmp_path / "s.ome.tif", stack, axes="TZCYX", channels=("actin", "DAPI"))
    code, _, err = run("segment", "s.ome.tif", "-o", "each", "--rois", "--geojson")
    assert code == 0
    assert "2 channels; channel 1 ('DAPI') was segmented because its name says nuclei" in err
    assert "2 time points" in err
    labels = read_labels(tmp_path / "each" / "s_labels.tif")
    assert labels.shape == (2, 3, 64, 64)
    table = pd.read_csv(tmp_path / "each" / "s_objects.csv")
    assert table.groupby(["t", "z"]).size().tolist() == [1, 2, 3] * 2
    assert {"intensity_mean_actin", "intensity_mean_DAPI"} <= set(table)
    for z, shape in (("max", (2, 64, 64)), ("best-focus", (2, 64, 64))):
        assert run("segment", "s.ome.tif", "-o", z, "--z", z)[0] == 0
        assert read_labels(tmp_path / z / "s_labels.tif").shape == shape
    assert run("segment", "s.ome.tif", "-o", "actin", "--channel", "actin", "--z", "max")[0] == 0
    assert pd.read_csv(tmp_path / "actin" / "s_objects.csv").groupby("t").size().tolist() == [1, 1]
    code, _, err = run("segment", "s.ome.tif", "-o", "gfp", "--channel", "GFP")
    assert code == 1
    assert "there is no channel 'GFP'; it has 2 channels, 0 (actin) and 1 (DAPI)" in err


def test_ome_zarr_in_ome_zarr_out(run, tmp_path):
    write(tmp_path / "a.ome.zarr", spots(), axes="YX")
    assert run("segment", "a.ome.zarr", "-o", "out")[0] == 0
    assert read_labels(tmp_path / "out" / "a_labels.ome.zarr").array("YX").max() == 3
    assert run("segment", "a.ome.zarr", "-o", "tif", "--labels-format", "tif")[0] == 0
    assert read_labels(tmp_path / "tif" / "a_labels.tif").array("YX").max() == 3


def test_interruption_keeps_what_is_finished_and_says_how_to_go_on(run, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / "in" / f"{name}.png", spots())
    real = image_results.make_results

    def stopped(task):
        if task.name == "b":
            (task.folder / f".{task.files[0]}.01234567.partial.tif").write_bytes(b"half")
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr("micrographia.cli.segment.make_results", stopped)
    code, _, err = run("segment", "in", "-o", "out", "--jobs", "1")
    assert code == 130
    assert "1 of 3 images are finished" in err
    assert "type the same command again" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        ["a_labels.tif", "a_objects.csv", "a_overlay.png", NAME]
    )
    monkeypatch.setattr("micrographia.cli.segment.make_results", real)
    code, out, _ = run("segment", "in", "-o", "out")
    assert code == 0
    assert "3 images (1 from an earlier run)" in out


def test_what_is_replaced_does_not_stay_under_another_name(run, tmp_path, monkeypatch):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.png", spots())
    out = tmp_path / "out"
    assert run("segment", "in", "-o", "out", "--rois")[0] == 0
    (out / "a_labels.png").write_text("not ours")
    other = ("--labels-format", "zarr", "--table", "parquet", "--overwrite")
    real = image_results.make_results

    def failing(task):
        if task.name == "b":
            raise InputError("b.png cannot be used.")
        assert (out / "a_labels.tif").exists()
        return real(task)

    monkeypatch.setattr("micrographia.cli.segment.make_results", failing)
    assert run("segment", "in", "-o", "out", *other)[0] == 1
    old = ["_labels.tif", "_objects.csv", "_overlay.png", "_rois.zip"]
    new = ["_labels.ome.zarr", "_objects.parquet", "_overlay.png"]
    of_a = {"a_labels.png", *(f"a{end}" for end in new)}
    always = {NAME, "report.html"}
    assert {path.name for path in out.iterdir()} == of_a | always | {f"b{end}" for end in old}
    monkeypatch.setattr("micrographia.cli.segment.make_results", real)
    assert run("segment", "in", "-o", "out", *other)[0] == 0
    assert {path.name for path in out.iterdir()} == of_a | always | {f"b{end}" for end in new}


def test_an_input_is_never_deleted_as_an_older_result(run, tmp_path):
    write(tmp_path / "a.png", spots())
    assert run("segment", "a.png", "-o", ".")[0] == 0
    code, _, err = run("segment", "a.png", "a_labels.tif", "-o", ".", "--labels-format", "zarr", "--overwrite")
    assert code == 0, err
    assert (tmp_path / "a_labels.tif").exists()


def test_results_that_were_emptied_are_made_again_and_edited_ones_are_not_lost(run, tmp_path):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.png", spots())
    assert run("segment", "in", "-o", "out")[0] == 0
    table = tmp_path / "out" / "a_objects.csv"
    before = table.read_bytes()
    table.write_bytes(b"")
    code, out, _ = run("segment", "in", "-o", "out")
    assert code == 0 and "2 images (1 from an earlier run)" in out
    assert table.read_bytes() == before
    table.write_bytes(before[:40])
    code, out, _ = run("segment", "in", "-o", "out")
    assert code == 0 and "note: " in out and "a_objects.csv was edited since this command wrote it; it stays" in out
    assert table.read_bytes() == before[:40]
    write(tmp_path / "in" / "a.png", spots()[::-1])
    code, _, err = run("segment", "in", "-o", "out")
    assert code == 2 and "a_objects.csv was edited since this command wrote it, and would be replaced" in err
    assert table.read_bytes() == before[:40]
    table.unlink()
    write(tmp_path / "in" / "a.png", spots())
    assert run("segment", "in", "-o", "out")[0] == 0
    assert table.read_bytes() == before


def test_edited_results_stay_where_others_come_under_another_name(run, tmp_path):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.png", spots())
    assert run("segment", "in", "-o", "out")[0] == 0
    out = tmp_path / "out"
    write(out / "a_labels.tif", spots(n=1).astype(np.int32), axes="YX")
    by_hand = (out / "a_labels.tif").read_bytes()
    other = ("--labels-format", "zarr", "--overwrite")
    code, said, _ = run("segment", "in", "-o", "out", *other)
    assert code == 0 and "a_labels.tif was edited since this command wrote it; it stays" in said
    assert (out / "a_labels.tif").read_bytes() == by_hand
    assert (out / "a_labels.ome.zarr").exists() and not (out / "b_labels.tif").exists()
    code, said, _ = run("segment", "in", "-o", "out", *other)
    assert code == 0 and "was edited" not in said
    assert (out / "a_labels.tif").read_bytes() == by_hand


def test_a_stopped_run_that_replaces_goes_on_without_overwrite(run, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / "in" / f"{name}.png", spots())
    assert run("segment", "in", "-o", "out")[0] == 0
    real = image_results.make_results

    def stopped(task):
        if task.name == "b":
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr("micrographia.cli.segment.make_results", stopped)
    words = ("segment", "in", "-o", "out", "--probability", "0.7")
    assert run(*words, "--overwrite")[0] == 130
    monkeypatch.setattr("micrographia.cli.segment.make_results", real)
    table = tmp_path / "out" / "c_objects.csv"
    before = table.read_bytes()
    table.write_bytes(before[:40])
    code, _, err = run(*words)
    assert code == 2 and "c_objects.csv was edited" in err and "of other settings" in err
    table.write_bytes(before)
    code, said, err = run(*words)
    assert code == 0, err
    assert "3 images (1 from an earlier run)" in said


def test_a_stopped_run_says_how_to_go_on(run, tmp_path, monkeypatch):
    for name in "ab":
        write(tmp_path / "in--overwrite" / f"{name}.png", spots())
    words = ("segment", "in--overwrite", "-o", "out")
    assert run(*words)[0] == 0
    tables = {name: tmp_path / "out" / f"{name}_objects.csv" for name in "ab"}
    before = {name: table.read_bytes() for name, table in tables.items()}
    for table in tables.values():  # to be replaced, as well as a file of somebody else
        table.write_bytes(table.read_bytes()[:40])
    write(tmp_path / "in--overwrite" / "c.png", spots())
    (tmp_path / "out" / "c_objects.csv").write_text("by hand")
    real = image_results.make_results

    def stopped(task):
        if task.name == "b":
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr("micrographia.cli.segment.make_results", stopped)
    monkeypatch.setattr("sys.argv", ["micrographia", *words, "--overwrite"])
    code, _, err = run(*words, "--overwrite")
    assert code == 130 and err.rstrip().endswith(" micrographia segment in--overwrite -o out")
    monkeypatch.setattr("micrographia.cli.segment.make_results", real)
    code, said, err = run(*words)
    assert code == 0, err
    assert "3 images (1 from an earlier run)" in said and "edited" not in said
    assert {name: table.read_bytes() for name, table in tables.items()} == before
    assert "3 images (3 from an earlier run)" in run(*words)[1]


def test_results_of_other_settings_are_not_replaced_unasked(run, tmp_path):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.png", spots())
    assert run("segment", "in", "-o", "out")[0] == 0
    other = ("-o", "out", "--probability", "0.9")
    assert run("segment", "in/a.png", *other, "--overwrite")[0] == 0
    before = (tmp_path / "out" / "b_labels.tif").stat().st_mtime_ns
    code, _, err = run("segment", "in/b.png", *other)
    assert code == 2 and "b_labels.tif and 2 more would be replaced, but this command, with these settings" in err
    assert (tmp_path / "out" / "b_labels.tif").stat().st_mtime_ns == before
    assert run("segment", "in/b.png", *other, "--overwrite")[0] == 0


def test_corrected_zarr_labels_are_not_lost(run, tmp_path):
    write(tmp_path / "in" / "a.png", spots())
    words = ("segment", "in", "-o", "out", "--labels-format", "zarr")
    assert run(*words)[0] == 0
    path = tmp_path / "out" / "a_labels.ome.zarr"
    zarr.open(str(path / "0"), mode="r+")[:] = 0  # drops the chunk
    code, said, _ = run(*words)
    assert code == 0 and "a_labels.ome.zarr was edited since this command wrote it; it stays" in said
    (tmp_path / "out" / "a_overlay.png").unlink()
    code, _, err = run(*words)
    assert code == 2 and "a_labels.ome.zarr was edited since this command wrote it, and would be replaced" in err
    code, said, _ = run("segment", "in", "-o", "out", "--labels-format", "tif", "--overwrite")
    assert code == 0 and "a_labels.ome.zarr was edited since this command wrote it; it stays" in said
    assert not read_labels(path).array("YX").any()


def test_what_is_said_of_edited_results_is_true_where_another_one_was_deleted(run, tmp_path):
    write(tmp_path / "a.png", spots())
    assert run("segment", "a.png", "-o", "out")[0] == 0
    table = tmp_path / "out" / "a_objects.csv"
    table.write_bytes(table.read_bytes()[:40])
    (tmp_path / "out" / "a_overlay.png").unlink()
    code, _, err = run("segment", "a.png", "-o", "out")
    assert code == 2 and "its input has changed, or another result of that input is missing, empty" in err


def test_a_background_that_the_model_does_not_take_is_said_once_before_the_run(run, tmp_path):
    write(tmp_path / "a.png", spots())
    image_results.predictor("nuclei", 0).experts = (None,)
    code, _, err = run("segment", "a.png", "-o", "out", "--background", "bright")
    assert code == 2 and "The model has one network for every background; leave --background at auto." in err
    assert not (tmp_path / "out").exists()
