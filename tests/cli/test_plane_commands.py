"""``train plane`` and ``classify plane``: from placed objects to places of all."""

import numpy as np
import pandas as pd
import pytest

from micrographia.cli import main


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * rng.random(160)
    features = np.column_stack([np.cos(angle), np.sin(angle), rng.normal(0, 1, 160)]) + rng.normal(0, 0.05, (160, 3))
    table = pd.DataFrame(features, columns=["AreaShape_A", "AreaShape_B", "AreaShape_C"])
    table = table.assign(ImageNumber=np.arange(160) // 20, ObjectNumber=np.arange(160) % 20)
    places = table[["ImageNumber", "ObjectNumber"]].assign(Plane_X=np.cos(angle), Plane_Y=np.sin(angle))
    table.to_csv(tmp_path / "cells.csv", index=False)
    places[:120].to_csv(tmp_path / "places.csv", index=False)
    places.to_csv(tmp_path / "truth.csv", index=False)
    return tmp_path


def train(folder, *words):
    return main(["train", "plane", "--table", str(folder / "cells.csv"), "-o", str(folder / "plane.zip"), *words])


def test_places_are_learned_and_applied(folder, capsys):
    assert train(folder, "--places", str(folder / "places.csv")) == 0
    said = capsys.readouterr().out
    assert "120 placed objects" in said and "error on wells or images never seen" in said
    model, out = str(folder / "plane.zip"), folder / "results"
    assert main(["classify", "plane", str(folder / "cells.csv"), "-m", model, "-o", str(out)]) == 0
    found, truth = pd.read_csv(out / "cells_plane.csv"), pd.read_csv(folder / "truth.csv")
    assert list(found.columns) == ["ImageNumber", "ObjectNumber", "Plane_X", "Plane_Y", "Plane_Uncertainty"]
    error = (found[["Plane_X", "Plane_Y"]] - truth[["Plane_X", "Plane_Y"]])[120:]
    assert np.sqrt((error**2).sum(axis=1).mean()) < 0.25
    assert main(["classify", "plane", str(folder / "cells.csv"), "-m", model, "-o", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["classify", "plane", str(folder / "truth.csv"), "-m", model, "-o", str(out)]) == 1
    assert "lacks the columns AreaShape_A" in capsys.readouterr().err


def test_a_table_without_rows_gives_places_without_rows(folder, capsys):
    assert train(folder, "--places", str(folder / "places.csv")) == 0
    pd.read_csv(folder / "cells.csv")[:0].to_csv(folder / "empty.csv", index=False)
    words = ["classify", "plane", str(folder / "empty.csv"), "-m", str(folder / "plane.zip"), "-o", str(folder / "out")]
    assert main(words) == 0
    assert "empty.csv has no rows, and its result has none." in capsys.readouterr().out
    found = pd.read_csv(folder / "out" / "empty_plane.csv")
    assert list(found.columns) == ["ImageNumber", "ObjectNumber", "Plane_X", "Plane_Y", "Plane_Uncertainty"]
    assert not len(found)


def test_a_plane_that_says_nothing_is_warned_of(folder, capsys):
    places = pd.read_csv(folder / "places.csv")
    places[["Plane_X", "Plane_Y"]] = np.random.default_rng(1).normal(0, 1, (len(places), 2))
    places.to_csv(folder / "places.csv", index=False)
    assert train(folder, "--places", str(folder / "places.csv")) == 0
    assert "hardly better than a guess" in capsys.readouterr().err


def test_bad_places_end_in_a_sentence(folder, capsys):
    assert train(folder) == 2
    assert "no column Plane_X" in capsys.readouterr().err
    pd.DataFrame({"ImageNumber": [99], "ObjectNumber": [1], "Plane_X": [0.0], "Plane_Y": [0.0]}).to_csv(
        folder / "places.csv", index=False
    )
    assert train(folder, "--places", str(folder / "places.csv")) == 1
    assert "1 placed objects are not in the table" in capsys.readouterr().err
    assert train(folder, "--places", str(folder / "cells.csv")) == 2
    assert "Plane_X and Plane_Y" in capsys.readouterr().err
    pd.read_csv(folder / "truth.csv").assign(Plane_X=1.0, Plane_Y=2.0).to_csv(folder / "places.csv", index=False)
    assert train(folder, "--places", str(folder / "places.csv")) == 2
    assert "same place" in capsys.readouterr().err
    assert main(["classify", "plane", str(folder / "cells.csv"), "-m", "nuclei", "-o", str(folder / "out")]) == 2
    assert "made by the method 'stardist' and does not put objects on a plane" in capsys.readouterr().err
    assert not (folder / "plane.zip").exists() and not (folder / "out").exists()


def test_an_object_is_placed_once(folder, capsys):
    places = pd.read_csv(folder / "places.csv")
    pd.concat([places, places[3:4].assign(Plane_X=9)]).to_csv(folder / "places.csv", index=False)
    assert train(folder, "--places", str(folder / "places.csv")) == 1
    assert "1 rows place an object again, first ImageNumber 0, ObjectNumber 3." in capsys.readouterr().err


def test_columns_without_numbers_are_named_and_many_are_no_trouble(folder, capsys, recwarn):
    cells = pd.read_csv(folder / "cells.csv")
    noise = np.random.default_rng(0).normal(0, 1, (len(cells), 400)).round(3)
    cells = pd.concat([cells, pd.DataFrame(noise, columns=[f"Intensity_{k}" for k in range(400)])], axis=1)
    cells = cells.astype({"Intensity_7": object})
    cells.loc[5, "Intensity_7"] = "n/a?"
    cells.to_csv(folder / "cells.csv", index=False)
    assert train(folder, "--places", str(folder / "places.csv")) == 0
    said = capsys.readouterr().out
    assert "1 column is not learned from: Intensity_7 ('n/a?', which is no number, in the row ImageNumber 0" in said
    assert not [w for w in recwarn if w.category is pd.errors.PerformanceWarning]


def test_objects_without_measurements_are_counted(folder, capsys):
    assert train(folder, "--places", str(folder / "places.csv")) == 0
    cells = pd.read_csv(folder / "cells.csv")
    cells.loc[:99, ["AreaShape_A", "AreaShape_B"]] = np.nan
    cells.to_csv(folder / "new.csv", index=False)
    capsys.readouterr()
    model, out = str(folder / "plane.zip"), folder / "results"
    assert main(["classify", "plane", str(folder / "new.csv"), "-m", model, "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "note: 100 objects without a place: most of the measurements are missing" in said
    assert "2 of the 3 measurements that the model looks at are missing or infinite for most objects" in said
    assert "the mean of the training stands in: AreaShape_A (100 of 160 objects)" in said
    found = pd.read_csv(out / "new_plane.csv")[["Plane_X", "Plane_Y", "Plane_Uncertainty"]]
    assert found[:100].isna().all(axis=None) and found[100:].notna().all(axis=None)
