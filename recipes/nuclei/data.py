"""DSB2018 as the nuclei recipe uses it: normalised images, labels, kinds and splits."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from imagecodecs import imread

from micrographia.arrays.normalize import bright_intensity, dark_intensity, normalise, sample

HERE = Path(__file__).parent


@dataclass
class Field:
    """One image: pixels (C, Y, X) as in the file, labels (Y, X), kind of image."""

    name: str
    kind: str
    pixels: np.ndarray
    labels: np.ndarray

    def dark(self) -> np.ndarray:
        """(1, Y, X), normalised for the dark-background expert."""
        grey = self.pixels.astype(np.float32).mean(0, keepdims=True)
        return normalise(grey, dark_intensity(sample(grey, (1, 2))))

    def bright(self, invert: bool = False) -> np.ndarray:
        """(3, Y, X), normalised for the bright-background expert; `invert` first turns the picture negative."""
        pixels = self.pixels.max() - self.pixels if invert else self.pixels
        pixels = np.broadcast_to(pixels, (3, *pixels.shape[1:]))
        return normalise(pixels, bright_intensity(sample(pixels, (1, 2))))


def load(folder: Path, part: str) -> list[Field]:
    """The images of a part: "train", "test" (set aside from dsb2018/train) or "dev"."""
    with (HERE / "test_images.csv").open() as file:
        test = {row["id"] for row in csv.DictReader(file)}
    fields = []
    for row in csv.DictReader((folder / "split.csv").open()):
        name = row["id"]
        if ("test" if name in test else row["split"]) != part:
            continue
        image = imread(folder / row["split"] / "images" / f"{name}.png")
        pixels = image[None] if image.ndim == 2 else np.ascontiguousarray(np.moveaxis(image[..., :3], -1, 0))
        labels = imread(folder / row["split"] / "labels" / f"{name}.tif").astype(np.int32)
        fields.append(Field(name, row["kind"], pixels, labels))
    return fields
