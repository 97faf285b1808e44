"""The benchmark tables in the documentation show the results that are kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

record = pytest.importorskip("record")
tables = pytest.importorskip("tables")


def test_tables_are_up_to_date():
    assert tables.TABLES.read_text(encoding="utf-8") == tables.tables(), "run: python benchmarks/tables.py"


def test_docs_include_the_tables():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert "{include} ../benchmarks/results/tables.md" in page


def test_results_say_what_was_measured_and_where():
    results = sorted(tables.RESULTS.glob("*.json"))
    assert {path.stem for path in results} <= set(tables.SECTIONS)
    for path in results:
        result = json.loads(path.read_text(encoding="utf-8"))
        assert result["name"] == path.stem
        assert {"version", "date", "machine", "data", "numbers"} <= set(result)
        assert {"cpu", "cores", "memory_gb", "python", "os"} <= set(result["machine"])


def test_record_writes_a_result_and_nothing_else(tmp_path):
    path = record.record("trial", "nothing", {"a": 1.5}, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["trial.json"] == [path.name]
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["numbers"] == {"a": 1.5}
    assert result["machine"]["cores"] >= 1
    record.record("trial", "nothing", {"a": 2}, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["numbers"] == {"a": 2}


def test_no_results_make_a_sentence(tmp_path):
    assert tables.tables(tmp_path) == "There are no results yet.\n"
