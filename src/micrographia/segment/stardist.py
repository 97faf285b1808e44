"""StarDist 2D: objects as star-convex polygons, trimmed to the pixels that belong to them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.arrays.normalize import sample
from micrographia.arrays.preparation import preparation
from micrographia.method import Method, parameter
from micrographia.metrics.folds import hold_out, shared_column
from micrographia.segment.experts import Expert
from micrographia.segment.plane_pixels import repeated
from micrographia.segment.predictor import Predictor, Segmentation
from micrographia.segment.star_examples import (
    Examples,
    channels_first,
    channels_of,
    checked_labels,
    in_colour,
    names_of,
    validation_example,
)
from micrographia.segment.star_targets import star_targets

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage
    from micrographia.nets.star_unet import StarModel

PERCENTILES = (1.0, 99.8)

_POOR = 0.1
"""Accuracy below which hardly anything was found."""

LAST_RATE, WEIGHT_DECAY = 0.3, 0.02
"""A rate that falls to nothing learns few images by heart: .660 on dev instead of .668, from 40 images."""


class StarDist(Method):
    """Finds roundish objects such as nuclei, even where they touch, as star-convex polygons (Schmidt et al. 2018).

    Each pixel predicts how likely it is an object's middle and how far the object's edge is along rays; a
    foreground map trims the polygons to the object's own pixels. Learns from images with label images.
    """

    name = "stardist"

    rays: int = parameter(32, "Rays of each polygon; more follow finer outlines", ge=8, le=128)
    widths: tuple[int, ...] = parameter(
        (16, 32, 64, 96, 96), "Channels of each level of the network, fine to coarse", ge=4, le=512, unit="channels"
    )
    patch: int = parameter(192, "Side of the training patches", ge=64, le=1024, unit="px")
    zoom: float = parameter(1.45, "Largest zoom in training, in either direction; 1 for none", ge=1, le=3)
    steps: int = parameter(10000, "Most training steps", ge=1, le=10_000_000)
    minutes: float = parameter(0.0, "Time budget of the training, 0 for none", ge=0, unit="min")
    batch: int = parameter(8, "Patches in a training step", ge=1, le=256)
    learning_rate: float = parameter(2e-3, "Step size of the optimiser (AdamW) at its highest", ge=1e-6, le=1)
    every: int = parameter(250, "Steps between validations and checkpoints", ge=1)
    patience: int = parameter(20, "Validations without progress before training stops early, 0 for never", ge=0)
    validation_share: float = parameter(
        0.15, "Share of the images, by whole plates, wells or stacks where known, that judge the network and choose "
        "thresholds", ge=0, le=0.5,
    )  # fmt: skip
    start: str = parameter("", "Model to go on from (a name or a file), empty to start anew")
    device: str = parameter("auto", "Where to train", choices=("auto", "cpu", "cuda", "mps"))
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    package_: ModelPackage
    _ready: Predictor | None = None

    def fit(
        self,
        examples: Examples,
        *,
        folder: str | Path | None = None,
        report: Callable[[Mapping[str, float]], None] | None = None,
        progress: bool = False,
    ) -> StarDist:
        """Train on labelled images.

        Parameters
        ----------
        examples : Examples
            Images and label images.
        folder : path, optional
            Where checkpoints live; called again with the same folder, training goes on where it stopped.
        report : callable, optional
            Called with the losses after each validation.
        progress : bool
            Show a progress bar.

        Returns
        -------
        StarDist
            Self, with `model_`, `expert_`, `history_` and `notes_` (what the reader of the accuracy must know).

        Raises
        ------
        InputError
            Where images and labels do not fit each other, or there are too few.
        RequestError
            Where this computer has no such device, or parameters do not fit each other.
        """
        import torch

        from micrographia.models.library import origin
        from micrographia.nets.devices import accelerator
        from micrographia.nets.lesson import lasting, lesson_of
        from micrographia.nets.losses import star_loss
        from micrographia.nets.patches import Patches
        from micrographia.nets.schedule import Schedule
        from micrographia.nets.training import train_network
        from micrographia.segment.star_package import equivalent_diameters
        from micrographia.segment.star_thresholds import choose_thresholds, network_maps

        accelerator(self.device)
        if len(self.widths) < 2:
            raise RequestError(f"stardist: widths must name two levels or more; got {self.widths}.")
        names = names_of(examples)
        images = [channels_first(image, name) for image, name in zip(examples.images, names, strict=True)]
        labels = [checked_labels(lab, im, name) for lab, im, name in zip(examples.labels, images, names, strict=True)]
        colour = [in_colour(image) for image in examples.images]
        channels = channels_of([len(image) for image in images], colour, names)
        if not any((lab > 0).any() for lab in labels):
            raise InputError("No label image holds an object; there is nothing to learn.")
        held = self._validation(examples, len(images))
        used = [i for i in range(len(images)) if i not in held]
        pixels = [
            repeated(preparation(sample(image, (1, 2)), image.shape[1:], False, PERCENTILES).applied(image), channels)
            for image in images
        ]
        torch.manual_seed(self.seed)
        model = self._network(channels)
        network = model.experts[0]
        stride: int = network.stride  # type: ignore[assignment]
        settings = lasting(self.parameters())
        if self.start:  # whose file may be replaced
            settings["start"] = f"{self.start}, digest {lesson_of(*(t.numpy() for t in network.state_dict().values()))}"

        diameters = equivalent_diameters([labels[i] for i in used])

        def targets(patch: np.ndarray) -> dict[str, np.ndarray]:
            return star_targets(patch, self.rays, diameter=diameters[1])

        def patches(numbers: range) -> Patches:
            return Patches(
                [pixels[i] for i in used], [labels[i] for i in used], targets, numbers,
                size=-(-self.patch // stride) * stride, scale=self.zoom, seed=self.seed,
            )  # fmt: skip

        validation = [
            validation_example(pixels[i][:, :1024, :1024], labels[i][:1024, :1024], stride, targets) for i in held
        ]
        schedule = Schedule(
            self.steps, self.minutes, self.batch, self.learning_rate, WEIGHT_DECAY, LAST_RATE, every=self.every,
            patience=self.patience if held else 0, seed=self.seed,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as scratch:
            trained, self.history_ = train_network(
                network, star_loss, patches, validation, schedule, Path(folder or scratch),
                lesson=lesson_of(*pixels, *labels, held), settings=settings,
                device=self.device, report=report, progress=progress,
            )  # fmt: skip
        network.load_state_dict(trained.state_dict())
        self.model_ = model.eval()
        judged = held or used[:10]
        maps = [network_maps(self.model_, pixels[i]) for i in judged]
        decoding, score = choose_thresholds(maps, [labels[i] for i in judged])
        self.expert_ = Expert("picture", False, decoding, diameters)
        self.sides_ = {"training": [names[i] for i in used], "validation": [names[i] for i in held]}
        self.start_ = {"start": origin(self.start)} if self.start else {}
        self.accuracy_ = score if held else None
        self.notes_ = _dependence(examples, held)
        if score < _POOR:
            self.notes_.append("it finds hardly any object as it was drawn: train longer, or check the labels")
        self._colour = channels == 3 and all(rgb or len(image) == 1 for rgb, image in zip(colour, images, strict=True))
        self._example = pixels[judged[0]]
        self._ready = None
        if hasattr(self, "package_"):  # of what was learned before
            del self.package_
        return self

    def judgement(self) -> str:
        """How good the network is that was learned, and on how many images that was measured, in words."""
        from micrographia.segment.star_package import judgement

        self._learned()
        return judgement(self.accuracy_, len(self.sides_["validation"]))

    def predict(self, x: Image | np.ndarray, **options: Any) -> Segmentation:
        """Find the objects of one plane `x`; `options` as in `Predictor.segment`.

        Raises
        ------
        InputError
            Where nothing was learned yet.
        """
        return self.predictor().segment(x, **options)

    def predictor(self, threads: int | None = None) -> Predictor:
        """The learned model, ready for planes of any size."""
        from micrographia.models.package import open_package

        if not hasattr(self, "package_"):
            self._learned()
            self._folder = tempfile.TemporaryDirectory()  # lives as long as the method, or until it learns again
            self.package_ = open_package(self.save(Path(self._folder.name) / "model.zip"))
        if self._ready is None or self._ready.threads != threads:
            self._ready = Predictor(self.package_, threads)
        return self._ready

    def save(self, path: str | Path, *, name: str = "", authors: Sequence[str] = (), license: str = "") -> Path:
        """Write the model package: ONNX, state dict, thresholds, training report, model card.

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
        from micrographia.segment.star_package import write_star_package

        path = Path(path)
        if not hasattr(self, "model_") and hasattr(self, "package_"):
            return self.package_.copy_to(path)
        self._learned()
        name = name or path.stem
        name = name if len(name) >= 5 else f"{name} model"
        side = 2 * int(self.model_.experts[0].stride)  # type: ignore[operator,arg-type]
        test = _cut(self._example, side)
        history = self.history_
        write_star_package(
            path, self.model_, [self.expert_],
            name=name, description=f"Star-polygon model '{name}' trained with Micrographia.",
            documentation=self._card(name), architecture=self._architecture(self.model_.channels),
            test_image=test, authors=authors, license=license, percentiles=PERCENTILES,
            extra={
                "parameters": self.parameters(),
                "colour": self._colour,
                "training": {"steps": history.steps, "minutes": history.minutes, "history": history.rows[-200:]},
                "data": self.sides_ | self.start_,
                "validation": {"accuracy": self.accuracy_, "iou": "mean of .5 to .9"},
            },
        )  # fmt: skip
        return path

    @classmethod
    def load(cls, path: str | Path) -> StarDist:
        """Read a model package written by `save`, or the built-in one, by name or path."""
        from micrographia.models.library import find_model
        from micrographia.models.package import open_package

        package = open_package(find_model(path))
        Predictor(package)
        method = cls(**package.config.get("parameters", {}))
        method.package_ = package
        return method

    def _learned(self) -> None:
        if not hasattr(self, "model_"):
            raise InputError("This StarDist has not learned anything yet: call fit or load first.")

    def _validation(self, examples: Examples, count: int) -> list[int]:
        if examples.validation is not None:
            return sorted(set(examples.validation))
        return hold_out(examples.groups or [{}] * count, self.validation_share, self.seed)

    def _architecture(self, channels: int) -> dict[str, Any]:
        return {"channels": channels, "experts": [channels], "rays": self.rays, "widths": list(self.widths)}

    def _network(self, channels: int) -> StarModel:
        from micrographia.nets.star_unet import StarModel

        model = StarModel(**self._architecture(channels))
        if self.start:
            from micrographia.segment.star_weights import start_from

            start_from(model, self.start)
        return model

    def _card(self, name: str) -> str:
        history = self.history_
        said = self.judgement()
        held = f" Set aside: {', '.join(self.sides_['validation'])}." if self.sides_["validation"] else ""
        return (
            f"# {name}\n\nStar-polygon model (StarDist 2D with a trimming foreground), trained with Micrographia on "
            f"{len(self.sides_['training'])} images in {history.steps} steps ({history.minutes} min).\n\n"
            f"# Validation\n\n{said[0].upper()}{said[1:]}.{held}\n"
            + "".join(f"\nNote: {note}.\n" for note in self.notes_)
        )


def _dependence(examples: Examples, held: Sequence[int]) -> list[str]:
    """A sentence where pictures that judge are not independent of those that teach."""
    column = shared_column(examples.groups or (), held)
    if not column:
        return []
    return [f"validation is not independent: images of the same {column} were learned from; it may look too good"]


def _cut(image: np.ndarray, side: int) -> np.ndarray:
    """The brightest square of an image, mirrored where the image is smaller."""
    pad = [(0, 0), *((0, max(0, side - n)) for n in image.shape[1:])]
    image = np.pad(image, pad, mode="symmetric")
    best = max(
        ((y, x) for y in range(0, image.shape[1] - side + 1, side) for x in range(0, image.shape[2] - side + 1, side)),
        key=lambda p: float(image[:, p[0] : p[0] + side, p[1] : p[1] + side].mean()),
    )
    return image[:, best[0] : best[0] + side, best[1] : best[1] + side]
