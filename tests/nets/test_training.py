"""The training loop: exact resume, time budget, early stopping, interruption."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from micrographia.arrays.errors import InputError, RequestError  # noqa: E402
from micrographia.nets.losses import star_loss  # noqa: E402
from micrographia.nets.patches import Patches  # noqa: E402
from micrographia.nets.schedule import Schedule  # noqa: E402
from micrographia.nets.star_unet import StarUNet  # noqa: E402
from micrographia.nets.training import train_network  # noqa: E402
from micrographia.segment.star_targets import star_targets  # noqa: E402
from synthetic_fields import fields  # noqa: E402

IMAGES, LABELS = fields(3, size=64, count=5)
PIXELS = [image[None].astype(np.float32) / 170 for image in IMAGES]


def _train(folder, report=None, validation=True, **schedule):
    torch.manual_seed(0)
    network = StarUNet(1, rays=8, widths=(8, 8, 8))

    def targets(labels):
        return star_targets(labels, 8)

    def patches(numbers):
        return Patches(PIXELS[:2], LABELS[:2], targets, numbers, size=32, scale=1.2)

    held = [{"image": PIXELS[2], **star_targets(LABELS[2], 8)}] if validation else []
    return train_network(
        network, star_loss, patches, held, Schedule(batch=2, **schedule), folder,
        device="cpu", progress=False, report=report,
    )  # fmt: skip


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole, history = _train(tmp_path / "whole", steps=18, every=6)

    def stop(row):
        if row["step"] == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "parts", report=stop, steps=18, every=6)
    resumed, again = _train(tmp_path / "parts", steps=18, every=6)
    assert [r["step"] for r in again.rows] == [r["step"] for r in history.rows] == [6, 12, 18]
    assert [r["train_loss"] for r in again.rows] == [r["train_loss"] for r in history.rows]
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    finished, last = _train(tmp_path / "parts", steps=18, every=6)
    assert last.steps == 18 and len(last.rows) == 3


@pytest.mark.parametrize("damaged", ["last", "best"])
@pytest.mark.parametrize("left", [0, 1000])
def test_a_damaged_checkpoint_is_named(tmp_path, damaged, left):
    _train(tmp_path, steps=6, every=3)
    _train(tmp_path, steps=12, every=3, learning_rate=30.0)  # the last network is not the best
    path = tmp_path / f"{damaged}.ckpt"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=rf"{damaged}.ckpt is missing or damaged; delete the folder .* begin"):
        _train(tmp_path, steps=12, every=3, learning_rate=30.0)


def test_one_training_at_a_time_in_a_folder(tmp_path):
    lock = "from micrographia.io.lock import alone_in; from pathlib import Path; import sys\n"
    words = f"with alone_in(Path({str(tmp_path)!r}), 'a training'):\n    print('in', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", lock + words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline()
        with pytest.raises(RequestError, match="a training is running; wait for its end"):
            _train(tmp_path, steps=3, every=3)
    finally:
        other.communicate(b"")
    assert _train(tmp_path, steps=3, every=3)[1].steps == 3


def test_a_training_that_was_moved_keeps_its_best_network(tmp_path):
    _train(tmp_path / "first", steps=6, every=3)
    best, history = _train(tmp_path / "first", steps=12, every=3, learning_rate=30.0)
    losses = [row["validation_loss"] for row in history.rows]
    assert losses[-1] > min(losses), "the last network is the best: this would show nothing"
    for steps, folder in enumerate(("second", "third"), 12):  # ended before, and going on
        (tmp_path / "first").rename(tmp_path / folder)
        again, _ = _train(tmp_path / folder, steps=steps, every=3, learning_rate=30.0)
        for a, b in zip(best.state_dict().values(), again.state_dict().values(), strict=True):
            assert torch.equal(a, b)
        (tmp_path / folder).rename(tmp_path / "first")


@pytest.mark.parametrize("last_rate", (0.0, 0.3))
def test_the_rate_falls_to_its_last_share(tmp_path, last_rate):
    _train(tmp_path, steps=10, every=5, learning_rate=1e-3, last_rate=last_rate)
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)["optimizer_states"][0]["param_groups"]
    fall = 0.5 + 0.5 * np.cos(np.pi * 0.9)  # the rate of step 10 is that after nine tenths
    assert kept[0]["lr"] == pytest.approx(1e-3 * (last_rate + (1 - last_rate) * fall), abs=2e-6)


def test_the_average_remembers_as_long_as_it_is_told(tmp_path):
    """With no memory it is the network itself; otherwise the mean of all steps so far, the later ones more."""
    _train(tmp_path / "none", steps=8, every=8, memory=0.0)
    _train(tmp_path / "long", steps=8, every=8, memory=0.9998)
    none, long = (
        torch.load(tmp_path / name / "last.ckpt", weights_only=True)["state_dict"] for name in ("none", "long")
    )
    name = "foreground.weight"
    assert torch.equal(none[f"average.module.{name}"], none[f"network.{name}"])
    assert torch.equal(none[f"network.{name}"], long[f"network.{name}"])
    assert not torch.equal(long[f"average.module.{name}"], long[f"network.{name}"])


def test_training_learns(tmp_path):
    _, history = _train(tmp_path, steps=160, every=40)
    first, last = history.rows[0], history.rows[-1]
    assert last["train_loss"] < 0.93 * first["train_loss"]
    assert last["validation_loss"] < first["validation_loss"]


def test_time_budget_ends_with_a_validation(tmp_path):
    _, history = _train(tmp_path, steps=100_000, every=1000, minutes=0.02)
    assert 0 < history.steps < 100_000
    assert history.rows[-1]["step"] == history.steps and "validation_loss" in history.rows[-1]


def test_early_stopping(tmp_path):
    _, history = _train(tmp_path, steps=200, every=2, patience=2, learning_rate=1e-6)
    assert history.steps < 200


def test_a_training_that_stopped_early_is_over_until_it_may_be_more_patient(tmp_path):
    settings = {"steps": 200, "every": 2, "learning_rate": 1e-6}
    best, history = _train(tmp_path, patience=2, **settings)
    again, later = _train(tmp_path, patience=2, **settings)
    assert later.rows == history.rows
    for a, b in zip(best.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert _train(tmp_path, patience=4, **settings)[1].steps > history.steps


def test_training_without_validation(tmp_path):
    network, history = _train(tmp_path, steps=4, every=2, validation=False)
    assert history.steps == 4 and not network.training


def test_a_training_whose_lesson_is_not_known_does_not_go_on(tmp_path):
    _train(tmp_path, steps=2, every=2)
    noted = tmp_path / "lesson.json"
    assert [path.name for path in tmp_path.glob("*lesson*")] == [noted.name]
    for damaged in (b"{", b"[]", b"{}", b"\xff"):
        noted.write_bytes(damaged)
        with pytest.raises(InputError, match="lesson.json is damaged; delete the folder"):
            _train(tmp_path, steps=4, every=2)
    noted.unlink()
    with pytest.raises(RequestError, match="did not note what it learned from"):
        _train(tmp_path, steps=4, every=2)
    assert not noted.exists()
