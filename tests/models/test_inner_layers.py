"""Inner layers of networks, read without the onnx package."""

from __future__ import annotations

import io

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.models.inner_layers import ExposedNetwork, activations, expose, list_layers
from micrographia.models.library import find_model
from micrographia.models.package import open_package


def exported(module, inputs: tuple, names: list[str]) -> bytes:
    torch = pytest.importorskip("torch")
    buffer = io.BytesIO()
    torch.onnx.export(
        module.eval(), inputs, buffer, dynamo=False, opset_version=17, input_names=names,
        dynamic_axes={names[0]: {0: "n", 2: "y", 3: "x"}},
    )  # fmt: skip
    return buffer.getvalue()


def test_a_layer_is_what_torch_computes():
    torch = pytest.importorskip("torch")
    first, second = torch.nn.Conv2d(2, 5, 3, 2, 1), torch.nn.Conv2d(5, 1, 1)
    onnx = exported(
        torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.Sigmoid()), (torch.zeros(1, 2, 8, 8),), ["raw"]
    )
    names = activations(onnx)
    assert len(names) == 1 and len(names[0]) == 1
    layer = list_layers(onnx, (1, 2), 16)[0][0]
    assert (layer.channels, layer.stride) == (5, 2)
    picture = np.random.default_rng(0).random((1, 2, 12, 10), dtype=np.float32)
    got = ExposedNetwork(expose(onnx, names[0]))(picture)[0]
    with torch.no_grad():
        wanted = torch.relu(first(torch.from_numpy(picture))).numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_the_layers_of_a_model_with_two_experts():
    package = open_package(find_model("nuclei"))
    onnx = package.read("weights.onnx")
    branches = list_layers(onnx, (1, 3), 128)
    assert len(branches) == 2 and [len(b) for b in branches] == [17, 17]
    assert {one.stride for one in branches[0]} == {2, 4, 8, 16, 32}
    picture = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    found = [ExposedNetwork(expose(onnx, [branch[-1].name]))(picture)[0] for branch in branches]
    assert found[0].shape == found[1].shape == (1, 16, 32, 32) and not np.allclose(*found)
    with pytest.raises(InputError, match="cannot take a picture of shape .1, 4, 64, 64."):
        ExposedNetwork(expose(onnx, [branches[1][-1].name]))(np.zeros((1, 4, 64, 64), np.float32))


def test_what_does_not_exist_is_refused():
    onnx = open_package(find_model("nuclei")).read("weights.onnx")
    with pytest.raises(InputError, match="no inner layer nothing"):
        expose(onnx, ["nothing"])
