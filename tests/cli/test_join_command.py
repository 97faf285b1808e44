"""``micrographia join``: files of single channels become images, again only where they changed, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest

from micrographia.io import read, write

NAMES = ("--names", r"_w(?P<channel>\d)")


@pytest.fixture
def plate(tmp_path):
    for well in ("A1", "A2"):
        for channel in (1, 2):
            write(tmp_path / "plate" / f"{well}_w{channel}.tif", np.full((6, 7), channel, np.uint16))
    return tmp_path


def test_join_and_go_on(run, plate):
    code, out, err = run("join", "plate", *NAMES, "--channels", "DNA", "GFP", "--pixel-size", "0.5", "-o", "images")
    assert (code, err.count("failed")) == (0, 0)
    assert "2 images, 4 files joined" in out
    image = read(plate / "images" / "A2.ome.tif")
    assert image.axes == "CYX" and image.channels == ("DNA", "GFP") and image.pixel_size["X"] == 0.5
    assert image.data[:, 0, 0].tolist() == [1, 2]
    write(plate / "plate" / "A2_w2.tif", np.full((6, 7), 9, np.uint16))  # not the first file of its image
    code, out, _ = run("join", "plate", *NAMES, "--channels", "DNA", "GFP", "--pixel-size", "0.5", "-o", "images")
    assert "2 images (1 from an earlier run)" in out
    assert read(plate / "images" / "A2.ome.tif").data[:, 0, 0].tolist() == [1, 9]


def test_results_of_other_files_stay_and_are_no_files_to_join(run, plate):
    other = plate / "other"
    for channel in (1, 2):
        write(other / f"A1_w{channel}.tif", np.full((6, 7), 5, np.uint16))
    assert run("join", "plate", *NAMES, "-o", "images")[0] == 0
    code, _, err = run("join", "other", *NAMES, "-o", "images")
    assert code == 2 and "A1.ome.tif would be replaced" in err
    assert read(plate / "images" / "A1.ome.tif").data[:, 0, 0].tolist() == [1, 2]
    for said in ("1 image, 2 files", "1 image (1 from an earlier run)"):
        code, out, err = run("join", "other", *NAMES, "-o", "other")
        assert code == 0 and said in out, err


def test_an_image_that_lacks_a_channel_fails_alone(run, plate):
    (plate / "plate" / "A1_w2.tif").unlink()
    code, out, err = run("join", "plate", *NAMES, "-o", "images")
    assert code == 1 and "1 images" not in out
    assert "A1: there is no file of channel 2" in err
    assert [path.name for path in (plate / "images").glob("*.tif")] == ["A2.ome.tif"]


def test_a_wrong_setting_that_made_nothing_is_not_held_against_the_next_run(run, plate):
    assert run("join", "plate", *NAMES, "--channels", "DNA", "-o", "images")[0] == 1
    code, _, err = run("join", "plate", *NAMES, "--channels", "DNA", "GFP", "-o", "images")
    assert code == 0, err
    assert run("join", "plate", *NAMES, "-o", "images")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Say how the files are named"),
        (("--names", "("), 2, "no regular expression"),
        (("--names", r"_w(?P<channel>\d)\.tif"), 1, "does not fit this name (without its ending: A1_w1)"),
        ((*NAMES, "--channels", "DNA"), 1, "1 channel name, but the files have 2"),
    ],
)
def test_bad_requests(run, plate, words, code, said):
    found, _, err = run("join", "plate", *words, "-o", "images")
    assert found == code and said in err
    assert not list(plate.glob("images/*.tif"))
