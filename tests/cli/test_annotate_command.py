"""``micrographia annotate``: lists with reasons, pictures, and sentences for what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image as Picture

from micrographia.cli import annotate_lists, main


@pytest.fixture
def cells(tmp_path):
    """Three kinds of cells in two images; a table and annotations of two of the kinds."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [60, 60, 30])
    values = rng.normal(0, 1, (150, 8)) + 5 * np.eye(3, 8)[kind]
    table = pd.DataFrame(values, columns=[f"AreaShape_{k}" for k in range(8)])
    place = rng.integers(10, 90, (150, 2))
    table = table.assign(
        Metadata_Image=np.where(np.arange(150) % 2, "b.png", "a.png"),
        ObjectNumber=np.arange(150),
        centroid_y_px=place[:, 0],
        centroid_x_px=place[:, 1],
    )
    table.to_csv(tmp_path / "cells.csv", index=False)
    known = np.r_[0:25, 60:85]
    annotations = table.loc[known, ["Metadata_Image", "ObjectNumber"]]
    annotations.assign(Class=np.where(kind[known], "round", "long")).to_csv(tmp_path / "classes.csv", index=False)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        pixels = rng.integers(0, 255, (100, 100), dtype=np.uint8)
        Picture.fromarray(pixels).save(tmp_path / "images" / name)
    return tmp_path, kind


def annotate(folder, *words):
    return main(["annotate", *words, "--table", str(folder / "cells.csv"), "-o", str(folder / "next.csv")])


def test_suggest_lists_what_is_not_annotated_with_a_reason(cells, capsys):
    folder, _ = cells
    assert annotate(folder, "suggest", "--annotations", str(folder / "classes.csv"), "-n", "12") == 0
    listed = pd.read_csv(folder / "next.csv")
    assert list(listed.columns) == ["Metadata_Image", "ObjectNumber", "Reason", "Score"]
    known = set(pd.read_csv(folder / "classes.csv")["ObjectNumber"])
    assert len(listed) == 12 and not known & set(listed["ObjectNumber"]) and listed["ObjectNumber"].is_unique
    assert listed["Reason"].str.fullmatch(r"(long or round|round or long)\? \(\d+ % (long|round)\)").all()
    assert "12 of 150 objects listed (50 are annotated)" in capsys.readouterr().out


def test_an_earlier_list_is_not_listed_again(cells):
    folder, _ = cells
    options = ["suggest", "--annotations", str(folder / "classes.csv"), "-n", "50"]
    assert annotate(folder, *options) == 0
    (folder / "next.csv").rename(folder / "first.csv")
    assert annotate(folder, *options, "--seen", str(folder / "first.csv")) == 0
    first, second = (set(pd.read_csv(folder / name)["ObjectNumber"]) for name in ("first.csv", "next.csv"))
    assert len(first) == len(second) == 50 and not first & second


def test_a_stored_model_is_asked(cells):
    folder, _ = cells
    model = str(folder / "model.zip")
    learned = ["train", "objects", "--table", str(folder / "cells.csv"), "--annotations", str(folder / "classes.csv")]
    assert main([*learned, "--outer-folds", "0", "-o", model]) == 0
    assert annotate(folder, "suggest", "--annotations", str(folder / "classes.csv"), "-m", model) == 0
    assert len(pd.read_csv(folder / "next.csv")) == 20


def test_similar_finds_the_class(cells):
    folder, kind = cells
    assert annotate(folder, "similar", "--annotations", str(folder / "classes.csv"), "--like", "round", "-n", "20") == 0
    listed = pd.read_csv(folder / "next.csv")
    assert (kind[listed["ObjectNumber"]] == 1).mean() > 0.9
    assert listed["Score"].is_monotonic_increasing and listed["Reason"].str.startswith("like ").all()


def test_rare_finds_the_kind_without_a_class_and_shows_it(cells):
    folder, kind = cells
    options = ["rare", "--annotations", str(folder / "classes.csv"), "-n", "2", "--each", "5"]
    assert annotate(folder, *options, "--images", str(folder / "images")) == 0
    listed = pd.read_csv(folder / "next.csv")
    assert (kind[listed.loc[listed["Cluster"] == 1, "ObjectNumber"]] == 2).all()
    page = (folder / "next.html").read_text()
    assert page.count("<img") == len(listed) and "cluster 1" in page and "no image" not in page
    assert f"Image {listed.Metadata_Image[0]}, ObjectNumber {listed.ObjectNumber[0]}" in page


@pytest.mark.parametrize(
    "words", [["suggest", "-n", "100"], ["similar", "--like", "round", "-n", "100"], ["rare", "-n", "3"]]
)
def test_cells_without_measurements_are_not_listed(cells, capsys, monkeypatch, words):
    folder, _ = cells
    table = pd.read_csv(folder / "cells.csv")
    table.loc[[*range(20, 40), *range(120, 130)], [f"AreaShape_{k}" for k in range(7)]] = np.nan
    table.to_csv(folder / "cells.csv", index=False)
    found = []
    for at_once in (50_000, 100):
        monkeypatch.setattr(annotate_lists, "_AT_ONCE", at_once)
        assert annotate(folder, *words, "--annotations", str(folder / "classes.csv"), "--overwrite") == 0
        listed = pd.read_csv(folder / "next.csv")
        found.append(len(listed))
        assert len(listed) and table.set_index("ObjectNumber").loc[listed["ObjectNumber"], "AreaShape_0"].notna().all()
        assert not listed["Reason"].str.contains("nan").any()
        said = capsys.readouterr().out
        assert "note: never listed, since most of their measurements are missing: 25 objects" in said
    if words[0] != "rare":
        assert found == [75, 75]


def test_outlines_are_drawn_where_labels_are_given(cells, capsys):
    folder, _ = cells
    (folder / "labels").mkdir()
    table = pd.read_csv(folder / "cells.csv")
    for name in ("a.png", "b.png"):
        labels = np.zeros((100, 100), np.int32)
        for row in table[table["Metadata_Image"] == name].itertuples():
            labels[row.centroid_y_px - 3 : row.centroid_y_px + 4, row.centroid_x_px - 3 : row.centroid_x_px + 4] = (
                row.ObjectNumber
            )
        tifffile.imwrite(folder / "labels" / f"{name[0]}_labels.tif", labels)
    words = ["rare", "--annotations", str(folder / "classes.csv"), "-n", "1", "--images", str(folder / "images")]
    assert annotate(folder, *words) == 0
    plain = (folder / "next.html").read_text()
    assert annotate(folder, *words, "--labels", str(folder / "labels"), "--overwrite") == 0
    assert (folder / "next.html").read_text() != plain and "no outline" not in capsys.readouterr().err
    (folder / "labels" / "b_labels.tif").unlink()
    assert annotate(folder, *words, "--labels", str(folder / "labels"), "--overwrite") == 0
    assert "no outline: b.png: this image has no labels in the folder." in capsys.readouterr().err
    assert annotate(folder, *words, "--labels", "nowhere", "--overwrite") == 2
    assert annotate(folder, *words[:5], "--labels", str(folder / "labels"), "--overwrite") == 2


def test_the_tables_own_classes_and_training_sets_count(cells):
    folder, _ = cells
    table = pd.read_csv(folder / "cells.csv")
    classes = pd.read_csv(folder / "classes.csv")
    merged = table.merge(classes, how="left", on=["Metadata_Image", "ObjectNumber"])
    merged.to_csv(folder / "cells.csv", index=False)
    assert annotate(folder, "similar", "--like", "long") == 0
    numbered = table.drop(columns="Metadata_Image").assign(ImageNumber=table.index % 2 + 1)
    numbered.to_csv(folder / "cells.csv", index=False)
    lines = [f"{c} {n % 2 + 1} {n} 0 0" for c, n in zip(classes["Class"], classes["ObjectNumber"])]
    (folder / "set.txt").write_text("\n".join(["label long round", *lines]))
    assert annotate(folder, "similar", "--like", "long", "--annotations", str(folder / "set.txt"), "--overwrite") == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["similar"], 2, "--like CLASS"),
        (["similar", "--like", "flat"], 2, "No annotated object has the class 'flat'; there are: long, round"),
        (["suggest", "-m", "nothing.zip"], 1, "no such model"),
        (["suggest", "--images", "nowhere"], 2, "no such folder of images"),
        (["suggest", "--seen", "nowhere.csv"], 1, "no such table"),
    ],
)
def test_requests_that_make_no_sense(cells, capsys, words, code, sentence):
    folder, _ = cells
    assert annotate(folder, *words, "--annotations", str(folder / "classes.csv")) == code
    assert sentence in capsys.readouterr().err and not (folder / "next.csv").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t, a: (pd.concat([t, t[:1]]), a), "repeat the key of another one"),
        (lambda t, a: (t[t["ObjectNumber"] > 3], a), "4 of 50 annotated objects are not in the table, first"),
        (lambda t, a: (t[["Metadata_Image", "ObjectNumber"]], a), "no features"),
        (lambda t, a: (t.assign(**{f"AreaShape_{k}": 1.0 for k in range(8)}), a), "constant"),
        (lambda t, a: (t.assign(**{f"AreaShape_{k}": np.nan for k in range(8)}), a), "without values"),
        (lambda t, a: (t.drop(columns=["Metadata_Image", "ObjectNumber"]), a), "no columns that name its objects"),
    ],
)
def test_bad_tables_end_in_a_sentence(cells, capsys, change, sentence):
    folder, _ = cells
    table, annotations = change(pd.read_csv(folder / "cells.csv"), pd.read_csv(folder / "classes.csv"))
    table.to_csv(folder / "cells.csv", index=False)
    annotations.to_csv(folder / "classes.csv", index=False)
    assert annotate(folder, "suggest", "--annotations", str(folder / "classes.csv")) == 1
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: a.assign(Class="long"), "at least two classes"),
        (lambda a: a.drop(columns="Class"), "need a column 'Class'"),
    ],
)
def test_annotations_without_classes_make_no_sense(cells, capsys, change, sentence):
    folder, _ = cells
    change(pd.read_csv(folder / "classes.csv")).to_csv(folder / "classes.csv", index=False)
    assert annotate(folder, "suggest", "--annotations", str(folder / "classes.csv")) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("own", [True, False])
def test_classes_that_are_numbers_keep_their_names(cells, own):
    """Gaps make 1.0 of 1 in a column of numbers; the class is still 1, as for ``train objects``."""
    folder, _ = cells
    table, annotations = pd.read_csv(folder / "cells.csv"), pd.read_csv(folder / "classes.csv")
    annotations["Class"] = annotations["Class"].map({"long": 1, "round": 2})
    keys = ["Metadata_Image", "ObjectNumber"]
    merged = table.merge(annotations[[*keys, "Class"]], how="left", on=keys)
    assert merged["Class"].isna().any()
    merged[[*keys, "Class"]].to_csv(folder / "classes.csv", index=False)
    (merged if own else table).to_csv(folder / "cells.csv", index=False)
    words = [] if own else ["--annotations", str(folder / "classes.csv")]
    assert annotate(folder, "similar", "--like", "1", *words) == 0


def test_a_class_with_one_example_and_one_feature_of_gaps_are_no_obstacle(cells):
    folder, _ = cells
    table, annotations = pd.read_csv(folder / "cells.csv"), pd.read_csv(folder / "classes.csv")
    table.assign(AreaShape_3=np.nan, AreaShape_4=2.0).to_csv(folder / "cells.csv", index=False)
    annotations.loc[0, "Class"] = "single"
    annotations.to_csv(folder / "classes.csv", index=False)
    for words in (["suggest"], ["similar", "--like", "single"], ["rare"]):
        assert annotate(folder, *words, "--annotations", str(folder / "classes.csv"), "--overwrite") == 0


def test_a_list_is_not_replaced_unasked(cells, capsys):
    folder, _ = cells
    (folder / "next.csv").write_text("mine")
    assert annotate(folder, "rare", "--annotations", str(folder / "classes.csv")) == 2
    assert (folder / "next.csv").read_text() == "mine" and "--overwrite" in capsys.readouterr().err


def test_an_image_that_is_missing_is_said(cells, capsys):
    folder, _ = cells
    (folder / "images" / "a.png").unlink()
    options = ["rare", "--annotations", str(folder / "classes.csv"), "--images", str(folder / "images")]
    assert annotate(folder, *options) == 0
    assert "a.png: this image is not in the folder" in capsys.readouterr().err
    assert "no image" in (folder / "next.html").read_text()


def test_a_table_without_places_is_said(cells, capsys):
    folder, _ = cells
    table = pd.read_csv(folder / "cells.csv").drop(columns=["centroid_y_px", "centroid_x_px"])
    table.to_csv(folder / "cells.csv", index=False)
    words = ("suggest", "--annotations", str(folder / "classes.csv"), "-n", "2", "--images", str(folder / "images"))
    assert annotate(folder, *words) == 0
    assert "does not say where objects lie" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["suggest"], ["similar", "--like", "round"], ["rare"]])
def test_large_tables_are_read_part_by_part(cells, words, monkeypatch):
    folder, kind = cells
    table = pd.read_csv(folder / "cells.csv")
    table["AreaShape_5"] = [*table["AreaShape_5"][:-1].map(str), "lost"]  # numbers in all parts but the last one
    table.to_csv(folder / "cells.csv", index=False)
    sizes, read, in_parts = [], annotate_lists.read_table, annotate_lists.table_parts

    def some_columns(path, columns=None):
        assert columns is not None or str(path).endswith("classes.csv")
        return read(path, columns)

    def counted(*args):
        for part in in_parts(*args, rows=40):
            sizes.append(len(part))
            yield part

    for name, value in {"_AT_ONCE": 90, "table_parts": counted, "read_table": some_columns}.items():
        monkeypatch.setattr(annotate_lists, name, value)
    assert annotate(folder, *words, "--annotations", str(folder / "classes.csv"), "-n", "5") == 0
    assert max(sizes) == 40 and sum(sizes) >= 2 * len(table)
    listed = pd.read_csv(folder / "next.csv")
    if words[0] != "suggest":
        expected = 1 if words[0] == "similar" else 2
        first = listed if words[0] == "similar" else listed[listed["Cluster"] == 1]
        assert (kind[first["ObjectNumber"]] == expected).mean() > 0.9
