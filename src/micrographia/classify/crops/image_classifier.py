"""The classifier of images: a small network that looks at whole images, or at tiles of them, and tells a class."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.crops.cell_images import CellCrops, CellImages, InTurn, cell_crops, cell_names, plane_of
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.classify.crops.crop_judging import averaged
from micrographia.classify.objects.class_tables import Classified, join_classes, with_classes
from micrographia.features.crops import CropPlan
from micrographia.method import parameter

if TYPE_CHECKING:
    import pandas as pd

_EQUAL_CIRCLE = 2 / np.sqrt(np.pi)
"""Diameter of the circle whose area is that of a square of side 1."""


class ImageClassifier(CropClassifier):
    """Tells the class of whole images: quality, phenotype of a field, translocation.

    Each image is scaled down to a square (the shorter side goes on mirrored), or cut into tiles, each of which is
    scaled down and has the image's class; the probabilities of an image are the mean of those of its tiles. Learns from
    images and a table that gives some of them a class.
    """

    name = "images"
    applied_by = "classify images"
    applied_to = "IMAGES"

    diameter = 0.0
    mask = False
    size: int = parameter(96, "Side of the square that an image or a tile becomes", ge=16, le=512, unit="px")
    tiles: int = parameter(1, "Tiles along each side of an image; more for small details", ge=1, le=16)
    batch: int = parameter(32, "Images or tiles in a training step", ge=4, le=4096)
    validation_share: float = parameter(
        0.15, "Share of the images that only judge the training: whole wells where four or more are known, and at "
        "least one of them; none with frozen", ge=0, le=0.5,
    )  # fmt: skip

    @property
    def plan(self) -> CropPlan:
        """How images are cut: wholly, whatever the model looked at from which the training starts."""
        plan = super().plan
        return plan if self._ready is not None else replace(plan, diameter=plan.size * _EQUAL_CIRCLE)

    def _plan(self) -> CropPlan:
        return CropPlan(self.size, intensity=self.intensity)

    def _crops(self, images: CellImages) -> CellCrops:
        names = cell_names(images)
        if repeated := [name for name, count in Counter(names).items() if count > 1]:
            raise InputError(f"Several images are called {repeated[0]}; give each a name of its own (names=).")
        squares = InTurn(len(names), lambda i: _square(images.images[i], names[i]))
        return cell_crops(CellImages(squares, None, names), self.plan, divide=self._grid)

    def _grid(self, shape: tuple[int, int]) -> np.ndarray:
        """A label image that numbers the tiles of an image."""
        rows, columns = (np.minimum(np.arange(n) * self.tiles // n, self.tiles - 1) for n in shape)
        return (1 + rows[:, None] * self.tiles + columns).astype(np.int32)

    def _joined(self, table: pd.DataFrame, crops: CellCrops) -> Classified:
        return join_classes(table, crops.images, None)

    def _table(self, crops: CellCrops, probabilities: np.ndarray) -> pd.DataFrame:
        import pandas as pd

        names, first, index = np.unique(crops.images, return_index=True, return_inverse=True)
        order = np.argsort(first)
        means = averaged(probabilities, index)[order]
        return with_classes(pd.DataFrame({"Metadata_Image": names[order]}), means, self.model().classes)

    def _cut_as(self, name: str) -> str:
        return f"{self.seen()}: the size that {name} looks at"

    def seen(self) -> str:
        what = "whole images" if self.tiles == 1 else f"{self.tiles} x {self.tiles} tiles of each image"
        return f"{what}, scaled to {self.plan.size} x {self.plan.size} pixels"


def _square(image: Image | np.ndarray, name: str) -> Image:
    """An image (C, Y, X) whose shorter side goes on mirrored, on both ends alike, until it is a square."""
    pixels, channels = plane_of(image, name)
    more = [max(pixels.shape[1:]) - n for n in pixels.shape[1:]]
    padded = np.pad(pixels, [(0, 0), *((n // 2, n - n // 2) for n in more)], mode="symmetric") if any(more) else pixels
    return Image(padded, "CYX", channels=channels, name=name)
