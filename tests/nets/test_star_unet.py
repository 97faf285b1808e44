"""The network: shapes, routing, ONNX, and that its field of view is no larger than the halo."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from micrographia.nets.export import export_star_model  # noqa: E402
from micrographia.nets.losses import star_loss  # noqa: E402
from micrographia.nets.star_unet import StarModel, StarUNet  # noqa: E402
from micrographia.segment.star_package import halo_of  # noqa: E402


def test_shapes():
    network = StarUNet(2, rays=16, widths=(8, 8, 16))
    probability, distance, foreground = network(torch.zeros(2, 2, 48, 64))
    assert network.stride == 8
    assert probability.shape == (2, 1, 24, 32)
    assert distance.shape == (2, 64, 12, 16)
    assert foreground.shape == (2, 1, 48, 64)


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_halo_is_the_field_of_view(levels):
    torch.manual_seed(0)
    network = StarUNet(1, rays=8, widths=(4,) * levels).eval()
    halo = halo_of(levels)
    stride = network.stride
    side = 2 * (halo + 2 * stride) // stride * stride
    image = (
        torch.rand(1, 1, 8, side, requires_grad=True) if side < 8 else torch.rand(1, 1, side, side, requires_grad=True)
    )
    # influence on the first pixel of a tile that begins in the middle, at a multiple of the stride
    middle = side // 2 // stride * stride
    for output, step in zip(network(image), (2, 4, 1), strict=True):
        (gradient,) = torch.autograd.grad(output[0, :, middle // step, middle // step].sum(), image, retain_graph=True)
        rows, columns = torch.nonzero(gradient[0, 0], as_tuple=True)
        assert middle - int(min(rows.min(), columns.min())) <= halo
    assert halo <= 4 * 2 ** (levels + 2)


def test_two_experts_in_onnx_equal_torch():
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = StarModel(3, (1, 3), rays=8, widths=(8, 8, 8)).eval()
    session = onnxruntime.InferenceSession(export_star_model(model), providers=["CPUExecutionProvider"])
    raw = np.random.default_rng(0).random((1, 3, 32, 48), dtype=np.float32)
    results = []
    for kind in (0.0, 1.0):
        kinds = np.full((1, 1), kind, np.float32)
        found = session.run(None, {"raw": raw, "kind": kinds})
        with torch.inference_mode():
            expected = model(torch.from_numpy(raw), torch.from_numpy(kinds))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b.numpy(), atol=1e-4)
        results.append(found[0])
    assert not np.allclose(results[0], results[1])


def _batch(labels):
    from micrographia.segment.star_targets import star_targets

    return {k: torch.from_numpy(v)[None] for k, v in star_targets(labels, 8).items()}


def test_loss_is_lowest_for_the_truth_and_blind_to_the_unknown():
    labels = np.zeros((32, 32), np.int32)
    labels[8:20, 8:20] = 1
    batch = _batch(labels)
    logits = torch.logit(batch["probability"].clamp(1e-4, 1 - 1e-4))[:, None]
    foreground = (batch["foreground"] * 20 - 10)[:, None]
    rays = torch.nn.functional.pixel_unshuffle(batch["distance"], 2)
    right = star_loss((logits, rays, foreground), batch)
    wrong = star_loss((logits, rays * 1.5, -foreground), batch)
    assert right["distance"] < 1e-6 and right["foreground"] < 1e-3
    assert wrong["distance"] == pytest.approx(0.5, abs=0.05) and wrong["foreground"] > 1
    labels[24:] = -1
    unknown = _batch(labels)
    noise = foreground.clone()
    noise[:, :, 24:] = 100
    assert star_loss((logits, rays, noise), unknown)["foreground"] < 1e-3
