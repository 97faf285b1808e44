"""Features from bare ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.crops import onnx_features
from micrographia.classify.crops.layer_features import LayerModel
from micrographia.classify.crops.learned_features import open_features
from micrographia.classify.crops.onnx_features import RowModel
from micrographia.cli import main
from micrographia.features.crops import CropPlan, cut_crops
from micrographia.io import write, write_labels

KERNEL = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
CONV = helper.make_node("Conv", ["raw", "kernel"], ["conv"], pads=[1] * 4)
RELU = helper.make_node("Relu", ["conv"], ["relu"])
POOL = helper.make_node("GlobalAveragePool", ["relu"], ["pooled"])
FLAT = helper.make_node("Flatten", ["pooled"], ["row"])


def stored(path: Path, nodes: list[Any], outputs: list[str], shape: tuple = (None, 3, None, None), **more: Any) -> Path:
    """An ONNX file of a picture ``raw`` to some outputs."""
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("raw", more.get("kind", TensorProto.FLOAT), shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(KERNEL, "kernel")],
    )  # fmt: skip
    domains = [helper.make_opsetid("", 17), *(helper.make_opsetid(name, 1) for name in more.get("domains", ()))]
    model = helper.make_model(graph, opset_imports=domains, ir_version=8)
    if more.get("external"):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(model.SerializeToString())
    return path


def field() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    labels = np.zeros((64, 96), np.int32)
    for k in range(6):
        labels[8 + 28 * (k // 3) :, 8 + 28 * (k % 3) :][:14, :14] = 2 * k + 1
    return rng.integers(0, 4000, (3, 64, 96)).astype(np.uint16), labels


def test_a_plane_is_averaged_inside_the_objects(tmp_path):
    image, labels = field()
    model = open_features(stored(tmp_path / "n.onnx", [CONV], ["conv"]))
    assert isinstance(model, LayerModel) and model.all_channels and "percentiles 1 and 99.8" in model.note
    ids, features = model.plane(image, labels)
    np.testing.assert_array_equal(ids, [1, 3, 5, 7, 9, 11])
    low, high = np.percentile(image, [1, 99.8], axis=(1, 2), keepdims=True)
    scaled = np.pad((image - low) / (high - low), [(0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (3, 3), axis=(1, 2))
    wanted = np.einsum("cyxij,fcij->fyx", windows, KERNEL)
    np.testing.assert_allclose(features, [wanted[:, labels == k].mean(axis=1) for k in ids], rtol=1e-3, atol=1e-3)


def test_layers_and_outputs_are_named(tmp_path):
    path = stored(tmp_path / "n.onnx", [CONV, RELU, POOL, FLAT], ["conv", "row"], (1, 3, 32, 32))
    assert open_features(path).layer.name == "relu"  # an inner layer comes first
    assert open_features(path, "conv").layer.output
    with pytest.raises(RequestError, match="no layer 'other'; it has relu .5 channels, stride 1.; conv .5"):
        open_features(path, "other")


@pytest.mark.parametrize(("outputs", "shape", "side"), [
    (["row"], (1, 3, 32, 32), 32), (["pooled"], (None, 3, 32, 32), 32), (["row", "conv"], (None, 3, None, None), 64),
])  # fmt: skip
def test_a_row_is_asked_for_the_crop_of_each_object(tmp_path, outputs, shape, side):
    image, labels = field()
    model = open_features(stored(tmp_path / "n.onnx", [CONV, RELU, POOL, FLAT], outputs, shape))
    assert isinstance(model, RowModel) and model.count == 5 and f"crop of {side} x {side} pixels" in model.note
    ids, features = model.plane(image, labels)
    crops = np.pad(cut_crops(image, labels, CropPlan(side, side / 2)).pixels, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(crops.astype(np.float32), (3, 3), axis=(2, 3))
    wanted = np.maximum(np.einsum("ncyxij,fcij->nfyx", windows, KERNEL), 0).mean(axis=(2, 3))
    np.testing.assert_allclose(features, wanted, rtol=1e-3, atol=1e-3)
    assert len(ids) == 6 and model.plane(image, labels * 0)[1].shape == (0, 5)
    np.testing.assert_allclose(model.plane(image[0], labels)[1], model.plane(image[[0, 0, 0]], labels)[1])
    with pytest.raises(InputError, match="has 2 channels .* takes 3; choose one with --channel"):
        model.plane(image[:2], labels)


def test_a_row_is_chosen_by_its_name(tmp_path):
    image, labels = field()
    path = stored(tmp_path / "n.onnx", [CONV, RELU, POOL, FLAT], ["conv", "row"])
    assert isinstance(open_features(path), LayerModel)
    model = open_features(path, "row")
    assert isinstance(model, RowModel) and model.count == 5
    alone = open_features(stored(tmp_path / "alone.onnx", [CONV, RELU, POOL, FLAT], ["row"]))
    np.testing.assert_array_equal(model.plane(image, labels)[1], alone.plane(image, labels)[1])


def test_few_crops_are_held_at_a_time_and_give_the_same(tmp_path, monkeypatch):
    image, labels = field()
    model = open_features(stored(tmp_path / "n.onnx", [CONV, RELU, POOL, FLAT], ["row"]))
    ids, features = model.plane(image, labels)
    sizes, cut = [], onnx_features.cut_crops
    monkeypatch.setattr(onnx_features, "_CUT", 4)
    monkeypatch.setattr(onnx_features, "cut_crops", lambda *given: (crops := cut(*given), sizes.append(len(crops)))[0])
    again, same = model.plane(image, labels)
    assert sizes == [4, 2]
    np.testing.assert_array_equal(again, ids)
    np.testing.assert_array_equal(same, features)


@pytest.mark.parametrize(("outputs", "kind"), [(["row"], RowModel), (["conv"], LayerModel)])
def test_channels_that_are_not_told_are_tried(tmp_path, outputs, kind):
    image, labels = field()
    nodes = [CONV, RELU, POOL, FLAT] if outputs == ["row"] else [CONV]
    free = open_features(stored(tmp_path / "free.onnx", nodes, outputs, (None,) * 4))
    told = open_features(stored(tmp_path / "told.onnx", nodes, outputs))
    assert isinstance(free, kind) and free.all_channels
    np.testing.assert_array_equal(free.plane(image, labels)[1], told.plane(image, labels)[1])
    five = helper.make_node("Conv", ["twice", "kernel"], ["conv"], pads=[1] * 4)
    nodes = [helper.make_node("Concat", ["raw", "raw"], ["twice"], axis=1), five, *nodes[1:]]
    with pytest.raises(
        InputError, match=r"n.onnx: the channel axis does not tell its size, .* neither 1 channel nor 3"
    ):
        open_features(stored(tmp_path / "n.onnx", nodes, outputs, (None,) * 4))


def test_a_row_whose_length_depends_on_the_channels_is_read_of_one(tmp_path):
    image, labels = field()
    pool = helper.make_node("GlobalAveragePool", ["raw"], ["pooled"])
    model = open_features(stored(tmp_path / "n.onnx", [pool, FLAT], ["row"], (None,) * 4))
    assert model.plane(image[0], labels)[1].shape == (6, 1)
    for channels in (2, 3):
        with pytest.raises(InputError, match=r"n.onnx: .* row's length depends on the channels; choose one"):
            model.plane(image[:channels], labels)


@pytest.mark.parametrize(("nodes", "more", "match"), [
    ([CONV], {"external": True}, "a file beside the ONNX graph"),
    ([helper.make_node("Magic", ["raw"], ["conv"], domain="my.company")], {"domains": ["my.company"]}, "Magic"),
    ([CONV], {"shape": (None, 3, 32, 48)}, "a square one"),
    ([CONV], {"shape": (4, 3, 32, 32)}, "one picture at a time"),
    ([helper.make_node("Relu", ["raw"], ["conv"])], {"shape": (None, 3)}, "pictures .N, C, Y, X. of float, not"),
    ([helper.make_node("Cast", ["raw"], ["conv"], to=1)], {"kind": TensorProto.UINT8}, "not tensor.uint8."),
])  # fmt: skip
def test_what_cannot_be_trusted_or_read_is_refused(tmp_path, nodes, more, match):
    with pytest.raises(InputError, match=match):
        open_features(stored(tmp_path / "n.onnx", nodes, ["conv"], **more))


def test_from_a_file_to_a_table_and_nowhere_else(tmp_path, capsys):
    image, labels = field()
    write(tmp_path / "a.tif", image, axes="CYX")
    write_labels(tmp_path / "a_labels.tif", labels, axes="YX")
    path = str(stored(tmp_path / "n.onnx", [CONV, RELU, POOL, FLAT], ["row"]))
    words = ["--images", str(tmp_path / "a.tif"), "--labels", str(tmp_path / "a_labels.tif"), "-o", str(tmp_path)]
    assert main(["measure", "--features", "learned", "-m", path, *words]) == 0
    said = capsys.readouterr()
    assert "6 objects, 5 features" in said.out and "does not say how it wants its pictures" in said.err
    assert pd.read_csv(tmp_path / "Nuclei_learned.csv").shape == (6, 3 + 2 + 5)
    for verb in (["models", "import", path], ["segment", str(tmp_path / "a.tif"), "-m", path, "-o", str(tmp_path)]):
        assert main(verb) == 1
        assert "make a bioimage.io model of it" in capsys.readouterr().err
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    assert main(["measure", "--features", "learned", "-m", str(tmp_path / "bad.onnx"), *words, "--overwrite"]) == 1
    assert "not an ONNX model" in capsys.readouterr().err
