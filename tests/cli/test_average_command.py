"""``micrographia classify average``: one table of classes, and their counts by image and well."""

from __future__ import annotations

import pandas as pd


def test_classes_are_averaged_and_counted(run, tmp_path):
    keys = {
        "Metadata_Image": ["a", "a", "b", "b"],
        "Metadata_Well": ["A1", "A1", "B1", "B1"],
        "ObjectNumber": [1, 2, 1, 2],
    }
    for name, sure in (("one", [0.9, 0.6, 0.2, 0.1]), ("two", [0.7, 0.1, 0.4, 0.3])):
        table = pd.DataFrame({**keys, "Probability_x": sure, "Probability_y": [1 - p for p in sure]})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    code, _, err = run("classify", "average", "one.csv", "two.csv", "-o", "both.csv")
    assert code == 0, err
    assert pd.read_csv(tmp_path / "both.csv")["Class"].tolist() == ["x", "y", "y", "y"]
    wells = pd.read_csv(tmp_path / "both_wells.csv")
    assert wells["Metadata_Well"].tolist() == ["A1", "B1"] and wells["Count_x"].tolist() == [1, 0]
    assert pd.read_csv(tmp_path / "both_images.csv")["Fraction_y"].tolist() == [0.5, 1.0]
    (tmp_path / "both.csv").unlink()
    code, _, err = run("classify", "average", "one.csv", "two.csv", "-o", "both.csv")
    assert code == 2 and "both_images.csv exists already" in err


def test_tables_without_probabilities_are_refused(run, tmp_path):
    table = pd.DataFrame({"Metadata_Image": ["a", "b"], "Probability_x": [0.2, None], "Probability_y": [0.8, None]})
    table.to_csv(tmp_path / "one.csv", index=False)
    table.fillna(0.5).to_csv(tmp_path / "two.csv", index=False)
    code, _, err = run("classify", "average", "one.csv", "two.csv", "-o", "both.csv")
    assert code == 1 and "Probability_x of one.csv" in err and "Metadata_Image b" in err
    table[:0].to_csv(tmp_path / "one.csv", index=False)
    code, _, err = run("classify", "average", "one.csv", "two.csv", "-o", "both.csv")
    assert code == 1 and "one.csv has no rows" in err and not (tmp_path / "both.csv").exists()
