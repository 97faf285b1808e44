"""Models that are none, and stopping with Ctrl-C, with the built-in model itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from made_pictures import spots

from micrographia.cli.demo import synthetic_nuclei
from micrographia.io import write
from micrographia.models.library import BUILTIN

NUCLEI = BUILTIN / "nuclei.zip"
pytestmark = pytest.mark.skipif(not NUCLEI.exists(), reason="the built-in model is not there")


def _text(path):
    path.write_text("no model")


def _truncated(path):
    path.write_bytes(NUCLEI.read_bytes()[:200_000])


def _tampered(path):
    with zipfile.ZipFile(NUCLEI) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] + bytes([content[-1] ^ 1]) if name.endswith(".onnx") else content)


def _remote(path):
    with zipfile.ZipFile(NUCLEI) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if "rdf" in name or "bioimageio.yaml" in name:
                weights = next(n for n in old.namelist() if n.endswith(".onnx"))
                content = content.replace(weights.encode(), b"https://example.org/weights.onnx")
            new.writestr(name, content)


@pytest.mark.parametrize("make", [_text, _truncated, _tampered, _remote])
@pytest.mark.parametrize("words", [("segment", "a.png", "-o", "out", "-m"), ("models", "import"), ("models", "test")])
def test_refused_in_one_sentence_before_any_work(run, tmp_path, make, words):
    write(tmp_path / "a.png", spots())
    make(tmp_path / "bad.zip")
    code, _, err = run(*words, "bad.zip")
    assert code == 1
    assert "bad.zip" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_unknown_model(run, tmp_path):
    write(tmp_path / "a.png", spots())
    code, _, err = run("segment", "a.png", "-m", "nucleii")
    assert code == 2
    assert "There is no model 'nucleii'. Models at hand: nuclei" in err
    assert run("segment", "a.png", "-m", "missing.zip")[0] == 1


def test_models_commands(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MICROGRAPHIA_MODELS", str(tmp_path / "models"))
    assert "built in" in run("models", "list")[1]
    assert "license" in run("models", "show", "nuclei")[1]
    assert "passed" in run("models", "test", "nuclei")[1]
    assert run("models", "export", "nuclei", "mine.zip")[0] == 0
    assert run("models", "export", "nuclei", "mine.zip")[0] == 2
    assert "imported as mine" in run("models", "import", "mine.zip", "--name", "mine")[1]
    assert "yours" in run("models", "list")[1]
    (tmp_path / "models" / "broken.zip").write_text("broken")
    code, out, err = run("models", "list")
    assert code == 1
    assert "nuclei" in out
    assert "broken" in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("jobs", [1, 2])
def test_stop_with_ctrl_c_and_go_on(run, tmp_path, jobs):
    picture, _ = synthetic_nuclei((256, 256), 30)
    for k in range(6):
        write(tmp_path / "in" / f"{k}.tif", picture, axes="YX")
    words = [sys.executable, "-m", "micrographia", "segment", "in", "-o", "out", "--jobs", str(jobs)]
    # a background job of a shell without job control ignores Ctrl-C, and so would what it starts
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    record = tmp_path / "out" / "micrographia-run.jsonl"
    end = time.monotonic() + 60
    while not (record.exists() and '"done"' in record.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "type the same command again" in err
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert not [name for name in names if name.startswith(".")]
    finished = record.read_text().count('"done"')
    assert 0 < finished < 6
    code, out, err = run("segment", "in", "-o", "out", "--jobs", "1")
    assert code == 0, err
    assert f"6 images ({finished} from an earlier run)" in out
