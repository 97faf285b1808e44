"""Stroke pixels that a pixel classifier needs where strokes are suggested, and where they are placed at random.

    python benchmarks/active_learning.py
    python benchmarks/active_learning.py --tune      # on other images, to change something

A user is simulated: at each place a straight stroke of 7 pixels in a random direction takes the true labels of the
pixels under it. Both begin with the same random strokes until two classes are painted; then stroke after stroke, at
the place that ``suggest`` names or at a random one (a random pixel of a random image). Accuracy is the share of right
pixels, on images on which no stroke lies. The goal is reached at the first stroke from which on it is at least 95 % of
the accuracy of the same classifier trained on all labels (50,000 pixels drawn from them), for twelve strokes in a row.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from fields import data_folder, load
from imagecodecs import imread
from record import record

from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.pixel_blocks import reader
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.stroke_features import features_at
from micrographia.classify.pixels.strokes import Strokes
from micrographia.classify.pixels.suggesting import Place, suggest

LENGTH = 7
"""Pixels of a stroke."""

STROKES = {"suggested": 100, "random": 300}
"""Most strokes; where the goal is not reached by then, the pixels painted so far are counted."""

SHARE, HELD = 0.95, 12
JUDGED = 60_000
FULL = 50_000


@dataclass
class Task:
    """Pictures (Y, X) and their classes, 1 and 2: those to paint on, and those to judge by."""

    pictures: list[np.ndarray]
    truths: list[np.ndarray]
    judged: list[np.ndarray]
    judged_truths: list[np.ndarray]


def isbi(folder: Path, seed: int, tune: bool) -> Task:
    """Membrane and interior of consecutive slices: strokes on 00 to 17, judged on 18 to 23 (to tune: 00-11, 12-17)."""
    read = [range(12), range(12, 18)] if tune else [range(18), range(18, 24)]
    parts: list = []
    for numbers in read:
        parts.append([imread(folder / "images" / f"{i:02d}.png").astype(np.float32) for i in numbers])
        parts.append([np.where(imread(folder / "labels" / f"{i:02d}.png") > 127, 2, 1) for i in numbers])
    return Task(*parts)


def nuclei(folder: Path, seed: int, tune: bool) -> Task:
    """Nucleus and background, in grey: strokes on one half of the dev images of each kind, judged on the other."""
    fields = load(folder, "train" if tune else "dev")
    rng = np.random.default_rng(seed)
    if tune:
        fields = [fields[k] for k in rng.permutation(len(fields))[:60]]
    halves: tuple[list, list] = ([], [])
    for kind in sorted({field.kind for field in fields}):
        of_kind = [field for field in fields if field.kind == kind]
        for k, number in enumerate(rng.permutation(len(of_kind))):
            halves[k % 2].append(of_kind[number])
    parts: list = []
    for half in halves:
        parts.append([field.pixels.astype(np.float32).mean(0) for field in half])
        parts.append([np.where(field.labels > 0, 2, 1) for field in half])
    return Task(*parts)


class Judge:
    """Accuracy on the same pixels of the judged images for every classifier of one task."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        bank = PixelClassifier().features([])
        count = JUDGED // len(task.judged)
        rows, classes = [], []
        with ThreadPoolExecutor(2) as pool:
            for picture, truth in zip(task.judged, task.judged_truths, strict=True):
                flat = np.sort(rng.choice(truth.size, min(count, truth.size), replace=False))
                where = np.stack(np.unravel_index(flat, truth.shape), axis=1)
                rows.append(features_at(bank, reader(ImageChannels(picture), ()), truth.shape, where, pool))
                classes.append(truth.ravel()[flat] - 1)
        self._rows, self._classes = np.concatenate(rows, axis=1), np.concatenate(classes)

    def __call__(self, classifier: PixelClassifier) -> float:
        """Share of the pixels in the right class."""
        found = classifier.model_[0].predict(self._rows).argmax(axis=0)
        return float((found == self._classes).mean())


class User:
    """Paints straight strokes with the true classes."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.rng = task, np.random.default_rng(seed)
        self.labels = [np.zeros(truth.shape, np.uint8) for truth in task.truths]

    @property
    def painted(self) -> int:
        """Painted pixels."""
        return sum(int(np.count_nonzero(one)) for one in self.labels)

    def paint(self, image: int, y: int, x: int) -> None:
        """One stroke through a pixel."""
        truth, angle = self.task.truths[image], np.pi * self.rng.random()
        along = np.arange(LENGTH) - LENGTH // 2
        rows = np.rint(y + along * np.sin(angle)).astype(int).clip(0, truth.shape[0] - 1)
        columns = np.rint(x + along * np.cos(angle)).astype(int).clip(0, truth.shape[1] - 1)
        self.labels[image][rows, columns] = truth[rows, columns]

    def paint_anywhere(self) -> None:
        """One stroke at a random pixel of a random image."""
        image = int(self.rng.integers(len(self.labels)))
        y, x = (int(self.rng.integers(n)) for n in self.labels[image].shape)
        self.paint(image, y, x)

    def classifier(self) -> PixelClassifier:
        """What is learned from the strokes so far."""
        return PixelClassifier().fit(Strokes(self.task.pictures, self.labels, classes=("first", "second")))


def curve(task: Task, judge: Judge, how: str, seed: int, goal: float) -> list[tuple[int, float]]:
    """Painted pixels and accuracy at each stroke, until the goal is reached and held."""
    user, before = User(task, seed), list[Place]()
    while len(set().union(*(np.unique(one).tolist() for one in user.labels))) < 3:
        user.paint_anywhere()
    rounds: list[tuple[int, float]] = []
    while len(rounds) < STROKES[how]:
        classifier = user.classifier()
        rounds.append((user.painted, judge(classifier)))
        if reached(rounds, goal) is not None:
            break
        if how == "random":
            user.paint_anywhere()
            continue
        places = suggest(classifier, task.pictures, user.labels, count=1, before=before, seed=1000 * seed + len(rounds))
        before += places
        for place in places:
            user.paint(place.image, *place.where)
    return rounds


def reached(rounds: list[tuple[int, float]], goal: float) -> int | None:
    """Painted pixels at the first of `HELD` strokes in a row at the goal."""
    good = [accuracy >= goal for _, accuracy in rounds]
    for k in range(len(good) - HELD + 1):
        if all(good[k : k + HELD]):
            return rounds[k][0]
    return None


def one_seed(make: Callable[..., Task], folder: Path, seed: int, tune: bool) -> dict[str, Any]:
    """Accuracy with all labels, and the painted pixels that each way needed; None where it did not get there."""
    task = make(folder, seed, tune)
    judge = Judge(task, np.random.default_rng(seed))
    full = judge(PixelClassifier(samples=FULL).fit(Strokes(task.pictures, task.truths)))
    row: dict[str, Any] = {"full": full}
    for how in STROKES:
        rounds = curve(task, judge, how, seed, SHARE * full)
        needed = reached(rounds, SHARE * full)
        row[how] = (rounds[-1][0] if needed is None else needed, needed is None)
        print(f"{make.__name__} seed {seed}: full {full:.4f}, {how}: {row[how][0]} px", flush=True)
    return row


def measured(make: Callable[..., Task], folder: Path, seeds: int, tune: bool, jobs: int) -> dict[str, Any]:
    """Numbers of one set of images."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(one_seed, *zip(*[(make, folder, seed, tune) for seed in range(seeds)], strict=True)))
    pixels = {how: [row[how][0] for row in rows] for how in STROKES}
    mean = {how: float(np.mean(values)) for how, values in pixels.items()}
    full = float(np.mean([row["full"] for row in rows]))
    return {
        "full_accuracy": round(full, 4),
        "goal_accuracy": round(SHARE * full, 4),
        "suggested": round(mean["suggested"], 1),
        "random": round(mean["random"], 1),
        "share": round(mean["suggested"] / mean["random"], 3),
        "not_reached": {how: sum(row[how][1] for row in rows) for how in STROKES},
        "pixels": pixels,
        "seeds": seeds,
    }


def main() -> None:
    """Both sets of images, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2, help="seeds at the same time")
    parser.add_argument("--tune", action="store_true", help="on other images; nothing is recorded")
    options = parser.parse_args()
    dsb = data_folder()
    if dsb is None:
        raise SystemExit("The folder dsb2018 is missing; name the folder that holds it in MICROGRAPHIA_DATA.")
    numbers = {}
    if (dsb.parent / "isbi2012").is_dir():
        numbers["isbi2012, strokes on slices 00–17, judged on 18–23"] = measured(
            isbi, dsb.parent / "isbi2012", options.seeds, options.tune, options.jobs
        )
    numbers["DSB2018 dev, strokes on one half, judged on the other"] = measured(
        nuclei, dsb, options.seeds, options.tune, options.jobs
    )
    for name, row in numbers.items():
        print(name, row)
    if not options.tune:
        words = "isbi2012 (membrane or interior) and the DSB2018 dev images in grey (nucleus or background)"
        record("active_learning", words, {"length": LENGTH, "held": HELD, "sets": numbers})


if __name__ == "__main__":
    main()
