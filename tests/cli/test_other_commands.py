"""``models``, ``methods``, ``measure``, ``evaluate``, ``train`` and the overview."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser

import numpy as np
import pandas as pd
import pytest
from made_pictures import spots

from micrographia import __version__, get_method
from micrographia.arrays.errors import InputError
from micrographia.cli import VERBS
from micrographia.cli.authorship import add_authorship, authorship
from micrographia.cli.seen_images import seen_images
from micrographia.cli.train import use_of
from micrographia.cli.training_examples import make_examples
from micrographia.io import write, write_labels
from micrographia.segment.stardist import StarDist


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


def test_help_promises_only_what_holds(run):
    assert "Stop with Ctrl-C" in run("train", "stardist", "--help")[1]
    assert "Stop with Ctrl-C" not in run("train", "pixels", "--help")[1]
    assert "a method (stardist)" in run("compare", "--help")[1]
    images = run("methods", "images")[1]
    assert "mask =" not in images and "diameter =" not in images and "Share of the images" in images


def test_measure_with_and_without_images(run, tmp_path):
    labels = (spots() > 100).astype(np.int32)
    write_labels(tmp_path / "labels" / "a_labels.tif", labels)
    write(tmp_path / "images" / "a.png", spots())
    code, out, err = run("measure", "--labels", "labels", "-o", "out", "--pixel-size", "0.5")
    assert code == 0, err
    assert pd.read_csv(tmp_path / "out" / "a_objects.csv")["area_um2"].tolist() == [75]
    code, _, err = run("measure", "--labels", "labels", "--images", "images", "-o", "out")
    assert code == 2
    assert "pixel_size was 0.5 and is now not set" in err
    assert run("measure", "--labels", "labels", "--images", "images", "-o", "out", "--overwrite")[0] == 0
    assert pd.read_csv(tmp_path / "out" / "a_objects.csv")["intensity_mean"].tolist() == [200]


def test_measure_goes_on_where_it_was_stopped(run, tmp_path, monkeypatch):
    import micrographia.cli.measure as module

    for k in range(3):
        write_labels(tmp_path / "labels" / f"{k}_labels.tif", (spots() > 100).astype(np.int32))
    measure, words = module.measure_file, ("measure", "--labels", "labels", "-o", "out")

    def stopped(task):
        if task.name == "2_labels":
            raise KeyboardInterrupt
        return measure(task)

    monkeypatch.setattr(module, "measure_file", stopped)
    code, _, err = run(*words)
    assert code == 130 and "2 of 3 images are finished" in err and "type the same command again" in err
    monkeypatch.setattr(module, "measure_file", measure)
    code, out, err = run(*words)
    assert code == 0 and "failed" not in err and "3 images (2 from an earlier run)" in out
    assert sorted(path.name for path in (tmp_path / "out").glob("*.csv")) == [f"{k}_objects.csv" for k in range(3)]


def test_results_of_other_commands_may_lie_beside_those_of_measure(run, tmp_path):
    write_labels(tmp_path / "labels" / "a.tif", (spots() > 100).astype(np.int32))
    write(tmp_path / "images" / "a.png", spots())
    measure = ("measure", "--labels", "labels", "--images", "images", "-o", "out")
    quality = ("measure", "--features", "quality", "--images", "images", "-o", "out")
    assert run(*measure)[0] == run(*quality)[0] == 0
    for words in (measure, quality):
        code, out, err = run(*words)
        assert code == 0 and "from an earlier run" in out, err


def test_measure_goes_on_without_images_that_have_no_labels(run, tmp_path):
    for name in "ac":
        write_labels(tmp_path / "labels" / f"{name}_labels.tif", (spots(n=1) > 100).astype(np.int32))
    for name in "ab":
        write(tmp_path / "images" / f"{name}.png", spots())
    code, out, err = run("measure", "--labels", "labels", "--images", "images", "-o", "out")
    assert code == 1
    assert err.splitlines() == [
        "failed: b.png: it has no labels.", "failed: c_labels.tif: there is no image of this name.",
        "[1/1] a_labels.tif: 1 object",
    ]  # fmt: skip
    assert "1 image, 1 object, " in out
    assert [path.name for path in (tmp_path / "out").glob("*_objects.csv")] == ["a_objects.csv"]
    code, _, err = run("measure", "--labels", "labels", "--images", "images/a.png", "-o", "one")
    assert code == 0, err
    code, _, err = run("measure", "--labels", "labels", "--images", "images/b.png", "-o", "none")
    assert code == 1 and "no labels for b.png" in err and "failed" not in err


def test_learned_features_of_a_model_of_one_channel_are_those_of_the_channel_that_is_segmented(run, tmp_path):
    picture = spots((96, 96), 4).astype(np.uint8)
    labels = np.cumsum(np.diff((picture > 100).astype(np.int32), axis=1, prepend=0) == 1, axis=1) * (picture > 100)
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
    assert "no z slices" in run("measure", "--labels", "flat.tif", "-o", "flat", "--volumes")[2]
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


def numbered(n: int = 3) -> np.ndarray:
    """Labels of `spots`."""
    inside = spots(n=n) > 100
    return (np.cumsum(np.diff(inside.astype(int), axis=1, prepend=0) == 1, axis=1) * inside).astype(np.int32)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((numbered() > 0) * np.int32(255), "a_labels.tif is a mask: all objects have the number 255; number the"),
        (np.random.default_rng(0).integers(3, 90, (64, 64), np.int32), "a_labels.tif: this looks like a picture"),
        (numbered() - 1, "a_labels.tif: the negative number -1 is no label: objects are numbered from 1"),
    ],
    ids=["mask", "picture", "negative"],
)
def test_what_numbers_no_objects_is_no_truth(run, tmp_path, labels, said):
    write(tmp_path / "images" / "a.png", spots())
    write_labels(tmp_path / "good" / "a_labels.tif", numbered())
    write(tmp_path / "bad" / "a_labels.tif", labels, axes="YX")
    refused = [
        ("evaluate", "nuclei", "--images", "images", "--labels", "bad"),
        ("evaluate", "--predictions", "bad", "--images", "images", "--labels", "good"),
        ("measure", "--labels", "bad"),
    ]
    taken = []
    if labels.min() < 0:
        taken.append(refused.pop(0))
    elif labels.max() == 255:
        taken.append(refused.pop())
    for words in refused:
        code, _, err = run(*words, "-o", "out")
        assert code == 1 and said in err
        assert not (tmp_path / "out" / "report.html").exists() and not list(tmp_path.glob("out/*.csv"))
    for words in taken:
        code, _, err = run(*words, "-o", "out")
        doubt = "count as one object" if words[0] == "measure" else "warning: "
        assert code == 0 and doubt in err, "one object may be in pieces, and a truth may have unknown pixels"
    if labels.min() < 0:
        assert (make_examples(StarDist, "images", "bad").labels[0] == labels).all()
    else:
        with pytest.raises(InputError, match="a mask|a picture"):
            make_examples(StarDist, "images", "bad")


def test_masks_are_classes_of_pixels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "images" / "a.png", spots())
    write_labels(tmp_path / "labels" / "a.tif", (spots() > 100) * np.int32(255))
    assert len(make_examples(get_method("pixels"), "images", "labels").images) == 1


def test_labels_below_0_are_unknown_in_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write(tmp_path / "images" / f"{name}.png", spots())
    unknown = numbered()
    unknown[32:] = -1
    write(tmp_path / "labels" / "a.tif", unknown, axes="YX")
    write_labels(tmp_path / "labels" / "b.tif", numbered())
    examples = make_examples(StarDist, "images", "labels")
    assert [labels.min() for labels in examples.labels] == [-1, 0]
    assert "labels below 0 (unknown, not learned from): 25.0% of all pixels" in capsys.readouterr().out
    write(tmp_path / "labels" / "b.tif", np.where(numbered() == 0, -1, numbered()), axes="YX")
    with pytest.raises(InputError, match=r"b\.tif: some labels are below 0, .* and none is 0"):
        make_examples(StarDist, "images", "labels")


@pytest.mark.usefixtures("model")
def test_evaluate_says_which_score_is_which_and_what_was_learned_from(run, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / "images" / f"{name}.png", spots())
        write_labels(tmp_path / "labels" / f"{name}.tif", (spots() > 100).astype(np.int32))
    words = ("evaluate", "nuclei", "--images", "images", "--labels", "labels", "-o")
    code, out, err = run(*words, "one")
    assert code == 0 and "AP is the mean over images; precision, recall, F1 and PQ are of all objects together" in out
    assert "taught" not in err and err.count("warning: a.tif: 3 separate pieces have the number 1") == 1
    page = (tmp_path / "one" / "report.html").read_text()
    assert page.count("separate pieces have the number 1 and count as one object") == 3

    from micrographia.cli import image_results

    config = image_results.predictor("nuclei", 0).package.config
    monkeypatch.setitem(config, "data", {"training": ["a", "b", "z"], "validation": ["c"]})
    seen = "images of these names taught nuclei (2 of 3) and chose the thresholds of nuclei (1 of 3)"
    assert f"warning: {seen}; where they are the same images, this is no test." in run(*words, "two")[2]
    assert seen in (tmp_path / "two" / "report.html").read_text()
    monkeypatch.setitem(config, "data", "pictures of X")
    assert "warning: nuclei learned from pictures of X; where these images are among those" in run(*words, "three")[2]
    assert "pictures of X" in (tmp_path / "three" / "report.html").read_text()
    start = {"model": "first.zip", "data": {"training": ["a"], "validation": []}}
    monkeypatch.setitem(config, "data", {"training": ["z"], "validation": [], "start": start})
    seen = "images of these names taught first.zip, from which nuclei went on (1 of 3); where"
    assert f"warning: {seen}" in run(*words, "four")[2]


def test_what_taught_the_start_of_a_model_counts():
    own = {"training": ["a", "b"], "validation": ["c"]}
    assert seen_images("m", {"data": own}, ["d"]) == seen_images("m", {}, ["d"]) == []
    assert seen_images("m", {"data": own | {"start": {"model": "s", "data": "X"}}}, ["d"]) == [
        "s, from which m went on, learned from X; where these images are among those, this is no test."
    ]
    twice = {"model": "s", "data": {"training": ["e"], "validation": [], "start": {"model": "r", "data": own}}}
    assert seen_images("m", {"data": {"training": [], "validation": [], "start": twice}}, ["b", "e"]) == [
        "images of these names taught s, from which m went on (1 of 2); where they are the same images, this is no "
        "test.",
        "images of these names taught r, from which m went on (1 of 2); where they are the same images, this is no "
        "test.",
    ]
    older = {"data": own, "parameters": {"start": "s"}}
    assert seen_images("m", older, ["d"]) == ["m went on from s, and it is not known what taught that."]


@pytest.mark.usefixtures("model")
def test_unknown_pixels_of_a_truth_are_not_judged(run, tmp_path):
    truth = numbered(n=4)
    truth[:, truth.shape[1] // 2 :] = -1
    write(tmp_path / "images" / "a.png", spots(n=4))
    write(tmp_path / "labels" / "a.tif", truth, axes="YX")
    words = ("evaluate", "nuclei", "--images", "images", "--labels", "labels", "-o")
    code, out, err = run(*words, "one")
    known = len(np.unique(truth[truth > 0]))
    assert code == 0 and 0 < known < 4 and f"{known} objects found, {known} true, 1 image" in out
    said = "1 of 1 images have labels below 0 (unknown): these pixels, and objects found mostly there, are not judged"
    assert f"warning: {said}" in err and said in (tmp_path / "one" / "report.html").read_text()
    write(tmp_path / "labels" / "a.tif", np.where(numbered(n=4) == 0, -1, numbered(n=4)), axes="YX")
    code, _, err = run(*words, "two")
    assert code == 1 and "a.tif: some labels are below 0, which says that nothing is known of a pixel, and none" in err


def test_evaluate_a_folder_of_labels_points_to_predictions(run, tmp_path):
    write(tmp_path / "images" / "a.png", spots())
    write_labels(tmp_path / "labels" / "a.tif", numbered())
    code, _, err = run("evaluate", "labels", "--images", "images", "--labels", "labels", "-o", "out")
    assert code == 1 and "A folder of label images is checked with --predictions labels." in err


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


@pytest.mark.parametrize("name", ["stardist", "encoder", "crops", "images"])
def test_authors_and_licence_are_checked_before_anything_is_read(run, name):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    words = ("train", name, "--images", "gone", "-o", "m.zip", *(["--labels", "gone"] if name == "crops" else []))
    for said, problem in (
        (("--author", "A. Person", "Uni A/B"), "The author 'Uni A/B' has a slash"),
        (("--author", " "), "The author '' is empty"),
        (("--license", "free"), "There is no licence 'free'"),
    ):
        code, _, err = run(*words, *said)
        assert code == 2 and problem in err


def test_authors_and_licences_are_spelled_as_bioimage_io_does():
    parser = ArgumentParser()
    add_authorship(parser, StarDist)
    for typed, meant in (("cc-by-4.0", "CC-BY-4.0"), (" mit ", "MIT"), ("GPL-3.0", "GPL-3.0")):
        said = authorship(parser.parse_args(["--author", " R. Hooke ", "--license", typed]))
        assert said == {"authors": ("R. Hooke",), "license": meant}
    assert authorship(parser.parse_args([])) == {}


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
    code, _, err = run("train", "stardist", *words, *small, "--license", "free")
    assert code == 2 and "There is no licence 'free'" in err
    mine = ["--license", "CC-BY-4.0", "--author", "Robert Hooke"]
    code, out, err = run("train", "stardist", *words, *small, *mine)
    assert code == 0, err
    assert "model: spots.zip" in out
    assert "on 1 image set aside, which also chose the thresholds" in out
    shown = run("models", "show", "spots.zip")[1]
    assert re.search(r"license: +CC-BY-4.0\n", shown) and re.search(r"authors: +Robert Hooke\n", shown)
    assert re.search(r"validation: +accuracy 0\.\d+ on 1 image set aside", shown)
    assert re.search(r"learned from: +2 images: \d, \d\n", shown) and re.search(r"set aside: +1 image: \d\n", shown)
    assert not (tmp_path / "spots-training").exists()
    code, _, err = run("train", "stardist", *words, *small)
    assert code == 2
    assert "spots.zip exists already" in err
    assert run("segment", "images/0.png", "-m", "spots.zip", "-o", "out")[0] == 0
    assert run("models", "test", "spots.zip")[0] == 0
