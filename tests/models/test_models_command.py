"""``micrographia models``: what it prints is aligned, complete, and true of models of other programs too."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_onnx import smoother, specs, write_smoother

from micrographia.arrays.errors import RequestError
from micrographia.cli import main
from micrographia.cli.models import _IN_WORDS, _experts, _text
from micrographia.io import write, write_labels
from micrographia.models import library as lib
from micrographia.models.other_kind import other_kind
from micrographia.models.package import open_package

needs_nuclei = pytest.mark.skipif(not (lib.BUILTIN / "nuclei.zip").exists(), reason="the built-in model is not there")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """Run a command that succeeds; gives what it printed."""

    def _said(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return _said


def test_the_advice_for_a_network_of_another_program_works(
    broad: Path, library: Path, said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advice = said("models", "import", broad)
    assert "micrographia segment" not in advice
    words = shlex.split(advice.split("use it with: micrographia ")[1])
    labels = np.zeros((64, 64), np.int32)
    labels[10:20, 10:20], labels[30:50, 20:40] = 1, 2
    write(tmp_path / "IMAGES" / "a.tif", (labels * 90).astype(np.uint8), axes="YX")
    write_labels(tmp_path / "LABELS" / "a.tif", labels)
    monkeypatch.chdir(tmp_path)  # where IMAGES and LABELS are
    assert "2 objects" in said(*words)
    assert advice.strip().split("; ", 1)[1].lower() in said("models", "show", "unet-2d-nuclei-broad").lower()


@pytest.fixture
def cropping_zip(tmp_path: Path) -> Path:
    """A network whose only layer is smaller than the picture, so that no object has its place in it."""
    return write_smoother(tmp_path / "cropping.zip", smoother(padded=False), **specs(halo=0, offset=-4)).path


def test_a_network_that_gives_features_by_its_output_alone(smoother_zip: Path, library: Path, said) -> None:
    assert "gives features of objects" in said("models", "import", smoother_zip, "--name", "smooth")


def test_a_network_that_no_command_applies(cropping_zip: Path, library: Path, said) -> None:
    advice = said("models", "import", cropping_zip, "--name", "smooth")
    assert "no command applies it; try it with: micrographia models test smooth" in advice
    assert "passed" in said("models", "test", "smooth")


def test_refusals_say_where_to_look(cropping_zip: Path, library: Path, said) -> None:
    package = open_package(cropping_zip)
    refusal = str(other_kind(package, "find objects"))
    hint = re.search("'micrographia (.*)' says what it can be used for", refusal)
    assert hint and "no command applies it" in said(*shlex.split(hint[1]))
    gone = replace(package, config={"method": "gone"})
    assert str(other_kind(gone, "find objects")).endswith("no method of this name is installed.")


@needs_nuclei
def test_refusal_of_a_model_of_ours() -> None:
    with pytest.raises(RequestError, match="it goes with 'micrographia segment'"):
        lib.find_arrays("nuclei", "pixels", "classify pixels")


@needs_nuclei
def test_show_tells_thresholds_and_is_aligned(said) -> None:
    out = said("models", "show", "nuclei")
    decoding = open_package(lib.find_model("nuclei")).config["experts"][0]["decoding"]
    thresholds = re.findall("^thresholds: .*", out, re.MULTILINE)
    assert [line.split(":")[1].strip() for line in thresholds] == ["dark background", "bright background"]
    assert f"probability of an object at least {decoding['probability']:g} (--probability)" in thresholds[0]
    assert f"at most {decoding['overlap']:g} of the smaller (--overlap)" in thresholds[0]
    rows = out.split("\nUse it with: micrographia segment IMAGE -m nuclei\n")[0].splitlines()[2:]
    starts = {re.match(r"\S+: +", row).end() for row in rows}
    assert len(starts) == 1


def test_show_takes_what_others_wrote(library: Path) -> None:
    assert _experts(["one", "two"], {}) == [("experts", "one, two")]
    assert _experts(None, {}) == [("experts", "None")]


def test_show_says_in_words_how_a_network_was_judged() -> None:
    nobody = {"data": {"training": ["a"], "validation": []}}
    assert "no image was set aside" in _IN_WORDS["validation"]({"accuracy": None, "iou": ""}, nobody)[0][1]
    assert _IN_WORDS["data"](nobody["data"], {}) == [("learned from", "1 image: a"), ("set aside", "no image")]
    history = [{"train_loss": 0.5, "validation_loss": 0.25}]
    said = _IN_WORDS["training"]({"steps": 4000, "minutes": 2.5, "history": history}, {})
    assert said == [("training", "4,000 steps in 2.5 minutes, loss 0.5, validation loss 0.25")]
    for key, words in _IN_WORDS.items():
        for other in (None, "text", [1], {"a": 1}):
            assert isinstance(words(other, {}), list), key


def test_show_tells_of_a_training_how_it_ended() -> None:
    rows = [{"train_loss": 0.5, "step": 2}, {"train_loss": 0.25, "step": 4}]
    assert _text({"steps": 4, "history": rows}) == "steps 4, history 2 rows, the last: train_loss 0.25, step 4"
    assert _text([{"name": "Ada"}, {"name": "Bo"}]) == "Ada, Bo"


def test_list_keeps_long_names_apart(smoother_zip: Path, library: Path, said) -> None:
    name = "a-name-of-more-than-twenty-letters"
    lib.import_model(smoother_zip, name)
    lib.import_model(smoother_zip, "short")
    lines = [line for line in said("models", "list").splitlines() if "yours" in line]
    assert lines[0].startswith(f"{name}  yours")
    assert len({line.index("yours") for line in lines}) == 1


def test_addresses_are_not_downloaded(capsys):
    for words in (
        ["models", "import", "https://example.com/model.zip"],
        ["models", "show", "https://example.com/a.zip"],
    ):
        assert main(words) == 2
        assert f"{words[2]} is a network address, and nothing is downloaded" in capsys.readouterr().err
