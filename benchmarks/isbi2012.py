"""Neurons in electron microscopy from a few strokes: auto-context and the boundary workflow on isbi2012.

    python benchmarks/isbi2012.py            learn from strokes on slices 00-17, report on 18-23, record
    python benchmarks/isbi2012.py --choose   learn from 00-13 and compare settings on 14-17; nothing is recorded

Strokes are simulated: of each slice at most 2 % of the pixels are painted, half of them along membranes, half across
the inside of cells. Nothing else is learned from. The edges between regions are learned from probabilities of pixel
classifiers that have not seen the slice. The score is the foreground-restricted Rand score of the ISBI 2012 challenge,
mean over slices (Arganda-Carreras et al. 2015); cells are connected over edges, and what is found leaves no border.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image
from record import record
from scipy import ndimage

from micrographia.classify.boundaries.boundary_examples import BoundaryExamples
from micrographia.classify.boundaries.boundary_segmenter import BoundarySegmenter
from micrographia.classify.boundaries.held_out import held_out
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes
from micrographia.features.pixel_bank import ILASTIK_FILTERS
from micrographia.metrics.rand import mean_rand_score, thinned

SHARE = 0.02
"""Most painted pixels of a slice."""

LENGTH = 30
"""Length of a stroke, pixels; it is three pixels wide."""

FILTERS = (*ILASTIK_FILTERS, "membrane")
"""Membrane projections beside the usual filters: .94 instead of .92 over three folds of slices 00-17."""

THRESHOLD = 0.3
"""Membrane probability that separates cells where there is no boundary workflow; chosen on slices 14-17."""

Slice = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Learn, segment, score, print, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true", help="compare settings on slices 14-17; nothing is recorded")
    parser.add_argument("--seeds", type=int, default=3, help="so many sets of strokes")
    options = parser.parse_args()
    folder = data_folder()
    if options.choose:
        choose(slices(folder, range(14)), slices(folder, range(14, 18)))
        return
    learned, judged = slices(folder, range(18)), slices(folder, range(18, 24))
    runs = [run(learned, judged, seed) for seed in range(options.seeds)]
    rows = {
        name: {key: [round(float(one[name][key]), 4) for one in runs] for key in runs[0][name]}
        for name in runs[0]
        if name != "seconds"
    }
    numbers = {
        "painted": SHARE,
        "seeds": options.seeds,
        "rows": rows,
        "seconds": [round(one["seconds"], 1) for one in runs],
    }
    record("isbi2012", "isbi2012: strokes on slices 00 to 17, scores on slices 18 to 23", numbers)


def data_folder() -> Path:
    """The folder ``isbi2012`` of ``$MICROGRAPHIA_DATA``, else of ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MICROGRAPHIA_DATA", Path(__file__).parents[2] / "shared" / "data")) / "isbi2012"
    if not folder.is_dir():
        raise SystemExit("The folder isbi2012 is missing; name the folder that holds it in MICROGRAPHIA_DATA.")
    return folder


def slices(folder: Path, numbers: range) -> list[Slice]:
    """Image and interior (bool) of each slice."""
    return [
        (np.asarray(Image.open(folder / "images" / f"{n:02d}.png")),
         np.asarray(Image.open(folder / "labels" / f"{n:02d}.png")) > 0)
        for n in numbers
    ]  # fmt: skip


def paint(interior: np.ndarray, rng: np.random.Generator, share: float = SHARE) -> np.ndarray:
    """Strokes as a person paints them: 1 along membranes, 2 across the inside of cells; uint8."""
    from skimage.morphology import skeletonize

    brush, square = ndimage.generate_binary_structure(2, 1), np.ones((3, 3))
    skeleton = skeletonize(~interior)
    depth = ndimage.distance_transform_edt(interior)
    out = np.zeros(interior.shape, np.uint8)
    most = int(share * out.size / 2)
    for label, places in ((1, np.argwhere(skeleton)), (2, np.argwhere(depth > 1.5))):
        left = most
        while left > 0:
            y, x = places[rng.integers(len(places))]
            line = np.zeros(interior.shape, bool)
            line[y, x] = True
            if label == 1:
                around = tuple(slice(max(0, c - LENGTH), c + LENGTH) for c in (y, x))
                line[around] = ndimage.binary_dilation(line[around], square, LENGTH // 2, skeleton[around])
            else:
                line |= _wander(depth, (y, x), rng)
            line = ndimage.binary_dilation(line, brush) & (interior == (label == 2)) & (out == 0)
            chosen = np.flatnonzero(line)[:left]
            out.flat[chosen] = label
            left -= len(chosen)
    return out


def _wander(depth: np.ndarray, start: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A slightly bent line within a cell."""
    line = np.zeros(depth.shape, bool)
    at, angle = np.array(start, float), rng.uniform(0, 2 * np.pi)
    for _ in range(LENGTH):
        angle += rng.normal(0, 0.2)
        step = at + (np.sin(angle), np.cos(angle))
        y, x = np.rint(step).astype(int)
        if not (0 <= y < depth.shape[0] and 0 <= x < depth.shape[1]) or depth[y, x] <= 1.5:
            break
        at = step
        line[y, x] = True
    return line


def painted(learned: list[Slice], strokes: list[np.ndarray]) -> Strokes:
    """Slices with their strokes."""
    return Strokes([image for image, _ in learned], strokes, classes=("membrane", "inside"))


def boundary_examples(examples: Strokes, stages: int, seed: int) -> BoundaryExamples:
    """What the edges are learned from: strokes, and probabilities by classifiers that have not seen them."""
    known = held_out(examples, lambda: PixelClassifier(filters=FILTERS, stages=stages, seed=seed))
    return BoundaryExamples(
        [one.image for one in known], [one.strokes for one in known], [one.probabilities[0] for one in known]
    )


def run(learned: list[Slice], judged: list[Slice], seed: int) -> dict:
    """Scores on the judged slices, with one stage and with auto-context, without and with the boundary workflow."""
    rng = np.random.default_rng(seed)
    strokes = [paint(interior, rng) for _, interior in learned]
    assert max(np.count_nonzero(s) / s.size for s in strokes) <= SHARE
    start = time.perf_counter()
    out: dict = {}
    for stages in (1, 2):
        examples = painted(learned, strokes)
        segmenter = BoundarySegmenter(seed=seed).fit(boundary_examples(examples, stages, seed))
        classifier = PixelClassifier(filters=FILTERS, stages=stages, seed=seed).fit(examples)
        maps = [classifier.predict(image)[0] for image, _ in judged]
        simple = [thinned(ndimage.label(p < THRESHOLD)[0]) for p in maps]
        found = [segmenter.predict(image, p) for (image, _), p in zip(judged, maps, strict=True)]
        name = "auto-context" if stages == 2 else "one stage"
        out[f"{name}, threshold"] = scores(judged, maps, simple)
        out[f"{name}, boundary workflow"] = scores(judged, maps, found)
    out["seconds"] = time.perf_counter() - start
    print({name: round(row["score"], 4) for name, row in out.items() if name != "seconds"}, flush=True)
    return out


def scores(judged: list[Slice], maps: list[np.ndarray], found: list[np.ndarray]) -> dict[str, float]:
    """Rand scores of some segmentations, and the share of pixels in the right class."""
    score = mean_rand_score((ndimage.label(interior)[0], f) for (_, interior), f in zip(judged, found, strict=True))
    right = np.mean([np.mean((p < 0.5) == interior) for (_, interior), p in zip(judged, maps, strict=True)])
    return {"score": score.score, "split": score.split, "merge": score.merge, "pixels": float(right)}


def choose(learned: list[Slice], judged: list[Slice], seed: int = 0) -> None:
    """Print the score of many settings."""
    rng = np.random.default_rng(seed)
    strokes = [paint(interior, rng) for _, interior in learned]
    for stages in (1, 2):
        examples = painted(learned, strokes)
        edges = boundary_examples(examples, stages, seed)
        classifier = PixelClassifier(filters=FILTERS, stages=stages, seed=seed).fit(examples)
        maps = [classifier.predict(image)[0] for image, _ in judged]
        for threshold in (0.2, 0.3, 0.35, 0.4, 0.5):
            simple = [thinned(ndimage.label(p < threshold)[0]) for p in maps]
            print(f"{stages} stages, threshold {threshold}:", _rounded(scores(judged, maps, simple)), flush=True)
        for smooth, linkage in itertools.product((1.5, 2.0, 3.0), ("sum", "mean")):
            segmenter = BoundarySegmenter(smooth=smooth, linkage=linkage, seed=seed).fit(edges)
            for bias in (0.3, 0.4, 0.5, 0.6, 0.7):
                segmenter.bias = bias
                found = [segmenter.predict(image, p) for (image, _), p in zip(judged, maps, strict=True)]
                row = _rounded(scores(judged, maps, found))
                print(f"{stages} stages, smooth {smooth}, {linkage}, bias {bias}:", row, flush=True)


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in row.items()}


if __name__ == "__main__":
    main()
