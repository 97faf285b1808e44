"""Images to measure speed on: real nuclei side by side, or synthetic ones where the data are not there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "recipes" / "nuclei"))

from data import Field, load  # noqa: E402

NUCLEI = (300, 500)
"""Fewest and most nuclei of a mosaic of 1024 x 1024 pixels."""

_TILE = 256
_DIAMETER = (12.0, 30.0)


def data_folder() -> Path | None:
    """The folder ``dsb2018`` of ``$MICROGRAPHIA_DATA``, else of ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MICROGRAPHIA_DATA", ROOT.parent / "shared" / "data")) / "dsb2018"
    return folder if folder.is_dir() else None


def mosaics(count: int, side: int = 1024, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray], str]:
    """Fluorescence images with as many nuclei as a crowded field of view has, and their labels.

    Real ones are made of DSB2018 test and dev images of 256 x 256 pixels whose nuclei are of like size (median
    equivalent diameter 12 to 30 pixels), each brought to the same range of intensity, mirrored at random and laid
    side by side.

    Parameters
    ----------
    count : int
        Number of images.
    side : int
        Height and width in pixels, a multiple of 256.
    seed : int
        The same seed gives the same images.

    Returns
    -------
    images : list of (side, side) uint16 arrays
    labels : list of (side, side) int32 arrays
    words : str
        What they are, for the record.
    """
    rng = np.random.default_rng(seed)
    folder = data_folder()
    if folder is None:
        return _synthetic(count, side, seed)
    tiles = [f for part in ("test", "dev") for f in load(folder, part) if _fits(f)]
    low, high = (n * side**2 // 1024**2 for n in NUCLEI)
    images, labels = [], []
    while len(images) < count:
        image, label = _mosaic(tiles, side, rng)
        if low <= label.max() <= high:
            images.append(image)
            labels.append(label)
    found = [int(label.max()) for label in labels]
    words = (
        f"{count} mosaics of {side} × {side} pixels, uint16, {min(found)} to {max(found)} nuclei each, of "
        f"{len(tiles)} real fluorescence images (DSB2018, test and dev, 256 × 256)"
    )
    return images, labels, words


def _mosaic(tiles: list[Field], side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    image, label = np.zeros((side, side), np.uint16), np.zeros((side, side), np.int32)
    places = [(y, x) for y in range(0, side, _TILE) for x in range(0, side, _TILE)]
    for (y, x), which in zip(places, _drawn(len(tiles), len(places), rng), strict=True):
        flip = tuple(slice(None, None, int(rng.choice((-1, 1)))) for _ in "yx")
        grey, truth = tiles[which].pixels.astype(np.float32).mean(0)[flip], tiles[which].labels[flip]
        low, high = np.percentile(grey, (0.5, 99.9))
        region = (slice(y, y + _TILE), slice(x, x + _TILE))
        image[region] = np.clip((grey - low) / (high - low) * 20000 + 1000, 0, 65535)
        _, numbers = np.unique(truth, return_inverse=True)
        numbers = numbers.reshape(truth.shape)
        label[region] = np.where(truth > 0, numbers + label.max(), 0)
    return image, label


def _drawn(have: int, need: int, rng: np.random.Generator) -> np.ndarray:
    """Every tile once before any is taken again."""
    return np.concatenate([rng.permutation(have) for _ in range(-(-need // have))])[:need]


def _fits(field: Field) -> bool:
    if field.kind != "fluorescence" or field.labels.shape != (_TILE, _TILE):
        return False
    areas = np.bincount(field.labels.ravel())[1:]
    areas = areas[areas > 0]
    if not 12 <= len(areas) <= 60:
        return False
    return _DIAMETER[0] <= np.sqrt(4 / np.pi * np.median(areas)) <= _DIAMETER[1]


def _synthetic(count: int, side: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray], str]:
    from micrographia.cli.demo import synthetic_nuclei

    tried = 470 * side**2 // 1024**2
    pairs = [synthetic_nuclei((side, side), tried, seed + i) for i in range(count)]
    found = [int(labels.max()) for _, labels in pairs]
    words = f"{count} synthetic fields of {side} × {side} pixels, uint16, {min(found)} to {max(found)} nuclei each"
    return [image for image, _ in pairs], [labels for _, labels in pairs], words
