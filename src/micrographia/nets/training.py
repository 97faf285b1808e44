"""The training loop: pytorch-lightning, a cosine schedule, an averaged network and exact resume."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.atomic import replacing

Loss = Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
Report = Callable[[Mapping[str, float]], None]

_MAY_CHANGE = ("steps", "minutes", "patience", "device", "views")
"""Parameters that say how long and where to train, or how to predict: a training that goes on may change them."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    steps : int
        Most optimiser steps.
    minutes : float
        Time budget over all sessions of a resumed training; 0 for none. With a budget the number of steps
        depends on the machine, without one the same seed gives the same network.
    batch : int
        Patches in a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate warms up over 200 steps, or the first fifth of them, and falls along a half cosine.
    last_rate : float
        Share of the learning rate that is left at the end.
    memory : float
        Of the averaged network: its weights keep this share in each step, once there were enough of them.
    every : int
        Steps between validations; checkpoints are written there.
    patience : int
        Validations without a better loss before training stops; 0 never stops early.
    seed : int
        Seed of the initial weights.
    """

    steps: int = 20000
    minutes: float = 0.0
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    last_rate: float = 0.0
    memory: float = 0.999
    every: int = 250
    patience: int = 0
    seed: int = 0


@dataclass
class History:
    """What training did: one row a validation, and the best one."""

    rows: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    minutes: float = 0.0


class _Training(pl.LightningModule):
    def __init__(self, network: nn.Module, loss: Loss, schedule: Schedule, report: Report | None) -> None:
        super().__init__()
        self.network, self.loss, self.schedule, self.report = network, loss, schedule, report
        self.average = torch.optim.swa_utils.AveragedModel(network, avg_fn=self._average, use_buffers=True)
        self.average.requires_grad_(False)
        self.history = History()
        self.earlier: dict[str, Any] | None = None  # the checkpoint that this session goes on from
        self.first = 0  # steps of earlier sessions
        self.spent = 0.0  # seconds of earlier sessions
        self.started = time.monotonic()
        self._sums: dict[str, list[float]] = {}

    def _average(self, averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        if not torch.is_floating_point(averaged):
            return current
        count = int(count)
        return averaged + (current - averaged) * (1 - min(self.schedule.memory, (1 + count) / (10 + count)))

    @property
    def seconds(self) -> float:
        return self.spent + time.monotonic() - self.started

    @property
    def step(self) -> int:
        """Steps of all sessions."""
        return self.first + self.global_step

    def resume(self, path: Path) -> None:
        """Take over weights, optimiser, history and clock; Lightning's own resume restarts a finished epoch."""
        self.earlier = _checkpoint(path)
        self.load_state_dict(self.earlier["state_dict"])
        kept = self.earlier["micrographia"]
        self.first, self.spent, self.history.rows = kept["step"], kept["seconds"], kept["rows"]

    def progress(self) -> float:
        done = self.step / self.schedule.steps
        if self.schedule.minutes:
            done = max(done, self.seconds / 60 / self.schedule.minutes)
        return min(1.0, done)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        decay = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": self.schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=self.schedule.learning_rate)
        if self.earlier:
            optimizer.load_state_dict(self.earlier["optimizer_states"][0])
        return optimizer

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        progress = self.progress()
        if progress >= 1:
            self.trainer.should_stop = True
            return -1
        warm = min(1.0, (self.step + 1) / max(1, min(200, self.schedule.steps // 5)))
        fall = 0.5 + 0.5 * float(np.cos(np.pi * progress))
        share = self.schedule.last_rate + (1 - self.schedule.last_rate) * fall
        rate = self.schedule.learning_rate * warm * share + 1e-6
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate
        return None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        losses = self.loss(self.network(image), batch)
        for name, value in losses.items():
            self._sums.setdefault(f"train_{name}", []).append(float(value.detach()))
        return losses["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.average.update_parameters(self.network)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        losses = self.loss(self.average(batch["image"]), batch)
        for name, value in losses.items():
            self._sums.setdefault(f"validation_{name}", []).append(float(value))

    def on_validation_epoch_end(self) -> None:
        row = {name: float(np.mean(values)) for name, values in self._sums.items()}
        self._sums = {}
        self.log("validation", row.get("validation_loss", row.get("train_loss", float("nan"))))
        row |= {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        self.history.rows.append(row)
        if self.report:
            self.report(row)

    def on_train_epoch_end(self) -> None:
        if not sum(self.trainer.num_val_batches):  # nothing to validate on: the losses of training alone
            self.on_validation_epoch_end()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["micrographia"] = {"rows": self.history.rows, "seconds": self.seconds, "step": self.step}


class _Batches:
    """Batches of patches, made ahead by a thread: the kernels release the GIL, and nothing has to be pickled."""

    def __init__(self, patches: Dataset, batch: int, ahead: int = 4) -> None:
        self.patches, self.batch, self.ahead = patches, batch, ahead

    def __len__(self) -> int:
        return len(self.patches) // self.batch  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        waiting: deque[Future[dict[str, Tensor]]] = deque()
        with ThreadPoolExecutor(1) as pool:
            try:
                for number in range(len(self)):
                    waiting.append(pool.submit(self._make, number))
                    if len(waiting) > self.ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _make(self, number: int) -> dict[str, Tensor]:
        first = number * self.batch
        return default_collate([self.patches[i] for i in range(first, first + self.batch)])


class _Rounds(pl.LightningDataModule):
    """Step s trains on patches s·batch … (s+1)·batch, so a resumed training goes on where it stopped."""

    def __init__(self, patches: Callable[[range], Dataset], validation: Sequence[dict], schedule: Schedule) -> None:
        super().__init__()
        self.patches, self.validation, self.schedule = patches, validation, schedule

    def train_dataloader(self) -> _Batches:
        count = self.schedule.every * self.schedule.batch
        step = int(self.trainer.lightning_module.step)  # type: ignore[union-attr,arg-type]
        patches = self.patches(range(step * self.schedule.batch, step * self.schedule.batch + count))
        return _Batches(patches, self.schedule.batch)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.validation, batch_size=1)  # type: ignore[arg-type]


def train_network(
    network: nn.Module,
    loss: Loss,
    patches: Callable[[range], Dataset],
    validation: Sequence[dict[str, np.ndarray]],
    schedule: Schedule,
    folder: Path,
    *,
    lesson: str = "",
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: bool = True,
    report: Report | None = None,
) -> tuple[nn.Module, History]:
    """Train a network; called again with the same folder, it goes on from the last checkpoint.

    Parameters
    ----------
    network : torch.nn.Module
        Trained in place.
    loss : callable
        (outputs, batch) to a dict of scalars with the key "loss".
    patches : callable
        Patch numbers (a range) to a data set of dicts of arrays with the key "image".
    validation : sequence of dict
        Whole images with their targets, without augmentation; may be empty.
    schedule : Schedule
        Steps, time budget, learning rate.
    folder : Path
        Checkpoints live here.
    lesson : str
        What is learned (`lesson_of`): checkpoints of another network or another lesson are refused.
    settings : dict, optional
        How it is learned (`lasting`): checkpoints of other settings are refused.
    device : str
        "auto", "cpu", "cuda", "mps". bfloat16 is used where the hardware computes in it.
    report : callable, optional
        Called with the losses after each validation.

    Returns
    -------
    network : torch.nn.Module
        The averaged network (exponential moving average of the weights) at the lowest validation loss.
    history : History
        Losses by step.

    Raises
    ------
    RequestError
        Where the folder holds checkpoints of something else; other settings are named.
    InputError
        Where a checkpoint is damaged.
    """
    shapes = [(name, tuple(t.shape)) for name, t in network.state_dict().items()]
    _check_lesson(folder, lesson_of(lesson, shapes), settings or {})
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    training = _Training(network, loss, schedule, report)
    best = ModelCheckpoint(folder, "best", monitor="validation", mode="min", enable_version_counter=False)
    last = ModelCheckpoint(folder, "last", monitor=None, enable_version_counter=False, save_on_train_epoch_end=True)
    callbacks: list[pl.Callback] = [best, last]
    early = EarlyStopping("validation", patience=schedule.patience, mode="min", strict=False)
    if schedule.patience:
        callbacks.append(early)
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=50))
    if (folder / "last.ckpt").exists():
        training.resume(folder / "last.ckpt")
        for callback in callbacks:
            state = training.earlier["callbacks"].get(callback.state_key)  # type: ignore[index]
            if state:
                callback.load_state_dict(_moved(state, folder))
        early.patience = schedule.patience  # which may have changed
    stopped = schedule.patience and early.wait_count >= schedule.patience
    if training.step < schedule.steps and not stopped:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning")
            trainer = pl.Trainer(
                default_root_dir=folder,
                accelerator={"cuda": "gpu"}.get(device, device),
                devices=1,
                precision="bf16-mixed" if _computes_in_bfloat16(device) else "32-true",
                max_epochs=-1,
                max_steps=schedule.steps - training.step,
                reload_dataloaders_every_n_epochs=1,
                callbacks=callbacks,
                logger=False,
                enable_model_summary=False,
                enable_progress_bar=progress,
                num_sanity_val_steps=0,
                gradient_clip_val=5.0,
            )
            rounds = _Rounds(patches, list(validation), schedule)
            try:
                trainer.fit(training, rounds)
            except SystemExit:  # what Lightning makes of Ctrl-C
                raise KeyboardInterrupt from None
            rows = training.history.rows
            if validation and (not rows or rows[-1]["step"] != training.step):  # the time budget ended a round
                trainer.validate(training, rounds, verbose=False)
    training.history.steps = training.step
    training.history.minutes = round(training.seconds / 60, 2)
    final = training.history.rows[-1].get("validation_loss") if training.history.rows else None
    if final is not None and best.best_model_score is not None and float(best.best_model_score) < final:
        training.load_state_dict(_checkpoint(Path(best.best_model_path))["state_dict"])
    return training.average.module.cpu().eval(), training.history


def _checkpoint(path: Path) -> dict[str, Any]:
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # of a damaged file torch says anything from EOFError to UnpicklingError
        raise InputError(
            f"{path} is missing or damaged; delete the folder {path.parent} to begin the training anew."
        ) from error


def _moved(state: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What a callback knew of checkpoints, for the folder where they are now; Lightning forgets the best otherwise."""
    if "dirpath" not in state:
        return state

    def here(path: str) -> str:
        return str(folder.resolve() / Path(path).name) if path else ""

    paths = {key: here(state[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
    kept = {here(path): score for path, score in state["best_k_models"].items()}
    return state | paths | {"best_k_models": kept, "dirpath": str(folder.resolve())}


def _computes_in_bfloat16(device: str) -> bool:
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    if device in ("auto", "cpu") and not torch.backends.mps.is_available():
        return torch.cpu._is_avx512_bf16_supported()
    return False


def lesson_of(*parts: Any) -> str:
    """A short text that changes when arrays, or other values, from which a network learns change."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def lasting(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a method that must stay the same where its training goes on."""
    return {name: value for name, value in parameters.items() if name not in _MAY_CHANGE}


def _check_lesson(folder: Path, lesson: str, settings: Mapping[str, Any]) -> None:
    """Note what is learned in a folder and how, or refuse to go on with something else."""
    noted, now = folder / "lesson.json", json.loads(json.dumps({"lesson": lesson, "settings": dict(settings)}))
    if (folder / "last.ckpt").exists():
        if not noted.exists():
            raise RequestError(
                f"{folder} holds checkpoints of a training that did not note what it learned from. Delete that folder "
                "to begin anew, or give the model another name."
            )
        try:
            before = json.loads(noted.read_text(encoding="utf-8"))
            old, new = dict(before["settings"]), now["settings"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{noted} is damaged; delete the folder {folder} to begin the training anew.") from error
        if before == now:
            return
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        said = "; ".join(f"{name} was {old.get(name)!r} and is now {new.get(name)!r}" for name in changed)
        other = f"other settings ({said})" if changed else "other images or classes"
        raise RequestError(
            f"{folder} holds checkpoints of a training with {other}. Delete that folder to begin anew, or give the "
            "model another name."
        )
    with replacing(noted) as partial:
        partial.write_text(json.dumps(now), encoding="utf-8")
