"""Pixel classification: a few strokes become a class probability for every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.learners.classifiers import CLASSIFIERS
from micrographia.classify.pixels.image_channels import ImageChannels, learned_channels, notes_of_images
from micrographia.classify.pixels.intensity_levels import with_levels
from micrographia.classify.pixels.learning import Learned, learn_stages
from micrographia.classify.pixels.pixel_blocks import Predicted, Progress, predict_blocks, predict_whole
from micrographia.classify.pixels.stages import Stage
from micrographia.classify.pixels.strokes import Strokes, class_number, painted
from micrographia.features.pixel_bank import FILTERS, SIGMAS, Bank
from micrographia.method import Method, parameter


class PixelClassifier(Method):
    """Classifies every pixel from a few painted strokes, as ilastik does (Berg et al. 2019).

    Each pixel is described by filters at several scales; a forest (or another classifier) learns from the painted
    pixels which values belong to which class. Learns from images with strokes, 0 where nothing was painted.

    Examples
    --------
    >>> strokes = Strokes([image], [labels], classes=("membrane", "cytoplasm"))  # doctest: +SKIP
    >>> probabilities = PixelClassifier(stages=2).fit(strokes).predict(image)  # doctest: +SKIP
    """

    name = "pixels"
    applied_by: ClassVar[str] = "classify pixels"
    """The command that applies what was learned."""

    filters: tuple[str, ...] = parameter(
        ("gaussian", "laplacian", "gradient", "difference", "structure", "hessian"),
        "Filters that describe a pixel's neighbourhood",
        choices=tuple(FILTERS),
    )
    sigmas: tuple[float, ...] = parameter(SIGMAS, "Scales of the filters, small for fine detail", ge=0.1, unit="px")
    dimensions: int = parameter(
        2, "2 looks at planes (slices and time points each on their own), 3 at volumes", choices=(2, 3)
    )
    classifier: str = parameter("forest", "What learns from the features", choices=tuple(CLASSIFIERS))
    trees: int = parameter(100, "Trees of a forest", ge=1, le=10_000)
    balance: bool = parameter(False, "Give every class the same weight, however many of its pixels were painted")
    select: bool = parameter(False, "Keep only as many features as are needed; faster at the same error")
    stages: int = parameter(
        1, "2 lets a second classifier look at the image and at what the first one said (auto-context)", choices=(1, 2)
    )
    samples: int = parameter(
        100_000, "Most painted pixels to learn from; of more, so many are drawn at random. 0 for all", ge=0
    )
    seed: int = parameter(0, "The same seed, data and version give the same model", ge=0)

    stages_: list[Stage]
    classes_: tuple[str, ...]
    channels_: tuple[str, ...]
    out_of_bag_error_: float | None = None
    importance_: dict[str, float]
    counts_: dict[str, list[int]]
    notes_: tuple[str, ...] = ()
    example_: np.ndarray | None = None

    @property
    def bank_(self) -> Bank:
        """Features of the first stage."""
        return self._learned()[0].bank

    @property
    def model_(self) -> list[Any]:
        """The model of each stage."""
        return [stage.model for stage in self._learned()]

    def fit(self, strokes: Strokes, *, threads: int | None = None) -> PixelClassifier:
        """Learn from strokes.

        Parameters
        ----------
        strokes : Strokes
            Images and labels; only the surroundings of labelled pixels are looked at.
        threads : int, optional
            Threads to use; all usable cores where not given.

        Returns
        -------
        PixelClassifier
            Self, with `stages_`, `classes_`, `channels_`, `out_of_bag_error_` (share of painted pixels that the trees
            which have not seen them get wrong; None for other classifiers), `importance_` (feature name to its
            importance in the last stage), `counts_` (image to painted pixels of each class) and `notes_` (what was
            assumed of the images and found in them, in sentences).

        Raises
        ------
        InputError
            Where images and labels do not fit each other.
        RequestError
            Where these are no strokes, or fewer than two classes were painted.
        """
        if not isinstance(strokes, Strokes):
            raise RequestError(
                "A pixel classifier learns from Strokes(images, labels), a list of images and a list of their label "
                f"images, not from a {type(strokes).__name__}; Strokes is in micrographia.classify.pixels.strokes."
            )
        found = painted(strokes, self.dimensions, most=self.samples, seed=self.seed)
        images = list({field.image: field.channels for field in found.fields}.values())
        bank = self.features(images)
        learned = learn_stages(
            found, bank, self.classifier, stages=self.stages, trees=self.trees, balance=self.balance,
            select=self.select, seed=self.seed, threads=threads,
        )  # fmt: skip
        seen = notes_of_images((one.title, note) for one in images for note in one.notes)
        learned = replace(learned, notes=(*found.notes, *seen, *learned.notes))
        return self.take(learned, found.classes, found.channels, found.counts)

    @classmethod
    def learned(
        cls, stages: Sequence[Stage], classes: Sequence[str], channels: Sequence[str], **parameters: Any
    ) -> PixelClassifier:
        """A classifier of stages that were learned elsewhere, for example by ilastik; declared `parameters`."""
        method = cls(**{"dimensions": stages[0].bank.dimensions, "stages": len(stages), **parameters})
        return method.take(Learned(list(stages), None, {}, None), classes, channels, {})

    def predict(
        self,
        x: Image | np.ndarray,
        *,
        channels: Sequence[str] = (),
        threads: int | None = None,
        progress: Progress = lambda done: None,
    ) -> np.ndarray:
        """Class probabilities of an image.

        Parameters
        ----------
        x : Image or array
            (Y, X) grey, (Y, X, 3) colour or (C, Y, X); for volumes (Z, Y, X) or (C, Z, Y, X). Images may have T, and
            Z where planes are looked at.
        channels : sequence of str, optional
            Which channels to look at, by name or number, in the order of those that were learned from; otherwise those
            of the same names, or all where there are as many.
        threads : int, optional
            Threads to use; all usable cores where not given.
        progress : callable
            Told the share that is done.

        Returns
        -------
        (K, [T,] [Z,] Y, X) float32 array

        Raises
        ------
        InputError
            Where the image has other channels than the classifier has learned from.
        """
        return predict_whole(self._learned(), self.look_at(x, channels), threads=threads, progress=progress)

    def predict_blocks(
        self,
        x: Image | np.ndarray | ImageChannels,
        *,
        channels: Sequence[str] = (),
        threads: int | None = None,
        progress: Progress = lambda done: None,
        **sizes: Any,
    ) -> Iterator[Predicted]:
        """Probabilities region by region, for images of any size; bit for bit those of `predict`.

        Parameters
        ----------
        x, channels, threads, progress
            As in `predict`; lazy images are read region by region.
        **sizes
            `region` and `block` of :func:`micrographia.classify.pixels.pixel_blocks.predict_blocks`.

        Returns
        -------
        iterator of Predicted
        """
        seen = x if isinstance(x, ImageChannels) else self.look_at(x, channels)
        return predict_blocks(self._learned(), seen, threads=threads, progress=progress, **sizes)

    def predict_to(self, x: Image | np.ndarray, target: Any, **options: Any) -> None:
        """Write the probabilities into `target`, (K, [T,] [Z,] Y, X), a ``zarr.Array`` or an array.

        `options` as in `predict_blocks`.
        """
        for part in self.predict_blocks(x, **options):
            target[(slice(None), *part.at, *part.region)] = part.probabilities

    def features(self, images: Sequence[ImageChannels]) -> Bank:
        """The features that the parameters ask for; `images` tell the range of intensities where it is needed."""
        bank = Bank.grid(filters=self.filters, sigmas=self.sigmas, dimensions=self.dimensions)
        return with_levels(bank, images)

    def look_at(self, x: Image | np.ndarray, channels: Sequence[str] = ()) -> ImageChannels:
        """The channels of an image that the classifier looks at; raises InputError where it does not have them."""
        self._learned()
        return learned_channels(x, self.dimensions, self.channels_, channels)

    def class_of_objects(self, text: str | None = None) -> int:
        """Number, from 0, of the class whose objects are wanted.

        Parameters
        ----------
        text : str, optional
            Its name, or its number from 1; where not given, the last class that was painted is taken.

        Raises
        ------
        RequestError
            Where there is no such class.
        """
        self._learned()
        if text is not None:
            return class_number(text, self.classes_)
        painted = (k for counts in self.counts_.values() for k, count in enumerate(counts) if count)
        return max(painted, default=len(self.classes_) - 1)

    def save(self, path: str | Path, *, name: str = "") -> Path:
        """Write the model package: arrays beside the declaration, a model card, a test.

        Parameters
        ----------
        path : path
            The ``.zip`` to write.
        name : str
            Name of the model; the file's stem where not given.
        """
        from micrographia.classify.pixels.pixel_package import write_pixel_package

        self._learned()
        return write_pixel_package(Path(path), self, name or Path(path).stem)

    @classmethod
    def load(cls, path: str | Path) -> PixelClassifier:
        """Read a model package written by `save`, by name or path.

        Raises
        ------
        InputError
            Where it is no model of this method.
        """
        from micrographia.classify.pixels.pixel_package import read_pixel_package

        return read_pixel_package(path, cls)

    def _learned(self) -> list[Stage]:
        if not hasattr(self, "stages_"):
            raise InputError("This pixel classifier has not learned anything yet: call fit or load first.")
        return self.stages_

    def take(
        self, learned: Learned, classes: Sequence[str], channels: Sequence[str], counts: dict[str, list[int]]
    ) -> PixelClassifier:
        """Become what was learned elsewhere: by `fit`, by another program, or read from a package."""
        self.stages_, self.out_of_bag_error_ = learned.stages, learned.out_of_bag_error
        self.importance_, self.example_, self.notes_ = learned.importance, learned.example, learned.notes
        self.classes_, self.channels_, self.counts_ = tuple(classes), tuple(channels), counts
        return self
