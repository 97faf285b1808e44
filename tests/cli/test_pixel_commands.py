"""``micrographia train pixels`` and ``classify pixels``: from strokes to files, resumed, refused with a sentence."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import pytest
import tifffile

from micrographia import get_method
from micrographia.cli import pixel_results
from micrographia.cli.run_record import NAME
from micrographia.io import read, read_labels, write, write_labels

FAST = ("--filters", "gaussian", "gradient", "--sigmas", "0.7", "2", "--trees", "10")


def picture(seed: int = 0, shape: tuple[int, int] = (60, 80)) -> tuple[np.ndarray, np.ndarray]:
    """Three bright discs on noise, and what they are: 1 background, 2 disc."""
    y, x = np.indices(shape)
    truth = np.ones(shape, np.uint8)
    for k in range(3):
        truth[(y - 15 - 14 * k) ** 2 + (x - 15 - 25 * k) ** 2 < 64] = 2
    return (np.random.default_rng(seed).normal(100, 8, shape) + 60 * (truth == 2)).astype(np.uint16), truth


def strokes(truth: np.ndarray) -> np.ndarray:
    painted = np.zeros_like(truth)
    painted[..., 2::5, 3::2] = truth[..., 2::5, 3::2]
    return painted


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model file and the strokes it was made of."""
    from micrographia.cli import main

    folder = tmp_path_factory.mktemp("pixels")
    for k in range(2):
        image, truth = picture(k)
        write(folder / "images" / f"{k}.tif", image, axes="YX", pixel_size={"Y": 0.5, "X": 0.5})
        write(folder / "strokes" / f"{k}_strokes.png", strokes(truth))
    words = ["--images", str(folder / "images"), "--labels", str(folder / "strokes"), "-o", str(folder / "discs.zip")]
    assert main(["train", "pixels", *words, "--classes", "back,disc", *FAST]) == 0
    return folder


def test_strokes_on_some_images_only(run, trained, tmp_path):
    (tmp_path / "painted").mkdir()
    shutil.copy(trained / "strokes" / "1_strokes.png", tmp_path / "painted")
    words = ("--images", trained / "images", "--labels", "painted", "-o", "m.zip", *FAST)
    code, out, err = run("train", "pixels", *words)
    assert code == 0, err
    assert "learning from 1 image\n" in out


def test_what_is_assumed_of_axes_is_said_and_can_be_named(run, tmp_path):
    image, truth = picture()
    (tmp_path / "i").mkdir(), (tmp_path / "s").mkdir()
    np.save(tmp_path / "i" / "a.npy", np.stack([image] * 4).reshape(2, 2, 1, *image.shape))
    np.save(tmp_path / "s" / "a.npy", np.stack([strokes(truth)] * 4).reshape(2, 2, *truth.shape))
    words = ("train", "pixels", "--images", "i", "--labels", "s", "-o", "m.zip", *FAST)
    code, _, err = run(*words)
    assert code == 1 and "name them with --axes" in err
    code, _, err = run(*words, "--axes", "TZCYX")
    assert code == 0, err
    np.save(tmp_path / "i" / "a.npy", np.stack([image] * 6))
    np.save(tmp_path / "s" / "a.npy", np.stack([strokes(truth)] * 6))
    assert "a.npy: the first dimension" in run(*words, "--overwrite")[2]


@pytest.mark.parametrize("axes", [None, "ZYX"])
def test_strokes_of_time_points_that_say_otherwise(run, tmp_path, axes):
    image, truth = picture()
    write(tmp_path / "i" / "a.ome.tif", np.stack([image] * 6), axes="TYX")
    (tmp_path / "s").mkdir()
    layer = np.stack([strokes(truth)] * 6)
    if axes is None:
        tifffile.imwrite(tmp_path / "s" / "a.tif", layer, metadata=None)
    else:
        write_labels(tmp_path / "s" / "a.tif", layer, axes=axes)
    words = ("train", "pixels", "--images", "i", "--labels", "s", "-o", "m.zip", *FAST)
    code, out, err = run(*words)
    assert code == 0, err
    assert "note: a.ome.tif: The z slices of the labels were taken for time points" in out
    assert get_method("pixels").load("m.zip").counts_ == {
        "a.ome.tif": [np.count_nonzero(layer == 1), np.count_nonzero(layer == 2)]
    }
    code, out, err = run(*words, "--overwrite", "--axes", "TYX")
    assert code == 0 and "note" not in out, err


def test_a_class_that_was_not_painted(run, trained, tmp_path):
    words = ("--images", trained / "images", "--labels", trained / "strokes", "-o", "m.zip", "--classes", "back,disc,c")
    code, out, err = run("train", "pixels", *words, *FAST)
    assert code == 0, err
    assert "note: No pixel of c was painted" in out
    write(tmp_path / "cells.tif", picture(7)[0], axes="YX")
    words = ("classify", "pixels", "cells.tif", "-m", "m.zip", "--output", "labels", "-o")
    assert "3 objects" in run(*words, "out")[1]
    assert "0 objects" in run(*words, "none", "--object-class", "c")[1]


def test_train_and_what_is_said_of_the_model(run, trained, tmp_path):
    images, labels = trained / "images", trained / "strokes"
    words = ("train", "pixels", "--images", images, "--labels", labels)
    code, out, err = run(*words, "-o", "m.zip", "--classes", "back, disc", *FAST)
    assert code == 0, err
    assert "learning from 2 images" in out
    assert "micrographia classify pixels IMAGE -m m.zip" in out
    code, _, err = run(*words, "-o", "m.zip")
    assert code == 2
    assert "exists already" in err
    code, out, _ = run("models", "show", "m.zip")
    assert code == 0
    for text in ("pixels", "| 0.tif |", "back and disc", "Out-of-bag error", "Most important features"):
        assert text in out
    code, out, _ = run("models", "test", "m.zip")
    assert code == 0
    assert "output: largest difference 0\npassed" in out


@pytest.mark.parametrize("output", [["--output", "probabilities", "classes", "uncertainty", "labels"], []])
def test_outputs_as_tiff(run, trained, tmp_path, output):
    image, truth = picture(7)
    write(tmp_path / "cells.tif", image, axes="YX", pixel_size={"Y": 0.5, "X": 0.5})
    model = trained / "discs.zip"
    code, out, err = run("classify", "pixels", "cells.tif", "-m", model, *output, "-o", "out")
    assert code == 0, err
    expected = get_method("pixels").load(model).predict(image)
    found = read(tmp_path / "out" / "cells_probabilities.tif")
    assert found.axes == "CYX"
    assert found.channels == ("back", "disc")
    assert found.pixel_size["Y"] == pytest.approx(0.5)
    np.testing.assert_array_equal(found.data, expected)
    assert "back 8" in out
    names = {"cells_probabilities.tif", NAME}
    if output:
        assert "3 objects" in out
        names |= {f"cells_{name}.tif" for name in ("classes", "uncertainty", "labels")}
        classes = read_labels(tmp_path / "out" / "cells_classes.tif").data
        np.testing.assert_array_equal(classes, expected.argmax(axis=0) + 1)
        assert (classes == truth).mean() > 0.97
        labels = read_labels(tmp_path / "out" / "cells_labels.tif").data
        assert labels.max() == 3
        uncertainty = read(tmp_path / "out" / "cells_uncertainty.tif").data
        np.testing.assert_allclose(uncertainty, 1 - abs(expected[0] - expected[1]), atol=1e-6)
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


def test_time_and_channels_as_zarr_block_by_block(run, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("micrographia.classify.pixels.pixel_blocks.REGION", {2: (32, 48)})
    monkeypatch.setattr("micrographia.classify.pixels.pixel_blocks._IN_MEMORY", 1000)
    monkeypatch.setattr("micrographia.io.zarr_writer._CHUNK", 32)
    first, _ = picture(1)
    stack = np.stack([np.stack([picture(k)[0], first * 0]) for k in range(2)])
    write(tmp_path / "t.ome.zarr", stack, axes="TCYX", channels=("DAPI", "actin"))
    words = ("classify", "pixels", "t.ome.zarr", "-m", trained / "discs.zip", "-o", "out")
    code, _, err = run(*words)
    assert code == 1
    assert "has 2 channels (DAPI, actin), but the model was trained on 1 channel" in err
    assert not list((tmp_path / "out").glob("*.zarr"))
    words = (*words, "--overwrite", "--channels", "DAPI", "--pixel-type", "uint8")
    code, out, err = run(*words, "--output", "probabilities", "classes", "labels")
    assert code == 0, err
    assert "2 time points, each classified on its own" in err
    assert "6 objects" in out
    method = get_method("pixels").load(trained / "discs.zip")
    found = read(tmp_path / "out" / "t_probabilities.ome.zarr")
    assert (found.axes, found.channels) == ("TCYX", ("back", "disc"))
    for t in range(2):
        expected = method.predict(stack[t, 0])
        np.testing.assert_array_equal(found.take(T=t).array(), np.rint(expected * 255))
        classes = read_labels(tmp_path / "out" / "t_classes.ome.zarr").take(T=t).array()
        np.testing.assert_array_equal(classes, expected.argmax(axis=0) + 1)
        assert read_labels(tmp_path / "out" / "t_labels.ome.zarr").take(T=t).array().max() == 3


def test_volumes(run, tmp_path):
    image, truth = picture()
    volume = np.stack([image] * 6)
    write(tmp_path / "in" / "v.tif", volume, axes="ZYX")
    write_labels(tmp_path / "strokes" / "v.tif", strokes(np.stack([truth] * 6)), axes="ZYX")
    words = ("train", "pixels", "--images", "in", "--labels", "strokes", "-o", "v.zip", "--dimensions", 3, *FAST)
    code, _, err = run(*words)
    assert code == 0, err
    code, _, err = run("classify", "pixels", "in/v.tif", "-m", "v.zip", "-o", "out", "--format", "zarr")
    assert code == 0, err
    found = read(tmp_path / "out" / "v_probabilities.ome.zarr")
    assert (found.axes, found.shape) == ("CZYX", (2, 6, 60, 80))
    np.testing.assert_array_equal(found.array(), get_method("pixels").load("v.zip").predict(volume))
    write(tmp_path / "flat.tif", image, axes="YX")
    code, _, err = run("classify", "pixels", "flat.tif", "-m", "v.zip", "-o", "out2")
    assert code == 1
    assert "looks at volumes" in err


def test_same_command_again_goes_on(run, trained, tmp_path, monkeypatch):
    for k in range(3):
        write(tmp_path / "in" / f"{k}.tif", picture(k)[0], axes="YX")
    words = ("classify", "pixels", "in", "-m", trained / "discs.zip", "-o", "out", "--jobs", 1)
    real = pixel_results.make_results

    def stopped(task, progress):
        if task.name == "1":
            (task.folder / f".{task.files[0]}.01234567.partial.tif").write_bytes(b"half")
            raise KeyboardInterrupt
        return real(task, progress)

    monkeypatch.setattr("micrographia.cli.classify_pixels.make_results", stopped)
    code, _, err = run(*words)
    assert code == 130
    assert "1 of 3 images are finished" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"0_probabilities.tif", NAME}
    monkeypatch.setattr("micrographia.cli.classify_pixels.make_results", real)
    code, out, err = run(*words)
    assert code == 0
    assert "3 images (1 from an earlier run)" in out
    code, out, err = run(*words, "--output", "probabilities", "probabilities")  # the same setting
    assert code == 0, err
    assert "3 images (3 from an earlier run)" in out
    code, _, err = run(*words, "--output", "classes")
    assert code == 2
    assert "other settings" in err
    code, out, _ = run(*words[:3], "-m", trained / "discs.zip", "-o", "in", "--jobs", 1)
    code, out, _ = run(*words[:3], "-m", trained / "discs.zip", "-o", "in", "--jobs", 1)
    assert "3 images (3 from an earlier run)" in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("classify", "pixels", "a.tif", "-o", "out"), 2, "Say which model classifies"),
        (("classify", "pixels", "a.tif", "-m", "none.zip"), 1, "no such model file"),
        (("classify", "pixels", "a.tif", "-m", "nuclei"), 2,
         "was made by the method 'stardist' and does not classify pixels; it goes with 'micrographia segment'"),
        (("classify", "pixels", "a.tif", "-m", "nonsense"), 2, "There is no model 'nonsense'"),
        (("classify", "pixels", "a.tif", "-m", "a.tif"), 1, ""),
        (("classify", "colours", "a.tif"), 2, "invalid choice"),
        (("classify", "pixels", "a.tif", "-m", "MODEL", "--output", "colours"), 2, "must be some of probabilities"),
        (("classify", "pixels", "a.tif", "-m", "MODEL", "--threshold", "0.6"), 2, "goes with --output labels"),
        (("classify", "pixels", "a.tif", "-m", "MODEL", "--output", "labels", "--object-class", "sky"), 2,
         "no class 'sky'; there are 1 (back), 2 (disc)"),
        (("classify", "pixels", "a.tif", "-m", "MODEL", "--output", "labels", "--core", "0.3"), 2, "below the thresh"),
        (("classify", "pixels", "missing.tif", "-m", "MODEL"), 1, "does not exist"),
        (("classify", "pixels", "a.tif", "-m", "MODEL", "--channels", "GFP"), 1, "there is no channel 'GFP'"),
        (("segment", "a.tif", "-m", "MODEL"), 2, "it goes with 'micrographia classify pixels'"),
        (("compare", "pixels", "--images", "images", "--labels", "one"), 2, "compare cannot judge pixels yet"),
        (("train", "pixels", "--images", "images", "--labels", "nothing"), 2, "No stroke was painted"),
        (("train", "pixels", "--images", "images", "--labels", "one"), 2, "Only one class was painted (label 2"),
        (("train", "pixels", "--images", "images", "--labels", "other"), 1, "12 x 14 pixels, but the image is 60 x 80"),
        (("train", "pixels", "--images", "images", "--labels", "two", "--classes", "a"), 2, "1 classes are named"),
        (("train", "pixels", "--images", "images", "--labels", "two", "--classes", "a,,b"), 2, "a name is missing"),
        (("train", "pixels", "--images", "images", "--labels", "two", "--trees", "0"), 2, "trees must be"),
        (("train", "pixels", "--images", "images", "--labels", "two", "--validation-images", "images"), 2,
         "no use for --validation-images"),
        (("train", "stardist", "--images", "images", "--labels", "two", "--classes", "a,b"), 2, "no use for --classes"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_met(run, trained, tmp_path, words, code, says):
    image, truth = picture()
    write(tmp_path / "a.tif", image, axes="YX")
    write(tmp_path / "images" / "a.tif", image, axes="YX")
    for name, labels in {"nothing": truth * 0, "one": truth // 2 * 2, "two": truth, "other": truth[:12, :14]}.items():
        write_labels(tmp_path / name / "a.tif", labels)
    words = tuple(trained / "discs.zip" if word == "MODEL" else word for word in words)
    before = set(tmp_path.rglob("*"))
    found, out, err = run(*words)
    assert found == code, err
    assert says in err.replace("\n", " ")
    left = set(tmp_path.rglob("*")) - before
    assert {path.name for path in left} <= {"micrographia-results", "out", NAME}


def test_labels_of_real_nuclei_are_no_classes(run, data_dir, tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        for start in ("00071198", "0280fa8f"):
            (file,) = (data_dir / "dsb2018" / "dev" / kind).glob(f"{start}*")
            shutil.copy(file, tmp_path / kind)
    words = ("train", "pixels", "--images", "images", "--labels", "labels", "-o", "m.zip")
    code, _, err = run(*words)
    assert code == 2
    assert "number objects, not classes: there are" in err.replace("\n", " ")
    assert not (tmp_path / "m.zip").exists()


def test_bad_images_fail_alone_and_odd_ones_pass(run, trained, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.tif").write_text("no image")
    odd = picture()[0].astype(np.float32)
    odd[3, 4] = np.nan
    np.save(tmp_path / "in" / "nan.npy", odd)
    np.save(tmp_path / "in" / "constant.npy", np.full((30, 40), 7, np.uint8))
    code, out, err = run("classify", "pixels", "in", "-m", trained / "discs.zip", "-o", "out", "--jobs", 1)
    assert code == 1
    assert "2 images" in out
    assert "failed: " in err and "bad.tif" in err
    assert "nan.npy: Pixels that are not numbers (NaN or infinite) were taken as 0." in err
    assert "constant.npy: The picture is constant" in err
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "nan_probabilities.tif", "constant_probabilities.tif", NAME
    }  # fmt: skip


def test_intensities_stored_in_another_way_are_noticed(run, trained, tmp_path):
    image = picture()[0]
    write(tmp_path / "i" / "unit.tif", image / np.float32(255))
    write(tmp_path / "i" / "same.tif", image)
    code, _, err = run("classify", "pixels", "i", "-m", trained / "discs.zip", "-o", "out")
    assert code == 0, err
    assert "unit.tif: Intensities are much smaller" in err and "same.tif: Intensities" not in err


def test_a_full_disk_leaves_nothing_half_written(run, trained, tmp_path, monkeypatch):
    write(tmp_path / "a.ome.zarr", picture()[0], axes="YX")

    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("micrographia.io.zarr_writer.move_into_place", full)
    words = ("classify", "pixels", "a.ome.zarr", "-m", trained / "discs.zip", "-o", "out")
    code, _, err = run(*words, "--output", "probabilities", "classes")
    assert code == 1
    assert "the disk is full" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {NAME}


def test_classes_from_a_table_and_one_channel(run, tmp_path):
    image, truth = picture()
    write(tmp_path / "images" / "a.ome.tif", np.stack([image * 0, image]), axes="CYX", channels=("actin", "DAPI"))
    write_labels(tmp_path / "labels" / "a.tif", strokes(truth))
    (tmp_path / "classes.csv").write_text("label,name\n2,disc\n1,back\n")
    words = ("train", "pixels", "--images", "images", "--labels", "labels", "--classes", "classes.csv", *FAST)
    code, _, err = run(*words, "-o", "m.zip", "--channel", "DAPI")
    assert code == 0, err
    method = get_method("pixels").load("m.zip")
    assert (method.classes_, method.channels_) == (("back", "disc"), ("DAPI",))
    code, _, err = run("classify", "pixels", "images", "-m", "m.zip", "-o", "out")
    assert code == 0, err
    np.testing.assert_array_equal(read("out/a_probabilities.tif").data, method.predict(image))
    shutil.rmtree("out")


def test_channels_of_other_names_are_taken_with_a_note(run, tmp_path):
    image, truth = picture()
    for folder, name in (("images", "DAPI"), ("other", "GFP")):
        write(tmp_path / folder / "a.ome.zarr", image[None], axes="CYX", channels=(name,))
    write_labels(tmp_path / "labels" / "a.tif", strokes(truth))
    assert run("train", "pixels", "--images", "images", "--labels", "labels", "-o", "m.zip", *FAST)[0] == 0
    code, _, err = run("classify", "pixels", "images", "-m", "m.zip", "-o", "same")
    assert code == 0 and "took the place" not in err
    code, _, err = run("classify", "pixels", "other", "-m", "m.zip", "-o", "out")
    assert (
        code == 0
        and "GFP took the place of DAPI, which the model was trained on; to choose others, use --channels" in err
    )
    code, _, err = run("classify", "pixels", "other", "-m", "m.zip", "-o", "chosen", "--channels", "GFP")
    assert code == 0 and "took the place" not in err


def test_images_of_one_name_in_two_folders_are_counted_apart(run, tmp_path):
    rows = ["image,label"]
    for k in (1, 2):
        image, truth = picture(k)
        write(tmp_path / f"p{k}" / "img.tif", image, axes="YX")
        write_labels(tmp_path / f"s{k}" / "img.tif", strokes(truth))
        rows.append(f"p{k}/img.tif,s{k}/img.tif")
    (tmp_path / "all.csv").write_text("\n".join(rows) + "\n")
    code, _, err = run("train", "pixels", "--images", "all.csv", "-o", "m.zip", *FAST)
    assert code == 0, err
    assert list(get_method("pixels").load("m.zip").counts_) == ["p1/img.tif", "p2/img.tif"]


def test_images_with_other_channels_than_the_first_are_named(run, tmp_path):
    image, truth = picture()
    write(tmp_path / "images" / "a.tif", image, axes="YX")
    write(tmp_path / "images" / "b.tif", np.stack([image.astype(np.uint8)] * 3, axis=-1), axes="YXS")
    for name in "ab":
        write_labels(tmp_path / "labels" / f"{name}.tif", strokes(truth))
    words = ("train", "pixels", "--images", "images", "--labels", "labels", "-o", "m.zip", *FAST)
    code, _, err = run(*words, "--all-channels")
    assert code == 1
    assert "b.tif has 3 channels (red, green, blue), but the first image, a.tif, has 1 channel (intensity)" in err
    assert "--channel (" in err and "trained" not in err
    assert run(*words, "--channel", "0")[0] == 0


def test_intensities_that_are_too_large_are_named(run, trained, tmp_path, recwarn):
    image, truth = picture()
    write(tmp_path / "images" / "a.tif", (image * 1e36).astype(np.float32), axes="YX")
    write_labels(tmp_path / "labels" / "a.tif", strokes(truth))
    code, _, err = run("train", "pixels", "--images", "images", "--labels", "labels", "-o", "m.zip", *FAST)
    assert code == 1 and "a.tif: its intensities are too large" in err
    code, _, err = run("classify", "pixels", "images", "-m", trained / "discs.zip", "-o", "out", "--jobs", 1)
    assert code == 1 and "its intensities are too large" in err
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]
