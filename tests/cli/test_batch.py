"""Many inputs: names, the record that lets a run go on, processes and failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from micrographia.cli.batch import automatic_jobs, run_batch, undisturbed
from micrographia.cli.result_names import result_names
from micrographia.cli.run_record import RunRecord, fingerprint
from micrographia.report.durations import duration


def test_names_are_distinct_and_stay(tmp_path):
    a, b = tmp_path / "a" / "cells.tif", tmp_path / "b" / "cells.tif"
    assert result_names([a, b]) == {a: "a_cells", b: "b_cells"}
    png, other = tmp_path / "a" / "cells.png", tmp_path / "a" / "other.ome.zarr"
    assert result_names([a, png, other]) == {a: "cells_tif", png: "cells_png", other: "other"}
    upper = tmp_path / "a" / "Cells.tif"
    assert len({name.casefold() for name in result_names([a, b, png, upper]).values()}) == 4
    assert result_names([a, b], {b: "cells"}) == {a: "a_cells", b: "cells"}
    above, here = tmp_path / "a" / ".." / "cells.tif", tmp_path / "a" / "cells.tif"
    assert result_names([above, here]) == {above: f"{tmp_path.name}_cells", here: "a_cells"}
    assert result_names([a, b], {a: "a_cells"}) == result_names([a, b])  # a run that was stopped after the first
    assert result_names([a], {b: "cells"}) == {a: "cells_tif"}  # b's results are not replaced


def test_names_tell_the_folders_that_differ(tmp_path):
    def names(*paths):
        return list(result_names([tmp_path / path for path in paths]).values())

    assert names("a/images/cell1.png", "b/images/cell1.png") == ["a_cell1", "b_cell1"]
    assert names("a/images/x.png", "a/images/x.tif", "b/images/x.png") == ["a_x", "x_tif", "b_x"]
    assert names("a/images/X.png", "b/images/x.png") == ["a_X", "b_x"]
    plates = [f"{plate}/{well}/images/x.png" for plate in ("p1", "p2") for well in ("A", "B")]
    assert names(*plates) == ["p1_A_x", "p1_B_x", "p2_A_x", "p2_B_x"]
    both = [f"{folder}/images/x.{end}" for folder in "ab" for end in ("png", "tif")]
    assert names(*both) == ["a_x_png", "a_x_tif", "b_x_png", "b_x_tif"]


def test_record_survives_a_cut_line_and_other_files(tmp_path):
    record = RunRecord(tmp_path, {"model": "x"})
    record.start()
    record.begin(tmp_path / "a.tif", "a", ["a_labels.tif"])
    (tmp_path / "a_labels.tif").touch()
    record.finish(tmp_path / "a.tif", "print", ["a_labels.tif"], {"objects": 1})
    with record.path.open("a") as file:
        file.write('{"begin": "b.t')
    again = RunRecord(tmp_path, {"model": "x"})
    assert again.finished(tmp_path / "a.tif", "print") == {"objects": 1}
    assert again.finished(tmp_path / "a.tif", "other") is None
    again.begin(tmp_path / "c.tif", "c", ["c_labels.tif"])
    assert RunRecord(tmp_path, {"model": "x"}).files == {"a_labels.tif", "c_labels.tif"}
    assert RunRecord(tmp_path, {"model": "y"}).changed_settings() == ["model was x and is now y"]
    assert again.names == {tmp_path / "a.tif": "a"}
    (tmp_path / "a_labels.tif").unlink()
    assert RunRecord(tmp_path, {"model": "x"}).finished(tmp_path / "a.tif", "print") is None


def test_record_takes_names_that_are_no_text(tmp_path):
    record = RunRecord(tmp_path, {})
    record.start()
    record.finish(tmp_path / "caf\udce9.tif", "print", [], {"objects": 1})
    assert RunRecord(tmp_path, {}).finished(tmp_path / "caf\udce9.tif", "print") == {"objects": 1}


def test_record_knows_the_sizes_of_what_is_finished(tmp_path):
    source, table = tmp_path / "a.tif", tmp_path / "a.csv"
    record = RunRecord(tmp_path, {})
    record.start()
    table.write_text("1,2,3")
    record.finish(source, "print", [table.name], {"objects": 1})

    def state():
        again = RunRecord(tmp_path, {})
        return again.finished(source, "print") is not None, again.altered(source)

    assert state() == (True, [])
    table.write_text("1,2")
    assert state() == (True, [table.name])
    table.write_text("")  # nothing in it that could be lost
    assert state() == (False, [])


def test_record_knows_what_is_in_folders_that_are_finished(tmp_path, monkeypatch):
    source, picture = tmp_path / "a.tif", tmp_path / "a.ome.zarr"
    (picture / "c").mkdir(parents=True)
    for name in ("zarr.json", "c/0", "c/1"):
        (picture / name).write_text("12")
    record = RunRecord(tmp_path, {})
    record.start()
    record.finish(source, "print", [picture.name], {"objects": 1})

    def state():
        again = RunRecord(tmp_path, {})
        return again.finished(source, "print") is not None, again.altered(source)

    with monkeypatch.context() as patched:  # what was not touched is not read
        patched.setattr(Path, "read_bytes", lambda path: pytest.fail("it is read"))
        assert state() == (True, [])
    os.utime(picture / "c" / "0", (0, 0))  # as in a copy
    (picture / ".DS_Store").touch()
    assert state() == (True, [])
    (picture / "c" / "1").write_text("21")
    assert state() == (True, [picture.name])
    (picture / "c" / "1").unlink()  # zarr drops a chunk in which everything was erased
    assert state() == (True, [picture.name])
    text = record.path.read_text()
    sizes = json.loads(text.splitlines()[-1])["sizes"]
    record.path.write_text(text.replace(json.dumps(sizes), json.dumps({picture.name: 3})))
    assert state() == (True, [picture.name])  # as a former version noted it
    (picture / "c" / "1").write_text("21")
    assert state() == (True, [])
    record.path.write_text(text)
    (picture / "zarr.json").unlink()
    assert state() == (False, [])


def test_records_without_sizes_stay_valid(tmp_path):
    record = RunRecord(tmp_path, {})
    record.start()
    (tmp_path / "a.csv").write_text("1,2,3")
    record.finish(tmp_path / "a.tif", "print", ["a.csv"], {"objects": 1})
    record.path.write_text(record.path.read_text().replace(', "sizes": {"a.csv": 5}', ""))
    assert '"sizes"' not in record.path.read_text()
    (tmp_path / "a.csv").write_text("1,2")
    again = RunRecord(tmp_path, {})
    assert again.finished(tmp_path / "a.tif", "print") == {"objects": 1}
    assert again.altered(tmp_path / "a.tif") == []


def test_results_of_another_command_are_named_in_one_sentence(tmp_path):
    RunRecord(tmp_path, {"command": "segment", "model": "x"}).start()
    said = RunRecord(tmp_path, {"command": "classify pixels", "output": ["labels"]}).refusal()
    how = "Choose another folder with --out, or replace them with --overwrite."
    assert said == f"{tmp_path} holds the results of 'micrographia segment'. {how}"
    again = RunRecord(tmp_path, {"command": "segment", "model": "y"})
    assert "a run with other settings (model was x and is now y)" in again.refusal()
    assert RunRecord(tmp_path, {"command": "segment", "model": "x"}).refusal() == ""


def test_record_knows_what_other_settings_gave(tmp_path):
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    record = RunRecord(tmp_path, {"table": "csv"})
    record.start()
    for source in (a, b):
        record.begin(source, source.stem, [f"{source.stem}.csv"])
        record.finish(source, "print", [f"{source.stem}.csv"], {})
    RunRecord(tmp_path, {"table": "parquet"}).start()
    record = RunRecord(tmp_path, {"table": "parquet"})  # as after a run that was killed
    record.begin(a, "a", ["a.parquet", "b.csv"])
    assert record.replaced(a) == {"a.csv"} and record.replaced(b) == set()
    assert record.finished(b, "print") is None and record.own(b) == set()
    assert record.files == {"a.csv", "b.csv", "a.parquet"}
    record.finish(a, "print", ["a.parquet", "b.csv"], {})
    again = RunRecord(tmp_path, {"table": "parquet"})
    assert again.replaced(a) == set()
    assert again.files == {"b.csv", "a.parquet"}


def test_record_knows_the_sizes_of_what_other_settings_gave(tmp_path):
    source, labels, table = (tmp_path / name for name in ("a.png", "a.tif", "a.csv"))
    record = RunRecord(tmp_path, {"kind": "tif"})
    record.start()
    for path in (labels, table):
        path.write_text("1,2,3")
    record.finish(source, "print", [labels.name, table.name], {})
    RunRecord(tmp_path, {"kind": "zarr"}).start()
    labels.write_text("1,2")
    record = RunRecord(tmp_path, {"kind": "zarr"})
    assert record.altered(source) == [labels.name]
    record.begin(source, "a", ["a.ome.zarr", table.name])
    table.write_text("1")  # by the command
    for again in (record, RunRecord(tmp_path, {"kind": "zarr"})):
        assert again.altered(source) == [labels.name]
        assert again.replaced(source) == {labels.name}


def test_record_knows_what_was_to_be_replaced(tmp_path):
    a, b, c = (tmp_path / f"{name}.png" for name in "abc")
    record = RunRecord(tmp_path, {"probability": 0.5})
    record.start()
    for source in (a, b, c):
        (tmp_path / f"{source.stem}.csv").write_text("1")
        record.finish(source, "print", [f"{source.stem}.csv"], {})
    (tmp_path / "b.csv").write_text("edited")
    RunRecord(tmp_path, {"probability": 0.9}).start(
        {source: (f"{source.stem}_", [f"{source.stem}.csv"]) for source in (a, b)}
    )
    record = RunRecord(tmp_path, {"probability": 0.9})
    assert record.own(b) == {"b.csv"} and record.altered(b) == [] and record.own(c) == set()
    assert record.names == {a: "a_", b: "b_"}
    (tmp_path / "b.csv").write_text("once more")
    assert RunRecord(tmp_path, {"probability": 0.9}).altered(b) == ["b.csv"]
    record.begin(a, "a_", ["a.csv"])
    record.finish(a, "print", ["a.csv"], {})
    RunRecord(tmp_path, {"probability": 0.9}).start({a: ("a_", ["a.csv"])})
    assert RunRecord(tmp_path, {"probability": 0.9}).finished(a, "print") is None
    former = record.path.read_text().splitlines()[:5]
    record.path.write_text("\n".join([*former[:4], json.dumps({"settings": {"probability": 0.9}})]) + "\n")
    assert RunRecord(tmp_path, {"probability": 0.9}).own(c) == {"c.csv"}  # a former version did not say


def test_thousands_of_inputs_take_seconds(tmp_path):
    start = time.monotonic()
    for kind in ("csv", "parquet"):
        record = RunRecord(tmp_path, {"table": kind})
        record.start()
        for k in range(5000):
            source = tmp_path / f"{k}.tif"
            record.begin(source, str(k), [f"{k}.{kind}"])
            assert record.replaced(source) == ({f"{k}.csv"} if kind == "parquet" else set())
            record.finish(source, "print", [f"{k}.{kind}"], {})
    assert time.monotonic() - start < 20  # minutes, where every input is compared with all others


def test_fingerprint_sees_a_changed_file_and_a_changed_folder(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"1")
    first = fingerprint(file)
    file.write_bytes(b"2")
    assert fingerprint(file) != first
    folder = fingerprint(tmp_path)
    (tmp_path / "b").touch()
    assert fingerprint(tmp_path) != folder


def test_a_failure_does_not_stop_the_batch():
    def work(task):
        if task == 2:
            raise ZeroDivisionError("no")
        return {"task": task}

    ends = list(run_batch([1, 2, 3], work))
    assert [end.outcome for end in ends] == [{"task": 1}, None, {"task": 3}]
    assert "unexpected error (ZeroDivisionError: no)" in ends[1].problem


def test_several_processes_give_the_same():
    ends = list(run_batch([-3, 2, -1], _absolute, jobs=2))
    assert sorted(end.outcome["value"] for end in ends) == [1, 2, 3]


def test_a_process_that_dies_fails_its_own_task_only():
    ends = {end.task: end for end in run_batch([1, 0, 3, 4], _absolute, jobs=2)}
    assert ends[0].outcome is None
    assert "lack of memory" in ends[0].problem
    assert all(ends[k].outcome == {"value": k} for k in (1, 3, 4))


def _absolute(number: int) -> dict[str, int]:
    if number == 0:
        import os

        os._exit(9)
    return {"value": abs(number)}


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes as POSIX does")
def test_workers_end_with_a_process_that_is_killed(tmp_path):
    (tmp_path / "work.py").write_text(_ENDLESS)
    with subprocess.Popen([sys.executable, "work.py"], cwd=tmp_path) as parent:
        try:
            _until(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
        finally:
            parent.kill()
    workers = [int(path.stem) for path in tmp_path.glob("*.begun")]
    assert len(workers) == 2
    try:
        assert _until(lambda: not any(map(_lives, workers)))
    finally:
        for worker in filter(_lives, workers):
            os.kill(worker, signal.SIGKILL)


_ENDLESS = """
import os, time
from pathlib import Path
from micrographia.cli.batch import run_batch

def endless(task):
    Path(f"{os.getpid()}.begun").touch()
    time.sleep(300)
    return {}

if __name__ == "__main__":
    list(run_batch([1, 2], endless, jobs=2))
"""


def _until(true, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")  # where nobody asks how it ended, it stays listed as a zombie
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_small_words():
    assert [automatic_jobs(n, 8) for n in (1, 3, 5, 100)] == [1, 1, 5, 8]
    assert [duration(s) for s in (1.25, 5, 99.4, 200, 8000)] == ["1.2 s", "5 s", "99 s", "3 min", "2.2 h"]


def test_ctrl_c_waits_for_what_must_not_be_disturbed() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), undisturbed():
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
        reached.append("the end")
    assert reached == ["the end"]
    with pytest.raises(KeyboardInterrupt):  # from here on it is heard at once, as before
        signal.raise_signal(signal.SIGINT)
        time.sleep(5)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with undisturbed():  # who ignores it, as nohup does, is not stopped
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
