"""The package that ships: size, bioimage.io's own test, and the state dict behind the ONNX."""

import io

import numpy as np
import pytest

from micrographia.models.library import find_model
from micrographia.models.package import open_package
from micrographia.models.verify import test_model as check_model


@pytest.fixture(scope="module")
def package():
    return open_package(find_model("nuclei"))


def test_size_and_contents(package):
    assert package.path.stat().st_size <= 4 * 2**20
    assert "Validation" in package.documentation and "CC0" in package.documentation
    assert {"weights.onnx", "weights.pt", "cover.png"} <= set(package.names())
    assert check_model(package).passed


def test_bioimageio_accepts_it_offline(package, monkeypatch):
    core = pytest.importorskip("bioimageio.core", reason="bioimageio.core is a test dependency")
    import httpx

    def offline(*args: object, **options: object) -> None:
        raise httpx.ConnectError("offline")

    for verb in ("request", "get", "stream"):
        monkeypatch.setattr(httpx, verb, offline)
    summary = core.test_description(package.path)
    errors = [f"{d.name}: {e.msg}" for d in summary.details for e in d.errors]
    assert summary.status == "passed" and not errors, errors
    done = " ".join(d.name for d in summary.details)
    assert "(onnx)" in done and "(pytorch_state_dict)" in done


def test_state_dict_and_onnx_are_the_same_network(package):
    torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
    from micrographia.nets.star_unet import StarModel

    said = package.description["weights"]["pytorch_state_dict"]["architecture"]
    model = StarModel(**said["kwargs"])
    state = torch.load(io.BytesIO(package.read("weights.pt")), weights_only=True)
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    raw = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    network = package.network()
    for kind in (0.0, 1.0):
        kinds = np.full((1, 1), kind, np.float32)
        found = network({"raw": raw, "kind": kinds})
        with torch.inference_mode():
            expected = model.eval()(torch.from_numpy(raw), torch.from_numpy(kinds))
        for name, tensor in zip(("probability", "distance", "foreground"), expected, strict=True):
            np.testing.assert_allclose(found[name], tensor.numpy(), atol=2e-3, rtol=1e-3)
