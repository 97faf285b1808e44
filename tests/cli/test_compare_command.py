"""``micrographia compare``: the same folds for every method, and no image judged by a model that saw it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micrographia.cli.fold_runs import Material
from micrographia.cli.labelled_planes import labelled_dataset
from micrographia.io import write, write_labels
from micrographia.models.package import open_package

sys.path.insert(0, str(Path(__file__).parents[1]))
from synthetic_fields import field

TINY = "steps=2,every=2,patch=64,batch=1,widths=8+8,rays=8,device=cpu"


@pytest.fixture
def fields_in_folders(tmp_path: Path) -> Path:
    """Four images with labels in folders, and a table in which two each are of one plate."""
    rows = ["image,label,well,Plate"]
    for k in range(4):
        picture, labels = field(k, size=64, count=4)
        write(tmp_path / "images" / f"{k}.png", picture)
        write_labels(tmp_path / "labels" / f"{k}.tif", labels)
        rows.append(f"images/{k}.png,labels/{k}.tif,W{k},P{k % 2}")
    (tmp_path / "plates.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], set[str]]]:
    """Training and validation images of every training that is begun."""
    torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
    torch.set_num_threads(1)
    from micrographia.segment.stardist import StarDist

    trainings: list[tuple[set[str], set[str]]] = []
    fit = StarDist.fit

    def noted(self, examples, **options):
        held = {examples.names[i] for i in examples.validation or ()}
        trainings.append((set(examples.names) - held, held))
        return fit(self, examples, **options)

    monkeypatch.setattr(StarDist, "fit", noted)
    return trainings


def test_compare_methods_and_a_model(run, fields_in_folders, seen, monkeypatch):
    words = ["--images", "plates.csv", "--folds", 2, "-o", "out"]
    out = fields_in_folders / "out"
    one, other = f"stardist:{TINY}", f"stardist:{TINY},seed=1"

    from micrographia.segment.stardist import StarDist

    noted = StarDist.fit

    def stopped(self, examples, **options):
        if len(seen) == 1:
            raise KeyboardInterrupt
        return noted(self, examples, **options)

    monkeypatch.setattr(StarDist, "fit", stopped)
    code, _, err = run("compare", one, *words)
    assert code == 130
    assert "type the same command again" in err
    monkeypatch.setattr(StarDist, "fit", noted)
    code, _, err = run("compare", one, *words)
    assert code == 0, err
    assert len(seen) == 2, "the finished fold is kept"

    folds = pd.read_csv(out / "folds.csv")
    assert folds.groupby("Plate")["fold"].nunique().tolist() == [1, 1]
    assert sorted(folds["fold"]) == [1, 1, 2, 2]
    for fold, (training, held) in enumerate(seen, 1):
        tested = {Path(name).stem for name in folds["image"][folds["fold"] == fold]}
        assert tested.isdisjoint(training | held)
        assert tested | training | held == {"0", "1", "2", "3"}
        assert len(held) == 1
    assert not (out / "comparison_differences.csv").exists()

    model = next((out / "folds").glob("*/model.zip"))
    (fields_in_folders / "my.zip").write_bytes(model.read_bytes())
    code, said, err = run("compare", one, other, "my.zip", *words)
    assert code == 0, err
    assert len(seen) == 4, "only the new method is trained"
    assert seen[:2] == seen[2:], "every method gets the same folds and validation images"
    assert "better in" in said
    table = pd.read_csv(out / "comparison.csv")
    assert len(table) == 3 * 9
    assert list(dict.fromkeys(table["method"])) == [one, other, "my.zip"]
    assert set(table["images"]) == {4}
    assert (table["seconds_train"] > 0).tolist() == [True] * 18 + [False] * 9
    assert (table["seconds_predict"] > 0).all()
    assert table["ap_image_mean"].between(table["ap_image_mean_low"], table["ap_image_mean_high"]).all()
    assert len(pd.read_csv(out / "comparison_images.csv")) == 3 * 4
    assert len(pd.read_csv(out / "comparison_differences.csv")) == 2 * 10
    page = (out / "report.html").read_text()
    assert "may have seen these images" in page
    taught = f"images of these names taught my.zip ({len(seen[0][0])} of 4)"
    assert f"{taught} and chose the thresholds of my.zip (1 of 4)" in page
    assert "warning: images of these names taught my.zip" in err
    assert "AP is the mean over images; F1 and PQ are of all objects together" in said
    assert page.count('class="band') == 3

    code, _, err = run("compare", one, *words, "--seed", 3)
    assert code == 2
    assert "seed was 0 and is now 3" in err


BAD = {
    "unknown": (["stardst"], [], 2, "Did you mean 'stardist'?"),
    "parameter": (["stardist:stepps=3"], [], 2, "Did you mean 'steps'?"),
    "another kind": (["boundaries"], [], 2, "compare cannot judge boundaries yet"),
    "value": (["stardist:steps=many"], [], 2, "steps must be a whole number"),
    "no value": (["stardist:steps"], [], 2, "stardist:NAME=VALUE"),
    "missing model": (["other.zip"], [], 1, "no such model file"),
    "twice": (["stardist", "stardist"], [], 2, "named twice"),
    "folds": (["stardist"], ["--folds", 3], 2, "use --folds 2"),
    "images as folds": (["stardist"], ["--group", "image"], 2, "use --folds 4"),
    "one fold": (["stardist"], ["--folds", 1], 2, "at least 2"),
    "column": (["stardist"], ["--group", "lab"], 2, "known: well, Plate, image"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(run, fields_in_folders, case):
    names, options, expected, sentence = BAD[case]
    code, _, err = run("compare", *names, "--images", "plates.csv", *options, "-o", "out")
    assert code == expected
    assert sentence in err
    assert not (fields_in_folders / "out").exists()


def test_bad_images(run, fields_in_folders):
    code, _, err = run("compare", "stardist", "--images", "images")
    assert code == 1
    assert "no labels; give their folder with --labels" in err
    (fields_in_folders / "empty").mkdir()
    code, _, err = run("compare", "stardist", "--images", "images", "--labels", "empty")
    assert code == 1
    (fields_in_folders / "one.csv").write_text("image,label\nimages/0.png,labels/0.tif")
    code, _, err = run("compare", "stardist", "--images", "one.csv")
    assert code == 2
    assert "at least two images" in err
    (fields_in_folders / "gap.csv").write_text(
        "image,label,plate\nimages/0.png,labels/0.tif,A\nimages/1.png,labels/1.tif,"
    )
    code, _, err = run("compare", "stardist", "--images", "gap.csv")
    assert code == 1
    assert "1.png has no value in the column 'plate'" in err
    assert run("compare", "stardist")[0] == 2


def test_a_plate_that_is_the_only_one_is_divided_by_wells(run, fields_in_folders):
    rows = [f"images/{k}.png,labels/{k}.tif,P1,{'AAB'[k]}" for k in range(3)]
    (fields_in_folders / "one_plate.csv").write_text("\n".join(["image,label,plate,well", *rows]))
    code, _, err = run("compare", "stardist", "--images", "one_plate.csv")
    assert code == 2
    assert "5 folds need as many groups in the column 'well', and there are 2" in err


def test_grey_and_colour_images_are_compared_together_and_others_refused_before(run, fields_in_folders, seen):
    for k in (0, 2):
        grey, _ = field(k, size=64, count=4)
        write(fields_in_folders / "images" / f"{k}.png", np.stack([grey] * 3, axis=2))
    words = ["--images", "plates.csv", "--folds", 2, "-o"]
    code, out, err = run("compare", f"stardist:{TINY}", *words, "out")
    assert code == 0, err
    assert len(seen) == 2
    (fields_in_folders / "images" / "0.png").unlink()
    write(fields_in_folders / "images" / "0.tif", np.zeros((2, 64, 64), np.uint8), axes="CYX")
    table = (fields_in_folders / "plates.csv").read_text().replace("0.png", "0.tif")
    (fields_in_folders / "plates.csv").write_text(table)
    code, _, err = run("compare", f"stardist:{TINY}", "--all-channels", *words, "other")
    assert code == 1 and "0 has 2 channels that are not those of a colour picture and 1 has 1 channel" in err
    assert len(seen) == 2 and not (fields_in_folders / "other").exists()


def test_planes_are_judged_as_they_are_and_taught_in_colour(fields_in_folders):
    grey, labels = field(0, size=64, count=4)
    write(fields_in_folders / "images" / "0.png", np.stack([grey] * 3, axis=2))
    labels[40:] = -1
    write(fields_in_folders / "labels" / "0.tif", labels, axes="YX")
    data = labelled_dataset(str(fields_in_folders / "images"), str(fields_in_folders / "labels"))
    material = Material(data, ["a"] * 4, [1, 2, 1, 2])
    assert [plane.image.axes for (plane,) in material.planes(False)] == ["YXS", "YX", "YX", "YX"]
    assert [plane.image.axes for (plane,) in material.taught()] == ["YXS"] * 4
    assert material.taught()[0][0].labels.min() == -1, "unknown pixels are taken, as train takes them"


def test_what_taught_a_model_or_a_start_is_said_for_each_candidate(run, fields_in_folders, seen):
    words = ["--images", "plates.csv", "--folds", 2, "-o"]
    code, _, err = run("compare", f"stardist:{TINY}", *words, "out")
    assert code == 0, err
    model = next((fields_in_folders / "out" / "folds").glob("*/model.zip"))
    (fields_in_folders / "m.zip").write_bytes(model.read_bytes())
    further = f"stardist:{TINY},start=m.zip"
    code, _, err = run("compare", "m.zip", further, "nuclei", *words, "more")
    assert code == 0, err
    taught = f"({len(seen[0][0])} of 4)"
    assert f"warning: images of these names taught m.zip {taught}" in err
    assert f"warning: images of these names taught m.zip, from which {further} went on {taught}" in err
    assert "warning: nuclei learned from DSB2018" in err
    child = open_package(next((fields_in_folders / "more" / "folds").glob("stardist*/model.zip"))).config["data"]
    assert child["start"] == {"model": "m.zip", "data": open_package(model).config["data"]}
    assert "from which" in (fields_in_folders / "more" / "report.html").read_text()


def test_an_image_that_is_there_twice_is_refused(run, fields_in_folders):
    for folder, suffix in (("images", ".png"), ("labels", ".tif")):
        (fields_in_folders / folder / f"5{suffix}").write_bytes(
            (fields_in_folders / folder / f"0{suffix}").read_bytes()
        )
    code, _, err = run("compare", "stardist", "--images", "images", "--labels", "labels", "-o", "out")
    assert code == 1
    assert "hold the same image" in err


def test_an_image_that_cannot_be_read_is_named_before_anything_is_learned(run, fields_in_folders):
    (fields_in_folders / "images" / "2.png").write_bytes(b"no picture")
    code, _, err = run("compare", "stardist", "--images", "plates.csv", "--folds", 2, "-o", "out")
    assert code == 1
    assert "2.png" in err
    assert not (fields_in_folders / "out").exists()
