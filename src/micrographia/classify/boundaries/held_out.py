"""Probabilities of pixels by classifiers that have not learned from the strokes beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.label_layers import label_array
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes

FOLDS = 3
SQUARE = 64
"""Side of the squares, in pixels, that are held out where one image only was painted; less in small images."""


@dataclass(frozen=True)
class HeldOut:
    """An image with some of its strokes, and what a classifier that never saw these says of it.

    Attributes
    ----------
    image : Image or array
    strokes : ([T,] [Z,] Y, X) integer array
        The strokes that were held out, 0 elsewhere.
    probabilities : (K, [T,] [Z,] Y, X) float32 array
    """

    image: Image | np.ndarray
    strokes: np.ndarray
    probabilities: np.ndarray


def held_out(strokes: Strokes, classifier: Callable[[], PixelClassifier], threads: int | None = None) -> list[HeldOut]:
    """Classify the pixels of every image by classifiers that learned from the strokes of others.

    The painted images are divided into three folds. Where one only was painted, it is divided into squares of 64 pixels
    (smaller ones where it holds less than three), of which every third is held out: in all slices of a volume or stack,
    since what lies above and below a stroke is nearly the same.

    Parameters
    ----------
    strokes : Strokes
        Images and strokes.
    classifier : callable
        Makes a pixel classifier that has not learned.
    threads : int, optional
        Threads to use; all usable cores where not given.

    Returns
    -------
    list of HeldOut
        Every stroke once, in the order of the images.

    Raises
    ------
    InputError
        Where images and strokes do not fit each other, or too little was painted to hold some of it out.
    """
    dimensions = classifier().dimensions
    layers = [
        label_array(labels, ImageChannels(image, dimensions))
        for image, labels in zip(strokes.images, strokes.labels, strict=True)
    ]
    painted = [bool(layer.any()) for layer in layers]
    numbers, single = np.cumsum(painted) - 1, sum(painted) < 2
    folds = [_squares(layer.shape) if single else np.int8(k % FOLDS) for k, layer in zip(numbers, layers, strict=True)]
    found: list[tuple[int, HeldOut]] = []
    for fold in range(FOLDS if single else min(FOLDS, sum(painted))):
        kept = [np.where(of == fold, 0, layer) for of, layer in zip(folds, layers, strict=True)]
        held = [np.where(of == fold, layer, 0) for of, layer in zip(folds, layers, strict=True)]
        seen = _learned(classifier(), strokes, kept, threads)
        found += [
            (number, HeldOut(image, some, seen.predict(image, threads=threads)))
            for number, (image, some) in enumerate(zip(strokes.images, held, strict=True))
            if some.any()
        ]
    return [one for _, one in sorted(found, key=lambda numbered: numbered[0])]


def _squares(shape: Sequence[int]) -> np.ndarray:
    """The fold (Y, X) of every pixel: that of its square, of which there are at least three, the same in all slices."""
    short, long = sorted(shape[-2:])
    side = SQUARE if -(-short // SQUARE) + -(-long // SQUARE) > FOLDS else max(short // 2, long // FOLDS, 1)
    y, x = (np.arange(n) // side for n in shape[-2:])
    return (y[:, None] + x) % FOLDS


def _learned(
    method: PixelClassifier, strokes: Strokes, kept: Sequence[np.ndarray], threads: int | None
) -> PixelClassifier:
    used = [number for number, layer in enumerate(kept) if layer.any()]
    fewest = {k for layer in kept for k in np.unique(layer)} - {0}
    if len(fewest) < 2:
        raise InputError("Too little was painted: strokes of two classes are needed in two images, or all over one.")
    images = [strokes.images[k] for k in used]
    return method.fit(Strokes(images, [kept[k] for k in used], classes=strokes.classes), threads=threads)
