"""Tables and annotations with faults: what the commands say of them, and that they say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_tables import made_table
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.scoring import IMAGE
from micrographia.cli import main
from micrographia.io.tables import read_table, write_table

QUICK = ["--classifier", "lda", "--folds", "2", "--no-search", "--outer-folds"]


def train(table: Path, out: Path, folds: int = 0, *more: str) -> int:
    return main(["train", "objects", "--table", str(table), "-o", str(out), *QUICK, str(folds), *more])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    assert train(write_table(tmp_path / "annotated.csv", made_table()), tmp_path / "model.zip") == 0
    return tmp_path / "model.zip"


def test_null_wells_are_told_and_make_no_well(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(seed=1).drop(columns="Class")
    table.loc[:3, "Metadata_Well"] = None
    path = write_table(tmp_path / "objects.parquet", table.assign(Metadata_Plate=None))
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(tmp_path / "out")]) == 0
    for name, objects in (("images", 240), ("wells", 236)):
        assert pd.read_csv(tmp_path / "out" / f"{name}.csv")["Objects"].sum() == objects
    assert pd.read_csv(tmp_path / "out" / "wells.csv")["Metadata_Well"].notna().all()
    assert "note: wells.csv leaves out 4 of 240 objects, which name no well." in capsys.readouterr().out
    path = write_table(tmp_path / "no_well.csv", table.assign(Metadata_Well=""))
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(tmp_path / "none")]) == 0
    assert "note: no wells.csv: no well is named in Metadata_Well." in capsys.readouterr().out
    assert not (tmp_path / "none" / "wells.csv").exists()


@pytest.mark.parametrize("folds", [0, 3])
def test_repeated_rows_are_counted_alike(
    model: Path, tmp_path: Path, folds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table()
    path = write_table(tmp_path / "twice.csv", pd.concat([table, table[:5]]))
    said = "5 rows of the table repeat the key of another one, first Metadata_Image image00_0"
    assert train(path, tmp_path / "no.zip", folds) == 1
    assert said in capsys.readouterr().err
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(tmp_path / "out")]) == 1
    assert said in capsys.readouterr().err
    assert main(["annotate", "rare", "--table", str(path), "-o", str(tmp_path / "l.csv")]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_without_rows_says_so(
    model: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_table(tmp_path / f"empty.{ending}", made_table()[:0])
    out = str(tmp_path / "out.csv")
    for words in (
        ["train", "objects", "--table", str(path), "-o", str(tmp_path / "no.zip")],
        ["annotate", "rare", "--table", str(path), "-o", out],
        ["annotate", "similar", "--table", str(path), "-o", out, "--like", "a"],
        ["train", "plane", "--table", str(path), "-o", str(tmp_path / "no.zip")],
    ):
        assert main(words) == 1
        assert "he table has no rows." in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_without_rows_gives_classes_without_rows(
    model: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(seed=1).drop(columns="Class")
    names = [write_table(tmp_path / f"{name}.{ending}", t) for name, t in (("empty", table[:0]), ("full", table))]
    capsys.readouterr()
    assert main(["classify", "objects", *map(str, names), "-m", str(model), "-o", str(tmp_path / "out")]) == 0
    assert f"note: {names[0]} has no rows, and its result has none." in capsys.readouterr().out
    empty, full = (read_table(tmp_path / "out" / f"{name}_classes.{ending}") for name in ("empty", "full"))
    assert not len(empty) and list(empty.columns) == list(full.columns)
    alone = write_table(tmp_path / "alone.csv", table[:0].drop(columns=[n for n in table if n in IMAGE]))
    assert main(["classify", "objects", str(alone), "-m", str(model), "-o", str(tmp_path / "one")]) == 0
    assert "Metadata_Image" in read_table(tmp_path / "one" / "alone_classes.csv").columns


def test_one_bad_cell_is_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table()
    table["Noise"] = table["Noise"].astype(object)
    table.loc[3, "Noise"] = "n/a?"
    path = write_table(tmp_path / "cell.csv", table.assign(Words="x"))
    named = "'n/a?', which is no number, in the row Metadata_Image image03_1"
    assert train(path, tmp_path / "other.zip") == 0
    said = capsys.readouterr().out
    assert f"Noise ({named}" in said and "Words (no numbers)" in said and "ObjectNumber 4)" in said
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(tmp_path / "out")]) == 1
    assert f"The column Noise of the table holds {named}" in capsys.readouterr().err


def test_missing_measurements_are_told(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(seed=1)
    table.loc[:150, "Nuclei_AreaShape_Area"] = np.inf
    table.loc[:50, "Nuclei_Intensity_MeanIntensity"] = np.nan
    paths = [
        write_table(tmp_path / f"{name}.csv", made_table(seed=k).assign(Metadata_Plate=name))
        for k, name in ((2, "whole"), (3, "also"))
    ]
    capsys.readouterr()
    assert main(["classify", "objects", *map(str, paths), "-m", str(model), "-o", str(tmp_path / "whole")]) == 0
    assert "missing or infinite" not in capsys.readouterr().out
    paths.append(write_table(tmp_path / "gaps.csv", table.assign(Noise=np.nan)))
    assert main(["classify", "objects", *map(str, paths), "-m", str(model), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert said.count("missing or infinite") == 1 and "note: 2 of the 5 measurements" in said
    assert "Noise (189 of 669 objects), Nuclei_AreaShape_Area (100 of 669 objects)" in said


def test_contradictory_annotations_are_refused_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table()
    path = write_table(tmp_path / "objects.csv", table.drop(columns="Class"))
    given = table[["Metadata_Image", "ObjectNumber", "Class"]]
    both = pd.concat([given, given[:3].assign(Class="other")])
    annotations = str(write_table(tmp_path / "both.csv", both))
    capsys.readouterr()
    assert train(path, tmp_path / "no.zip", 0, "--annotations", annotations) == 1
    assert "ObjectNumber 1 more than one class; settle it first" in capsys.readouterr().err
    for words in (["suggest"], ["similar", "--like", "other"]):
        assert main(["annotate", *words, "--table", str(path), "--annotations", annotations,
                     "-o", str(tmp_path / "l.csv")]) == 1  # fmt: skip
        assert "ObjectNumber 1 more than one class; settle it first" in capsys.readouterr().err


def test_rows_without_a_class_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table()
    path = write_table(tmp_path / "some.csv", table.assign(Class=table["Class"].where(table.index > 39)))
    assert train(path, tmp_path / "m.zip") == 0
    assert "200 of 240 rows have a class; the other 40 are left out" in capsys.readouterr().out


def test_objects_without_measurements_get_no_class(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(seed=1).drop(columns="Class")
    gone = (table["Metadata_Well"] == "03").to_numpy()
    features = [name for name in table if name.startswith(("Nuclei_A", "Nuclei_I", "Nuclei_T", "Noise"))]
    table.loc[gone, features] = np.nan
    path, out = write_table(tmp_path / "objects.parquet", table), tmp_path / "out"
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "note: 20 of 240 objects without a class, and not counted" in said and "stands in" not in said
    found, wells = read_table(out / "objects_classes.parquet"), read_table(out / "wells.csv")
    assert found["Class"].isna().tolist() == found["Class_Probability"].isna().tolist() == gone.tolist()
    assert wells["Objects"].sum() == 220 and wells["Without_Class"].tolist() == [0, 0, 0, 20] + [0] * 8
    assert wells["Fraction_Anaphase"].isna().tolist() == wells["Enrichment_Anaphase"].isna().tolist() == [
        name == "03" for name in wells["Metadata_Well"]
    ]  # fmt: skip
    write_table(path, table[gone])
    assert main(["classify", "objects", str(path), "-m", str(model), "-o", str(out), "--overwrite"]) == 1
    assert "No object gets a class: all 20 lack more than half of the measurements" in capsys.readouterr().err
    assert not (out / "images.csv").exists()


def test_an_image_without_measured_objects_does_not_fail(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(seed=1).drop(columns="Class")
    features = [name for name in table if name.startswith(("Nuclei_A", "Nuclei_I", "Nuclei_T", "Noise"))]
    table.loc[:1, features] = np.nan
    own = table.drop(columns=[name for name in table if name in ("Metadata_Image", "ImageNumber", "image")])
    parts = {"one": own[:1], "two": own[1:2], "many": own[2:]}
    paths = [str(write_table(tmp_path / f"{name}_objects.csv", part)) for name, part in parts.items()]
    out = tmp_path / "out"
    assert main(["classify", "objects", *paths, "-m", str(model), "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert "note: 2 of 240 objects without a class, and not counted" in said.out and "failed" not in said.err
    assert read_table(out / "images.csv")["Without_Class"].sum() == 2
    assert read_table(out / "two_objects_classes.csv")["Class"].isna().all()


def test_counts_of_an_earlier_run_do_not_stay_beside_other_classes(model: Path, tmp_path: Path) -> None:
    table, out = made_table(seed=1).drop(columns="Class"), tmp_path / "out"
    words = ["classify", "objects", "-m", str(model), "-o", str(out), "--overwrite"]
    whole = write_table(tmp_path / "whole.csv", table)
    assert main([*words, str(whole)]) == 0 and (out / "wells.csv").exists()
    path = write_table(tmp_path / "no_well.csv", table.assign(Metadata_Well=""))
    assert main([*words, str(path)]) == 0
    assert (out / "images.csv").exists() and not (out / "wells.csv").exists()
    assert main([*words, str(whole)]) == 0 and (out / "wells.csv").exists()
    bad = write_table(tmp_path / "bad.csv", table.drop(columns="Noise"))
    assert main([*words, str(bad)]) == 1
    assert (out / "images.csv").exists() and (out / "wells.csv").exists()  # as the classes they count


@pytest.mark.parametrize("folds", [0, 2])
def test_examples_without_measurements_are_left_out(
    tmp_path: Path, folds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table()
    features = [name for name in table if name.startswith(("Nuclei_A", "Nuclei_I", "Nuclei_T", "Noise"))]
    gone = table["Class"] == "Anaphase"
    for lacking, left in ((gone & (table.index < 100), 3), (gone, 2)):
        path = write_table(tmp_path / "gaps.csv", table.mask(lacking, table.assign(**dict.fromkeys(features))))
        assert train(path, tmp_path / "m.zip", folds, "--overwrite") == 0
        said = capsys.readouterr().out
        told = f"Examples that lack more than half of the measurements are left out: Anaphase ({lacking.sum()})."
        assert said.count(told) == 1 and ("No example of Anaphase is left" in said) == (left == 2)
        assert len(ObjectClassifier.load(tmp_path / "m.zip").classes_) == left
    path = write_table(tmp_path / "gaps.csv", table[gone | (table["Class"] == "Interphase")].assign(
        **{name: table[name].mask(gone) for name in features}))  # fmt: skip
    assert train(path, tmp_path / "m.zip", folds, "--overwrite") == 1
    assert "A classifier learns from examples of two classes or more." in capsys.readouterr().err


def test_infinite_columns_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(tmp_path / "inf.csv", made_table().assign(Noise=np.inf, Nuclei_AreaShape_Orientation=1.0))
    assert train(path, tmp_path / "m.zip", 0, "--directions") == 0
    assert "Noise (infinite or missing everywhere)" in capsys.readouterr().out


def test_a_key_that_only_the_annotations_have_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table()
    path = write_table(tmp_path / "objects.csv", table.drop(columns=["Class", "ObjectNumber"]))
    given = write_table(tmp_path / "classes.csv", table[["Metadata_Image", "ObjectNumber", "Class"]])
    assert train(path, tmp_path / "m.zip", 0, "--annotations", str(given)) == 1
    assert "The table lacks the column ObjectNumber, which the annotations have" in capsys.readouterr().err
