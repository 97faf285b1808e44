"""Keys and features of a table."""

import numpy as np
import pandas as pd
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.features.feature_table import (
    centre_columns,
    feature_columns,
    feature_matrix,
    group_kind,
    groups,
    object_keys,
    row_columns,
    why_no_feature,
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "Metadata_Plate": ["p1", "p1", "p2"],
            "Metadata_Well": ["01", "01", "02"],
            "ImageNumber": [1, 1, 2],
            "ObjectNumber": [1, 2, 1],
            "Nuclei_Location_Center_X": [1.0, 2, 3],
            "Nuclei_AreaShape_Center_Y": [1.0, 2, 3],
            "Nuclei_AreaShape_Area": [10, 20, 30],
            "Nuclei_Intensity_MeanIntensity_DNA": [0.5, np.inf, np.nan],
            "Class": ["a", "b", "a"],
            "note": ["x", "y", "z"],
        }
    )


def test_features_are_numbers_that_are_no_keys_and_no_places(table):
    assert feature_columns(table) == ["Nuclei_AreaShape_Area", "Nuclei_Intensity_MeanIntensity_DNA"]
    own = ["label", "centroid_y_px", "area_px", "bbox_x0_px", "touches_border", "solidity", "probability"]
    assert feature_columns(pd.DataFrame(1.0, range(2), own)) == ["area_px", "solidity"]


def test_book_keeping_of_cellprofiler_is_no_feature():
    books = ["ExecutionTime_01Images", "ModuleError_02Crop", "Group_Index", "Group_Number", "Frame_DNA", "Series_DNA",
             "Channel_DNA", "Scaling_DNA", "Image_Width_DNA", "Height_DNA", "MD5Digest_DNA", "Classify_Large",
             "Nuclei_Classify_Small"]  # fmt: skip
    table = pd.DataFrame(1.0, range(2), [*books, "Count_Nuclei", "ImageQuality_FocusScore_DNA"])
    table["FileName_DNA"] = "a.tif"
    assert feature_columns(table) == ["Count_Nuclei", "ImageQuality_FocusScore_DNA"]
    assert {why_no_feature(table, name) for name in books} == {"CellProfiler's book-keeping or own classes"}
    assert "book-keeping" not in why_no_feature(table.assign(MD5Digest_DNA="ab"), "MD5Digest_DNA")


def test_measurements_that_are_called_alike_are_features():
    """Only what CellProfiler notes of the same image file, and its classes beside its measurements, are no features."""
    others = ["Channel_1_mean", "Frame_rate", "Scaling_exponent", "Series_1", "Width_um", "Height_um", "URL_length",
              "Group_Size", "Classify_score"]  # fmt: skip
    table = pd.DataFrame(1.0, range(2), others)
    assert feature_columns(table.assign(FileName_DNA="a.tif", PathName_DNA="/", URL_DNA="file:/a.tif")) == others
    assert feature_columns(table.assign(URL_um="file:/a.tif")) == [name for name in others if not name.endswith("_um")]
    assert feature_columns(table.assign(AreaShape_Area=1.0)) == [*others[:-1], "AreaShape_Area"]
    assert feature_columns(table.assign(Nuclei_Classify_Small=1.0)) == others


def test_a_row_is_known_by_its_keys_and_one_centre(table):
    assert row_columns(list(table)) == ["Metadata_Plate", "Metadata_Well", "ImageNumber", "ObjectNumber"]
    places = ["Cells_AreaShape_Center_X", "Cells_AreaShape_Center_Y", "Nuclei_Location_Center_X"]
    measured = ["Nuclei_Location_Center_Y", "Nuclei_Location_Center_Z", "Cells_Location_Center_X"]
    names = [*places, *measured, "Cells_Location_Center_Y", "Nuclei_Parent_Cells", "touches_border", "Plane_X"]
    assert row_columns(["label", *names]) == ["label", places[2], *measured[:2]]
    assert centre_columns(["AreaShape_Center_Y", "AreaShape_Center_X"]) == ["AreaShape_Center_X", "AreaShape_Center_Y"]
    own = ["image", "t", "label", "centroid_y_px", "centroid_x_px", "centroid_x_um", "bbox_x0_px", "area_px", "Class"]
    assert row_columns(own) == own[:5]


def test_matrix_is_float32_with_nan_for_what_is_not_finite(table):
    matrix = feature_matrix(table)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, np.float32([[10, 0.5], [20, np.nan], [30, np.nan]]))
    np.testing.assert_array_equal(feature_matrix(table, ["Nuclei_AreaShape_Area"]), np.float32([[10], [20], [30]]))


def test_the_table_itself_is_not_changed():
    """A float32_table is shared by pandas, not copied."""
    table = pd.DataFrame({"a": np.float32([1, np.inf]), "b": np.float32([np.nan, 2])})
    np.testing.assert_array_equal(feature_matrix(table), np.float32([[1, np.nan], [np.nan, 2]]))
    assert np.isinf(table["a"][1])


def test_groups_are_plate_and_well_else_the_image(table):
    assert groups(table).tolist() == ["p1/01", "p1/01", "p2/02"]
    assert groups(table[["ImageNumber"]]).tolist() == ["1", "1", "2"]
    assert groups(table[["note"]]) is None


def test_bad_tables_are_named(table):
    with pytest.raises(InputError, match="lacks the column Nuclei_Texture, which"):
        feature_matrix(table, ["Nuclei_Texture"])
    with pytest.raises(InputError, match="the column note of the table holds no numbers"):
        feature_matrix(table, ["note"])
    with pytest.raises(InputError, match="no features"):
        feature_matrix(table[["note", "Class"]])
    assert object_keys(table) == ["ImageNumber", "Metadata_Plate", "Metadata_Well", "ObjectNumber"]
    with pytest.raises(InputError, match=r"1 rows .* ObjectNumber 1"):
        object_keys(pd.concat([table, table[:1]]))


def test_groups_use_a_level_only_where_it_has_values():
    table = pd.DataFrame({"Metadata_Plate": ["P"] * 4, "Metadata_Image": ["a", "a", "b", "long name"]})
    assert groups(table).tolist() == ["P/a", "P/a", "P/b", "P/long name"] and group_kind(table) == "images"
    empty = table.assign(Metadata_Plate="", Metadata_Well=np.nan, ImageNumber=1)
    assert groups(empty).tolist() == ["a", "a", "b", "long name"] and group_kind(empty) == "images"
    assert groups(empty.assign(Metadata_Image=None)).tolist() == ["1"] * 4
    assert groups(table[["Metadata_Plate"]]).tolist() == ["P"] * 4 and group_kind(table[["Metadata_Plate"]]) == "plates"
    assert groups(empty[["Metadata_Well"]]) is None and group_kind(empty[["Metadata_Well"]]) == ""


def test_a_row_without_a_well_is_of_the_well_of_its_image_else_of_its_image():
    table = pd.DataFrame({"Metadata_Plate": ["P"] * 5, "Metadata_Well": ["A01", None, "A02", None, None]})
    table["Metadata_Image"] = ["a", "a", "b", "c", None]
    assert groups(table).tolist() == ["P/A01", "P/A01", "P/A02", "P/c", "P/"] and group_kind(table) == "wells"


@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 0.1", "", "index", "level_0", "__index_level_0__"])
def test_a_saved_index_is_no_feature(name):
    table = pd.DataFrame({name: np.arange(3), "area_px": [1.0, 2, 3]})
    assert feature_columns(table) == ["area_px"] and why_no_feature(table, name) == "row numbers"


def test_what_only_resembles_an_index_is_a_feature():
    table = pd.DataFrame({"index": [0.3, 0.1], "mitotic_index": [1, 2], "level_of_stain": [0, 1], "area_px": [1, 2]})
    assert feature_columns(table) == list(table)


def test_a_plate_that_is_missing_in_places_is_that_of_the_image():
    table = pd.DataFrame({"Metadata_Plate": ["P1", "", "P1", ""], "Metadata_Image": ["a", "a", "b", "b"]})
    assert groups(table).tolist() == ["P1/a", "P1/a", "P1/b", "P1/b"]
    assert groups(table.assign(Metadata_Well="A1")).tolist() == ["P1/A1"] * 4
    other = pd.DataFrame({"Metadata_Plate": ["P1", "P2", ""], "Metadata_Image": ["a", "a", "a"]})
    assert groups(other).tolist() == ["P1/a", "P2/a", "/a"]
    unknown = pd.DataFrame({"Metadata_Plate": ["P100", "", ""], "Metadata_Image": ["a", "a", "b"]})
    assert groups(unknown).tolist() == ["P100/a", "P100/a", "/b"]


def test_groups_are_the_words_of_a_column():
    table = pd.DataFrame(
        {"Metadata_Well": ["A1", "A2", "A3"], "Metadata_Compound": ["taxol", None, " taxol"], "f": 1.0}
    )
    assert groups(table, "Metadata_Compound").tolist() == ["taxol", "", "taxol"]
    assert groups(table.assign(batch=[1, 2.0, 1]), "batch").tolist() == ["1", "2", "1"]
    assert group_kind(table, "Metadata_Compound") == "groups of Compound"
    with pytest.raises(RequestError, match="no column 'Compound' to group by; .* columns Metadata_Well, Metadata_Comp"):
        groups(table, "Compound")
    with pytest.raises(InputError, match="Metadata_Compound has no values"):
        groups(table.assign(Metadata_Compound=""), "Metadata_Compound")


def test_columns_of_one_name_are_refused():
    table = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "b", "a"])
    for read in (feature_columns, feature_matrix, lambda t: feature_matrix(t, ["a"])):
        with pytest.raises(InputError, match="Two columns of the table have the name a"):
            read(table)


def test_a_row_whose_image_is_in_several_wells_is_of_none_of_them():
    table = pd.DataFrame({"Metadata_Plate": ["P1"] * 3, "Metadata_Well": ["A1", "A2", None], "Metadata_Image": "s1"})
    assert groups(table).tolist() == ["P1/A1", "P1/A2", "P1/s1"]
    assert groups(table.drop(columns="Metadata_Plate")).tolist() == ["A1", "A2", "s1"]
    assert groups(table.assign(Metadata_Plate=["P1", "P2", "P1"])).tolist() == ["P1/A1", "P2/A2", "P1/A1"]
