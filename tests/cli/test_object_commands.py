"""``train objects`` and ``classify objects``, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from made_tables import KINDS, made_table
from micrographia.cli import main
from micrographia.io.tables import read_table, write_table

QUICK = ["--classifier", "lda", "--folds", "2", "--no-search", "--outer-folds", "3"]


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return train(tmp_path)


def train(folder: Path) -> Path:
    """Train on a made table; the model."""
    write_table(folder / "annotated.csv", made_table())
    model = folder / "phenotypes.zip"
    assert main(["train", "objects", "--table", str(folder / "annotated.csv"), "-o", str(model), *QUICK]) == 0
    return model


def test_train_prints_scores_and_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = train(tmp_path)
    said = capsys.readouterr().out
    assert "weighted F1, wells never seen: 0." in said and "with random folds 0." in said
    assert "\nintervals: drawn from " in said
    assert all(kind in said for kind in KINDS) and "Nuclei_AreaShape_Orientation" in said
    numbers = json.loads((tmp_path / "phenotypes-report.json").read_text())
    assert numbers["folds_by_group"] and numbers["overall"]["weighted_f1"] > 0.75
    assert sum(map(sum, numbers["confusion"])) == 240 and len(numbers["learning_curve"]) == 4
    page = (tmp_path / "phenotypes-report.html").read_text()
    assert "By class" in page and "://" not in page.replace("http://www.w3.org", "")
    assert main(["models", "show", str(trained)]) == 0
    assert "weighted F1, wells never seen" in capsys.readouterr().out
    assert main(["models", "test", str(trained)]) == 0


def test_scores_name_images_where_no_wells_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table().drop(columns=["Metadata_Plate"], errors="ignore").rename(columns={"Metadata_Well": "image"})
    write_table(tmp_path / "t.csv", table.drop(columns="Metadata_Image", errors="ignore"))
    assert main(["train", "objects", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "m.zip"), *QUICK]) == 0
    assert "weighted F1, images never seen: 0." in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_classify_tables(trained: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    tables = [made_table(seed=k).drop(columns="Class").assign(Metadata_Plate=f"P{k}") for k in (1, 2)]
    names = [str(write_table(tmp_path / f"plate{k}.{ending}", table)) for k, table in enumerate(tables)]
    out = tmp_path / "results"
    assert main(["classify", "objects", *names, "-m", str(trained), "-o", str(out)]) == 0
    assert "480 objects, Anaphase" in capsys.readouterr().out
    found = read_table(out / f"plate1_classes.{ending}")
    assert len(found) == 240 and set(found["Class"]) <= set(KINDS) and found["Class_Probability"].between(0, 1).all()
    wells, images = read_table(out / "wells.csv"), read_table(out / "images.csv")
    assert len(wells) == 24 and wells["Objects"].sum() == images["Objects"].sum() == 480
    assert wells["Enrichment_Anaphase"].notna().all()
    assert main(["classify", "objects", *names, "-m", str(trained), "-o", str(out)]) == 2  # nothing is replaced
    assert "exists already" in capsys.readouterr().err


def test_tables_that_name_no_image_count_as_one_each(tmp_path: Path) -> None:
    basic = made_table().rename(columns={"ObjectNumber": "label"})
    basic = basic[[name for name in basic if not name.startswith("Metadata_") and name not in ("ImageNumber", "image")]]
    write_table(tmp_path / "annotated.csv", basic)
    model, out = str(tmp_path / "m.zip"), tmp_path / "results"
    assert main(["train", "objects", "--table", str(tmp_path / "annotated.csv"), "-o", model, *QUICK]) == 0
    names = [
        write_table(tmp_path / f"{k}_objects.csv", basic.drop(columns="Class")[:n]) for k, n in (("a", 50), ("b", 100))
    ]
    assert main(["classify", "objects", *map(str, names), "-m", model, "-o", str(out)]) == 0
    images = read_table(out / "images.csv")
    assert images["Metadata_Image"].tolist() == ["a", "b"] and images["Objects"].tolist() == [50, 100]
    assert (read_table(out / "b_objects_classes.csv")["Metadata_Image"] == "b").all()


def test_anndata_gives_what_a_csv_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("h5py")
    classes = {}
    for ending in ("csv", "h5ad"):
        folder = tmp_path / ending
        write_table(folder / f"annotated.{ending}", made_table())
        write_table(folder / f"new.{ending}", made_table(seed=1).drop(columns="Class"))
        model, out = str(folder / "m.zip"), str(folder / "results")
        words = ["train", "objects", "--table", str(folder / f"annotated.{ending}"), "-o", model, *QUICK]
        assert main([*words, "--outer-folds", "0"]) == 0
        assert main(["classify", "objects", str(folder / f"new.{ending}"), "-m", model, "-o", out]) == 0
        listed = ["annotate", "suggest", "--table", str(folder / f"new.{ending}"), "-m", model]
        assert main([*listed, "-o", str(folder / "next.csv")]) == 0
        read = [folder / "results" / f"{name}.csv" for name in ("new_classes", "images", "wells")]
        classes[ending] = [read_table(path) for path in (*read, folder / "next.csv")]
    for one, other in zip(classes["csv"], classes["h5ad"], strict=True):
        pd.testing.assert_frame_equal(one, other[list(one.columns)])


def test_one_bad_table_does_not_stop_the_others(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "good.csv", made_table(seed=1))
    write_table(tmp_path / "bad.csv", made_table(seed=1).drop(columns="Noise"))
    write_table(tmp_path / "twice.csv", pd.concat([made_table(rows=20), made_table(rows=20)]))
    names = [str(tmp_path / f"{name}.csv") for name in ("bad", "good", "twice", "none")]
    assert main(["classify", "objects", *names, "-m", str(trained), "-o", str(tmp_path / "results")]) == 1
    said = capsys.readouterr().err
    assert "bad.csv" in said and "Noise" in said and "repeat the key" in said and "no such table" in said
    assert "Traceback" not in said
    written = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert written == ["good_classes.csv", "images.csv", "wells.csv"]


def test_annotations_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table()
    write_table(tmp_path / "objects.csv", table.drop(columns="Class"))
    given = table.loc[::2, ["Metadata_Image", "ObjectNumber", "Class"]]
    write_table(tmp_path / "annotations.csv", given)
    words = ["train", "objects", "--table", str(tmp_path / "objects.csv"), "-o", str(tmp_path / "model.zip"), *QUICK]
    words += ["--annotations", str(tmp_path / "annotations.csv")]
    assert main(words) == 0
    assert json.loads((tmp_path / "model-report.json").read_text())["examples"] == 120
    write_table(tmp_path / "annotations.csv", given.assign(ObjectNumber=given["ObjectNumber"] + 5000))
    assert main([*words, "--overwrite"]) == 1
    assert "objects that the table does not have" in capsys.readouterr().err


def test_tables_and_models_that_make_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = made_table(rows=20)
    write_table("none.csv", table.drop(columns="Class"))
    write_table("one.csv", table.assign(Class="Anaphase"))
    write_table("classes.csv", table[["Metadata_Image", "ObjectNumber"]])
    for words, message in (
        (["train", "objects", "--table", "none.csv"], "no column 'Class'"),
        (["train", "objects", "--table", "one.csv"], "only the class 'Anaphase'"),
        (["train", "objects", "--table", "one.csv", "--outer-folds", "0"], "only the class 'Anaphase'"),
        (["train", "objects", "--table", "none.csv", "--annotations", "classes.csv"], "no column 'Class'"),
        (["classify", "objects", "none.csv", "-m", "nuclei", "-o", "out"], "does not classify objects"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classes.csv", "none.csv", "one.csv"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["train", "objects"], 2, "Say what to learn from"),
        (["train", "objects", "--table", "none.csv", "-o", "model.tif"], 2, "ends in .zip"),
        (["train", "objects", "--table", "none.csv"], 1, "no such table"),
        (["train", "objects", "--table", "none.csv", "--outer-folds", "1"], 2, "single fold"),
        (["train", "objects", "--table", "none.csv", "--classifier", "magic"], 2, "classifier must be one of"),
        (["classify", "objects", "none.csv"], 2, "Say which model"),
        (["classify", "objects", "none.csv", "-m", "none.zip"], 1, "no such model file"),
    ],
)
def test_requests_that_make_no_sense(
    words: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert message in capsys.readouterr().err


def test_a_model_file_is_not_replaced_unasked(trained: Path, tmp_path: Path) -> None:
    before = trained.read_bytes()
    assert main(["train", "objects", "--table", str(tmp_path / "annotated.csv"), "-o", str(trained), *QUICK]) == 2
    assert trained.read_bytes() == before


def test_ctrl_c_while_judging_leaves_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*args, **kwargs) -> None:
        raise KeyboardInterrupt

    write_table(tmp_path / "t.csv", made_table())
    model = tmp_path / "m.zip"
    words = ["train", "objects", "--table", str(tmp_path / "t.csv"), "-o", str(model), *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("micrographia.classify.objects.learning_curve.learning_curve", stop)
        assert main(words) == 130
    said = capsys.readouterr().err
    assert "is written, but not judged" in said and "--overwrite" in said and "--no-random-split" in said
    assert "judging by wells: fold 1 of 3\n" in said and "judging by wells: fold 2 of 3, about " in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip", "t.csv"]
    assert main(["models", "test", str(model)]) == 0 and main(["models", "show", str(model)]) == 0
    assert "Not measured." in capsys.readouterr().out
    assert main([*words, "--overwrite"]) == 0
    assert (tmp_path / "m-report.html").exists()
    with monkeypatch.context() as patch:
        patch.setattr("micrographia.report.classification_report.write_classification_report", stop)
        assert main([*words, "--overwrite"]) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip", "t.csv"]


def test_what_cannot_be_judged_leaves_everything_as_it_was(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table()
    two = table[table["Class"] != "Metaphase"]
    write_table(tmp_path / "t.csv", two.assign(Metadata_Well=two["Class"]))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert trained in before and trained.with_name(f"{trained.stem}-report.json") in before
    for model, more in ((tmp_path / "m.zip", []), (trained, ["--overwrite"])):
        words = ["train", "objects", "--table", str(tmp_path / "t.csv"), "-o", str(model), *QUICK]
        assert main([*words, *more]) == 1
        said = capsys.readouterr().err
        assert "cannot be divided by plate and well" in said and "is written" not in said
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_objects_of_two_tables_are_not_counted_twice(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(seed=1).drop(columns=["Class", "Metadata_Plate"])
    names = [str(write_table(tmp_path / f"{name}.csv", table)) for name in ("a", "copy")]
    assert main(["classify", "objects", *names, "-m", str(trained), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert f"copy.csv: 240 objects have the same keys as objects of {names[0]}." in said.err and "note" not in said.out
    assert read_table(tmp_path / "out" / "images.csv")["Objects"].sum() == 240
    assert not (tmp_path / "out" / "copy_classes.csv").exists()
    other = write_table(tmp_path / "other.csv", table.assign(Metadata_Image="p2_" + table["Metadata_Image"]))
    words = ["classify", "objects", names[0], str(other), "-m", str(trained), "-o", str(tmp_path / "both")]
    assert main(words) == 0
    assert "note: wells of the same name in several tables are counted as one" in capsys.readouterr().out


def test_a_table_without_any_key_is_classified(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(seed=1)
    path = write_table(tmp_path / "plain.csv", table[[name for name in table if name.startswith(("Nuclei", "Noise"))]])
    assert main(["classify", "objects", str(path), "-m", str(trained), "-o", str(tmp_path / "out")]) == 0
    assert "note: no images.csv" in capsys.readouterr().out


def test_a_saved_index_is_not_learned_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(apart=0.0).sort_values("Class", ignore_index=True)
    table.to_csv(tmp_path / "t.csv")
    assert main(["train", "objects", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "m.zip"), *QUICK]) == 0
    assert "Unnamed: 0 (row numbers)" in capsys.readouterr().out
    assert json.loads((tmp_path / "m-report.json").read_text())["overall"]["weighted_f1"] < 0.5


@pytest.mark.parametrize(
    ("change", "said", "never"),
    [
        (lambda t: t, ["any other example of its well;", "F1 on wells never seen", "<th data-sort class=\"n\">Wells"],
         ["too narrow"]),
        (lambda t: t.drop(columns=["Metadata_Well"]), ["any other example of its image;", "log-loss on images never"],
         ["wells"]),
        (lambda t: t.assign(Metadata_Well="A01"),
         ["F1 on examples never seen", "(bootstrap). 1 group is too few to draw from: objects were drawn, and"],
         ["wells never", "wells kept", "any other example of its"]),
        (lambda t: t[[name for name in t if not name.startswith("Metadata_")]], ["log-loss on examples never seen"],
         ["wells", "Wells", "any other example of its", "too narrow"]),
    ],
)  # fmt: skip
def test_the_report_says_how_folds_were_made(change, said: list[str], never: list[str], tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", change(made_table()))
    assert main(["train", "objects", "--table", str(path), "-o", str(tmp_path / "m.zip"), *QUICK]) == 0
    page = (tmp_path / "m-report.html").read_text()
    sections = page[page.index('id="scores"') : page.index('id="repeat"') if 'id="repeat"' in page else None]
    for words in said:
        assert words in sections
    for words in never:
        assert words not in sections
    bins = json.loads((tmp_path / "m-report.json").read_text())["reliability"]["objects"]
    rows = sections[sections.index('<th class="n">examples</th>') :].split("</table>")[0].split("</tr>")[1:-1]
    assert [int(row.split('<td class="n">')[3].split("<")[0]) for row in rows] == [n for n in bins if n]


def test_train_groups_by_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table().assign(Metadata_Well=range(240), Metadata_Image=range(240))
    write_table(tmp_path / "t.csv", table.assign(Metadata_Compound=made_table()["Metadata_Well"]))
    words = ["train", "objects", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "m.zip"), *QUICK]
    assert main([*words, "--outer-folds", "2"]) == 0
    assert "warning: Folds by wells are the same as random folds" in capsys.readouterr().out
    assert main([*words, "--group", "Metadata_Compound", "--overwrite"]) == 0
    said = capsys.readouterr()
    assert "weighted F1, groups of Compound never seen: 0." in said.out and "--group" not in said.out
    assert "judging by groups of Compound: fold 1" in said.err
    page = (tmp_path / "m-report.html").read_text()
    assert "groups of Compound never seen" in page and "any other example of its group of Compound;" in page
    assert ">Groups of Compound</th>" in page
    assert main([*words, "--group", "Compound", "--overwrite"]) == 2
    assert "Metadata_Compound" in capsys.readouterr().err
