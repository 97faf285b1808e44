"""Learning on crops: an encoder without labels, and a classifier from scratch or from an encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.crops.crop_head import fit_head

if TYPE_CHECKING:
    from micrographia.nets.crop_encoder import CropEncoder, CropNetwork
    from micrographia.nets.schedule import History


@dataclass(frozen=True)
class Training:
    """How long, how fast and where to train; the meanings are those of `micrographia.nets.schedule.Schedule`.

    `settings` must be the same where a training goes on from the checkpoints in its folder.
    """

    steps: int
    batch: int = 128
    minutes: float = 0.0
    learning_rate: float = 2e-3
    every: int = 100
    patience: int = 0
    device: str = "auto"
    seed: int = 0
    folder: Path | None = None
    progress: bool = False
    report: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def check_widths(method: str, widths: Sequence[int], size: int) -> None:
    """Raise RequestError where these levels of a network do not fit crops of `size` pixels: each halves the side."""
    most = int(np.ceil(np.log2(size)))  # the last level needs two pixels along a side
    if not 2 <= len(widths) <= most:
        raise RequestError(
            f"{method}: widths must name two levels or more, and at most {most} for crops of {size} pixels; "
            f"got {widths}."
        )


def example_of(pixels: np.ndarray) -> np.ndarray:
    """Up to four crops (n, C, S, S) float32 to test a model with, those that show something first."""
    shows = np.ptp(pixels.reshape(len(pixels), -1), axis=1) > 0
    return pixels[np.argsort(~shows, kind="stable")[:4]].astype(np.float32)


def learn_encoder(
    crops: np.ndarray,
    training: Training,
    *,
    widths: Sequence[int],
    mask: bool = False,
    targets: np.ndarray | None = None,
    source: np.ndarray | None = None,
) -> tuple[CropEncoder, History]:
    """Learn features of crops without labels: they shall tell what is measured of the crop, however it is viewed.

    Where nothing was measured, two views of a crop shall be alike, and features shall vary and differ.

    Parameters
    ----------
    crops : (N, C, S, S) float16 or float32 array
        At least two.
    training : Training
        ``batch`` counts crops; without `targets` each is seen in two views.
    widths : sequence of int
        As in `CropEncoder`.
    mask : bool
        Whether the last channel is the object's mask.
    targets : (N, D) float32 array, optional
        What is measured of each crop (`micrographia.classify.crops.crop_measurements`).
    source : array, optional
        What `targets` were computed from. A training that goes on is recognised by it, since the last digits of what
        is computed differ between machines; without it, by `targets`.

    Returns
    -------
    CropEncoder, History

    Raises
    ------
    InputError
        Where there are fewer than two crops.

    Notes
    -----
    From views alone by VICReg (Bardes, Ponce and LeCun, ICLR 2022): variance, invariance and covariance of the
    embeddings.
    """
    import torch

    from micrographia.nets.crop_encoder import CropEncoder, Measuring, Projected
    from micrographia.nets.crop_losses import measurement_loss, vicreg_loss
    from micrographia.nets.crop_views import CropViews

    if len(crops) < 2:
        raise InputError(f"An encoder learns from many objects; there {_are(len(crops))}.")
    torch.manual_seed(training.seed)
    encoder = CropEncoder(crops.shape[1], tuple(widths))
    network: Any = Projected(encoder) if targets is None else Measuring(encoder, targets.shape[1])
    loss, batch = (vicreg_loss, 2 * training.batch) if targets is None else (measurement_loss, training.batch)

    def views(numbers: range) -> CropViews:
        return CropViews(crops, numbers, targets, mask=mask, seed=training.seed)

    lesson = (crops, targets if source is None else source, mask, training.seed)
    trained, history = _train(network, loss, views, [], training, lesson, batch=batch)
    return trained.encoder.eval(), history


def learn_classes(
    crops: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    held: np.ndarray,
    training: Training,
    *,
    widths: Sequence[int],
    mask: bool = False,
    start: CropEncoder | None = None,
    frozen: bool = False,
    balance: float = 0.5,
    smoothing: float = 0.1,
    mixup: float = 0.0,
) -> tuple[CropNetwork, History]:
    """Learn the class of crops.

    Parameters
    ----------
    crops : (N, C, S, S) float16 or float32 array
        All crops.
    classes : (N,) integer array
        0 to K - 1.
    n_classes : int
        K, at least two.
    held : (N,) bool array
        Crops that only judge the training; it stops where they get no better.
    training : Training
        Steps and speed.
    widths : sequence of int
        As in `CropEncoder`; those of `start` where it is given.
    mask : bool
        Whether the last channel is the object's mask.
    start : CropEncoder, optional
        Weights to start from; the last layer then starts fitted to them (`fit_head`).
    frozen : bool
        Keep `start` as it is: nothing but the last layer is fitted.
    balance, mixup : float
        As in `ClassViews`.
    smoothing : float
        As in `CropLoss`.

    Returns
    -------
    CropNetwork, History

    Raises
    ------
    InputError
        Where there are fewer than two classes, or a class has no crop to learn from.
    """
    import torch

    from micrographia.nets.crop_encoder import CropEncoder, CropNetwork
    from micrographia.nets.crop_losses import CropLoss
    from micrographia.nets.crop_views import ClassViews, batches
    from micrographia.nets.schedule import History

    used = ~held
    if n_classes < 2:
        raise InputError("There is only one class; a classifier needs examples of two or more.")
    counts = np.bincount(classes[used], minlength=n_classes)
    if (counts == 0).any():
        raise InputError(f"Class number {int(np.argmin(counts)) + 1} has no example to learn from.")
    torch.manual_seed(training.seed)
    encoder = CropEncoder(crops.shape[1], tuple(widths) if start is None else start.widths)
    if start is not None:
        if start.channels != crops.shape[1]:
            raise InputError(f"The encoder looks at {start.channels} channels, the crops have {crops.shape[1]}.")
        encoder.load_state_dict(start.state_dict())
    network = CropNetwork(encoder, n_classes)
    if start is not None:
        fit_head(network, crops[used], classes[used], balance=balance)
        if frozen:
            return network.eval(), History()

    def views(numbers: range) -> ClassViews:
        return ClassViews(
            crops[used], classes[used], numbers, mask=mask, balance=balance, mixup=mixup, seed=training.seed
        )

    judging = batches(crops[held], np.eye(n_classes, dtype=np.float32)[classes[held]])
    lesson = (crops, classes, held, mask, balance, smoothing, mixup, training.seed)
    trained, history = _train(network, CropLoss(smoothing), views, judging, training, lesson, batch=training.batch)
    return trained.eval(), history


def _train(
    network: Any, loss: Any, views: Any, judging: Any, training: Training, lesson: tuple[Any, ...], batch: int
) -> tuple[Any, History]:
    from micrographia.nets.lesson import lasting, lesson_of
    from micrographia.nets.schedule import Schedule
    from micrographia.nets.training import train_network

    schedule = Schedule(
        training.steps, training.minutes, batch, training.learning_rate, every=min(training.every, training.steps),
        patience=training.patience if judging else 0, seed=training.seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        return train_network(
            network, loss, views, judging, schedule, Path(training.folder or scratch),
            lesson=lesson_of(*lesson), settings=lasting(training.settings), device=training.device,
            progress=training.progress, report=training.report,
        )  # fmt: skip


def _are(count: int) -> str:
    return "is only one" if count == 1 else f"are {count}" if count else "is none"
