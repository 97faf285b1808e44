"""Faults made on purpose in good images: blur, saturation, uneven light, debris, nothing but background."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fields import data_folder
from scipy.ndimage import binary_dilation, gaussian_filter

import micrographia as mg
from micrographia.arrays.normalize import bright_background
from micrographia.features.debris import object_levels
from micrographia.features.illumination import noise_sigma

BLURS = (1.0, 2.0, 3.0, 4.0, 5.0)


def good_images(which: str, most: int | None = None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, kind and grey values (8 bits) of the images of "train", "dev" (Data Science Bowl) or "bbbc013".

    `most` images of each kind are taken, evenly spread.
    """
    if which == "bbbc013":
        paths = sorted((_data() / "bbbc013" / "images").glob("*.tif"))
        listed = [(path.name[:8], path) for path in paths]
    else:
        folder = _data() / "dsb2018"
        with (folder / "split.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == which]
        listed = [(row["kind"], folder / which / "images" / f"{row['id']}.png") for row in rows]
    for kind in dict.fromkeys(kind for kind, _ in listed):
        of_kind = [path for other, path in listed if other == kind]
        step = max(1, -(-len(of_kind) // most)) if most else 1
        for path in of_kind[::step]:
            yield path.stem, kind, _grey(path)


def _data() -> Path:
    folder = data_folder()  # that of dsb2018
    if folder is None:
        raise SystemExit("The images of dsb2018 and bbbc013 are needed: set MICROGRAPHIA_DATA to their folder.")
    return folder.parent


def _grey(path: Path) -> np.ndarray:
    image = mg.read(path)
    pixels = image.array("YXS")[..., :3].mean(axis=-1) if "S" in image.axes else image.array("YX")
    return np.rint(pixels).astype(np.uint8)


def blurred(image: np.ndarray, sigma: float, rng: np.random.Generator | None = None) -> np.ndarray:
    """Gaussian blur, rounded to 8 bits; with `rng` the camera's noise, as strong as in `image`, comes after the blur."""
    soft = gaussian_filter(image.astype(float), sigma)
    if rng is not None:
        soft += rng.normal(0, max(noise_sigma(image), 0.3), image.shape)
    return _rounded(soft)


def saturated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposed so long that 5 to 40 % of the pixels of objects are at 255."""
    levels = object_levels(image)
    objects = image[image > (levels.background + levels.objects) / 2]
    top = np.percentile(objects, 100 - rng.uniform(5, 40))
    return _rounded(image * (255 / max(top, 1)))


def uneven(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A light that falls from one side to the other, or from the middle outwards, by 0.4 to 0.8 contrasts of objects."""
    levels = object_levels(image, _bright(image))
    contrast = abs(levels.objects - levels.background)
    y, x = (np.linspace(-1, 1, n) for n in image.shape)
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        field = y[:, None] * np.sin(turn) + x * np.cos(turn)
    else:
        field = -((y[:, None] - rng.uniform(-0.3, 0.3)) ** 2 + (x - rng.uniform(-0.3, 0.3)) ** 2)
    field = (field - field.min()) / (field.max() - field.min())
    change = rng.uniform(0.4, 0.8) * contrast * (field - 1 if _bright(image) else field)
    return _rounded(_fitting(image + change))


def debris(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to five blobs, or a fibre, 6 to 10 times as bright as objects; the exposure is shortened to fit them in."""
    levels = object_levels(image, _bright(image))
    contrast = abs(levels.objects - levels.background)
    marks = np.zeros(image.shape, bool)
    if rng.random() < 0.7:
        for _ in range(rng.integers(1, 6)):
            y, x = (int(rng.integers(0, n)) for n in image.shape)
            marks[y, x] = True
        marks = binary_dilation(marks, iterations=int(rng.integers(3, 7)))
    else:
        turn, middle = rng.uniform(0, np.pi), [n / 2 for n in image.shape]
        along = np.arange(-min(image.shape) * 0.35, min(image.shape) * 0.35, 0.5)
        y = middle[0] + along * np.sin(turn) + 0.1 * along**2 / len(along) * np.cos(turn)
        x = middle[1] + along * np.cos(turn)
        marks[y.astype(int), x.astype(int)] = True
        marks = binary_dilation(marks, iterations=1)
    height = rng.uniform(6, 10) * contrast
    added = gaussian_filter(marks * height, 0.8)
    if _bright(image):
        # Dark debris cannot be darker than black: the objects are paler instead.
        return _rounded(levels.background + (image - levels.background) / 7 - added / 10)
    return _rounded(_fitting(image + added))


def empty(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Background alone, with the noise of the image and its uneven light in small (a tenth of the contrast)."""
    levels = object_levels(image, _bright(image))
    tilt = 0.1 * abs(levels.objects - levels.background) * np.linspace(0, 1, image.shape[1])
    noise = rng.normal(0, max(noise_sigma(image), 0.3), image.shape)
    return _rounded(levels.background + tilt + noise)


FAULTS = {"saturated": saturated, "uneven illumination": uneven, "debris": debris, "empty": empty}
"""Fault to what makes it; each takes an image and a random generator."""


def _bright(image: np.ndarray) -> bool:
    return bright_background(image[None].astype(np.float32))


def _fitting(image: np.ndarray) -> np.ndarray:
    """A shorter exposure, where 255 is exceeded."""
    image = image - min(0.0, float(image.min()))
    return image * min(1.0, 255 / image.max())


def _rounded(image: np.ndarray) -> np.ndarray:
    return np.rint(image).clip(0, 255).astype(np.uint8)
