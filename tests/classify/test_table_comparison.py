"""Tables of features of the same objects, compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.table_comparison import compare_tables, joined_tables


def tables(count: int = 160) -> dict[str, pd.DataFrame]:
    """Table a tells class 0 from the others, table b class 2: only together they tell all three apart."""
    rng = np.random.default_rng(0)
    classes = np.arange(count) % 3
    keys = pd.DataFrame({"Metadata_Image": [f"i{k // 8}" for k in range(count)], "ObjectNumber": np.arange(count) % 8})
    noise = rng.normal(0, 0.3, (count, 4))
    a = keys.assign(Class=np.array(["x", "y", "z"])[classes], f=noise[:, 0] + 2 * (classes == 0), g=noise[:, 1])
    b = keys.assign(f=noise[:, 2] + 2 * (classes == 2), h=noise[:, 3])
    return {"a": a, "b": b.sample(frac=1, random_state=0)}


def test_together_is_better_than_each_alone_under_the_same_folds():
    found = compare_tables(ObjectClassifier(search=False, calibrate="none"), tables(), folds=4)
    assert list(found.judged) == ["a", "b", "together"]
    folds = [one.fold for one in found.judged.values()]
    np.testing.assert_array_equal(folds[0], folds[1])
    np.testing.assert_array_equal(folds[0], folds[2])
    f1 = {name: one.evaluation.overall["macro_f1"] for name, one in found.judged.items()}
    assert f1["together"] > 0.95 and max(f1["a"], f1["b"]) < 0.8
    gain = found.gains[1]
    assert (gain.first, gain.second) == ("a", "together") and gain.gains["macro_f1"][1] > 0.1


def test_rows_are_matched_by_keys_and_equal_names_kept_apart():
    given = tables(24)
    given["b"] = given["b"][given["b"]["ObjectNumber"] != 3]
    given["a"].loc[0, "Class"] = None
    joined, left_out = joined_tables(given)
    assert left_out == {"a": 4, "b": 1} and len(joined["together"]) == 20
    assert {"f (a)", "g (a)", "f (b)", "h (b)"} <= set(joined["together"].columns)
    row = joined["together"].iloc[5]
    same = given["b"][(given["b"].Metadata_Image == row.Metadata_Image) & (given["b"].ObjectNumber == row.ObjectNumber)]
    assert same["h"].item() == row["h (b)"]


def test_objects_that_one_table_did_not_measure_judge_none():
    given = tables()
    given["a"].loc[:9, ["f", "g"]] = np.nan
    given["b"].loc[[*range(5, 15)], ["f", "h"]] = np.nan
    found = compare_tables(ObjectClassifier(search=False, calibrate="none"), given, folds=4)
    assert found.left_out == {"a": 15, "b": 15}
    assert {len(one.truth) for one in found.judged.values()} == {145}


def test_tables_that_measured_other_objects_are_refused():
    given = tables(40)
    given["a"].loc[:19, ["f", "g"]] = np.nan
    given["b"].loc[[*range(20, 40)], ["f", "h"]] = np.nan
    method = ObjectClassifier(search=False, calibrate="none")
    with pytest.raises(InputError, match="fewer than two classes have .* in each of the tables a, b: nothing can be"):
        compare_tables(method, given)
    with pytest.raises(InputError, match="^b: No feature is left"):
        compare_tables(method, {"a": given["a"], "b": given["b"].assign(f=np.nan, h=1.0)})


def test_what_cannot_be_compared_is_said():
    given = tables(24)
    with pytest.raises(InputError, match="two tables or more"):
        joined_tables({"a": given["a"]})
    with pytest.raises(RequestError, match="'together' stands for all tables"):
        joined_tables({"a": given["a"], "together": given["b"]})
    with pytest.raises(InputError, match="share no column"):
        joined_tables({"a": given["a"], "b": given["b"].drop(columns=["Metadata_Image", "ObjectNumber"])})
    with pytest.raises(RequestError, match="None of the tables has the column 'Class'"):
        joined_tables({"a": given["a"].drop(columns="Class"), "b": given["b"]})
    with pytest.raises(InputError, match="no object in common"):
        joined_tables({"a": given["a"], "b": given["b"].assign(ObjectNumber=99 + np.arange(24))})
    with pytest.raises(InputError, match="repeat the key"):
        joined_tables({"a": given["a"], "b": pd.concat([given["b"], given["b"][:1]])})


def test_groups_of_a_column_of_any_table():
    given = tables(48)
    given["b"]["batch"] = np.arange(48) // 12
    joined, _ = joined_tables(given, "batch")
    assert all("batch" in table and "batch (b)" not in table for table in joined.values())
    found = compare_tables(ObjectClassifier(search=False, calibrate="none", group="batch"), given, folds=4)
    for one in found.judged.values():
        assert one.kind == "groups of batch" and len(set(zip(one.fold, one.groups))) == 4
        assert "batch" not in one.models[0].columns_
    with pytest.raises(RequestError, match="no column 'dose'"):
        joined_tables(given, "dose")
    with pytest.raises(InputError, match="Two columns of the table have the name h"):
        joined_tables({"a": given["a"], "b": pd.concat([given["b"], given["b"][["h"]]], axis=1)})


def test_groups_are_those_of_the_first_table_in_which_the_column_has_values():
    given = tables(48)
    given["b"]["batch"] = given["b"]["Metadata_Image"]
    for blank in (None, ""):
        joined, _ = joined_tables({"a": given["a"].assign(batch=blank), "b": given["b"]}, "batch")
        assert (joined["together"]["batch"] == joined["together"]["Metadata_Image"]).all()
    wells = given["a"].assign(Metadata_Well=None)
    joined, _ = joined_tables({"a": wells, "b": given["b"].assign(Metadata_Site=1)}, "batch")
    assert (joined["a"]["batch"] == joined["a"]["Metadata_Image"]).all()
    joined, _ = joined_tables({"a": wells, "b": given["b"], "c": given["b"].assign(Metadata_Well="W")}, "Metadata_Well")
    assert (joined["a"]["Metadata_Well"] == "W").all()
    with pytest.raises(InputError, match="The column dose has no values"):
        joined_tables({"a": given["a"], "b": given["b"].assign(dose=None)}, "dose")
