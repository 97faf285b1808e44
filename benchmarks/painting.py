"""From a stroke to what is seen: seconds until a 1024 x 1024 viewport is there, coarse and in full.

    python benchmarks/painting.py

The paint engine runs as a canvas uses it: the viewport is said once, strokes are added one by one, and views arrive
through its callback. Default features (49 maps) and forest (100 trees). The viewport does not lie on the grid of
tiles. The program is warm (compiled code loaded); for the very first time the engine is new and has no feature of the
image.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from fields import mosaics
from record import record

from micrographia.classify.painting.painter import Painter
from micrographia.classify.painting.views import View
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.models.runtime import usable_cores

SIDE = 1024
VIEWPORT = (slice(200, 200 + SIDE), slice(300, 300 + SIDE))
PATIENCE = 120.0


class Canvas:
    """Notes when views arrive."""

    def __init__(self) -> None:
        self.views: list[tuple[float, View]] = []

    def show(self, view: View) -> None:
        """The engine's callback."""
        self.views.append((time.perf_counter(), view))

    def seconds(self, start: float, version: int) -> dict[str, float]:
        """Until the first view, the coarse one and the last one of a version."""
        of_version = [(at - start, view) for at, view in self.views if view.version == version]
        coarse = [at for at, view in of_version if view.step > 1]
        found = {"first": of_version[0][0], "full": next(at for at, view in of_version if view.last)}
        return found | {"coarse": coarse[0]} if coarse else found


def strokes(labels: np.ndarray, count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
    """Strokes in the viewport, about 60 pixels each (15 long, 4 wide), on one class: 2 nucleus, 1 background."""
    found = []
    while len(found) < count:
        y, x = (int(rng.integers(s.start, s.stop - 16)) for s in VIEWPORT)
        block = np.stack(np.mgrid[y : y + 4, x : x + 15], axis=-1).reshape(-1, 2)
        nucleus = labels[tuple(block.T)] > 0
        wanted = len(found) % 2 == 1
        if np.count_nonzero(nucleus == wanted) >= 30:
            found.append((block[nucleus == wanted], 1 + wanted))
    return found


def after_a_stroke(image: np.ndarray, labels: np.ndarray, painted: int, repeats: int) -> list[dict[str, float]]:
    """Features are there, so many strokes are painted; one more stroke each time."""
    canvas, rng = Canvas(), np.random.default_rng(0)
    with Painter(image, PixelClassifier(), deliver=canvas.show) as painter:
        painter.look(VIEWPORT)
        for where, label in strokes(labels, painted, rng):
            painter.add(where, label)
        painter.wait(PATIENCE)
        rows = []
        for where, label in strokes(labels, repeats, rng):
            start = time.perf_counter()
            version = painter.add(where, label)
            if not painter.wait(PATIENCE):
                raise SystemExit("The viewport was not complete in time.")
            rows.append(canvas.seconds(start, version))
            rows[-1]["pixels"] = int(np.count_nonzero(painter.labels()))
            rows[-1]["memory_mb"] = painter.tiles.kept.nbytes / 2**20
    return rows


def very_first(image: np.ndarray, labels: np.ndarray, repeats: int) -> list[dict[str, float]]:
    """A new engine without a single feature: from the second of two strokes until the viewport is there."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(repeats):
        canvas = Canvas()
        (first, one), (second, two) = strokes(labels, 2, rng)
        with Painter(image, PixelClassifier(), deliver=canvas.show) as painter:
            painter.add(first, one)
            start = time.perf_counter()
            version = painter.add(second, two)
            painter.look(VIEWPORT)
            if not painter.wait(PATIENCE):
                raise SystemExit("The viewport was not complete in time.")
            rows.append(canvas.seconds(start, version))
    return rows


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median and, for the time in full, the slowest of each column."""
    out = {name: round(float(np.median([row[name] for row in rows])), 4) for name in rows[0]}
    return out | {"slowest": round(max(row["full"] for row in rows), 4)}


def main() -> None:
    """Few strokes, many strokes, nothing cached; print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    (image,), (labels,), words = mosaics(1, 2 * SIDE)
    very_first(image, labels, 1)  # warm
    numbers = {
        "cores": usable_cores(),
        "side": SIDE,
        "repeats": options.repeats,
        "few": medians(after_a_stroke(image, labels, 20, options.repeats)),
        "many": medians(after_a_stroke(image, labels, 200, options.repeats)),
        "very_first": medians(very_first(image, labels, options.repeats)),
    }
    record("painting", words, numbers)


if __name__ == "__main__":
    main()
