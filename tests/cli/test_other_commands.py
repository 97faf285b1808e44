"""``models``, ``methods``, ``measure``, ``evaluate``, ``train`` and the overview."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_pictures import spots

from micrographia import __version__, get_method
from micrographia.cli import VERBS
from micrographia.cli.train import use_of
from micrographia.io import write, write_labels


def test_overview(run):
    assert all(verb in run("--help")[1] for verb in VERBS)
    assert run() == run("--help")
    assert run("--version")[1].strip() == f"micrographia {__version__}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(run, verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"usage: micrographia {verb}" in out
    assert "examples:" in out


def test_methods(run):
    assert "stardist" in run("methods")[1]
    assert "rays = 32" in run("methods", "stardist")[1]
    assert json.loads(run("methods", "stardist", "--json")[1])["properties"]["rays"]["minimum"] == 8
    assert "stardist" in json.loads(run("methods", "--json")[1])
    assert "--rays" in run("train", "stardist", "--help")[1]


def test_measure_with_and_without_images(run, tmp_path):
    labels = (spots() > 100).astype(np.int32)
    write_labels(tmp_path / "labels" / "a_labels.tif", labels)
    write(tmp_path / "images" / "a.png", spots())
    code, out, err = run("measure", "--labels", "labels", "-o", "out", "--pixel-size", "0.5")
    assert code == 0, err
    assert pd.read_csv(tmp_path / "out" / "a_objects.csv")["area_um2"].tolist() == [75]
    code, _, err = run("measure", "--labels", "labels", "--images", "images", "-o", "out")
    assert code == 1
    assert "exists already" in err
    assert run("measure", "--labels", "labels", "--images", "images", "-o", "out", "--overwrite")[0] == 0
    assert pd.read_csv(tmp_path / "out" / "a_objects.csv")["intensity_mean"].tolist() == [200]


def test_measure_goes_on_without_images_that_have_no_labels(run, tmp_path):
    for name in "ac":
        write_labels(tmp_path / "labels" / f"{name}_labels.tif", (spots() > 100).astype(np.int32))
    for name in "ab":
        write(tmp_path / "images" / f"{name}.png", spots())
    code, out, err = run("measure", "--labels", "labels", "--images", "images", "-o", "out")
    assert code == 1
    assert err.splitlines() == [
        "failed: b.png: it has no labels.", "failed: c_labels.tif: there is no image of this name.",
    ]  # fmt: skip
    assert "a_objects.csv: 1 object\n" in out and len(list((tmp_path / "out").iterdir())) == 1
    code, _, err = run("measure", "--labels", "labels", "--images", "images/a.png", "-o", "one")
    assert code == 0, err
    code, _, err = run("measure", "--labels", "labels", "--images", "images/b.png", "-o", "none")
    assert code == 1 and "no labels for b.png" in err and "failed" not in err


def test_learned_features_of_a_model_of_one_channel_are_those_of_the_channel_that_is_segmented(run, tmp_path):
    picture = spots((96, 96), 4).astype(np.uint8)
    labels = (picture > 100).astype(np.int32)
    for folder, names in (("two", ("GFP", "DNA")), ("three", ("DNA", "GFP", "RFP"))):
        planes = [picture if name == "DNA" else 200 - picture for name in names]
        write(tmp_path / folder / "a.ome.tif", np.stack(planes), axes="CYX", channels=names)
    write(tmp_path / "grey" / "a.png", picture)
    write_labels(tmp_path / "labels" / "a_labels.tif", labels)
    tables = {}
    for folder in ("grey", "two", "three"):
        given = ("-m", "nuclei", "--labels", "labels", "--images", folder, "-o", f"of_{folder}")
        code, _, err = run("measure", "--features", "learned", *given)
        assert code == 0, err
        assert ("channels; channel" in err) == (folder != "grey")
        tables[folder] = pd.read_csv(tmp_path / f"of_{folder}" / "Nuclei_learned.csv")
    assert "a.ome.tif: 3 channels; channel 0 ('DNA') is looked at because its name says nuclei" in err
    for folder in ("two", "three"):
        pd.testing.assert_frame_equal(tables[folder], tables["grey"])


def test_evaluate_stored_labels_of_time_points(run, tmp_path):
    labels = np.stack([spots(n=k) > 100 for k in (1, 3)]).astype(np.int32)
    write(tmp_path / "images" / "a.tif", np.stack([spots(), spots()]), axes="TYX")
    for folder in ("truth", "found"):
        write_labels(tmp_path / folder / "a_labels.tif", labels, axes="TYX")
    code, out, err = run("evaluate", "--predictions", "found", "--images", "images", "--labels", "truth", "-o", "out")
    assert code == 0, err
    assert "2 objects found, 2 true, 2 images" in out


def test_measure_one_label_file_with_a_folder_of_images(run, tmp_path):
    write_labels(tmp_path / "a_labels.tif", (spots() > 100).astype(np.int32))
    for name in "ab":
        write(tmp_path / "images" / f"{name}.png", spots())
    code, _, err = run("measure", "--labels", "a_labels.tif", "--images", "images", "-o", "out")
    assert code == 0, err
    assert pd.read_csv(tmp_path / "out" / "a_objects.csv")["intensity_mean"].tolist() == [200]


def test_measure_volumes(run, tmp_path):
    labels = np.zeros((2, 3, 8, 8), np.int32)
    labels[:, :2, 2:6, 2:6] = 7
    write_labels(tmp_path / "s_labels.tif", labels, axes="TZYX", pixel_size={"Z": 2.0, "Y": 0.5, "X": 0.5})
    code, _, err = run("measure", "--labels", "s_labels.tif", "-o", "slices")
    assert (code, "3 z slices, each measured on its own" in err) == (0, True)
    assert len(pd.read_csv(tmp_path / "slices" / "s_objects.csv")) == 4
    code, _, err = run("measure", "--labels", "s_labels.tif", "-o", "out", "--volumes", "--pixel-size", "1")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "out" / "s_objects.csv")
    assert table[["label", "t", "volume_px", "volume_um3"]].to_numpy().tolist() == [[7, 0, 32, 64], [7, 1, 32, 64]]
    write_labels(tmp_path / "flat.tif", labels[0, 0])
    assert "no z slices" in run("measure", "--labels", "flat.tif", "-o", "out", "--volumes")[2]
    assert run("measure", "--features", "quality", "--images", "flat.tif", "--volumes", "-o", "q")[0] == 2


@pytest.mark.usefixtures("model")
def test_evaluate_a_model_and_label_images(run, tmp_path):
    rows = ["image,label,plate"]
    for k in range(3):
        write(tmp_path / "images" / f"{k}.png", spots(n=k + 1))
        truth = spots(n=3) > 100
        truth = np.cumsum(np.diff(truth.astype(int), axis=1, prepend=0) == 1, axis=1) * truth
        write_labels(tmp_path / "labels" / f"{k}.tif", truth.astype(np.int32))
        rows.append(f"images/{k}.png,labels/{k}.tif,P{k % 2}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    code, out, err = run("evaluate", "nuclei", "--images", "table.csv", "-o", "out")
    assert code == 0, err
    assert "6 objects found, 9 true, 3 images" in out
    images = pd.read_csv(tmp_path / "out" / "evaluation_images.csv")
    assert images["ap_50"].round(2).tolist() == [0.33, 0.67, 1.0]
    assert set(pd.read_csv(tmp_path / "out" / "evaluation_groups.csv")["value"]) == {"P0", "P1"}
    assert "P0" in (tmp_path / "out" / "report.html").read_text()
    code, _, err = run("evaluate", "nuclei", "--images", "table.csv", "-o", "out")
    assert code == 2
    assert "exists already" in err
    code, out, err = run(
        "evaluate", "--predictions", "labels", "--images", "images", "--labels", "labels", "-o", "same"
    )
    assert code == 0, err
    assert "9 objects found, 9 true" in out


@pytest.mark.usefixtures("model")
def test_evaluate_takes_labels_of_the_same_planes_only(run, tmp_path):
    stack = np.stack([spots(n=3)] * 3)
    write(tmp_path / "images" / "s.ome.tif", stack, axes="ZYX")
    write(tmp_path / "images" / "t.tif", spots(n=2))
    truth = (stack > 100).astype(np.int32)
    write_labels(tmp_path / "labels" / "t.tif", (spots(n=2) > 100).astype(np.int32))
    for case, labels, axes in (("flat", truth[0], "YX"), ("few", truth[:2], "ZYX"), ("time", truth, "TYX")):
        write_labels(tmp_path / "labels" / "s.tif", labels, axes=axes)
        code, out, err = run("evaluate", "nuclei", "--images", "images", "--labels", "labels", "-o", case)
        assert code == 1 and "labels must be of the same planes as the image" in err and "1 image" in out
    write_labels(tmp_path / "labels" / "s.tif", truth, axes="ZYX")
    write_labels(tmp_path / "found" / "s.tif", truth[:, :5], axes="ZYX")
    write_labels(tmp_path / "found" / "t.tif", (spots(n=2) > 100).astype(np.int32))
    options = ["--images", "images", "--labels", "labels", "-o", "shape"]
    code, out, err = run("evaluate", "--predictions", "found", *options)
    assert code == 1 and "s.tif is 5 x" in err and "1 image" in out
    assert (tmp_path / "shape" / "report.html").exists()


@pytest.mark.usefixtures("model")
def test_evaluate_says_what_was_assumed_and_where_it_cannot_write(run, tmp_path):
    write(tmp_path / "i" / "c.ome.tif", np.stack([spots(), spots()]), axes="CYX", channels=["GFP", "DAPI"])
    write_labels(tmp_path / "l" / "c.tif", (spots() > 100).astype(np.int32))
    options = ["evaluate", "nuclei", "--images", "i", "--labels", "l", "-o"]
    code, _, err = run(*options, "out")
    assert code == 0 and "c: " in err and "DAPI" in err
    assert pd.read_csv(tmp_path / "out" / "evaluation_images.csv")["image"].tolist() == ["c"]
    (tmp_path / "file").write_text("")
    code, _, err = run(*options, "file/out")
    assert code == 1 and "could not be written" in err


def test_train_needs_pairs_that_match(run, tmp_path):
    write(tmp_path / "images" / "a.png", spots())
    code, _, err = run("train", "stardist", "--images", "images", "-o", "m.zip")
    assert code == 1
    assert "a.png: no labels; give their folder with --labels." in err
    write_labels(tmp_path / "labels" / "b.tif", np.ones((8, 8), np.int32))
    code, _, err = run("train", "stardist", "--images", "images", "--labels", "labels", "-o", "m.zip")
    assert code == 1
    assert "do not match" in err


@pytest.mark.parametrize(("method", "use"), [("stardist", "segment IMAGE"), ("objects", "classify objects TABLE")])
def test_how_a_model_is_used_is_said_as_it_is_typed(method, use):
    assert use_of(get_method(method), "my model.zip") == f"use it with: micrographia {use} -m 'my model.zip'"


def test_train_then_segment(run, tmp_path):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    rng = np.random.default_rng(0)
    for k in range(3):
        truth = spots((96, 96), 4) > 100
        truth = np.cumsum(np.diff(truth.astype(int), axis=1, prepend=0) == 1, axis=1) * truth
        picture = (rng.normal(20, 2, (96, 96)) + 100 * (truth > 0)).clip(0, 255).astype(np.uint8)
        write(tmp_path / "images" / f"{k}.png", picture)
        write_labels(tmp_path / "labels" / f"{k}.tif", truth.astype(np.int32))
    words = ["--images", "images", "--labels", "labels", "-o", "spots.zip"]
    small = ["--steps", 4, "--every", 2, "--patch", 64, "--batch", 2, "--widths", 8, 8, "--device", "cpu"]
    code, out, err = run("train", "stardist", *words, *small)
    assert code == 0, err
    assert "model: spots.zip" in out
    assert not (tmp_path / "spots-training").exists()
    code, _, err = run("train", "stardist", *words, *small)
    assert code == 2
    assert "spots.zip exists already" in err
    assert run("segment", "images/0.png", "-m", "spots.zip", "-o", "out")[0] == 0
    assert run("models", "test", "spots.zip")[0] == 0
