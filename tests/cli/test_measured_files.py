"""Labels that ``micrographia measure`` cannot measure are refused in a sentence; images that hardly differ are not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import zarr

import micrographia as mg
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.cli.class_examples import only_plane, planes_of
from micrographia.cli.measured_files import read_measured
from micrographia.features.aligned import check_object_numbers
from micrographia.io.datasets import Item

KINDS = [("basic",), ("cellprofiler", "--only", "shape")]


def labels(background=0):
    found = np.full((40, 50), background, np.int32)
    found[5:15, 5:20] = 1
    found[20:35, 25:45] = 2
    return found


@pytest.mark.parametrize("kind", KINDS, ids=["basic", "cellprofiler"])
def test_negative_labels_are_refused(run, tmp_path, kind):
    mg.write(tmp_path / "labels" / "neg.tif", Image(labels(-1), "YX"))
    mg.write(tmp_path / "labels" / "good.tif", Image(labels(), "YX"))
    code, out, err = run("measure", "--features", *kind, "--labels", "labels", "-o", "out")
    assert code == 1 and "2 objects" in out and "Traceback" not in err
    assert "neg.tif: the negative number -1 is no label" in err and "write 0 there" in err
    assert not (tmp_path / "out" / "neg_objects.csv").exists()


def test_negative_labels_of_cells_are_refused(run, tmp_path):
    mg.write(tmp_path / "nuclei" / "a.tif", Image(labels(), "YX"))
    mg.write(tmp_path / "images" / "a.png", Image(labels().astype(np.uint8), "YX"))
    mg.write(tmp_path / "cells" / "a.tif", Image(labels(-3), "YX"))
    words = ("--labels", "nuclei", "--images", "images", "--cells", "cells", "--only", "shape")
    code, _, err = run("measure", "--features", "cellprofiler", *words, "-o", "out")
    assert code != 0 and "a.tif: the negative number -3 is no label" in err


def test_negative_labels_are_refused_before_a_network_looks(run, tmp_path, monkeypatch):
    from micrographia.classify.crops import learned_features

    monkeypatch.setattr(
        learned_features, "open_features", lambda *_: SimpleNamespace(all_channels=True, count=1, note="")
    )
    mg.write(tmp_path / "images" / "a.png", Image(labels().astype(np.uint8), "YX"))
    mg.write(tmp_path / "labels" / "a.tif", Image(labels(-1), "YX"))
    words = ("-m", "m.zip", "--images", "images", "--labels", "labels")
    code, _, err = run("measure", "--features", "learned", *words, "-o", "out")
    assert code != 0 and "a.tif: the negative number -1 is no label" in err


def test_a_mask_of_few_pieces_is_measured_with_a_warning(run, tmp_path):
    mg.write_labels(tmp_path / "a_labels.tif", (labels() > 0).astype(np.int32))
    warning = "a_labels.tif: 2 separate pieces have the number 1 and count as one object"
    for earlier in ("", " (1 from an earlier run)"):
        code, out, err = run("measure", "--labels", "a_labels.tif", "-o", "out")
        assert code == 0 and f"1 image{earlier}, 1 object" in out
        assert err.count(warning) == 1
    code, _, err = run("measure", "--features", "cellprofiler", "--labels", "a_labels.tif", "-o", "out")
    assert code == 0 and f"warning: {warning}" in err


@pytest.mark.parametrize("kind", [*KINDS, ("quality",)], ids=["basic", "cellprofiler", "quality"])
def test_axes_that_make_no_sense_are_refused_once(run, tmp_path, kind):
    for name in "ab":
        mg.write_labels(tmp_path / "labels" / f"{name}.tif", labels())
    words = ("--labels", "labels") if kind != ("quality",) else ("--images", "labels")
    code, _, err = run("measure", "--features", *kind, *words, "--axes", "ZZ", "-o", "out")
    assert code == 2 and err.count("Axes 'ZZ'") == 1
    assert not (tmp_path / "out").exists()


def test_every_plane_of_lazy_labels_is_looked_at():
    data = zarr.create_array({}, shape=(3, 40, 50), chunks=(1, 40, 50), dtype="int16")
    check_object_numbers(Image(data, "ZYX"))
    data[2, 7, 7] = -5
    with pytest.raises(InputError, match="negative number -5"):
        check_object_numbers(Image(data, "ZYX"))


def test_training_labels_keep_what_was_not_annotated(tmp_path):
    mg.write(tmp_path / "neg.tif", Image(labels(-1), "YX"))
    assert mg.read_labels(tmp_path / "neg.tif").data.min() == -1


@pytest.mark.parametrize("kind", KINDS, ids=["basic", "cellprofiler"])
@pytest.mark.parametrize(("axis", "words"), [("Z", "3 z slices"), ("T", "3 time points")])
def test_labels_of_one_plane_with_a_whole_stack(run, tmp_path, kind, axis, words):
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50)).astype(np.uint8)
    mg.write(tmp_path / "images" / "tz.tif", Image(stack, f"{axis}YX"))
    mg.write_labels(tmp_path / "labels" / "tz_labels.tif", labels())
    code, _, err = run("measure", "--features", *kind, "--labels", "labels", "--images", "images", "-o", "out")
    assert code != 0 and f"tz.tif has {words}, but its labels tz_labels.tif have none" in err
    assert "stored as an image of its own" in err and ("--z each" in err) == (axis == "Z")
    assert "choose one of them" not in err


def test_a_stack_of_one_slice_is_a_plane(tmp_path):
    mg.write(tmp_path / "a.ome.zarr", Image(np.ones((1, 40, 50), np.uint8), "ZYX"))
    mg.write_labels(tmp_path / "l.tif", labels())
    found, pixels, _ = read_measured(tmp_path / "l.tif", tmp_path / "a.ome.zarr")
    assert found.axes == "YX" and pixels.axes == "ZYX"


def test_quality_of_images_that_differ_by_rounding(run, tmp_path):
    image = np.zeros((64, 64), np.uint8)
    image[10:30, 10:30] = 1
    mg.write(tmp_path / "images" / "one.tif", Image(image, "YX"))
    mg.write(tmp_path / "images" / "white.tif", Image(image * 255, "YX"))
    square = np.where(image > 0, 46, 1).astype(np.uint16)
    mg.write(tmp_path / "images" / "square.tif", Image(square, "YX"))
    code, _, err = run("measure", "--features", "quality", "--images", "images", "-o", "out")
    assert code == 0 and "unexpected" not in err and "Warning" not in err
    assert len(pd.read_csv(tmp_path / "out" / "image_quality.csv")) == 3
    assert (tmp_path / "out" / "report.html").exists()


def test_a_mask_is_one_object_for_measurements_and_none_for_training(tmp_path, capsys):
    mg.write(tmp_path / "a.tif", Image(labels().astype(np.uint8), "YX"))
    mg.write_labels(tmp_path / "a_labels.tif", (labels() > 0) * np.int32(255))
    item = Item(tmp_path / "a.tif", tmp_path / "a_labels.tif", {})
    (plane,) = planes_of(item)
    assert plane.labels.max() == 255
    assert "warning: a_labels.tif: 2 separate pieces have the number 255 and count as one" in capsys.readouterr().err
    with pytest.raises(InputError, match="a_labels.tif is a mask"):
        only_plane(item)
