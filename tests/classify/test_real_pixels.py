"""Numbers on real images: membranes in electron micrographs, nuclei, each judged on images without strokes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from micrographia import read, read_labels
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes


def drawn(truth: np.ndarray, count: int, seed: int, length: int = 30) -> np.ndarray:
    """Level strokes that stay within a class, half of them on each; `truth` counts classes from 0."""
    rng = np.random.default_rng(seed)
    painted = np.zeros(truth.shape, np.uint8)
    for k in range(count):
        places = np.argwhere(truth == k % 2)
        y, x = places[rng.integers(len(places))]
        along = truth[y, x : x + length] == k % 2
        end = len(along) if along.all() else int(np.argmin(along))
        painted[y, x : x + end] = k % 2 + 1
    return painted


def area_under_curve(score: np.ndarray, truth: np.ndarray) -> float:
    """Probability that a pixel of the class has a higher score than one that is not."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth.ravel(), score.ravel()))


@pytest.mark.parametrize(("stages", "accuracy", "area"), [(1, 0.82, 0.87), (2, 0.835, 0.885)])
def test_membranes(data_dir: Path, stages: int, accuracy: float, area: float):
    """Learned from 1.3 % of the pixels of three slices, judged on a later one (0.837 and 0.884; 0.846 and 0.894)."""
    folder = data_dir / "isbi2012"

    def slice_(k: int) -> tuple[np.ndarray, np.ndarray]:
        name = f"{k:02d}.png"
        return read(folder / "images" / name).data, (read_labels(folder / "labels" / name).data > 0).astype(int)

    pairs = [slice_(k) for k in (0, 6, 12)]
    strokes = [drawn(truth, 240, seed) for seed, (_, truth) in enumerate(pairs)]
    assert np.mean([painted > 0 for painted in strokes]) < 0.02
    method = PixelClassifier(stages=stages, trees=25)
    method.fit(Strokes([image for image, _ in pairs], strokes, classes=("membrane", "inside")))
    image, truth = slice_(20)
    probabilities = method.predict(image)
    assert (probabilities.argmax(axis=0) == truth).mean() > accuracy
    assert area_under_curve(probabilities[1], truth) > area


def test_nuclei(data_dir: Path):
    """Learned from 20 strokes on one fluorescence image, judged on another one."""
    folder = data_dir / "dsb2018" / "dev"
    images, truths = [], []
    for start in ("00071198", "0280fa8f"):
        images.append(read(next((folder / "images").glob(f"{start}*"))))
        truths.append((read_labels(next((folder / "labels").glob(f"{start}*"))).data > 0).astype(int))
    method = PixelClassifier(sigmas=(0.7, 1.6, 3.5)).fit(Strokes(images[:1], [drawn(truths[0], 20, 0)]))
    probabilities = method.predict(images[1])
    assert (probabilities.argmax(axis=0) == truths[1]).mean() > 0.95
