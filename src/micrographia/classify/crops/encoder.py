"""The encoder: what cells look like, learned from the user's own crops without any label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.crops.cell_images import CellCrops, CellImages, cell_crops
from micrographia.classify.crops.crop_learning import Training, check_widths, example_of, learn_encoder
from micrographia.classify.crops.crop_measurements import Watch, crop_measurements
from micrographia.classify.crops.crop_package import CropModel, open_crop_model, run_saved, write_crop_package
from micrographia.features.crops import INTENSITIES, CropPlan
from micrographia.method import Method, parameter

if TYPE_CHECKING:
    from micrographia.nets.crop_encoder import CropEncoder
    from micrographia.nets.schedule import History

_TASKS = {"measurements": "to tell what is measured of them", "views": "VICReg, Bardes et al. 2022"}


class CellEncoder(Method):
    """Turns each cell into a row of features, learned from crops of cells without labels.

    A network tells from random views of a cell (turned, mirrored, shifted, scaled, brighter or darker, noisier) what
    CellProfiler and the appearance measure of it. Or, without measuring, two views of a cell shall have the same
    features, while each feature varies between cells and says something of its own (VICReg, Bardes et al. 2022). Learns
    from images with label images whose numbers are objects.
    """

    name = "encoder"
    applied_by = "measure --features learned"
    applied_to = "--images IMAGES --labels LABELS"

    size: int = parameter(64, "Side of the crop around each object", ge=16, le=512, unit="px")
    diameter: float = parameter(
        0.0, "Scale each crop so that its object has this diameter, 0 keeps the scale (and the size of the cells)",
        ge=0, le=512, unit="px",
    )  # fmt: skip
    mask: bool = parameter(False, "Show the network which pixels belong to the object")
    intensity: str = parameter(
        "image", "What is made 0 to 1: percentiles of each image, of each crop, or the range of the pixel type",
        choices=INTENSITIES,
    )  # fmt: skip
    widths: tuple[int, ...] = parameter(
        (16, 32, 64, 128), "Channels of each level of the network; the last is the number of features", ge=4, le=1024,
        unit="channels",
    )  # fmt: skip
    task: str = parameter(
        "measurements", "What is learned: to tell what is measured of each cell, or that two views show the same cell",
        choices=("measurements", "views"),
    )  # fmt: skip
    crops: int = parameter(50_000, "Most crops to learn from, drawn by chance where there are more", ge=2)
    steps: int = parameter(3000, "Most training steps", ge=1, le=10_000_000)
    minutes: float = parameter(0.0, "Time budget of the training, 0 for none", ge=0, unit="min")
    batch: int = parameter(128, "Crops in a training step", ge=4, le=4096)
    learning_rate: float = parameter(2e-3, "Step size of the optimiser (AdamW) at its highest", ge=1e-6, le=1)
    every: int = parameter(100, "Steps between reports and checkpoints", ge=1)
    device: str = parameter("auto", "Where to train", choices=("auto", "cpu", "cuda", "mps"))
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    encoder_: CropEncoder
    history_: History
    channels_: tuple[str, ...]
    example_: np.ndarray
    count_: int
    watch: Watch | None = None
    """Gives the blocks of crops to measure one after the other, and may say how far it has come."""

    _ready: CropModel | None = None

    @property
    def plan(self) -> CropPlan:
        """How crops are cut."""
        return CropPlan(self.size, self.diameter, self.mask, self.intensity)

    def fit(
        self,
        examples: CellImages,
        *,
        folder: str | Path | None = None,
        report: Callable[[Mapping[str, float]], None] | None = None,
        progress: bool = False,
    ) -> CellEncoder:
        """Learn from images with label images, whose classes are not needed.

        Parameters
        ----------
        examples : CellImages
            Images and label images.
        folder : path, optional
            Where measurements and checkpoints live; called again with the same folder, measuring and training go on
            where they stopped.
        report : callable, optional
            Called with the losses every few steps.
        progress : bool
            Show a progress bar.

        Raises
        ------
        InputError
            Where images and labels do not fit each other, there are fewer than two objects, or no crop shows anything.
        RequestError
            Where this computer has no such device.
        """
        from micrographia.nets.devices import accelerator

        accelerator(self.device)
        measured = self.task == "measurements"
        plan = replace(self.plan, mask=True) if measured else self.plan
        found = cell_crops(examples, plan, most=self.crops, seed=self.seed)
        source = found.pixels if measured else None
        if plan.mask and not self.mask:
            found = replace(found, pixels=found.pixels[:, :-1])
        return self._learn(found, source, folder, report, progress)

    def fit_crops(
        self,
        crops: CellCrops,
        *,
        folder: str | Path | None = None,
        report: Callable[[Mapping[str, float]], None] | None = None,
        progress: bool = False,
    ) -> CellEncoder:
        """Learn from crops that are cut already, with the same keywords as `fit`.

        Raises
        ------
        InputError
            Where there are fewer than two crops, or none shows anything.
        RequestError
            Where measurements shall be learned, but the crops are without a mask of what to measure.
        """
        measured = self.task == "measurements"
        if measured and not self.mask:
            raise RequestError("encoder: crops without a mask cannot be measured; cut them with mask, or learn views.")
        return self._learn(crops, crops.pixels if measured else None, folder, report, progress)

    def _learn(
        self,
        crops: CellCrops,
        source: np.ndarray | None,
        folder: str | Path | None,
        report: Callable[[Mapping[str, float]], None] | None,
        progress: bool,
    ) -> CellEncoder:
        check_widths(self.name, self.widths, self.size)
        shown = crops.pixels[:, :-1] if self.mask else crops.pixels
        if len(crops) and not any(np.ptp(crop, axis=(1, 2)).any() for crop in shown):
            raise InputError("No crop shows anything: within each all pixels are alike. Do the images fit the labels?")
        if source is not None and len(crops) < 2:
            raise InputError("An encoder learns from many objects; there is only one.")
        training = Training(
            self.steps, min(self.batch, len(crops)), self.minutes, self.learning_rate, self.every, 0, self.device,
            self.seed, None if folder is None else Path(folder), progress, report, self.parameters(),
        )  # fmt: skip
        targets = None if source is None else crop_measurements(source, folder=training.folder, watch=self.watch)
        self.encoder_, self.history_ = learn_encoder(
            crops.pixels, training, widths=self.widths, mask=self.mask, targets=targets, source=source
        )
        self.channels_, self.count_ = crops.channels, len(crops)
        self.example_ = example_of(crops.pixels)
        self._ready = None
        return self

    def predict(self, x: Any, labels: Any = None) -> np.ndarray:
        """Features (N, F) of the objects of one plane `x`, in the order of their labels.

        Parameters
        ----------
        x : Image or array
            One plane, or crops (N, C, S, S) that are cut already.
        labels : (Y, X) integer array, optional
            The objects; without them the whole image is one.

        Raises
        ------
        InputError
            Where nothing was learned yet, or the image has other channels than the model.
        """
        if isinstance(x, np.ndarray) and x.ndim == 4:
            return self.model()(x)["features"]
        from micrographia.classify.crops.learned_features import features_of_plane

        return features_of_plane(self.model(), x, labels)[1]

    def model(self) -> CropModel:
        """What was learned, as ONNX Runtime runs it."""
        if self._ready is None:
            self._ready = run_saved(self.save)
        return self._ready

    def save(self, path: str | Path, *, name: str = "", authors: Sequence[str] = (), license: str = "") -> Path:
        """Write the model package: ONNX, weights to go on from, how crops are cut, model card.

        Parameters
        ----------
        path : path
            The ``.zip`` to write.
        name : str
            Name of the model; the file's stem where not given.
        authors : sequence of str
            Who made it; nobody is named where there are none.
        license : str
            SPDX name of its licence, such as ``"CC-BY-4.0"``; none is named where it is empty.

        Raises
        ------
        InputError
            Where nothing was learned yet.
        """
        path = Path(path)
        if not hasattr(self, "encoder_"):
            if self._ready is None:
                raise InputError("This encoder has not learned anything yet: call fit or load first.")
            return self._ready.package.copy_to(path)
        name = name or path.stem
        history = self.history_
        write_crop_package(
            path, self.encoder_, method=self.name, plan=self.plan, channels=self.channels_, classes=(),
            example=self.example_, name=name, documentation=self._card(name),
            authors=authors, license=license,
            config={
                "parameters": self.parameters(),
                "training": {
                    "crops": self.count_, "steps": history.steps, "minutes": history.minutes,
                    "history": history.rows[-200:],
                },
            },
        )  # fmt: skip
        return path

    @classmethod
    def load(cls, path: str | Path) -> CellEncoder:
        """Read a model package written by `save`, by name or path."""
        model = open_crop_model(path)
        package = model.package
        if model.classes:
            raise RequestError(f"{package.path}: this model classifies and is no encoder.")
        method = cls(**package.config.get("parameters", {}))
        method._ready = model
        return method

    def _card(self, name: str) -> str:
        history = self.history_
        return (
            f"# {name}\n\nEncoder of cells: {self.encoder_.widths[-1]} features of crops of {self.size} x {self.size} "
            f"pixels ({', '.join(self.channels_)}{', mask of the object' if self.mask else ''}), learned without "
            f"labels from {self.count_:,} crops ({_TASKS[self.task]}) in {history.steps} steps "
            f"({history.minutes} min).\n\n# Validation\n\nNot measured: there are no labels. What the features are "
            "worth is measured by classifying with them under grouped folds.\n"
        )
