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
