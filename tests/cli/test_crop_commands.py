"""``train encoder|crops|images``, ``classify crops|images`` and ``measure --features learned``, from files to files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from micrographia.io import read, write, write_labels

SMALL = ("--size", "16", "--widths", "4", "8", "--device", "cpu", "--intensity", "range")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight images of bright and dim squares with labels and a table of classes; odd images are dark."""
    root = tmp_path_factory.mktemp("cells")
    rows = []
    for i in range(8):
        image = np.full((48, 64), 10.0 if i % 2 else 60.0)
        labels = np.zeros(image.shape, np.int32)
        for k in range(6):
            y, x = 6 + 20 * (k // 3), 6 + 20 * (k % 3)
            labels[y : y + 8, x : x + 8] = k + 1
            image[y : y + 8, x : x + 8] = 230 if (k + i) % 2 else 120
            rows.append((f"p{i}", k + 1, "bright" if (k + i) % 2 else "dim", "P1", f"W{i % 4}"))
        image += np.random.default_rng(i).normal(0, 3, image.shape)
        write(root / "images" / f"p{i}.tif", image.clip(0, 255).astype(np.uint8), axes="YX")
        write_labels(root / "labels" / f"p{i}_labels.tif", labels, axes="YX")
    columns = ["Metadata_Image", "ObjectNumber", "Class", "Metadata_Plate", "Metadata_Well"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "objects.csv", index=False)
    listed = [(f"images/p{i}.tif", "dark" if i % 2 else "light", "P1", f"W{i}") for i in range(8)]
    pd.DataFrame(listed, columns=["image", "Class", "plate", "well"]).to_csv(root / "images.csv", index=False)
    return root


def test_objects_from_training_to_a_table(run, folder, tmp_path):
    given = ("--images", folder / "images", "--labels", folder / "labels")
    train = ("train", "crops", *given, "--table", folder / "objects.csv", "-o", "m.zip", *SMALL)
    code, out, err = run(*train, "--steps", "60", "--every", "20", "--learning-rate", "0.01", "--batch", "16")
    assert code == 0, err
    assert (
        "micrographia classify crops IMAGES --labels LABELS -m m.zip" in out and not (tmp_path / "m-training").exists()
    )
    assert "macro F1, wells set aside:" in out and "also chose when to stop" in out and "report: m-report.html" in out
    assert "warning: Too few examples of bright (24) and dim (24)" in out
    page, numbers = (tmp_path / f"m-report.{kind}" for kind in ("html", "json"))
    assert "also chose when to stop" in page.read_text() and "Which classes are taken for which" in page.read_text()
    assert "most important measurements" not in page.read_text() and "Would more examples" not in page.read_text()
    assert json.loads(numbers.read_text())["examples"] == 12
    code, out, err = run(
        "classify", "crops", folder / "images", "--labels", folder / "labels", "-m", "m.zip", "-o", "r",
        "--names", r"p(?P<well>\d)",
    )  # fmt: skip
    assert code == 0, err
    counts = {name: pd.read_csv(tmp_path / "r" / f"{name}.csv") for name in ("images", "wells")}
    assert counts["wells"]["Metadata_Well"].tolist() == list(range(8)) and set(counts["wells"]["Objects"]) == {6}
    assert counts["images"]["Metadata_Image"].tolist() == [f"p{i}" for i in range(8)]
    assert {"Count_bright", "Fraction_dim", "Enrichment_dim"} <= set(counts["wells"].columns)
    found = pd.read_csv(tmp_path / "r" / "objects_classes.csv")
    both = found.merge(pd.read_csv(folder / "objects.csv"), on=["Metadata_Image", "ObjectNumber"])
    assert len(both) == 48 and (both["Class_x"] == both["Class_y"]).mean() >= 0.9
    assert "bright" in out and "dim" in out
    code, _, err = run("classify", "crops", folder / "images", "--labels", folder / "labels", "-m", "m.zip", "-o", "r")
    assert code == 2 and "exists already" in err
    code, _, err = run(*train)
    assert code == 2 and "m.zip exists already" in err
    some = tmp_path / "some"
    some.mkdir()
    for name in ("p0", "p1"):
        (some / f"{name}_labels.tif").write_bytes((folder / "labels" / f"{name}_labels.tif").read_bytes())
    code, _, err = run("classify", "crops", folder / "images", "--labels", some, "-m", "m.zip", "-o", "some_classes")
    assert code == 1 and err.count("it has no labels.") == 6 and "failed: p7.tif: it has no labels." in err
    found = pd.read_csv(tmp_path / "some_classes" / "objects_classes.csv")
    assert found["Metadata_Image"].tolist() == ["p0"] * 6 + ["p1"] * 6
    rows = [f"{folder}/images/p0.tif,", f"{folder}/images/p1.tif,{some}/p1_labels.tif"]
    (tmp_path / "some.csv").write_text("\n".join(["image,label", *rows]))
    code, _, err = run("classify", "crops", "some.csv", "-m", "m.zip", "-o", "listed")
    assert code == 1 and "failed: p0.tif: it has no labels." in err
    code, _, err = run("classify", "images", folder / "images", "-m", "m.zip", "-o", "s")
    assert code == 2 and "does not classify images; it goes with 'micrographia classify crops'" in err
    code, _, err = run("classify", "crops", folder / "images", "-m", "m.zip", "-o", "s")
    assert code == 2 and "--labels FOLDER" in err


def test_images_from_training_to_a_table(run, folder, tmp_path):
    words = ("--steps", "120", "--every", "40", "--learning-rate", "0.01", "--batch", "8")
    code, _, err = run("train", "images", "--images", folder / "images.csv", "-o", "m.zip", *SMALL, *words)
    assert code == 0, err
    code, _, err = run("classify", "images", folder / "images.csv", "-m", "m.zip", "-o", "r", "--table", "parquet")
    assert code == 0, err
    table = pd.read_parquet(tmp_path / "r" / "images_classes.parquet")
    assert table["Class"].tolist() == ["light", "dark"] * 4
    assert table["Metadata_Image"].tolist() == [f"p{i}" for i in range(8)] and table["Metadata_Well"][3] == "W3"
    wells = pd.read_parquet(tmp_path / "r" / "wells.parquet")
    assert (
        wells["Images"].tolist() == [1] * 8
        and wells["Count_light"].tolist() == [1, 0] * 4
        and not (tmp_path / "r" / "images.parquet").exists()
    )
    for name, value in (("nothing", np.nan), ("plain", 60.0)):
        write(tmp_path / "nan" / f"{name}.tif", np.full((48, 64), value, np.float32), axes="YX")
    code, _, err = run("classify", "images", "nan", "-m", "m.zip", "-o", "n")
    assert code == 1 and "nothing: all pixels of the channel intensity are NaN or infinite" in err
    assert pd.read_csv(tmp_path / "n" / "images_classes.csv")["Metadata_Image"].tolist() == ["plain"]


def test_folds_judge_images_and_a_file_that_the_table_does_not_name_is_not_read(run, folder, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for path in (folder / "images").iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    (images / "junk.tif").write_bytes(b"no image")
    table = pd.read_csv(folder / "images.csv").assign(Metadata_Image=[f"p{k}" for k in range(8)])
    table[["Metadata_Image", "Class"]].to_csv(tmp_path / "t.csv", index=False)
    train = ("train", "images", "--images", images, "-o", "m.zip", *SMALL, "--steps", "4", "--batch", "8")
    code, out, err = run(*train, "--table", "t.csv", "--folds", "2")
    assert code == 0, err
    assert "judging by folds: fold 2 of 2" in err and not (tmp_path / "m-training").exists()
    assert "macro F1, images never seen:" in out and "warning: The table names no wells" in out
    assert "2 further networks" in (tmp_path / "m-report.html").read_text()
    (tmp_path / "m.zip").unlink()
    code, _, err = run(*train, "--table", "t.csv")
    assert code == 2 and "m-report.html exists already" in err
    code, out, err = run(*train, "--table", "t.csv", "--overwrite")
    assert code == 0 and "Not measured: no examples were set aside" in out and not (tmp_path / "m-report.html").exists()
    with (tmp_path / "t.csv").open("a") as file:
        file.write("junk,dark\n")
    code, _, err = run(*train, "--table", "t.csv", "--overwrite")
    assert code == 1 and "junk.tif" in err
    code, _, err = run(*train, "--table", "t.csv", "--overwrite", "--folds", "1")
    assert code == 2 and "a single fold cannot judge" in err


@pytest.mark.parametrize(("suffix", "axes"), [("ome.zarr", "CYX"), ("ome.tif", "YX")])
def test_channels_of_other_names_are_taken_with_a_note(run, folder, tmp_path, suffix, axes):
    for k in range(8):
        pixels = read(folder / "images" / f"p{k}.tif").data
        for name in ("DAPI", "GFP"):
            data = pixels.reshape((1,) * (len(axes) - 2) + pixels.shape)
            write(tmp_path / name / f"p{k}.{suffix}", data, axes=axes, channels=(name,))
    labels = ("--labels", folder / "labels")
    words = ("--table", folder / "objects.csv", "-o", "m.zip", *SMALL, "--steps", "4", "--batch", "8")
    code, _, err = run("train", "crops", "--images", "DAPI", *labels, *words)
    assert code == 0, err
    code, _, err = run("classify", "crops", "DAPI", *labels, "-m", "m.zip", "-o", "same")
    assert code == 0 and "took the place" not in err
    code, _, err = run("classify", "crops", "GFP", *labels, "-m", "m.zip", "-o", "other")
    assert code == 0 and err.count("GFP took the place of DAPI, which") == 1 and f"p0.{suffix}: The names" in err
    code, _, err = run("measure", "--features", "learned", "-m", "m.zip", "--images", "GFP", *labels, "-o", "learned")
    assert code == 0 and err.count("GFP took the place of DAPI, which") == 1


def test_an_encoder_and_its_features(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MICROGRAPHIA_MODELS", str(tmp_path / "models"))
    given = ("--images", folder / "images", "--labels", folder / "labels")
    code, out, err = run("train", "encoder", *given, "-o", "e.zip", *SMALL, "--steps", "4", "--batch", "16")
    assert code == 0, err
    assert "measure --features learned --images IMAGES --labels LABELS -m e.zip" in out
    code, out, err = run("measure", "--features", "learned", "-m", "e.zip", *given, "-o", "t", "--objects", "Cells")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "t" / "Cells_learned.csv")
    assert "48 objects, 8 features" in out and table.shape == (48, 3 + 2 + 8)
    places = ["Cells_Location_Center_X", "Cells_Location_Center_Y"]
    assert list(table.columns[:6]) == ["Metadata_Image", "ImageNumber", "ObjectNumber", *places, "Cells_Learned_000"]
    assert table.loc[1, places].tolist() == [29.5, 9.5]  # so that pictures of the objects can be cut
    words = ("--names", r"p(?P<well>\d)", "-o", "u")
    code, _, err = run("measure", "--features", "learned", "-m", "e.zip", *given, *words)
    assert code == 0 and pd.read_csv(tmp_path / "u" / "Nuclei_learned.csv")["Metadata_Well"].nunique() == 8, err
    _, out, _ = run("models", "import", "e.zip", "--name", "cells")
    assert "use it with: micrographia measure --features learned --images IMAGES --labels LABELS -m cells" in out
    write(tmp_path / "more" / "q.tif", np.full((48, 64), 60, np.uint8), axes="YX")
    for path in (folder / "images").iterdir():
        (tmp_path / "more" / path.name).write_bytes(path.read_bytes())
    words = ("--images", "more", "--labels", folder / "labels", "-o", "v")
    code, out, err = run("measure", "--features", "learned", "-m", "e.zip", *words)
    assert code == 1 and "failed: q.tif: it has no labels." in err and "48 objects" in out
    for path in (folder / "images").iterdir():
        pixels = np.repeat(read(path).data[None], 2, 0)
        write(tmp_path / "two" / path.name, pixels, axes="CYX", channels=("A", "B"))
    words = ("--images", "two", "--labels", folder / "labels", "-o", "w")
    _, _, err = run("measure", "--features", "learned", "-m", "e.zip", *words)
    assert "failed: p0.tif" in err and err.count("p0.tif") == 1, err
    code, _, err = run("measure", "--features", "learned", *given)
    assert code == 2 and "-m MODEL" in err
    code, _, err = run("measure", "--features", "learned", "-m", "e.zip", "--labels", folder / "labels")
    assert code == 2 and "need the images" in err


def test_an_encoder_that_is_stopped_while_it_measures_goes_on(run, folder, tmp_path, monkeypatch):
    from micrographia.classify.crops import crop_measurements as measuring

    train = ("train", "encoder", "--images", folder / "images", "--labels", folder / "labels", "-o", "e.zip", *SMALL)
    before, seen = measuring.measure_cells, []

    def stopped(*given, **more):
        if len(seen) == 20:
            raise KeyboardInterrupt
        seen.append(1)
        return before(*given, **more)

    monkeypatch.setattr(measuring, "_BLOCK", 16)
    monkeypatch.setattr(measuring, "thread_count", lambda threads: 1)
    monkeypatch.setattr(measuring, "measure_cells", stopped)
    code, _, err = run(*train, "--steps", "2")
    assert code == 130 and "[1/3] 16 crops measured" in err, err
    assert "what is done so far is in e-training" in err and "type the same command again" in err
    monkeypatch.setattr(measuring, "measure_cells", before)
    code, out, err = run(*train, "--steps", "2")
    assert code == 0 and "[2/2] 16 crops measured" in err and not (tmp_path / "e-training").exists()
    code, out, _ = run("train", "encoder", "--help")
    assert "in the measuring, too" in " ".join(out.split())


def test_learned_features_say_how_far_they_are_and_what_is_left_where_they_are_stopped(
    run, folder, tmp_path, monkeypatch
):
    from micrographia.classify.crops import learned_features

    measure = ("measure", "--features", "learned", "-m", "nuclei", "--images", folder / "images")
    code, _, err = run(*measure, "--labels", folder / "labels", "-o", "t")
    assert code == 0 and "[1/8] p0: 6 objects" in err and "[8/8] p7: 6 objects" in err
    before, seen = learned_features.learned_table, []

    def stopped(*given, **more):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return before(*given, **more)

    monkeypatch.setattr(learned_features, "learned_table", stopped)
    code, _, err = run(*measure, "--labels", folder / "labels", "-o", "u")
    path = tmp_path / "u" / "Nuclei_learned.csv"
    assert code == 130 and f"Stopped; {path.relative_to(tmp_path)} was not written." in err
    assert not list((tmp_path / "u").iterdir())
    code, out, _ = run("measure", "--features", "learned", "--help")
    assert "a measurement that was stopped begins anew" in " ".join(out.split())


def test_what_makes_no_sense_is_said(run, folder, tmp_path):
    images, labels = folder / "images", folder / "labels"
    code, _, err = run("train", "crops", "--images", images, "-o", "m.zip")
    assert code == 2 and "--labels FOLDER" in err
    code, _, err = run("train", "crops", "--images", images, "--labels", labels, "-o", "m.zip")
    assert code == 2 and "Say which classes there are" in err
    code, _, err = run("train", "images", "-o", "m.zip")
    assert code == 2 and "--images FOLDER" in err
    code, _, err = run("train", "images", "--images", images, "--table", folder / "objects.csv", "-o", "m.zip")
    assert code == 1 and "gives p0 a class twice" in err
    code, _, err = run("train", "encoder", "-o", "m.zip")
    assert code == 2 and "--images FOLDER" in err
    code, _, err = run("classify", "images", images)
    assert code == 2 and "train images" in err
    one = pd.read_csv(folder / "objects.csv").assign(Class="cell")
    one.to_csv(tmp_path / "one.csv", index=False)
    code, _, err = run(
        "train", "crops", "--images", images, "--labels", labels, "--table", tmp_path / "one.csv", *SMALL
    )
    assert code == 2 and "All examples are of the class cell" in err
    one.drop(columns="Class").to_csv(tmp_path / "none.csv", index=False)
    code, _, err = run(
        "train", "crops", "--images", images, "--labels", labels, "--table", tmp_path / "none.csv", *SMALL
    )
    assert code == 2 and "no column 'Class'" in err
    code, _, err = run("train", "images", "--images", images, "--table", tmp_path / "none.csv", *SMALL)
    assert code == 2 and "no column 'Class'" in err
    code, _, err = run("classify", "crops", images, "--labels", labels, "-m", "nuclei", "-o", "r")
    assert code == 2 and "does not look at crops of objects" in err
    code, _, err = run("classify", "images", images, "-m", "nuclei", "-o", "r")
    assert code == 2 and "does not look at crops of objects" in err
