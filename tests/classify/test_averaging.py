"""The mean of several classifiers' probabilities."""

from __future__ import annotations

import pandas as pd
import pytest

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.averaging import average_classes


def one(probabilities: list[float], **more) -> pd.DataFrame:
    table = pd.DataFrame({"Metadata_Image": ["a", "a", "b"], "ObjectNumber": [1, 2, 1], "Probability_x": probabilities})
    return table.assign(Probability_y=1 - table["Probability_x"], Class="?", **more)


def test_probabilities_are_averaged_by_key():
    first, second = one([0.9, 0.6, 0.1], Metadata_Well="A1"), one([0.8, 0.1, 0.3])[::-1]
    found = average_classes({"first": first, "second": second})
    assert list(found.columns) == [
        "Metadata_Image", "ObjectNumber", "Metadata_Well", "Class", "Class_Probability", "Probability_x",
        "Probability_y",
    ]  # fmt: skip
    assert found["Probability_x"].tolist() == pytest.approx([0.85, 0.35, 0.2])
    assert found["Class"].tolist() == ["x", "y", "y"] and found["Class_Probability"][1] == pytest.approx(0.65)
    assert first["Class"].tolist() == ["?"] * 3


def test_an_object_without_a_class_has_that_of_the_others():
    first, second = one([0.9, 0.6, 0.1]), one([0.7, 0.4, 0.3])
    gaps = ["Probability_x", "Probability_y", "Class"]
    first = first.assign(**{name: first[name].mask([True, False, True]) for name in gaps})
    second = second.assign(**{name: second[name].mask([False, False, True]) for name in gaps})
    found = average_classes({"first": first, "second": second})
    assert found["Probability_x"][:2].tolist() == pytest.approx([0.7, 0.5])
    assert found["Class"].tolist()[::2] == ["x", ""]
    assert found.loc[2, ["Probability_x", "Probability_y", "Class_Probability"]].isna().all()


def test_what_does_not_fit_is_refused():
    first = one([0.9, 0.6, 0.1])
    with pytest.raises(InputError, match="two tables"):
        average_classes({"first": first})
    with pytest.raises(InputError, match="share no column"):
        average_classes({"first": first, "second": first[["Probability_x"]]})
    with pytest.raises(InputError, match="no probabilities"):
        average_classes({"first": first[["Metadata_Image", "ObjectNumber"]], "second": first})
    with pytest.raises(InputError, match="different classes; only one of them has z"):
        average_classes({"first": first, "second": first.assign(Probability_z=0)})
    for other in (first[:2], first.assign(ObjectNumber=[1, 3, 1])):
        with pytest.raises(InputError, match="do not hold the same objects"):
            average_classes({"first": first, "second": other})
    with pytest.raises(InputError, match="repeat the key"):
        average_classes({"first": first, "second": first.assign(ObjectNumber=1)})


def test_the_command(tmp_path, monkeypatch, capsys):
    from micrographia.cli import main

    monkeypatch.chdir(tmp_path)
    one([0.9, 0.6, 0.1]).to_csv("a.csv", index=False)
    one([0.9, 0.2, 0.1]).to_csv("b.csv", index=False)
    assert main(["classify", "average", "a.csv", "b.csv", "-o", "c.csv"]) == 0
    assert pd.read_csv("c.csv")["Class"].tolist() == ["x", "y", "y"]
    assert "y 2, x 1" in capsys.readouterr().out
    assert main(["classify", "average", "a.csv", "b.csv", "-o", "c.csv"]) == 2
    assert main(["classify", "average", "a.csv", "a.csv", "-o", "d.csv"]) == 2


def test_the_command_says_how_many_have_no_class(tmp_path, monkeypatch, capsys):
    from micrographia.cli import main

    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        table = one([0.9, 0.2, 0.1]).assign(Class=["x", "", "y"])
        table.loc[1, ["Probability_x", "Probability_y"]] = None
        table.to_csv(name, index=False)
    assert main(["classify", "average", "a.csv", "b.csv", "-o", "c.csv"]) == 0
    said = capsys.readouterr().out
    assert "c.csv: x 1, y 1\nnote: 1 of 3 objects without a class, and not counted" in said


def test_tables_without_rows_or_probabilities_are_refused():
    first = one([0.9, 0.6, 0.1])
    with pytest.raises(InputError, match="second has no rows"):
        average_classes({"first": first, "second": first[:0]})
    for bad in (None, "much", 1.2):
        second = first.astype({"Probability_y": object})
        second.loc[1, "Probability_y"] = bad
        with pytest.raises(InputError, match=r"Probability_y of second holds .* for Metadata_Image a, ObjectNumber 2"):
            average_classes({"first": first, "second": second})


def test_wells_come_from_the_table_that_knows_them():
    first, second = one([0.9, 0.6, 0.1], Metadata_Plate=None), one([0.9, 0.6, 0.1], Metadata_Plate="P")
    found = average_classes({"first": first, "second": second.assign(Metadata_Well=["A1", "A2", "B1"])[::-1]})
    assert found["Metadata_Well"].tolist() == ["A1", "A2", "B1"] and found["Metadata_Plate"].tolist() == ["P"] * 3
