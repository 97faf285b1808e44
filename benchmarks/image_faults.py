"""Faults made on purpose in good images: blur, saturation, uneven light, debris, nothing but background."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fields import data_folder
from scipy.ndimage import binary_dilation, gaussian_filter

import micrographia as mg
from micrographia.features.illumination import noise_sigma
from micrographia.features.plane_quality import PlaneLevels, grey, plane_levels

BLURS = (1.0, 2.0, 3.0, 4.0, 5.0)


def good_images(which: str, most: int | None = None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, kind and 8-bit pixels, (Y, X) or (Y, X, 3), of "train", "dev" (Data Science Bowl) or "bbbc013".

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
            yield path.stem, kind, _pixels(path)


def _data() -> Path:
    folder = data_folder()  # that of dsb2018
    if folder is None:
        raise SystemExit("The images of dsb2018 and bbbc013 are needed: set MICROGRAPHIA_DATA to their folder.")
    return folder.parent


def _pixels(path: Path) -> np.ndarray:
    """Grey where all samples are alike, as in the fluorescence images of the Data Science Bowl."""
    image = mg.read(path)
    if "S" not in image.axes:
        return image.array("YX")
    pixels = image.array("YXS")[..., :3]
    return pixels[..., 0] if (pixels == pixels[..., :1]).all() else pixels


def blurred(image: np.ndarray, sigma: float, rng: np.random.Generator | None = None) -> np.ndarray:
    """Gaussian blur, rounded to 8 bits; with `rng` the camera's noise, as strong as in `image`, comes after it."""
    soft = gaussian_filter(image.astype(float), (sigma, sigma, 0)[: image.ndim])
    if rng is not None:
        soft += rng.normal(0, max(noise_sigma(grey(image)), 0.3), image.shape)
    return _rounded(soft)


def saturated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposed so long that 5 to 40 % of the pixels of objects are at 255."""
    levels = plane_levels(image).objects
    objects = image[image > (levels.background + levels.objects) / 2]
    top = np.percentile(objects, 100 - rng.uniform(5, 40))
    return _rounded(image * (255 / max(top, 1)))


def uneven(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A light that falls from side to side, or from the middle outwards, by 0.4 to 0.8 contrasts of the objects."""
    levels = plane_levels(image)
    contrast = _contrast(levels)
    y, x = (np.linspace(-1, 1, n) for n in image.shape[:2])
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        field = y[:, None] * np.sin(turn) + x * np.cos(turn)
    else:
        field = -((y[:, None] - rng.uniform(-0.3, 0.3)) ** 2 + (x - rng.uniform(-0.3, 0.3)) ** 2)
    field = (field - field.min()) / (field.max() - field.min())
    change = rng.uniform(0.4, 0.8) * contrast * (field - 1 if levels.bright else field)
    return _rounded(_fitting(image + _like(change, image)))


def debris(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to five blobs, or a fibre, 6 to 10 times as bright as objects; the exposure is shortened to fit them in."""
    levels = plane_levels(image)
    contrast = _contrast(levels)
    marks = np.zeros(image.shape[:2], bool)
    if rng.random() < 0.7:
        for _ in range(rng.integers(1, 6)):
            y, x = (int(rng.integers(0, n)) for n in marks.shape)
            marks[y, x] = True
        marks = binary_dilation(marks, iterations=int(rng.integers(3, 7)))
    else:
        turn, middle = rng.uniform(0, np.pi), [n / 2 for n in marks.shape]
        along = np.arange(-min(marks.shape) * 0.35, min(marks.shape) * 0.35, 0.5)
        y = middle[0] + along * np.sin(turn) + 0.1 * along**2 / len(along) * np.cos(turn)
        x = middle[1] + along * np.cos(turn)
        marks[y.astype(int), x.astype(int)] = True
        marks = binary_dilation(marks, iterations=1)
    height = rng.uniform(6, 10) * contrast
    added = gaussian_filter(marks * height, 0.8)
    if levels.bright:
        # Dark debris cannot be darker than black: the objects are paler instead.
        white = levels.objects.background
        return _rounded(white + (image - white) / 10 - _like(added, image) / 10)
    return _rounded(_fitting(image + added))


def empty(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Background alone, with the noise of the image and its uneven light in small (a tenth of the contrast)."""
    levels = plane_levels(image)
    tilt = 0.1 * _contrast(levels) * np.linspace(0, 1, image.shape[1])
    noise = rng.normal(0, max(noise_sigma(grey(image)), 0.3), image.shape)
    return _rounded(levels.objects.background + _like(np.broadcast_to(tilt, image.shape[:2]), image) + noise)


FAULTS = {"saturated": saturated, "uneven illumination": uneven, "debris": debris, "empty": empty}
"""Fault to what makes it; each takes an image and a random generator."""


def _contrast(levels: PlaneLevels) -> float:
    return abs(levels.objects.objects - levels.objects.background)


def _like(plane: np.ndarray, image: np.ndarray) -> np.ndarray:
    return plane[..., None] if image.ndim == 3 else plane


def _fitting(image: np.ndarray) -> np.ndarray:
    """A shorter exposure, where 255 is exceeded."""
    image = image - min(0.0, float(image.min()))
    return image * min(1.0, 255 / image.max())


def _rounded(image: np.ndarray) -> np.ndarray:
    return np.rint(image).clip(0, 255).astype(np.uint8)
