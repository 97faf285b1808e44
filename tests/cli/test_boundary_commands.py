"""``micrographia train boundaries`` and ``classify boundaries``: from strokes to label images, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from micrographia.io import read_labels, write
from micrographia.metrics.rand import rand_score

FAST = ("--filters", "gaussian", "hessian", "--sigmas", "1", "2", "--trees", "10")
STROKES = ("--images", "images", "--labels", "strokes", "--classes", "wall,cell")


def grid(seed: int, shape: tuple[int, int] = (90, 110)) -> tuple[np.ndarray, np.ndarray]:
    """A picture of rooms with dark walls and faint lines, and whether a pixel is wall."""
    rng = np.random.default_rng(seed)
    wall = np.zeros(shape, bool)
    wall[rng.integers(5, 15) :: 28] = True
    wall[:, rng.integers(5, 15) :: 31] = True
    faint = (np.indices(shape).sum(0) % 23 == 0) & ~wall  # lines that part regions, but no rooms
    picture = 180 - gaussian_filter(120.0 * wall + 90 * faint, 0.8) + rng.normal(0, 35, shape)
    return picture.clip(0, 255).astype(np.uint8), wall


@pytest.fixture
def rooms(tmp_path):
    for k in range(2):
        picture, wall = grid(k)
        painted = np.zeros(wall.shape, np.uint8)
        painted[:, 10:50] = np.where(wall, 1, 2)[:, 10:50]
        write(tmp_path / "images" / f"{k}.tif", picture)
        write(tmp_path / "strokes" / f"{k}_strokes.png", painted)
    write(tmp_path / "new.tif", grid(5)[0])
    return tmp_path


def test_from_strokes_to_objects(run, rooms):
    assert run("train", "pixels", *STROKES, "-o", "walls.zip", *FAST)[0] == 0
    code, out, err = run("train", "boundaries", *STROKES, "--pixels", "walls.zip", "--smooth", "1", "-o", "rooms.zip")
    assert code == 0, err
    assert "micrographia classify boundaries IMAGE -m rooms.zip" in out
    assert "note: class 1 (" in out and ") is taken for the boundaries; see --boundary" in out
    code, out, err = run("classify", "boundaries", "new.tif", "-m", "rooms.zip", "-o", "out")
    assert code == 0, err
    labels = read_labels(rooms / "out" / "new_labels.tif").data
    assert f"1 image, {labels.max()} objects" in out
    assert rand_score(label(~grid(5)[1])[0], labels).score > 0.9
    assert (rooms / "out" / "new_overlay.png").exists()
    assert "1 from an earlier run" in run("classify", "boundaries", "new.tif", "-m", "rooms.zip", "-o", "out")[1]
    assert run("models", "test", "rooms.zip")[0] == 0


def test_channels_and_slices(run, rooms):
    run("train", "pixels", *STROKES, "-o", "walls.zip", *FAST)
    assert run("train", "boundaries", *STROKES, "--pixels", "walls.zip", "-o", "rooms.zip")[0] == 0
    plane = grid(5)[0]
    write(rooms / "two.tif", np.stack([[plane * 0, plane]] * 2), axes="ZCYX", channels=("empty", "walls"))
    words = ("classify", "boundaries", "two.tif", "-m", "rooms.zip", "-o", "out")
    code, _, err = run(*words)
    assert code == 1 and "choose them with --channels" in err
    code, _, err = run(*words, "--channels", "walls")
    assert code == 0, err
    assert "two.tif: 2 z slices, each segmented on its own." in err
    run("classify", "boundaries", "new.tif", "-m", "rooms.zip", "-o", "one")
    found, expected = (read_labels(rooms / name).data for name in ("out/two_labels.tif", "one/new_labels.tif"))
    assert (found == expected).all()


def test_the_class_of_the_boundaries_has_a_name(run, rooms):
    words = ("--images", "images", "--labels", "strokes", "--classes", "room,Wall")
    for k in range(2):
        painted = read_labels(rooms / "strokes" / f"{k}_strokes.png").data
        write(rooms / "strokes" / f"{k}_strokes.png", np.array([0, 2, 1], np.uint8)[painted])
    assert run("train", "pixels", *words, "-o", "walls.zip", *FAST)[0] == 0
    settings = ("--pixels", "walls.zip", "--smooth", "1")
    for name, said in (("a", "wall"), ("b", "2")):
        code, out, err = run("train", "boundaries", *words, *settings, "--boundary", said, "-o", f"{name}.zip")
        assert code == 0 and "note: class 2 (Wall) is taken for the boundaries" in out, err
        run("classify", "boundaries", "new.tif", "-m", f"{name}.zip", "-o", name)
    found, expected = (read_labels(rooms / name / "new_labels.tif").data for name in "ab")
    assert (found == expected).all() and rand_score(label(~grid(5)[1])[0], found).score > 0.9


def test_channels_of_other_names_are_taken_with_a_note(run, rooms):
    for k in range(2):
        write(rooms / "em" / f"{k}.ome.zarr", grid(k)[0][None], axes="CYX", channels=("EM",))
    words = ("--images", "em", "--labels", "strokes")
    run("train", "pixels", *words, "-o", "walls.zip", *FAST)
    assert run("train", "boundaries", *words, "--pixels", "walls.zip", "-o", "rooms.zip")[0] == 0
    write(rooms / "new.ome.zarr", grid(5)[0][None], axes="CYX", channels=("DAPI",))
    code, _, err = run("classify", "boundaries", "new.ome.zarr", "-m", "rooms.zip", "-o", "out")
    assert code == 0 and "new.ome.zarr: The names of the channels differ" in err and "DAPI took the place of EM" in err


def test_bad_requests(run, rooms, monkeypatch):
    code, _, err = run("classify", "boundaries", "new.tif", "-o", "out")
    assert code == 2 and "Say which model" in err
    run("train", "pixels", *STROKES, "-o", "walls.zip", *FAST)
    code, _, err = run("classify", "boundaries", "new.tif", "-m", "walls.zip", "-o", "out")
    assert code == 2 and "walls.zip" in err
    code, _, err = run("train", "boundaries", *STROKES, "--pixels", "lost.zip", "-o", "rooms.zip")
    assert code in (1, 2) and "lost.zip" in err
    monkeypatch.setattr("micrographia.classify.pixels.pixel_classifier.learn_stages", None)  # found before learning
    code, _, err = run("train", "boundaries", *STROKES, "--boundary", "3", "-o", "rooms.zip")
    assert code == 2 and "no class '3'" in err and "there are 1 (wall), 2 (cell)" in err.replace("\n", " ")
    assert not (rooms / "rooms.zip").exists() and not (rooms / "out").exists()
