"""Networks that look at crops: their losses, their views, their training."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from micrographia.classify.crops.crop_learning import Training, learn_classes, learn_encoder  # noqa: E402
from micrographia.nets.crop_encoder import CropEncoder, CropNetwork  # noqa: E402
from micrographia.nets.crop_losses import CropLoss, vicreg_loss  # noqa: E402
from micrographia.nets.crop_views import ClassViews, CropViews, ViewOptions, random_view  # noqa: E402

WIDTHS = (4, 8)


def shapes(count: int = 24, size: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Crops of small discs (class 0) and large rings (class 1) with a mask channel."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    r = np.hypot(y, x)
    classes = np.arange(count) % 2
    pixels = np.stack([np.where(k, np.abs(r - 6) < 2, r < 4) for k in classes]).astype(float)
    pixels = pixels * rng.uniform(0.5, 1, (count, 1, 1)) + rng.normal(0, 0.05, pixels.shape)
    return np.stack([pixels, np.broadcast_to(r < 8, pixels.shape)], axis=1).astype(np.float16), classes


def test_vicreg_is_its_paper_s_formula():
    z = torch.randn(16, 5, generator=torch.Generator().manual_seed(0))
    found = vicreg_loss(z, {})
    a, b = z[0::2].numpy().astype(float), z[1::2].numpy().astype(float)
    variance = np.mean([np.maximum(0, 1 - np.sqrt(v.var(0, ddof=1) + 1e-4)).mean() for v in (a, b)])
    covariance = sum((c**2).sum() - (np.diag(c) ** 2).sum() for c in (np.cov(a.T), np.cov(b.T))) / 5
    assert float(found["invariance"]) == pytest.approx(((a - b) ** 2).mean(), rel=1e-4)
    assert float(found["variance"]) == pytest.approx(variance, rel=1e-4)
    assert float(found["covariance"]) == pytest.approx(covariance, rel=1e-4)
    assert float(found["loss"]) == pytest.approx(25 * variance + 25 * ((a - b) ** 2).mean() + covariance, rel=1e-4)


def test_equal_views_have_no_invariance_loss_and_collapse_costs():
    z = torch.randn(8, 4).repeat_interleave(2, 0)
    assert float(vicreg_loss(z, {})["invariance"]) == 0
    assert float(vicreg_loss(torch.ones(8, 4), {})["variance"]) == pytest.approx(0.99, abs=0.001)


def test_cross_entropy_with_smoothing():
    logits, target = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    plain = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    assert float(CropLoss(0.0)(logits, {"target": target})["loss"]) == pytest.approx(float(plain))
    smooth = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]), label_smoothing=0.2)
    assert float(CropLoss(0.2)(logits, {"target": target})["loss"]) == pytest.approx(float(smooth))
    validation = {"target": target[None]}  # is judged by the classes as they are
    assert float(CropLoss(0.2)(logits, validation)["loss"]) == pytest.approx(float(plain))


def test_a_view_without_change_is_turned_only():
    crops, _ = shapes()
    still = ViewOptions(0, 1, 1, 0, 0, 0, 0)
    crop = crops[1].astype(np.float32)
    view = random_view(crop, True, still, np.random.default_rng(3))
    assert view.shape == crop.shape and view.dtype == np.float32
    assert view[1].sum() == pytest.approx(crop[1].sum(), rel=0.02)
    assert np.abs(view[0, 6:14, 6:14].mean() - crop[0, 6:14, 6:14].mean()) < 0.03


def test_neighbours_are_hidden_by_the_mask():
    crop = np.ones((2, 21, 21), np.float32)
    crop[1] = 0
    crop[1, 8:13, 8:13] = 1
    hide = ViewOptions(0, 1, 1, 0, 0, 0, neighbours=1)
    view = random_view(crop, True, hide, np.random.default_rng(0))
    assert view[0, 10, 10] == pytest.approx(1, abs=0.01) and view[0, 0].max() == 0


def test_views_depend_on_seed_and_number_alone():
    crops, classes = shapes()
    twice = [CropViews(crops, range(4, 8), mask=True, seed=1)[2]["image"] for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    np.testing.assert_array_equal(twice[0], CropViews(crops, range(6, 8), mask=True, seed=1)[0]["image"])
    assert not np.array_equal(twice[0], CropViews(crops, range(4, 8), mask=True, seed=2)[2]["image"])
    one = ClassViews(crops, classes, range(8), mask=True, seed=1, mixup=0.4)[5]
    assert one["target"].sum() == pytest.approx(1)


def test_every_crop_has_its_turn_in_two_views():
    pixels = np.arange(6, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 8, 8), np.float32)
    still = ViewOptions(0, 1, 1, 0, 0, 0, 0)
    views = CropViews(pixels, range(12), mask=False, options=still)
    seen = [round(float(views[i]["image"].mean())) for i in range(12)]
    assert seen[0::2] == seen[1::2] and sorted(seen[0::2]) == list(range(6))


def test_balance_shows_rare_classes_more_often():
    crops, _ = shapes(40)
    classes = (np.arange(40) < 4).astype(int)
    shares = [
        np.mean([ClassViews(crops, classes, range(300), mask=True, balance=b)[i]["target"][1] for i in range(300)])
        for b in (0.0, 1.0)
    ]
    assert shares[0] == pytest.approx(0.1, abs=0.06) and shares[1] == pytest.approx(0.5, abs=0.1)


def test_encoder_takes_any_size_and_a_stack_of_batches():
    network = CropEncoder(2, WIDTHS).eval()
    crops = torch.rand(3, 2, 19, 19)
    assert network(crops).shape == (3, 8)
    torch.testing.assert_close(network(crops[None]), network(crops))


def test_the_same_seed_gives_the_same_encoder():
    crops, _ = shapes()

    def learned(steps: int, folder=None, seed: int = 0) -> dict:
        training = Training(steps, 8, every=2, seed=seed, folder=folder, device="cpu")
        return learn_encoder(crops, training, widths=WIDTHS, mask=True)[0].state_dict()

    whole = learned(4)
    learned_again = learned(4)
    assert all(torch.equal(whole[k], learned_again[k]) for k in whole)
    assert not all(torch.equal(whole[k], v) for k, v in learned(4, seed=1).items())


def test_training_without_validation_tells_its_losses():
    crops, _ = shapes()
    rows = []
    learn_encoder(crops, Training(4, 8, every=2, device="cpu", report=rows.append), widths=WIDTHS, mask=True)
    assert [row["step"] for row in rows] == [2, 4] and all(row["train_loss"] > 0 for row in rows)


def test_a_stopped_training_goes_on_exactly(tmp_path):
    crops, classes = shapes()
    held = np.arange(len(classes)) < 6

    class Stop(Exception):
        pass

    def learned(folder, report=None):
        training = Training(6, 8, every=2, folder=folder, device="cpu", report=report)
        return learn_classes(crops, classes, 2, held, training, widths=WIDTHS, mask=True)

    def stop(row):
        if row["step"] == 4:
            raise Stop

    whole, history = learned(tmp_path / "whole")
    with pytest.raises(Stop):
        learned(tmp_path / "parts", stop)
    again, resumed = learned(tmp_path / "parts")
    assert [r["step"] for r in resumed.rows][-1] == [r["step"] for r in history.rows][-1] == 6
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value)


def test_classes_are_learned_and_transfer_starts_from_the_encoder():
    crops, classes = shapes(48)
    held = np.arange(len(classes)) % 4 == 0
    training = Training(60, 16, learning_rate=1e-2, every=20, device="cpu")
    network, history = learn_classes(crops, classes, 2, held, training, widths=WIDTHS, mask=True)
    assert isinstance(network, CropNetwork)
    with torch.no_grad():
        found = network(torch.from_numpy(crops[held].astype(np.float32))).argmax(1).numpy()
    assert (found == classes[held]).mean() >= 0.9
    start = CropEncoder(2, (4, 6))
    tuned, _ = learn_classes(crops, classes, 2, held, Training(1, 4, device="cpu"), widths=WIDTHS, start=start)
    assert tuned.encoder.widths == (4, 6)


def uneven(count: int = 48) -> tuple[np.ndarray, np.ndarray, CropEncoder]:
    """Crops, classes, and an encoder whose features are small and uneven, as those of a trained one are."""
    crops, classes = shapes(count)
    torch.manual_seed(0)
    encoder = CropEncoder(2, (4, 6)).eval()
    with torch.no_grad():
        last = encoder.levels[-1]
        for layer in (last.second_norm, last.shortcut):
            layer.weight.mul_(0.01)
        last.second_norm.bias.fill_(0.1)
    return crops, classes, encoder


def test_a_layer_on_a_frozen_encoder_is_fitted_whatever_the_scale_of_its_features():
    crops, classes, start = uneven()
    before = {key: value.clone() for key, value in start.state_dict().items()}
    held = np.arange(len(classes)) >= 24
    network, history = learn_classes(
        crops, classes, 2, held, Training(1, 4, device="cpu"), widths=WIDTHS, start=start, frozen=True
    )
    assert history.steps == 0 and all(torch.equal(network.encoder.state_dict()[k], v) for k, v in before.items())
    with torch.no_grad():
        features = network.encoder(torch.from_numpy(crops.astype(np.float32)))
        found = network(torch.from_numpy(crops.astype(np.float32))).argmax(1).numpy()
    assert float(features.std(0).max()) < 0.1
    assert (found[held] == classes[held]).mean() >= 0.9


def test_training_on_starts_where_the_fitted_layer_is():
    crops, classes, start = uneven()
    held = classes < 0
    options = {"widths": WIDTHS, "start": start}
    frozen, _ = learn_classes(crops, classes, 2, held, Training(1, 4, device="cpu"), frozen=True, **options)
    slow = Training(1, 4, learning_rate=1e-6, device="cpu")
    tuned, _ = learn_classes(crops, classes, 2, held, slow, **options)
    torch.testing.assert_close(tuned.head.weight, frozen.head.weight, atol=1e-4, rtol=1e-3)


def test_the_scale_of_features_is_folded_into_the_stored_layer():
    from micrographia.nets.crop_export import exportable

    crops, classes, start = uneven()
    network, _ = learn_classes(
        crops, classes, 2, classes < 0, Training(1, 4, device="cpu"), widths=WIDTHS, start=start, frozen=True
    )
    assert float(network.norm.running_var.max()) < 0.01
    batch = torch.from_numpy(crops[:5].astype(np.float32))
    with torch.no_grad():
        stored, features = exportable(network)(batch)
        torch.testing.assert_close(stored, torch.softmax(network(batch), 1), atol=1e-3, rtol=1e-2)
        torch.testing.assert_close(features, network.encoder(batch))


def test_classes_without_examples_are_refused():
    from micrographia.arrays.errors import InputError

    crops, classes = shapes(8)
    with pytest.raises(InputError, match="only one class"):
        learn_classes(crops, classes * 0, 1, classes > 1, Training(1, 4), widths=WIDTHS)
    with pytest.raises(InputError, match="Class number 3 has no example"):
        learn_classes(crops, classes, 3, classes > 2, Training(1, 4), widths=WIDTHS)
    with pytest.raises(InputError, match="looks at 1 channels, the crops have 2"):
        learn_classes(crops, classes, 2, classes > 2, Training(1, 4), widths=WIDTHS, start=CropEncoder(1, WIDTHS))
    with pytest.raises(InputError, match="there is only one"):
        learn_encoder(crops[:1], Training(1, 4), widths=WIDTHS)


def test_an_encoder_learns_what_is_measured():
    rng = np.random.default_rng(0)
    bright = np.repeat(rng.uniform(0.2, 1, 24), 1)
    crops = np.ones((24, 1, 16, 16), np.float16) * bright[:, None, None, None].astype(np.float16)
    targets = ((bright - bright.mean()) / bright.std())[:, None].astype(np.float32)
    rows: list[dict] = []
    training = Training(60, 16, learning_rate=1e-2, every=20, device="cpu", report=rows.append)
    learned, _ = learn_encoder(crops, training, widths=WIDTHS, targets=targets)
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    with torch.no_grad():
        features = learned(torch.from_numpy(crops.astype(np.float32))).numpy()
    fit = np.linalg.lstsq(np.c_[features, np.ones(24)], targets, rcond=None)[0]
    assert np.corrcoef(np.c_[features, np.ones(24)] @ fit[:, 0], targets[:, 0])[0, 1] > 0.9


def test_a_measured_view_belongs_to_its_crop():
    crops, _ = shapes()
    targets = np.arange(len(crops), dtype=np.float32)[:, None]
    views = CropViews(crops, range(len(crops)), targets, mask=True, seed=3)
    found = [views[i] for i in range(len(crops))]
    assert sorted(float(one["target"][0]) for one in found) == targets[:, 0].tolist()
    again = CropViews(crops, range(2, len(crops)), targets, mask=True, seed=3)[0]
    np.testing.assert_array_equal(again["image"], found[2]["image"])
