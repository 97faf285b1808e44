"""Bad input: exit code 1 or 2, one clear sentence, the other inputs finished, nothing half-written."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from made_pictures import spots
from PIL import Image as Picture

from micrographia.io import read_labels, write, write_labels

pytestmark = pytest.mark.usefixtures("model")


def _text(path: Path) -> None:
    path.write_text("These are my notes, not an image.")


def _empty(path: Path) -> None:
    path.touch()


def _truncated(path: Path) -> None:
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8))
    path.write_bytes(path.read_bytes()[:20_000])


def _complex(path: Path) -> None:
    tifffile.imwrite(path, spots().astype(np.complex64))


def _no_pixels(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros((0, 64), np.uint8))


def _vector(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros(64, np.uint8))


def _objects(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.array([{"a": 1}, None], object), allow_pickle=True)


def _five_dimensions(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros((2, 3, 2, 8, 8), np.uint8))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, ""),
        (_empty, "empty"),
        (_truncated, ""),
        (_complex, "complex"),
        (_no_pixels, ""),
        (_vector, ""),
        (_objects, ""),
        (_five_dimensions, "axes"),
    ],
)
def test_what_cannot_be_segmented_is_refused_and_the_others_are_finished(run, tmp_path, make, says):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "bad.tif")
    write(tmp_path / "in" / "good.png", spots())
    code, out, err = run("segment", "in", "-o", "out")
    failed = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert code == 1
    assert len(failed) == 1, err
    assert "bad" in failed[0]
    assert says in failed[0]
    assert "unexpected" not in failed[0]
    assert "1 image, 3 objects" in out
    _nothing_half_written(tmp_path / "out", {"good"})


def _good(kind: str, path: Path) -> Path:
    """Pictures that are unusual but can be segmented, each with three bright squares or none."""
    picture = spots()
    arrays: dict[str, Any] = {
        "bool": picture > 100,
        "uint32": picture.astype(np.uint32) * 1_000_000,
        "int64": picture.astype(np.int64),
        "float16": picture.astype(np.float16),
        "float64": picture.astype(np.float64),
        "negative": picture.astype(np.int16) - 150,
        "nan": np.where(np.indices(picture.shape).sum(0) % 7 == 0, np.nan, picture).astype(np.float32),
        "infinity": np.where(np.indices(picture.shape).sum(0) % 37 == 0, np.inf, picture).astype(np.float32),
        "constant": np.full((64, 64), 7, np.uint8),
        "one_pixel": np.full((1, 1), 7, np.uint8),
        "one_row": picture[10:11],
        "all_nan": np.full((32, 32), np.nan, np.float32),
    }
    if kind in arrays:
        np.save(path.with_suffix(".npy"), arrays[kind])
        return path.with_suffix(".npy")
    if kind == "big_endian":
        tifffile.imwrite(path.with_suffix(".tif"), picture.astype(">u2"), byteorder=">")
        return path.with_suffix(".tif")
    if kind == "five_dimensions":
        stack = np.broadcast_to(picture, (2, 1, 2, 64, 64)).copy()
        write(path.with_suffix(".ome.tif"), stack, axes="TCZYX")
        return path.with_suffix(".ome.tif")
    colour = np.stack([picture] * 3, axis=-1)
    image = {
        "palette": lambda: Picture.fromarray(colour).convert("P"),
        "rgba": lambda: Picture.fromarray(np.dstack([colour, np.full(picture.shape, 255, np.uint8)])),
        "cmyk": lambda: Picture.fromarray(colour).convert("CMYK"),
        "sixteen_bits": lambda: Picture.fromarray(picture.astype(np.uint16) * 100),
    }[kind]()
    path = path.with_suffix(".jpg" if kind == "cmyk" else ".png")
    image.save(path, quality=95) if kind == "cmyk" else image.save(path)
    return path


UNUSUAL = (
    "bool", "uint32", "int64", "float16", "float64", "negative", "nan", "infinity", "constant", "one_pixel", "one_row",
    "all_nan", "big_endian", "five_dimensions", "palette", "rgba", "cmyk", "sixteen_bits",
)  # fmt: skip
FOUND = {"constant": 0, "one_pixel": 0, "all_nan": 0, "five_dimensions": 12}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_can_be_segmented_is(run, tmp_path, kind):
    path = _good(kind, tmp_path / "picture")
    code, out, err = run("segment", path, "-o", "out")
    assert code == 0, err
    expected = FOUND.get(kind, 3)
    if kind not in ("nan", "infinity"):
        assert f"1 image, {expected} object" in out
    if expected == 0:
        assert "picture" in err  # a warning
    _nothing_half_written(tmp_path / "out", {"picture"})


def test_missing_file_and_empty_folder(run, tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "good.png", spots())
    code, out, err = run("segment", "missing.tif", "empty", "no*.tif", "good.png", "-o", "out")
    assert code == 1
    for word in ("missing.tif does not exist", "empty holds no image", "No image matches the pattern no*.tif"):
        assert f"failed: {word}" in err
    assert "1 image, 3 objects" in out


def test_nothing_but_missing_files_leaves_no_folder(run, tmp_path):
    code, _, err = run("segment", "missing.tif", "-o", "out")
    assert code == 1
    assert "missing.tif does not exist" in err
    assert not (tmp_path / "out").exists()


def test_labels_given_as_an_image_are_segmented_with_a_hint(run, tmp_path):
    labels = np.kron(np.arange(16, dtype=np.int32).reshape(4, 4) % 5, np.ones((16, 16), np.int32))
    write_labels(tmp_path / "truth.tif", labels)
    code, out, err = run("segment", "truth.tif", "-o", "out")
    assert code == 0
    assert "This looks like a label image, not like a picture" in err


def test_labels_and_image_of_different_shape(run, tmp_path):
    write(tmp_path / "images" / "a.png", spots())
    write_labels(tmp_path / "labels" / "a.tif", np.ones((10, 12), np.int32))
    code, _, err = run("measure", "--labels", "labels", "--images", "images", "-o", "tables")
    assert code == 1
    assert "10" in err and "64" in err
    code, _, err = run("evaluate", "nuclei", "--labels", "labels", "--images", "images", "-o", "out")
    assert code == 1
    assert "a.tif is 10 x 12 pixels, but its image a.png is 64 x 64." in err
    assert not (tmp_path / "out").exists()


def test_output_folder_that_cannot_be_written(run, tmp_path):
    write(tmp_path / "a.png", spots())
    (tmp_path / "file").touch()
    code, _, err = run("segment", "a.png", "-o", "file/out")
    assert code == 1
    assert "could not be written" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_full_disk(run, tmp_path, monkeypatch, number):
    write(tmp_path / "in" / "a.png", spots())
    write(tmp_path / "in" / "b.png", spots())
    from micrographia.io import tiff_writer

    real = tiff_writer.write_imagej_tiff

    def full(path, *args, **options):
        if ".a_labels" in str(path):
            Path(path).write_bytes(b"half")
            raise OSError(number, "no")
        return real(path, *args, **options)

    monkeypatch.setattr("micrographia.io.writing.write_imagej_tiff", full, raising=False)
    monkeypatch.setattr(tiff_writer, "write_imagej_tiff", full)
    code, out, err = run("segment", "in", "-o", "out")
    assert code == 1
    assert "a_labels.tif could not be written: " in err
    assert "1 image, 3 objects" in out
    _nothing_half_written(tmp_path / "out", {"b"})
    assert not (tmp_path / "out" / "a_labels.tif").exists()


def test_names_with_spaces_and_letters_of_other_languages(run, tmp_path):
    for name in ("my cells (1)", "клетки", "細胞", "émail"):
        write(tmp_path / "in" / f"{name}.png", spots())
    code, out, err = run("segment", "in", "-o", "results of día 1")
    assert code == 0, err
    assert read_labels(tmp_path / "results of día 1" / "клетки_labels.tif").data.max() == 3


def test_two_inputs_with_one_stem(run, tmp_path):
    write(tmp_path / "a" / "cells.png", spots(n=1))
    write(tmp_path / "b" / "cells.png", spots(n=2))
    code, _, err = run("segment", "a", "b", "-o", "out")
    assert code == 0, err
    assert read_labels(tmp_path / "out" / "a_cells_labels.tif").data.max() == 1
    assert read_labels(tmp_path / "out" / "b_cells_labels.tif").data.max() == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["segment", "a.png", "--z", "middle"], "z must be one of each, max, best-focus; got 'middle'."),
        (["segment", "a.png", "--jobs", "-1"], "jobs must be a whole number, at least 0; got '-1'."),
        (["segment", "a.png", "--probability", "2"], "probability must be a number or none, 0 to 1; got '2'."),
        (["segment", "a.png", "--pixel-size", "0"], "pixel_size must be a number or none"),
        (["segment"], "required: IMAGE"),
        (["segment", "a.png", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["segmnt", "a.png"], "There is no command 'segmnt'. Did you mean 'segment'?"),
        (["train", "stardst"], "There is no method 'stardst'. Did you mean 'stardist'?"),
        (["train", "stardist"], "Say what to learn from"),
        (["train", "stardist", "--rays", "2", "--images", "x"], "rays must be a whole number"),
        (["train", "stardist", "--images", "x", "-o", "model.pt"], "ends in .zip"),
        (["evaluate", "nuclei"], "Say which images to check on"),
        (["evaluate"], "Name a model, or give label images with --predictions"),
        (["measure"], "Say which label images to measure"),
        (["models"], "required: ACTION"),
        (["methods", "unet"], "There is no method 'unet'"),
    ],
)
def test_requests_that_make_no_sense(run, tmp_path, words, says):
    write(tmp_path / "a.png", spots())
    code, _, err = run(*words)
    assert code == 2
    assert says in err
    assert [p.name for p in tmp_path.iterdir() if p.name != "spots.zip"] == ["a.png"]


def _nothing_half_written(folder: Path, names: set[str]) -> None:
    allowed = {"report.html", "micrographia-run.jsonl"}
    for path in folder.iterdir():
        assert path.name in allowed or any(path.name.startswith(f"{name}_") for name in names), path
