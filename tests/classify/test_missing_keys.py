"""Keys without a value: the same groups, counts and matches whatever kind of file a table is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_tables import made_table
from micrographia.classify.annotation.annotated_rows import with_annotations
from micrographia.classify.annotation.annotation_files import read_annotations
from micrographia.classify.annotation.object_rows import ObjectRows
from micrographia.classify.objects.averaging import average_classes
from micrographia.classify.objects.class_tables import WHOLE_IMAGES, WHOLE_WELLS, join_classes
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.scoring import IMAGE, WELL, ClassCounts, score_parts
from micrographia.classify.objects.table_comparison import joined_tables
from micrographia.features.feature_table import class_words, groups, key_words
from micrographia.io.table_parts import table_parts
from micrographia.io.tables import read_table, write_table

ENDINGS = ("csv", "parquet", "h5ad")

GAPS = {
    "a word": lambda t: t.assign(Metadata_Well=t["Metadata_Well"].where(t.index != 0)),
    "every word": lambda t: t.assign(Metadata_Plate=None),
    "numbers": lambda t: t.assign(Metadata_Well=t["Metadata_Well"].astype(float).where(t.index > 3)),
    "every number": lambda t: t.assign(Metadata_Site=pd.array([None] * len(t), dtype="Int64")),
    "a word for nothing": lambda t: t.assign(Metadata_Well=t["Metadata_Well"].where(t.index != 0, "nan")),
}


def stored(folder: Path, name: str, table: pd.DataFrame) -> dict[str, Path]:
    """A table in every kind of file."""
    return {ending: write_table(folder / f"{name}.{ending}", table) for ending in ENDINGS}


@pytest.fixture(scope="module")
def model() -> ObjectClassifier:
    return ObjectClassifier(classifier="lda", search=False, folds=2).fit(made_table())


def test_a_missing_well_cuts_no_other_name() -> None:
    table = pd.DataFrame({"Metadata_Plate": ["P1"] * 3, "Metadata_Well": ["A01", "A02", None]})
    assert groups(table).tolist() == ["P1/A01", "P1/A02", "P1/"]
    assert groups(pd.DataFrame({"Metadata_Well": [107.0, np.nan]})).tolist() == ["107", ""]
    assert groups(pd.DataFrame({"Metadata_Image": ["long name", None]})).tolist() == ["long name", ""]


def test_words_of_keys_and_classes() -> None:
    for values in ([7, None], [7.0, np.nan], ["7", None], pd.array([7, None], dtype="Int64"), np.float32([7, np.nan])):
        assert key_words(pd.Series(values)).tolist() == ["7", ""]
    assert key_words(pd.Series([], dtype=float)).tolist() == []
    assert class_words(pd.Series([" lead ", None, "Größe ä"])).tolist() == ["lead", "", "Größe ä"]


@pytest.mark.parametrize("gap", GAPS)
def test_every_kind_of_file_has_the_same_groups(tmp_path: Path, gap: str) -> None:
    paths = stored(tmp_path, "objects", GAPS[gap](made_table(rows=30)))
    found = {ending: groups(read_table(path)).tolist() for ending, path in paths.items()}
    assert found["csv"] == found["parquet"] == found["h5ad"]
    assert not any(".0" in name or "nan" in name.lower() for name in found["csv"])
    keys = [
        pd.concat(list(table_parts(path, ["Metadata_Well", "ObjectNumber"], rows=4)), ignore_index=True)
        for path in paths.values()
    ]
    for other in keys[1:]:
        pd.testing.assert_frame_equal(other, keys[0], check_dtype=False)


@pytest.mark.parametrize("gap", GAPS)
def test_no_object_is_left_out_of_the_counts(model: ObjectClassifier, gap: str) -> None:
    table = GAPS[gap](made_table(seed=1))
    images, wells = ClassCounts(IMAGE, model.classes_), ClassCounts(WELL, model.classes_)
    list(score_parts([table], model, (images, wells)))
    for counts in (images, wells):
        found, _ = counts.table()
        assert found["Objects"].sum() + counts.without == len(table)
        assert not found[list(counts.present)].isna().any(axis=None)
    assert images.without == 0 and wells.without == (key_words(table["Metadata_Well"]) == "").sum()
    assert "" not in wells.table()[0]["Metadata_Well"].tolist()


@pytest.mark.parametrize("of_table", ENDINGS)
@pytest.mark.parametrize("of_annotations", ENDINGS[:2])
def test_missing_keys_match_empty_ones(tmp_path: Path, of_table: str, of_annotations: str) -> None:
    table = GAPS["a word"](made_table(rows=20))
    keys = ["Metadata_Plate", "Metadata_Well", "ObjectNumber", "Class"]
    tables, annotations = stored(tmp_path, "t", table.drop(columns="Class")), stored(tmp_path, "a", table[keys])
    own = read_table(tables[of_table])
    given = with_annotations(own, read_table(annotations[of_annotations]))
    assert given["Class"].tolist() == table["Class"].tolist()
    rows = ObjectRows(own)
    assert read_annotations(annotations[of_annotations], rows).count() == 20


def test_tables_in_memory_match_too(model: ObjectClassifier) -> None:
    """Nulls, empty words, numbers with and without a gap: no file has made them alike."""
    first = model.predict(GAPS["a word"](made_table(rows=20)))
    second = first.assign(Metadata_Well=first["Metadata_Well"].fillna(""), ObjectNumber=first["ObjectNumber"] * 1.0)
    assert len(average_classes({"a": first, "b": second})) == 20
    joined, left_out = joined_tables(
        {"a": first.assign(Size=1.0), "b": second.assign(Shape=2.0)},
    )
    assert left_out == {"a": 0, "b": 0} and len(joined["together"]) == 20
    numbers = pd.DataFrame({"ImageNumber": pd.array([1, None], dtype="Int64"), "ObjectNumber": [1, 1]})
    assert ObjectRows(numbers).find([("1", 1), (None, 1), ("", "1")]).tolist() == [0, 1, 1]


def test_only_an_empty_cell_is_no_class_in_every_file(tmp_path: Path) -> None:
    table = made_table(rows=6).assign(Class=["nan", "a", "None", " b", "NA", ""])
    for path in stored(tmp_path, "objects", table).values():
        for found in (read_table(path), pd.concat(list(table_parts(path, rows=4)))):
            assert class_words(found["Class"]).tolist() == ["nan", "a", "None", "b", "NA", ""]
            assert found["Class"].isna().tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(("well", "known"), [("A01", True), ("", False), (None, False)])
def test_classes_of_crops_have_wells_only_where_the_table_names_them(well: str | None, known: bool) -> None:
    table = pd.DataFrame({"image": ["a", "b"], "label": [1, 1], "Class": ["x", "y"], "Metadata_Plate": "P"})
    found = join_classes(table.assign(Metadata_Well=well), np.array(["a", "b"]), np.array([1, 1]))
    assert (WHOLE_WELLS in found.groupings) == known and found.groupings[WHOLE_IMAGES].tolist() == ["a", "b"]
