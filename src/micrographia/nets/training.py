"""The training loop: pytorch-lightning from the first step, or the last checkpoint, to the best averaged network."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from torch import nn
from torch.utils.data import Dataset

from micrographia.io.lock import alone_in
from micrographia.nets.batches import Rounds
from micrographia.nets.devices import accelerator
from micrographia.nets.lesson import check_lesson, lesson_of
from micrographia.nets.schedule import History, Schedule
from micrographia.nets.training_steps import Loss, Report, TrainingSteps, read_checkpoint


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
        Where the folder holds checkpoints of something else (other settings are named), another process trains there,
        or there is no such device.
    InputError
        Where a checkpoint is damaged.
    """
    where = accelerator(device)
    with alone_in(folder, "a training"):
        shapes = [(name, tuple(t.shape)) for name, t in network.state_dict().items()]
        check_lesson(folder, lesson_of(lesson, shapes), settings or {})
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        training = TrainingSteps(network, loss, schedule, report)
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
                    accelerator=where,
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
                rounds = Rounds(patches, list(validation), schedule)
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
            training.load_state_dict(read_checkpoint(Path(best.best_model_path))["state_dict"])
        return training.average.module.cpu().eval(), training.history


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
