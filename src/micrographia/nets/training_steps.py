"""What happens in each step of a training: learning rate, losses, averaged weights, and what a checkpoint keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from micrographia.arrays.errors import InputError
from micrographia.nets.schedule import History, Schedule

Loss = Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
Report = Callable[[Mapping[str, float]], None]


class TrainingSteps(pl.LightningModule):
    """A network, its averaged twin and the clock over all sessions, as Lightning trains them."""

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
        self.earlier = read_checkpoint(path)
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


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds; InputError where it is missing or damaged."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # of a damaged file torch says anything from EOFError to UnpicklingError
        raise InputError(
            f"{path} is missing or damaged; delete the folder {path.parent} to begin the training anew."
        ) from error
