"""``micrographia compare objects``."""

from __future__ import annotations

import numpy as np
import pandas as pd


def write_tables(folder) -> None:
    rng = np.random.default_rng(0)
    classes = np.arange(120) % 2
    keys = pd.DataFrame({"Metadata_Well": [f"w{k // 6}" for k in range(120)], "ObjectNumber": np.arange(120)})
    noise = rng.normal(0, 1, (120, 2))
    keys.assign(Class=np.array(["in", "out"])[classes], dull=noise[:, 0]).to_csv(folder / "dull.csv", index=False)
    keys.assign(telling=noise[:, 1] + 5 * classes).to_csv(folder / "telling.csv", index=False)


def test_two_tables_and_both_together(run, tmp_path):
    write_tables(tmp_path)
    words = ("compare", "objects", "--table", "dull.csv", "--table", "telling.csv", "--no-search", "-o", "c")
    code, out, err = run(*words)
    assert code == 0, err
    overall = pd.read_csv(tmp_path / "c" / "comparison.csv").set_index("table")
    assert list(overall.index) == ["dull", "telling", "together"]
    assert overall.loc["telling", "macro_f1"] > 0.95 > 0.75 > overall.loc["dull", "macro_f1"]
    assert "120 objects, 2 classes, 5 folds that keep wells together" in out and "telling - dull: macro F1 +" in out
    gains = pd.read_csv(tmp_path / "c" / "gains.csv")
    assert set(gains["score"]) == {"macro_f1", "weighted_f1", "accuracy"} and len(gains) == 6
    assert len(pd.read_csv(tmp_path / "c" / "classes.csv")) == 6
    code, _, err = run(*words)
    assert code == 2 and "exists already" in err


def test_what_makes_no_sense_is_said(run, tmp_path):
    write_tables(tmp_path)
    code, _, err = run("compare", "objects", "--table", "dull.csv")
    assert code == 2 and "--table A.parquet --table B.parquet" in err
    code, _, err = run("compare", "objects", "--table", "dull.csv", "dull.csv")
    assert code == 2 and "named twice" in err
    code, _, err = run("compare", "objects", "--table", "dull.csv", "none.csv")
    assert code == 1 and "no such table" in err
    (tmp_path / "telling.csv").rename(tmp_path / "together.csv")
    code, _, err = run("compare", "objects", "--table", "dull.csv", "together.csv")
    assert code == 2 and "'together' stands for all tables" in err


def test_one_well_and_no_well_are_told_apart(run, tmp_path):
    write_tables(tmp_path)
    words = ("compare", "objects", "--table", "dull.csv", "telling.csv", "--no-search", "--overwrite", "-o", "c")
    said = {}
    for kind, change in (("one", {"Metadata_Well": "A01"}), ("none", {"Metadata_Well": None})):
        for name in ("dull", "telling"):
            pd.read_csv(tmp_path / f"{name}.csv").assign(**change).to_csv(tmp_path / f"{name}.csv", index=False)
        code, said[kind], err = run(*words)
        assert code == 0, err
        gains = pd.read_csv(tmp_path / "c" / "gains.csv")
        assert (gains["low"] < gains["high"]).all() and "intervals: drawn from 120 objects" in said[kind]
    assert "random folds: all objects are from one well" in said["one"] and "1 group is too few" in said["one"]
    assert "random folds: nothing tells where objects come from" in said["none"] and "too few" not in said["none"]


def test_groups_of_a_column(run, tmp_path):
    write_tables(tmp_path)
    table = pd.read_csv(tmp_path / "telling.csv")
    table.assign(Metadata_Compound=np.arange(120) // 20).to_csv(tmp_path / "telling.csv", index=False)
    words = ("compare", "objects", "--table", "dull.csv", "telling.csv", "--no-search", "-o", "c", "--group")
    code, out, err = run(*words, "Metadata_Compound")
    assert code == 0, err
    assert "5 folds that keep groups of Compound together" in out and "warning: Folds by" not in out
    code, _, err = run(*words, "Compound", "--overwrite")
    assert code == 2 and "no column 'Compound' to group by" in err
