"""Random walker and graph cut from strokes: seconds, and how well a neuron is found, beside other programs.

    python benchmarks/seeded.py

Six slices of isbi2012 (06-11), 512 x 512 pixels each. Of the simulated strokes of ``isbi2012.py`` those in the largest
cell that has any are its seeds, all others are background. Beside the random walker: scikit-image's, with conjugate
gradients ("cg_j", its tolerance made 1e-6 as ours) and solved exactly ("bf"). Beside the cut: scipy's maximum flow of
the same graph, whose capacities are whole millionths. All run on the same slice one after the other; medians. The worst
case of a cut is noise between seeds along two borders (once).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from isbi2012 import data_folder, paint, slices
from record import record
from scipy import ndimage
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from skimage.segmentation import random_walker as scikit_walker

from micrographia.segment.seed_graph import cutting, pixel_pairs
from micrographia.segment.seeded import graph_cut, random_walker

SLICES = range(6, 12)
BETA, SHARPNESS = 1000.0, 80.0


def scipy_cut(image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The same cut by scipy's maximum flow."""
    values = (image - image.min()) / np.float32(np.ptp(image))
    pairs = pixel_pairs(image.shape)
    cost = np.maximum(np.rint(1e6 * cutting(values.ravel(), pairs, SHARPNESS)), 1)
    sides = [np.flatnonzero(seeds == label) for label in (1, 2)]
    source, sink = image.size, image.size + 1
    rows = [pairs[0], pairs[1], np.full(len(sides[0]), source), sides[1]]
    columns = [pairs[1], pairs[0], sides[0], np.full(len(sides[1]), sink)]
    never = np.full(len(sides[0]) + len(sides[1]), 10_000_000)
    capacity = np.concatenate([cost, cost, never]).astype(np.int32)
    graph = csr_array(coo_array((capacity, (np.concatenate(rows), np.concatenate(columns))), shape=(sink + 1,) * 2))
    left = graph - maximum_flow(graph, source, sink).flow
    left.eliminate_zeros()
    inside = np.zeros(sink + 1, bool)
    inside[breadth_first_order(left, source, return_predecessors=False)] = True
    return inside[: image.size].reshape(image.shape)


def walk(mode: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """scikit-image's walker."""
    return lambda image, seeds: scikit_walker(image, seeds, beta=BETA, mode=mode, tol=1e-6) == 1


WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "random walker": lambda image, seeds: random_walker(image, seeds, beta=BETA) == 1,
    "random walker, scikit-image cg_j": walk("cg_j"),
    "random walker, scikit-image bf": walk("bf"),
    "graph cut": lambda image, seeds: graph_cut(image, seeds, sharpness=SHARPNESS),
    "graph cut, scipy": scipy_cut,
}


def main() -> None:
    """Segment, print, record."""
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    overlap: dict[str, list[float]] = {name: [] for name in WAYS}
    learned = slices(data_folder(), SLICES)
    for warm, (image, interior) in [(True, learned[0]), *((False, one) for one in learned)]:
        truth, seeds = task(interior, rng)
        scaled = ((image - image.min()) / np.float32(np.ptp(image))).astype(np.float32)
        for name, way in WAYS.items():
            start = time.perf_counter()
            found = way(scaled, seeds)
            if not warm:
                seconds[name].append(time.perf_counter() - start)
                overlap[name].append((found & truth).sum() / (found | truth).sum())
                print(f"{name}: {seconds[name][-1]:.2f} s, IoU {overlap[name][-1]:.3f}", flush=True)
    rows = {
        name: {
            "seconds": round(float(np.median(seconds[name])), 3),
            "slowest": round(float(np.max(seconds[name])), 3),
            "iou": round(float(np.mean(overlap[name])), 4),
        }
        for name in WAYS
    }
    noise, sides = rng.random((512, 512), np.float32), np.zeros((512, 512), np.int32)
    sides[:, 0], sides[:, -1] = 1, 2
    worst = {}
    for name in ("graph cut", "graph cut, scipy"):
        start = time.perf_counter()
        WAYS[name](noise, sides)
        worst[name] = round(time.perf_counter() - start, 2)
    record(
        "seeded",
        "isbi2012, slices 06 to 11, the largest cell of each",
        {"slices": len(SLICES), "rows": rows, "noise": worst},
    )


def task(interior: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The largest painted cell (bool), and seeds: 1 in it, 2 elsewhere."""
    strokes, (cells, count) = paint(interior, rng), ndimage.label(interior)
    painted = np.bincount(cells[strokes == 2], minlength=count + 1) > 0
    sizes = np.bincount(cells.ravel(), minlength=count + 1) * painted
    sizes[0] = 0
    truth = cells == sizes.argmax()
    return truth, np.where(strokes == 0, 0, np.where((strokes == 2) & truth, 1, 2)).astype(np.int32)


if __name__ == "__main__":
    main()
