"""Tables classified part by part, counts by image and well, annotations given to rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_tables import KINDS, made_table
from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotated_rows import with_annotations
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts, SeenObjects, needed_columns, score_parts
from micrographia.io.table_parts import table_columns, table_parts, table_rows
from micrographia.io.tables import write_table


@pytest.fixture(scope="module")
def model() -> ObjectClassifier:
    return ObjectClassifier(classifier="lda", search=False, folds=2).fit(made_table())


@pytest.mark.parametrize("ending", ["csv", "parquet", "tsv", "h5ad"])
def test_parts_of_a_file(tmp_path: Path, ending: str) -> None:
    table = made_table(rows=50)
    path = tmp_path / f"objects.{ending}"
    if ending == "tsv":
        table.to_csv(path, sep="\t", index=False)
    else:
        write_table(path, table)
    parts = list(table_parts(path, ["Metadata_Well", "Noise"], rows=20))
    assert [len(part) for part in parts] == [20, 20, 10]
    whole = pd.concat(parts, ignore_index=True)
    assert whole["Metadata_Well"].tolist() == table["Metadata_Well"].tolist()  # "01" stays "01"
    np.testing.assert_allclose(whole["Noise"], table["Noise"])
    order = sorted if ending == "h5ad" else list  # AnnData holds the features behind all other columns
    assert order(table_columns(path)) == order(table.columns)
    assert table_rows(path) == (50 if ending in ("parquet", "h5ad") else None)
    with pytest.raises(InputError, match="has no column Weight"):
        list(table_parts(path, ["Weight"]))


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such table"):
        table_columns(tmp_path / "none.csv")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        table_columns(tmp_path / "broken.parquet")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        list(table_parts(tmp_path / "empty.csv"))
    (tmp_path / "table.xlsx").write_bytes(b"x")
    with pytest.raises(RequestError, match="read from .csv"):
        table_columns(tmp_path / "table.xlsx")


def test_counts_are_those_of_the_rows(model: ObjectClassifier) -> None:
    table = made_table(seed=2)
    images, wells = ClassCounts(IMAGE, model.classes_), ClassCounts(WELL, model.classes_)
    parts = (table.iloc[i : i + 50] for i in range(0, len(table), 50))
    found = pd.concat(list(score_parts(parts, model, (images, wells))))
    pd.testing.assert_frame_equal(found, model.predict(table))
    of_wells, notes = wells.table()
    assert len(notes) == 1 and "Metadata_Well: The fractions of the 12 groups differ no more than chance" in notes[0]
    assert of_wells["Objects"].sum() == len(table) and len(of_wells) == 12
    for _, row in of_wells.iterrows():
        own = found[found["Metadata_Well"] == row["Metadata_Well"]]["Class"]
        for kind in KINDS:
            assert row[f"Count_{kind}"] == (own == kind).sum()
            assert row[f"Fraction_{kind}"] == pytest.approx((own == kind).mean())
            assert np.isfinite(row[f"Enrichment_{kind}"])
    of_images, _ = images.table()
    assert {"Metadata_Plate", "Metadata_Well", "Metadata_Image"} <= set(of_images.columns)
    assert len(of_images) == table["Metadata_Image"].nunique()


def test_tables_that_name_images_by_other_columns_are_counted_together(model: ObjectClassifier) -> None:
    table = made_table(seed=2)
    half = len(table) // 2
    named, plain = table.iloc[:half], table.iloc[half:].drop(columns=["Metadata_Plate", "Metadata_Well"])
    for order in ((named, plain), (plain, named)):
        whole, wells = ClassCounts(IMAGE, model.classes_), ClassCounts(WELL, model.classes_)
        for one in order:
            images, of_wells = ClassCounts(IMAGE, model.classes_), ClassCounts(WELL, model.classes_)
            list(score_parts([one], model, (images, of_wells)))
            whole.merge(images)
            wells.merge(of_wells)
        of_images, _ = whole.table()
        assert of_images["Objects"].sum() == len(table) == whole.total.sum()
        assert of_images.loc[of_images["Metadata_Well"] == "", "Objects"].sum() == len(plain)
        assert wells.table()[0]["Objects"].sum() == len(named)  # the others are of no well
        for name, own in named.groupby(["Metadata_Well", "Metadata_Image"]):
            row = of_images[(of_images["Metadata_Well"] == name[0]) & (of_images["Metadata_Image"] == name[1])]
            assert row["Objects"].tolist() == [len(own)]


def test_objects_without_an_image_are_no_image(model: ObjectClassifier) -> None:
    table = made_table(seed=2)
    table.loc[table["Metadata_Image"] == table["Metadata_Image"][0], ["Metadata_Image", "Metadata_Well"]] = ""
    images = ClassCounts(IMAGE, model.classes_)
    list(score_parts([table.drop(columns="ImageNumber", errors="ignore")], model, (images,)))
    found, _ = images.table()
    assert (found["Metadata_Image"] != "").all()
    assert images.without == (table["Metadata_Image"] == "").sum() == images.total.sum() - found["Objects"].sum() > 0


def test_well_and_site_name_images_where_the_column_for_it_is_empty() -> None:
    table = pd.DataFrame({"Metadata_Well": ["A", "A", "B", "B"], "Metadata_Site": [1, 2, 1, None], "Class": "a"})
    expected = {("A", "1"): 1, ("A", "2"): 1, ("B", "1"): 1, ("B", ""): 1}
    for columns in ({}, {"Metadata_Image": None}, {"Metadata_Image": "", "ImageNumber": np.nan}):
        images = ClassCounts(IMAGE, ("a",))
        images.add(table.assign(**columns))
        assert {key[:2]: int(count[0]) for key, count in images.counts.items()} == expected and images.without == 0


@pytest.mark.parametrize("size", [1, 3, 6])
def test_parts_do_not_say_what_names_an_image(size: int) -> None:
    table = pd.DataFrame({"Metadata_Well": "A", "Metadata_Image": [None, "", "x", "x", "y", None], "Class": "a"})
    images, whole = ClassCounts(IMAGE, ("a",)), ClassCounts(IMAGE, ("a",))
    for start in range(0, 6, size):
        images.add(table[start : start + size])
    assert {key: int(count[0]) for key, count in images.counts.items()} == {("A", "x"): 2, ("A", "y"): 1}
    assert images.without == 3
    blank = ClassCounts(IMAGE, ("a",))
    blank.add(table.assign(Metadata_Image=None, Metadata_Plate="P"))
    for one in (images, blank):
        whole.merge(one)
    assert {key: int(n[0]) for key, n in whole.counts.items()} == {
        ("", "A", "x"): 2, ("", "A", "y"): 1, ("P", "A", ""): 6
    }  # fmt: skip


def test_one_well_has_no_enrichment(model: ObjectClassifier) -> None:
    wells = ClassCounts(WELL, model.classes_)
    list(score_parts([made_table(wells=1)], model, (wells,)))
    table, notes = wells.table()
    assert table["Enrichment_Anaphase"].isna().all() and "No enrichment by" in notes[0]


def test_duplicate_keys_in_different_parts(model: ObjectClassifier) -> None:
    table = made_table(rows=60)
    with pytest.raises(InputError, match="3 rows of the table repeat the key"):
        list(score_parts([table, table.iloc[:3]], model))


def test_the_missing_columns_are_named(model: ObjectClassifier) -> None:
    names = list(made_table().columns)
    needed = needed_columns(model, [*names, "More"])
    assert "More" not in needed and "Metadata_Well" in needed and "Noise" in needed
    with pytest.raises(InputError, match="lacks 1 of the 5 measurements that the model looks at: Noise"):
        needed_columns(model, [name for name in names if name != "Noise"])


def test_annotations_are_given_to_their_rows() -> None:
    table = made_table(rows=20).drop(columns="Class")
    table["ObjectNumber"] = np.arange(20) % 10
    table["Metadata_Image"] = np.repeat(["a.tif", "b.tif"], 10)
    given = pd.DataFrame(
        {"Metadata_Image": ["b.tif", "a.tif", "b.tif"], "ObjectNumber": [3.0, 7.0, 3.0], "Class": ["x", "y", "x"]}
    )
    found = with_annotations(table, given)
    assert found["Class"].notna().sum() == 2
    assert found.loc[13, "Class"] == "x" and found.loc[7, "Class"] == "y"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a: a.drop(columns="Class"), RequestError, "no column 'Class'"),
        (lambda a: a[["Class"]], InputError, "share no column"),
        (
            lambda a: a.assign(ObjectNumber=[1, 99]),
            InputError,
            "1 annotations are of objects that the table does not have, first .*99",
        ),
        (lambda a: a.assign(ObjectNumber=[1, 1]), InputError, "more than one class"),
    ],
)
def test_annotations_that_do_not_fit(change, error: type[ValueError], message: str) -> None:
    table = made_table(rows=20)[["Metadata_Image", "ObjectNumber", "Noise"]].assign(Metadata_Image="a")
    given = pd.DataFrame({"Metadata_Image": "a", "ObjectNumber": [1, 2], "Class": ["x", "y"]})
    with pytest.raises(error, match=message):
        with_annotations(table, change(given))


def test_annotations_without_the_image_are_ambiguous() -> None:
    table = pd.DataFrame({"Metadata_Image": ["a", "b"], "ObjectNumber": [1, 1], "Size": [3.0, 4.0]})
    with pytest.raises(InputError, match="more than one row of the table"):
        with_annotations(table, pd.DataFrame({"ObjectNumber": [1], "Class": ["x"]}))


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from micrographia.io.table_stream import stream_table

    rng = np.random.default_rng(0)
    with stream_table(tmp_path / "large.parquet") as stream:
        for _ in range(8):
            stream.add(pd.DataFrame(rng.normal(size=(20_000, 20)).astype(np.float32)).rename(columns=str))
    before, most = pyarrow.total_allocated_bytes(), []
    for part in table_parts(tmp_path / "large.parquet", rows=20_000):
        assert len(part) == 20_000
        most.append(pyarrow.total_allocated_bytes() - before)
    assert len(most) == 8 and max(most) < 8 * 20_000 * 20 * 4  # bytes of all parts


def test_no_object_is_in_two_tables(model: ObjectClassifier) -> None:
    table, seen = made_table(rows=60), SeenObjects()

    def score(name: str, part: pd.DataFrame) -> None:
        list(score_parts([part], model, seen=(seen, name)))

    score("first", table[:40])
    score("rest", table[40:])
    score("other plate", table.assign(Metadata_Plate="P2"))
    numbers = table[30:50].assign(ObjectNumber=table["ObjectNumber"] * 1.0, ImageNumber=np.nan)
    with pytest.raises(InputError, match="10 objects have the same keys as objects of first.*Metadata_Plate"):
        score("again", numbers)
    score("later", table.assign(Metadata_Plate="P3"))
    with pytest.raises(InputError, match="60 objects have the same keys as objects of later"):
        score("once more", table.assign(Metadata_Plate="P3"))
