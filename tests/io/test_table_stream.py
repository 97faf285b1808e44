"""Tables written part by part, and AnnData files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.table_parts import table_columns, table_parts, table_rows
from micrographia.io.table_stream import stream_table
from micrographia.io.tables import read_table, write_table

KINDS = (".csv", ".parquet", ".h5ad")


def part(start: int, rows: int) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    table = pd.DataFrame(
        {
            "Metadata_Well": [f"A{k % 12 + 1:02d}" for k in numbers],
            "ObjectNumber": numbers,
            "touches_border": numbers % 3 == 0,
            "Nuclei_AreaShape_Area": numbers * 1.5,
            "Nuclei_Texture_Contrast_DNA_3_00_256": np.where(numbers % 2, np.nan, numbers / 7),
        }
    )
    table.attrs["units"] = {"Nuclei_AreaShape_Area": "px²", "ObjectNumber": "number"}
    return table


@pytest.mark.parametrize("kind", KINDS)
def test_parts_become_one_table(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("micrographia.io.table_stream._ROW_GROUP", 10)
    parts = [part(0, 4), part(4, 0), part(4, 20), part(24, 3)]
    path = tmp_path / "new" / f"table{kind}"
    with stream_table(path) as stream:
        for table in parts:
            stream.add(table[table.columns[::-1]] if len(table) == 20 else table)
            assert not path.exists()
    assert stream.rows == 27
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    found = read_table(path)
    pd.testing.assert_frame_equal(found, pd.concat(parts, ignore_index=True), check_dtype=False)
    assert found["touches_border"].dtype == bool
    assert found["ObjectNumber"].dtype == np.int64
    if kind != ".csv":
        assert found.attrs["units"] == parts[0].attrs["units"]
    chosen = read_table(path, columns=["Nuclei_AreaShape_Area", "Metadata_Well"])
    assert list(chosen.columns) == ["Nuclei_AreaShape_Area", "Metadata_Well"]
    with pytest.raises(InputError, match="Cells_Area"):
        read_table(path, columns=["Cells_Area"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_word_stays_a_word(tmp_path, kind):
    table = part(0, 3).assign(Metadata_Well=["A01", "", "A02"])
    path = write_table(tmp_path / f"table{kind}", table)
    for found in (read_table(path), next(table_parts(path)), next(table_parts(path, columns=["Metadata_Well"]))):
        assert found["Metadata_Well"].tolist() == ["A01", "", "A02"]


def test_none_is_a_word_but_no_number(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Metadata_Drug,Class,AreaShape_Area\nNone,None,1\nNA,NA,None\nDMSO,,2\n")
    for found in (read_table(path), next(table_parts(path)), next(table_parts(path, columns=list(read_table(path))))):
        assert found["Metadata_Drug"].tolist() == ["None", "", "DMSO"]
        assert found["Class"][:2].tolist() == ["None", "NA"] and pd.isna(found["Class"][2])
        np.testing.assert_array_equal(found["AreaShape_Area"], [1, np.nan, 2])


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize(("sign", "point"), [(";", ","), (";", "."), ("\t", ","), ("\t", "."), (",", ".")])
def test_what_divides_a_text_is_seen(tmp_path, ending, sign, point):
    table = part(0, 12).assign(Class=["a", "b;c", "d,e"] * 4)
    path = tmp_path / f"t{ending}"
    table.to_csv(path, sep=sign, decimal=point, index=False)
    columns = ["Class", "Nuclei_AreaShape_Area"]
    for found in (read_table(path), pd.concat(list(table_parts(path, rows=5)), ignore_index=True)):
        pd.testing.assert_frame_equal(found, table, check_dtype=False)
    pd.testing.assert_frame_equal(read_table(path, columns), table[columns], check_dtype=False)
    assert table_columns(path) == list(table)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Metadata_Plate;Area\n2024.1;1,5\nP.1;2,5\n", ["Area"]),  # words that look like numbers have no say
        ("image;Area\n1.5;1,5\n1.5;2,5\n", ["Area"]),
        ("Area;date;Note\n1,5;12.05;1,2\n2,5;13.05;b\n", ["Area", "date"]),  # every column by itself
        ("Area\tMean\n1\t1.5\n2,5\t2.5\n", ["Area", "Mean"]),
        ("Area;Mean\n" + "1;1\n" * 300 + "1,5;1\n", ["Area", "Mean"]),  # later than is looked at
        ("sep=;\nArea;Class\n1,5;a\n", ["Area"]),  # Excel's first line
        ('\ufeff"SEP=,"\nArea,A;B;C\n1.5,a\n', ["Area"]),
        ("Area (µm², mean);Class\n1,5;a\n", ["Area (µm², mean)"]),
        ("Area\n1,5\n", ["Area"]),
    ],
)
def test_decimal_commas_are_seen_column_by_column(tmp_path, text, numbers):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    whole = read_table(path)
    assert [name for name in whole if whole[name].dtype.kind in "if"] == numbers
    assert whole[numbers[0]].iloc[-1] in (1.5, 2.5)
    for rows in (1, 100):
        parts = pd.concat(list(table_parts(path, rows=rows)), ignore_index=True)
        assert list(parts) == table_columns(path) == list(whole)
        for name in numbers:
            np.testing.assert_array_equal(parts[name], whole[name])


@pytest.mark.parametrize("cells", ["1,5 2.5", "1.234,5 2,5", "1,234 5.25"])
def test_a_column_with_decimal_commas_and_points_is_refused(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("Area;Note\n" + "".join(f"{cell};1.5,2.5\n" for cell in cells.split()))
    for read in (read_table, lambda path: list(table_parts(path))):
        with pytest.raises(InputError, match="numbers of the column Area have commas and points; write all"):
            read(path)
    assert read_table(path, ["Note"])["Note"].tolist() == ["1.5,2.5"] * 2


def test_names_of_images_are_words_in_every_part_of_a_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("image,label\n" + "".join(f"{name},{k}\n" for k, name in enumerate(["07", "7", "x8", ""])))
    for found in (read_table(path), pd.concat(list(table_parts(path, rows=2)))):
        assert found["image"].tolist() == ["07", "7", "x8", ""]
    write_table(tmp_path / "t.parquet", pd.DataFrame({"image": [7, 8], "label": [1, 2]}))
    assert next(table_parts(tmp_path / "t.parquet"))["image"].tolist() == ["7", "8"]


@pytest.mark.parametrize("kind", KINDS)
def test_places_keep_their_fractions_where_the_first_part_has_none(tmp_path, kind):
    path = tmp_path / "t.csv"
    path.write_text("ObjectNumber,Nuclei_Location_Center_X,index\n1,5,0\n2,5,1\n3,7.5,2\n4,,3\n")
    with stream_table(tmp_path / f"out{kind}") as stream:
        for table in table_parts(path, rows=2):
            assert table["index"].dtype == np.int64  # by which it is known as no measurement
            stream.add(table)
    found = read_table(tmp_path / f"out{kind}")
    np.testing.assert_array_equal(found["Nuclei_Location_Center_X"], [5, 5, 7.5, np.nan])
    assert found["ObjectNumber"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_later_parts_stay_where_the_first_has_categories_or_none(tmp_path, kind):
    path = tmp_path / f"t{kind}"
    first = pd.DataFrame({"a": pd.Series(["x", "y"], dtype="category"), "b": [None, None], "n": [1.5, 2]})
    later = pd.DataFrame({"a": pd.Series(["z", None], dtype="category"), "b": ["u", "v"], "n": [3.5, 4]})
    with stream_table(path, lambda table: ["n"]) as stream:
        stream.add(first)
        stream.add(later)
    found = read_table(path)
    assert found["a"][:3].tolist() == ["x", "y", "z"]
    assert found["b"][2:].tolist() == ["u", "v"] and found["b"][:2].isin(["", np.nan, None]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_whole_categories_may_have_gaps(tmp_path, kind):
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(pd.DataFrame({"n": pd.Categorical([1, None, 2]), "b": pd.Categorical([True, None, False])}))
        stream.add(pd.DataFrame({"n": [3], "b": [True]}))
    np.testing.assert_array_equal(read_table(path)["n"], [1, np.nan, 2, 3])
    assert read_table(path)["b"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_do_not_become_words_where_the_first_part_has_nothing(tmp_path, kind):
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(pd.DataFrame({"ObjectNumber": [1], "a": [None]}))
        later = pd.DataFrame({"ObjectNumber": [2], "a": [1.5]})
        if kind == ".csv":
            stream.add(later)
        else:
            with pytest.raises(InputError, match="column a: 1.5 is a number, but the column was empty before"):
                stream.add(later)
    assert read_table(path)["a"].tolist()[1:] == ([1.5] if kind == ".csv" else [])


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_and_truths_may_be_missing_in_later_parts(tmp_path, kind):
    parts = [
        pd.DataFrame({"ImageNumber": [1, 2], "touches_border": [True, False]}),
        pd.DataFrame({"ImageNumber": [3, np.nan], "touches_border": [np.nan, True]}),
        pd.DataFrame({"ImageNumber": [np.nan, np.nan], "touches_border": [False, True]}),
    ]
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(parts[0])
        if kind == ".h5ad":
            with pytest.raises(InputError, match="column ImageNumber: a value is missing, and AnnData"):
                stream.add(parts[1])
            return
        for table in parts[1:]:
            stream.add(table)
    found = read_table(path)
    np.testing.assert_array_equal(found["ImageNumber"], [1, 2, 3, np.nan, np.nan, np.nan])
    assert found["touches_border"].tolist()[3:] == [True, False, True] and pd.isna(found["touches_border"][2])
    if kind == ".csv":
        assert path.read_text().split()[1:] == ["1,True", "2,False", "3,", ",True", ",False", ",True"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_would_be_cut_off_is_refused_or_kept(tmp_path, kind):
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(pd.DataFrame({"t": [0, 1], "touches_border": [True, False]}))
        with pytest.raises(InputError, match="in the column touches_border"):
            stream.add(pd.DataFrame({"t": [0, 1], "touches_border": [0, 2]}))
        late = pd.DataFrame({"t": [2.0, 2.5], "touches_border": [True, True]})
        if kind == ".csv":
            stream.add(late)
        else:
            with pytest.raises(InputError, match=r"in the column t: 2\.5 is no whole number"):
                stream.add(late)
    assert read_table(path)["t"].tolist() == [0, 1, 2, 2.5][: 4 if kind == ".csv" else 2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("first", "late", "problem"),
    [
        (np.array([1], np.int32), [7, 2**40], "1099511627776 is outside the range of int32"),
        (np.array([1], np.int32), [7.0, np.nan, 2.0**40], "1099511627776.0 is outside the range of int32"),
        (np.array([1], np.int32), pd.array([2**40, None], "Int64"), "1099511627776 is outside the range of int32"),
        (np.array([1], np.int32), np.array([2**40], object), "1099511627776 is outside the range of int32"),
        (np.array([1], np.uint8), [-3, 300], "-3 is outside the range of uint8"),
        (np.array([1], np.uint8), [-3.0], "-3.0 is outside the range of uint8"),
        (np.array([1], np.int64), np.array([2**63], np.uint64), "9223372036854775808 is outside the range of int64"),
        (pd.array([1], "Int32"), pd.array([2**40], "Int64"), "1099511627776 is outside the range of Int32"),
        (np.array([1], np.float32), [7, 2**30 + 1], "1073741825 is not exact as float32"),
        (np.array([1], np.float64), [2**53 + 1], "9007199254740993 is not exact as float64"),
        (np.array([1], np.float32), [1e300], "is outside the range of float32"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_or_kept(tmp_path, kind, first, late, problem):
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(pd.DataFrame({"n": first}))
        if kind == ".csv":
            stream.add(pd.DataFrame({"n": late}))
        else:
            with pytest.raises(InputError, match=f"in the column n: .*{problem}, the type of those before"):
                stream.add(pd.DataFrame({"n": late}))
    if kind == ".csv":
        known = pd.Series(late).dropna().tolist()
        texts = [text for text in path.read_text().split()[2:] if text != '""']
        assert [type(value)(text) for value, text in zip(known, texts, strict=True)] == known
    else:
        assert read_table(path)["n"].tolist() == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_fit_another_type_are_exact_and_fractions_rounded(tmp_path, kind):
    path = tmp_path / f"t{kind}"
    with stream_table(path) as stream:
        stream.add(pd.DataFrame({"i": np.array([1], np.uint8), "f": np.array([1], np.float32)}))
        stream.add(pd.DataFrame({"i": [255.0, 0.0, 7.0], "f": [0.1, np.inf, np.nan]}))
        stream.add(pd.DataFrame({"i": [0, 255], "f": [2**24, 2**60]}))
    found = read_table(path)
    assert found["i"].tolist() == [1, 255, 0, 7, 0, 255]
    expected = np.array([1, 0.1, np.inf, np.nan, 2**24, 2**60], np.float32)
    np.testing.assert_array_equal(found["f"].to_numpy(np.float32), expected)


def test_row_groups_and_units_of_parquet(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("micrographia.io.table_stream._ROW_GROUP", 10)
    with stream_table(tmp_path / "t.parquet") as stream:
        for k in range(6):
            stream.add(part(4 * k, 4))
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [12, 12]
    kept = json.loads(file.schema_arrow.metadata[b"micrographia"])
    assert kept["units"]["Nuclei_AreaShape_Area"] == "px²"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_half_written(tmp_path, kind):
    path = write_table(tmp_path / f"table{kind}", part(0, 5))
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), stream_table(path) as stream:
        stream.add(part(0, 50))
        raise KeyboardInterrupt
    with stream_table(path):
        pass  # nothing added
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_with_other_columns_is_refused_and_the_rest_kept(tmp_path, kind):
    path = tmp_path / f"table{kind}"
    with stream_table(path) as stream:
        stream.add(part(0, 5))
        with pytest.raises(InputError, match="lacks the column ObjectNumber"):
            stream.add(part(5, 5).drop(columns="ObjectNumber"))
        with pytest.raises(InputError, match="has the column Cells_Area"):
            stream.add(part(5, 5).assign(Cells_Area=1.0))
        with pytest.raises(InputError, match="another type"):
            stream.add(part(5, 5).assign(Nuclei_AreaShape_Area="large"))
        stream.add(part(5, 5))
    assert read_table(path)["ObjectNumber"].tolist() == list(range(10))


def test_unknown_ending(tmp_path):
    with pytest.raises(RequestError, match=r"\.csv, \.parquet or \.h5ad"), stream_table(tmp_path / "t.xlsx"):
        pass


def test_anndata_layout(tmp_path):
    h5py = pytest.importorskip("h5py")
    with stream_table(tmp_path / "t.h5ad", lambda table: [n for n in table if n.startswith("Nuclei_Tex")]) as stream:
        stream.add(part(0, 5))
    with h5py.File(tmp_path / "t.h5ad") as file:
        assert dict(file.attrs) == {"encoding-type": "anndata", "encoding-version": "0.1.0"}
        assert set(file) == {"X", "layers", "obs", "obsm", "obsp", "uns", "var", "varm", "varp"}
        assert file["X"].shape == (5, 1)
        assert file["obs"].attrs["encoding-type"] == "dataframe"
        assert list(file["obs"].attrs["column-order"]) == list(part(0, 1).columns[:4])
        assert file["obs/_index"].asstr()[:].tolist() == list("01234")
        assert file["var/_index"].asstr()[:].tolist() == [part(0, 1).columns[4]]


def test_anndata_is_read_by_anndata(tmp_path):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed (it needs pandas below 3)")
    write_table(tmp_path / "t.h5ad", part(0, 30))
    found = anndata.read_h5ad(tmp_path / "t.h5ad")
    assert found.shape == (30, 2)
    np.testing.assert_array_equal(found.X, part(0, 30).iloc[:, 3:].to_numpy())
    assert found.obs["ObjectNumber"].tolist() == list(range(30))
    assert found.var["unit"].tolist() == ["px²", ""]
    anndata.settings.allow_write_nullable_strings = True
    found.write_h5ad(tmp_path / "theirs.h5ad")
    pd.testing.assert_frame_equal(read_table(tmp_path / "theirs.h5ad"), part(0, 30), check_dtype=False)


def test_anndata_of_others(tmp_path):
    """Categories, columns with missing values and sparse matrices, as scanpy writes them."""
    h5py = pytest.importorskip("h5py")
    path = write_table(tmp_path / "t.h5ad", part(0, 3))
    with h5py.File(path, "r+") as file:
        del file["X"], file["obs/Metadata_Well"], file["obs/ObjectNumber"]
        sparse = file.create_group("X")
        sparse.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (3, 2)})
        sparse["data"], sparse["indices"], sparse["indptr"] = [5.0, 6.0], [1, 0], [0, 1, 1, 2]
        wells = file.create_group("obs/Metadata_Well")
        wells.attrs["encoding-type"] = "categorical"
        wells["codes"] = np.array([1, -1, 0], np.int8)
        wells["categories"] = np.array(["B02", "A01"], dtype=object)
        wells["categories"].attrs["encoding-type"] = "string-array"
        numbers = file.create_group("obs/ObjectNumber")
        numbers.attrs["encoding-type"] = "nullable-integer"
        numbers["values"], numbers["mask"] = [4, 5, 6], [False, True, False]
        numbers["values"].attrs["encoding-type"] = "array"
    table = read_table(path)
    assert table["Metadata_Well"].tolist() == ["A01", "", "B02"]
    np.testing.assert_array_equal(table["ObjectNumber"], [4, np.nan, 6])
    assert table["ObjectNumber"].dtype == float  # numbers, from which can be learned
    assert table["Nuclei_AreaShape_Area"].tolist() == [0, 0, 6]
    parts = list(table_parts(path, rows=2))
    assert [len(p) for p in parts] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table, check_dtype=False)


def test_names_that_others_gave_their_observations_are_kept(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = write_table(tmp_path / "t.h5ad", part(0, 3))
    assert "Metadata_obs_names" not in read_table(path)  # ours are a count
    with h5py.File(path, "r+") as file:
        file["obs/_index"][...] = ["cell a", "cell b", "cell c"]
    assert read_table(path)["Metadata_obs_names"].tolist() == ["cell a", "cell b", "cell c"]
    assert read_table(path, ["Metadata_obs_names"]).columns.tolist() == ["Metadata_obs_names"]
    with h5py.File(path, "r+") as file:
        file["obs"].move("_index", "barcode")
        file["obs"].attrs["_index"] = "barcode"
    found = pd.concat(list(table_parts(path, rows=2)), ignore_index=True)
    assert found["Metadata_barcode"].tolist() == ["cell a", "cell b", "cell c"]
    assert write_table(tmp_path / "again.h5ad", found) and read_table(tmp_path / "again.h5ad").columns[0] == (
        "Metadata_barcode"
    )


def test_anndata_that_is_not_understood_is_refused_with_a_sentence(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = write_table(tmp_path / "t.h5ad", part(0, 3))
    with h5py.File(path, "r+") as file:
        del file["obs/touches_border"]
        file.create_group("obs/touches_border").attrs["encoding-type"] = "awkward-array"
    with pytest.raises(InputError, match="obs/touches_border is stored as awkward-array, which is not read"):
        read_table(path)
    assert [len(p) for p in table_parts(path, ["ObjectNumber"])] == [3]  # the other columns can be read
    with h5py.File(path, "r+") as file:
        del file["X"]
        file.create_group("X").attrs["encoding-type"] = "dataframe"
    with pytest.raises(InputError, match="X is stored as dataframe, which is not read"):
        table_columns(path)
    with h5py.File(path, "r+") as file:
        del file["X"]
    with pytest.raises(InputError, match=r"^[^:]*t.h5ad holds no measurements: it has no X\.$"):
        read_table(path)
    with h5py.File(path, "r+") as file:
        file["X"] = np.zeros((3, 5))
    with pytest.raises(InputError, match="X has 5 columns, but var names 2"):
        table_rows(path)
    with h5py.File(path, "r+") as file:
        del file["var"]
    with pytest.raises(InputError, match="no AnnData file: it has no var"):
        list(table_parts(path))


def test_damaged_anndata(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "text.h5ad").write_text("no HDF5")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "text.h5ad")
    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["data"] = [1, 2]
    with pytest.raises(InputError, match="no AnnData file"):
        read_table(tmp_path / "other.h5ad")


@pytest.mark.parametrize("rows", [0, 3])
def test_anndata_without_measurements(tmp_path, rows):
    pytest.importorskip("h5py")
    table = pd.DataFrame({"Metadata_Image": list("abc"), "ObjectNumber": [1, 2, 3]})[:rows]
    path = write_table(tmp_path / "t.h5ad", table)
    pd.testing.assert_frame_equal(read_table(path), table, check_dtype=False)
    assert sum(map(len, table_parts(path, rows=2))) == rows


def test_words_that_name_images_stay_as_they_are(tmp_path):
    names = ["1.0", "NA", "07", None, "nan"]
    table = pd.DataFrame({"image": names, "Metadata_Well": names, "label": range(5)})
    for kind in ("csv", "parquet", "h5ad"):
        path = write_table(tmp_path / f"t.{kind}", table)
        first = "1" if kind == "csv" else "1.0"  # a text does not tell words from numbers
        for found in (read_table(path), read_table(path, ["image", "Metadata_Well"]), next(table_parts(path))):
            assert found["image"].tolist() == [first, "NA", "07", "", "nan"]
            assert found["Metadata_Well"].tolist() == ["1", "", "07", "", ""]
        assert list(read_table(path, ["label"]).columns) == ["label"]
    write_table(tmp_path / "n.parquet", pd.DataFrame({"image": [7.0, np.nan], "label": [1, 2]}))
    assert read_table(tmp_path / "n.parquet")["image"].tolist() == ["7", ""]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("size (px; raw),Class\n1.5,a\n2,b\n", ["size (px; raw)", "Class"]),
        ("Area (px;um),B\n1.5,2\n", ["Area (px;um)", "B"]),
        ("Label,Name;x\n1,a\n", ["Label", "Name;x"]),
        ("Area (µm2, mean);Class\n1,5;a\n", ["Area (µm2, mean)", "Class"]),
        ("A;B\n", ["A", "B"]),
        ('Fläche, µm²;Class\n15;"hell\nrund"\n25;dunkel\n', ["Fläche, µm²", "Class"]),
        ("Size, um;Class\n1;x\n2;y\n  \n", ["Size, um", "Class"]),
        ("Size, um;Class\n1;x\n2\n3\n", ["Size, um", "Class"]),
        ("Size, um;Class\n1;x\n2;y\nMean: 2,0;\n", ["Size, um", "Class"]),
    ],
)
def test_what_divides_the_lines_evenly_divides_them(tmp_path, text, columns):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert read_table(tmp_path / "t.csv").columns.tolist() == columns


def test_numbers_after_a_first_part_without_rows(tmp_path):
    with stream_table(tmp_path / "t.parquet") as stream:
        stream.add(pd.DataFrame(columns=["image", "A"]))
        stream.add(pd.DataFrame({"image": ["a"], "A": [1]}))
    assert read_table(tmp_path / "t.parquet")["A"].astype(str).tolist() == ["1"]
