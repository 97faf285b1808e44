"""The classifier of crops: a small network that looks at each object and tells its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.crops.cell_images import CellCrops, CellImages, InTurn, cell_crops, cell_names
from micrographia.classify.crops.crop_card import crop_card
from micrographia.classify.crops.crop_judging import (
    Judgement,
    divided,
    judge_folds,
    judge_held,
    keep_probabilities,
    kept_probabilities,
)
from micrographia.classify.crops.crop_learning import Training, check_widths, example_of, learn_classes
from micrographia.classify.crops.crop_package import (
    CropModel,
    open_crop_model,
    run_saved,
    stored_encoder,
    weights_digest,
    write_crop_package,
)
from micrographia.classify.objects.class_tables import (
    Classified,
    ClassifiedImages,
    held_out,
    join_classes,
    named_images,
    with_classes,
)
from micrographia.classify.pixels.image_channels import same_channels
from micrographia.features.crops import INTENSITIES, CropPlan
from micrographia.method import Method, parameter
from micrographia.models.other_kind import made_by, other_kind

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.nets.crop_encoder import CropEncoder, CropNetwork
    from micrographia.nets.schedule import History


class CropClassifier(Method):
    """Tells the class of each object from a crop around it, by a small residual network.

    From scratch, or from an encoder that learned from crops without labels (transfer). Learns from images with label
    images and a table that gives some of the objects a class.
    """

    name = "crops"
    applied_by = "classify crops"
    applied_to = "IMAGES --labels LABELS"

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
        (16, 32, 64, 128), "Channels of each level of the network", ge=4, le=1024, unit="channels"
    )
    start: str = parameter(
        "", "Encoder or classifier to go on from (a name or a file), which then says how crops are cut"
    )
    frozen: bool = parameter(
        False, "Keep the encoder of `start` as it is and fit the last layer alone; for few examples"
    )
    balance: float = parameter(
        0.5, "How far rare classes are shown more often: 0 as often as they are, 1 all classes alike", ge=0, le=1
    )
    smoothing: float = parameter(0.1, "Label smoothing: share of each target spread over all classes", ge=0, le=0.5)
    mixup: float = parameter(0.0, "Concentration of mixtures of two crops, 0 mixes none", ge=0, le=2)
    steps: int = parameter(2000, "Most training steps", ge=1, le=10_000_000)
    minutes: float = parameter(0.0, "Time budget of the training, 0 for none", ge=0, unit="min")
    batch: int = parameter(128, "Crops in a training step", ge=4, le=4096)
    learning_rate: float = parameter(2e-3, "Step size of the optimiser (AdamW) at its highest", ge=1e-6, le=1)
    every: int = parameter(100, "Steps between validations and checkpoints", ge=1)
    patience: int = parameter(8, "Validations without progress before training stops early, 0 for never", ge=0)
    validation_share: float = parameter(
        0.15, "Share of the objects that only judge the training: whole wells where four or more are known, else whole "
        "images, and at least one of them; none with frozen", ge=0, le=0.5,
    )  # fmt: skip
    folds: int = parameter(
        0, "Judge by so many further networks, each trained without one part of the wells or images and judged on it "
        "(takes so many times longer); 0 judges on those set aside, which also choose when to stop", ge=0, le=20,
    )  # fmt: skip
    views: int = parameter(8, "Flips and quarter turns of each crop that predictions are averaged over", ge=1, le=8)
    device: str = parameter("auto", "Where to train", choices=("auto", "cpu", "cuda", "mps"))
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    network_: CropNetwork
    history_: History
    classes_: tuple[str, ...]
    channels_: tuple[str, ...]
    counts_: dict[str, int]
    notes_: list[str]
    held_: int
    whole_: str
    judged_: Judgement
    say_fold: Callable[[str], None] | None = None
    """Called with the name of each fold before it is judged."""

    _ready: CropModel | None = None
    _start: CropModel | None = None

    @property
    def plan(self) -> CropPlan:
        """How crops are cut: as the parameters say, or as the model does from which the training starts."""
        if self._ready is not None:
            return self._ready.plan
        start = self._starting()
        return self._plan() if start is None else start.plan

    def fit(
        self,
        examples: ClassifiedImages,
        *,
        folder: str | Path | None = None,
        report: Callable[[Mapping[str, float]], None] | None = None,
        progress: bool = False,
    ) -> CropClassifier:
        """Learn from images, label images and a table of classes.

        Parameters
        ----------
        examples : ClassifiedImages
            Images with the classes of their objects.
        folder : path, optional
            Where checkpoints live; called again with the same folder, training goes on where it stopped.
        report : callable, optional
            Called with the losses after each validation.
        progress : bool
            Show a progress bar.

        Raises
        ------
        RequestError
            Where there is only one class, or one fold.
        InputError
            Where images, labels and table do not fit each other, or the examples cannot be divided into folds.
        """
        self._check()
        self._ready = None
        found = self._crops(_named(examples))
        return self.fit_crops(
            found, self._joined(examples.table, found), folder=folder, report=report, progress=progress
        )

    def fit_crops(
        self,
        crops: CellCrops,
        classified: Classified,
        *,
        folder: str | Path | None = None,
        report: Callable[[Mapping[str, float]], None] | None = None,
        progress: bool = False,
    ) -> CropClassifier:
        """Learn from crops that are cut already; `classified` says which have which class. Keywords as in `fit`."""
        self._check()
        if len(classified.names) < 2:
            raise RequestError(f"All examples are of the class {classified.names[0]}; a classifier needs two or more.")
        if self.folds:
            divided(classified, self.folds, self.seed)  # what is refused is refused before anything is learned
        self._ready = None
        self.notes_ = []
        crops, start = self._started(crops)
        pixels = crops.pixels[classified.rows]
        self.counts_ = classified.counts
        held, self.whole_ = held_out(classified, 0.0 if self.frozen else self.validation_share, self.seed)
        training = Training(
            self.steps, self.batch, self.minutes, self.learning_rate, self.every, self.patience, self.device,
            self.seed, None if folder is None else Path(folder), progress, report, self._settings(),
        )  # fmt: skip
        self.network_, self.history_ = learn_classes(
            pixels, classified.classes, len(classified.names), held, training, widths=self.widths,
            mask=self.plan.mask, start=start, frozen=self.frozen, balance=self.balance,
            smoothing=self.smoothing, mixup=self.mixup,
        )  # fmt: skip
        self.classes_, self.channels_ = classified.names, crops.channels
        self._example = example_of(pixels)
        self.held_ = len(np.unique(classified.examples[held]))
        if self.folds:
            self.judged_ = self._judge_folds(crops, classified, folder, report, progress)
        else:
            self.judged_ = judge_held(
                classified, held, self.whole_, lambda rows: self.probabilities(crops.pixels[rows]), self.seed,
                frozen=self.frozen,
            )  # fmt: skip
        return self

    def predict(self, x: CellImages | CellCrops | Image | np.ndarray, labels: Any = None) -> pd.DataFrame:
        """Classes and their probabilities.

        Parameters
        ----------
        x : CellImages, CellCrops, Image or array
            Images, crops that are cut already, or one plane.
        labels : (Y, X) integer array, optional
            Objects of one plane; without them the whole image is one.

        Returns
        -------
        pandas.DataFrame
            ``Metadata_Image``, ``ObjectNumber``, ``Class``, ``Class_Probability`` and ``Probability_<class>``, a row an
            object.

        Raises
        ------
        InputError
            Where nothing was learned yet, there is no object, or an image has other channels than the model.
        """
        if isinstance(x, (Image, np.ndarray)):
            x = CellImages([x], None if labels is None else [labels])
        crops = x if isinstance(x, CellCrops) else self._crops(x)
        if not isinstance(x, CellCrops):
            crops = crops.with_channels(self.model().match(crops.channels, str(crops.images[0])))
        return self._table(crops, self.probabilities(crops.pixels))

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 of crops (N, C, S, S), the mean over `views` flips and turns."""
        model = self.model()
        total = sum(model(view)["probability"] for view in _turned(pixels, self.views))
        return np.asarray(total, np.float32) / self.views

    def model(self) -> CropModel:
        """What was learned, as ONNX Runtime runs it."""
        if self._ready is None:
            self._ready = run_saved(self.save)
        return self._ready

    def save(self, path: str | Path, *, name: str = "", authors: Sequence[str] = (), license: str = "") -> Path:
        """Write the model package: ONNX, weights to go on from, how crops are cut, classes, model card.

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
        if not hasattr(self, "network_"):
            if self._ready is None:
                raise InputError("This classifier has not learned anything yet: call fit or load first.")
            return self._ready.package.copy_to(path)
        name = name or path.stem
        history = self.history_
        write_crop_package(
            path, self.network_, method=self.name, plan=self.plan, channels=self.channels_, classes=self.classes_,
            example=self._example, name=name, documentation=crop_card(self, name), authors=authors, license=license,
            config={
                "parameters": self.parameters(),
                "counts": self.counts_,
                "training": {"steps": history.steps, "minutes": history.minutes, "history": history.rows[-200:]},
            },
        )  # fmt: skip
        return path

    @classmethod
    def load(cls, path: str | Path) -> CropClassifier:
        """Read a model package written by `save`, by name or path.

        Raises
        ------
        RequestError
            Where another method made it.
        """
        model = open_crop_model(path)
        package = model.package
        if made_by(package) != cls.name:
            raise other_kind(package, cls.applied_by)
        stored = package.config.get("parameters", {})
        known = [one.name for one in cls.declared()]  # former versions had others
        method = cls(**{name: stored[name] for name in known if name in stored})
        method._ready, method.classes_ = model, model.classes
        return method

    def _check(self) -> None:
        """Raise RequestError where parameters do not fit each other, or this computer."""
        from micrographia.nets.devices import accelerator

        accelerator(self.device)
        if not self.start:
            check_widths(self.name, self.widths, self.size)
        if self.frozen and not self.start:
            raise RequestError(f"{self.name}: frozen keeps an encoder as it is; name one with start.")
        if self.folds == 1:
            raise RequestError(f"{self.name}: a single fold cannot judge; folds is 0 or at least 2.")

    def _plan(self) -> CropPlan:
        return CropPlan(self.size, self.diameter, self.mask, self.intensity)

    def _crops(self, images: CellImages) -> CellCrops:
        return cell_crops(images, self.plan)

    def _joined(self, table: pd.DataFrame, crops: CellCrops) -> Classified:
        return join_classes(table, crops.images, crops.labels)

    def _table(self, crops: CellCrops, probabilities: np.ndarray) -> pd.DataFrame:
        import pandas as pd

        table = pd.DataFrame({"Metadata_Image": crops.images, "ObjectNumber": crops.labels})
        return with_classes(table, probabilities, self.model().classes)

    def _starting(self) -> CropModel | None:
        """The stored network from which the training starts."""
        if self.start and self._start is None:
            self._start = open_crop_model(self.start)
        return self._start

    def _settings(self) -> dict[str, Any]:
        """The parameters, but for those of the folds; `start` with a digest, for its file may be replaced."""
        settings = self.parameters() | {"folds": 0}
        start = self._starting()
        return settings if start is None else settings | {"start": f"{self.start}, SHA-256 {weights_digest(start)}"}

    def _started(self, crops: CellCrops) -> tuple[CellCrops, CropEncoder | None]:
        """The crops with the channels of the network from which the training starts, and its encoder."""
        start = self._starting()
        if start is None:
            return crops, None
        name = Path(self.start).name
        which, note = same_channels(
            crops.channels, start.channels, str(crops.images[0]), than=f"{name} was trained on",
            remedy="give all images the same channels, or learn from one of them: --channel (Image.take in Python)",
        )  # fmt: skip
        self.notes_ += [f"{name}: {note}"] if note else []
        if (self.plan.size, self.plan.mask) != (self.size, self.mask):
            self.notes_.append(self._cut_as(name))
        return crops.with_channels(which), stored_encoder(start)

    def _cut_as(self, name: str) -> str:
        masked = "with" if self.plan.mask else "without"
        return f"crops are cut as for {name}: {self.plan.size} pixels, {masked} the mask"

    def seen(self) -> str:
        """What the network looks at, in words."""
        return f"crops of {self.plan.size} x {self.plan.size} pixels"

    def _judge_folds(
        self, crops: CellCrops, classified: Classified, folder: str | Path | None, report: Any, progress: bool
    ) -> Judgement:
        """Train and judge a network for each fold; what a fold gave is kept in its folder."""
        from micrographia.nets.lesson import lesson_of

        seen = "" if folder is None else lesson_of(self._settings(), crops.pixels, classified.names)

        def learned(fold: str, taught: Classified, rows: np.ndarray) -> np.ndarray:
            if self.say_fold is not None:
                self.say_fold(fold)
            own = None if folder is None else Path(folder) / fold.replace(" ", "-")
            lesson = "" if own is None else lesson_of(seen, taught.rows, taught.classes, rows)
            if own is not None and (known := kept_probabilities(own, lesson)) is not None:
                return known
            model = type(self)(**self.parameters() | {"folds": 0})
            model._start = self._start
            model.fit_crops(crops, taught, folder=own, report=report, progress=progress)
            found = np.zeros((len(rows), len(classified.names)), np.float32)
            found[:, [classified.names.index(name) for name in model.classes_]] = model.probabilities(
                crops.pixels[rows]
            )
            if own is not None:
                keep_probabilities(own, lesson, found)
            return found

        return judge_folds(classified, self.folds, learned, self.seed)


def _named(examples: ClassifiedImages) -> CellImages:
    """The images that the table gives a class, each read when its turn comes."""
    images, labels = examples.images, examples.labels
    names = cell_names(CellImages(images, labels, examples.names))
    which = named_images(examples.table, names)
    return CellImages(
        InTurn(len(which), lambda i: images[which[i]]),
        None if labels is None else InTurn(len(which), lambda i: labels[which[i]]),
        [names[i] for i in which],
    )


def _turned(pixels: np.ndarray, views: int) -> list[np.ndarray]:
    """The first so many of the eight flips and quarter turns."""
    turned = [np.rot90(pixels, k, (2, 3)) for k in range(4)]
    return [*turned, *(view[..., ::-1] for view in turned)][:views]
