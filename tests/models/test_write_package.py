"""Packages are written as bioimage.io asks and come back as they were."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tiny_onnx import smoother, specs, write_smoother

from micrographia.arrays.errors import InputError
from micrographia.models.package import open_package
from micrographia.models.tensors import Axis, Like, Steps, TensorSpec, check_shapes
from micrographia.models.verify import test_model as run_test
from micrographia.models.write import write_arrays_package, write_package


def test_round_trip(smoother_zip: Path) -> None:
    package = open_package(smoother_zip)
    assert (package.kind, package.name, package.version) == ("network", "Tiny smoother", "1.0.0")
    assert package.config == {"threshold": 0.5}
    assert package.documentation.startswith("# Tiny")
    assert [(s.id, s.letters, s.axis_ids) for s in package.inputs] == [("raw", "CYX", ("batch", "channel", "y", "x"))]
    assert package.inputs[0].axis("y").size == Steps(32, 16)
    assert package.outputs[0].axis("x") == Axis.space("x", Like("raw", "x"), halo=4)
    report = run_test(package)
    assert report.passed and report.differences["smooth"] < 1e-6


def test_network_by_id(smoother_zip: Path) -> None:
    network = open_package(smoother_zip).network(threads=1)
    x = np.random.default_rng(0).random((1, 1, 40, 50))
    assert network({"raw": x})["smooth"].shape == (1, 1, 40, 50)
    with pytest.raises(InputError, match="also needs the tensor 'raw'"):
        network({})
    with pytest.raises(InputError, match="cannot take raw"):
        network({"raw": x[0]})


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    when = datetime(2025, 1, 1, tzinfo=UTC)
    one, two = (write_smoother(tmp_path / n, timestamp=when).path.read_bytes() for n in ("a.zip", "b.zip"))
    assert one == two


def test_cover_tags_attachments(tmp_path: Path) -> None:
    cover = np.full((32, 64, 3), 200, np.uint8)
    package = write_smoother(
        tmp_path / "a.zip",
        cover=cover,
        tags=["nuclei"],
        attachments={"report.json": b"{}"},
        cite=[{"text": "A paper", "doi": "10.1007/978-3-030-00934-2_30"}],
        tolerance={"smooth": (1e-2, 1e-3)},
    )
    from PIL import Image

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(package.read("cover.png")))), cover)
    assert package.read("report.json") == b"{}"
    assert package.description["tags"] == ["nuclei"]
    assert run_test(package).passed


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "ab"}, "bioimage.io does not accept this model: name"),
        ({"license": "mine"}, "bioimage.io does not accept this model: license"),
        ({"documentation": ""}, None),
        ({"test_inputs": {}}, "no test tensor for the input 'raw'"),
        ({"test_inputs": {"raw": np.zeros((1, 1, 48, 64))}}, "all zero"),
        ({"test_inputs": {"raw": np.ones((1, 1, 47, 64))}}, "axis 'y' of tensor 'raw' has 47 entries, but 48"),
        ({"test_outputs": {"smooth": np.ones((1, 1, 48, 64))}}, "does not give the test output 'smooth'"),
        ({"state_dict": b"x"}, "needs an architecture"),
        ({"cover": np.zeros((4, 4))}, "a cover is a uint8 picture"),
        ({"config": {"a": object()}}, "only numbers, text"),
        ({"onnx": b"no model"}, "not an ONNX model"),
        ({"outputs": specs(offset=-2)["outputs"]}, "axis 'y' of tensor 'smooth' has 48 entries, but 46"),
        ({"inputs": [TensorSpec("other", specs()["inputs"][0].axes)]}, "must agree in name and order"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: dict, match: str | None) -> None:
    if match is None:
        assert write_smoother(tmp_path / "a.zip", **changes).path.exists()
        return
    with pytest.raises(InputError, match=match):
        write_smoother(tmp_path / "a.zip", **changes)
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_sizes_that_refer_to_another_axis() -> None:
    both = [t for side in specs(stride=2, offset=-4).values() for t in side]
    raw = np.zeros((1, 1, 64, 80))
    check_shapes(both, {"raw": raw, "smooth": np.zeros((1, 1, 28, 36))})
    with pytest.raises(InputError, match="axis 'x' of tensor 'smooth' has 35 entries, but 36"):
        check_shapes(both, {"raw": raw, "smooth": np.zeros((1, 1, 28, 35))})
    with pytest.raises(InputError, match="4 axes are described"):
        check_shapes(both, {"raw": raw[0]})
    assert Steps(32, 16).at_least(10) == 32
    assert Steps(32, 16).at_least(49) == 64


def test_arrays_package(tmp_path: Path) -> None:
    arrays = {"splits": np.arange(6).reshape(2, 3), "names": np.array(["a", "é"]), "leaf": np.float32([0.5])}
    package = write_arrays_package(
        tmp_path / "forest.zip", method="pixel-classifier", parameters={"trees": 100}, arrays=arrays, config={"n": 3}
    )
    again = open_package(package.path)
    assert (again.kind, again.config, again.description["method"]) == ("arrays", {"n": 3}, "pixel-classifier")
    assert again.description["parameters"] == {"trees": 100}
    found = again.arrays()
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    with pytest.raises(InputError, match="without a network"):
        again.network()
    with pytest.raises(InputError, match="Python objects"):
        write_arrays_package(tmp_path / "b.zip", method="m", parameters={}, arrays={"a": np.array([None])})
    with pytest.raises(InputError, match="cannot be named"):
        write_arrays_package(tmp_path / "b.zip", method="m", parameters={}, arrays={"../a": np.zeros(2)})


@pytest.fixture(scope="module")
def router_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the built-in model's form: router, two experts, three outputs, half-precision weights."""
    pytest.importorskip("torch")
    import tiny_nets

    from micrographia.models.weights import pack_weights

    router = tiny_nets.make_router()
    raw = np.random.default_rng(0).integers(0, 255, (1, 3, 64, 80)).astype(np.float32) / 255
    kind = np.ones((1, 1), np.float32)
    steps = Steps(32, 16)

    def grid(scale: float, halo: int) -> list[Axis]:
        return [Axis.space(a, Like("raw", a), scale=scale, halo=halo) for a in "yx"]

    rays = [f"ray{i}" for i in range(8)]
    return write_package(
        tmp_path_factory.mktemp("router") / "tiny router.zip",
        name="Tiny router",
        description="Routes.",
        authors=[{"name": "A. Person", "affiliation": "Home"}],
        license="CC0-1.0",
        inputs=[
            TensorSpec(
                "raw",
                [Axis.batch(1), Axis.channel("red", "green", "blue"), Axis.space("y", steps), Axis.space("x", steps)],
            ),
            TensorSpec("kind", [Axis.batch(1), Axis.channel("kind")], "0 dark background, 1 bright"),
        ],
        outputs=[
            TensorSpec("probability", [Axis.batch(1), Axis.channel("p"), *grid(2, 4)], range=(0, 1)),
            TensorSpec("distances", [Axis.batch(1), Axis.channel(*rays), *grid(2, 4)]),
            TensorSpec("foreground", [Axis.batch(1), Axis.channel("f"), *grid(1, 8)], range=(0, 1)),
        ],
        onnx=pack_weights(tiny_nets.export(router)),
        test_inputs={"raw": raw, "kind": kind},
        documentation="# Tiny\n\n## Validation\n\nNone.\n",
        cover=np.zeros((32, 64, 3), np.uint8),
        cite=[{"text": "A paper", "doi": "10.1007/978-3-030-00934-2_30"}],
        state_dict=tiny_nets.state_dict(router),
        architecture={
            "source": "tiny_nets:Router",
            "kwargs": {"width": 16, "rays": 8},
            "pytorch_version": sys.modules["torch"].__version__,
        },
    ).path


def test_two_inputs_three_outputs(router_zip: Path) -> None:
    import tiny_nets
    import torch

    package = open_package(router_zip)
    network = package.network()
    raw, kind = (package.test_tensors()[0][n] for n in ("raw", "kind"))
    router = tiny_nets.Router(**package.description["weights"]["pytorch_state_dict"]["architecture"]["kwargs"]).eval()
    router.load_state_dict(torch.load(io.BytesIO(package.read("weights.pt")), weights_only=True))
    for k in (0 * kind, kind):
        got = network({"raw": raw, "kind": k})
        for (id, a), b in zip(got.items(), tiny_nets.run(router, raw, k), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, err_msg=id)
    assert package.outputs[0].axis("y").scale == 2


def test_description_passes_in_bioimageio_core(router_zip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bioimageio.core runs ONNX and state dict on the test tensors and on other sizes, without the internet."""
    core = pytest.importorskip("bioimageio.core")
    import httpx

    def offline(*args: object, **kwargs: object) -> None:
        raise httpx.ConnectError("offline")

    monkeypatch.setattr(httpx, "request", offline)
    monkeypatch.setattr(httpx, "get", offline)
    monkeypatch.setattr(httpx, "stream", offline)
    summary = core.test_description(router_zip)
    errors = [f"{d.name}: {e.msg}" for d in summary.details for e in d.errors]
    assert summary.status == "passed" and not errors, errors
    done = " ".join(d.name for d in summary.details)
    assert "(onnx)" in done and "(pytorch_state_dict)" in done


def test_weights_are_packed() -> None:
    pytest.importorskip("torch")
    import onnx
    import tiny_nets

    from micrographia.models.weights import pack_weights

    before = tiny_nets.export(tiny_nets.make_router(width=32))
    after = pack_weights(before)
    assert len(after) < 0.6 * len(before)
    graph = onnx.load_from_string(after).graph
    branches = [a.g for n in graph.node if n.op_type == "If" for a in n.attribute]
    assert not any(i.dims and np.prod(i.dims) > 16 for i in graph.initializer)  # all weights are in the branches
    assert all(i.data_type == onnx.TensorProto.FLOAT16 for b in branches for i in b.initializer if np.prod(i.dims) > 16)
    assert pack_weights(smoother(), half=False)


def test_a_zip_has_no_folders_or_surprises(router_zip: Path) -> None:
    with zipfile.ZipFile(router_zip) as z:
        assert {"rdf.yaml", "manifest.json", "README.md", "weights.onnx", "weights.pt", "cover.png"} < set(z.namelist())
        assert not any("/" in n for n in z.namelist())
