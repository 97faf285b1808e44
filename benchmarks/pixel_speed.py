"""Seconds from an image to class probabilities, ours, ilastik's engine and scikit-image with scikit-learn, in one run.

    apt-get install python3-vigra        (ilastik's filters and forest; see peers/vigra_worker.py)
    python benchmarks/pixel_speed.py

49 feature maps (6 filters, 7 scales) and 100 trees on 1024 x 1024 pixels, every program with the same number of
threads. All learn from the same strokes on one image and classify another, whose labels say how many pixels are
right. The programs are warm and take turns, so that whatever else the machine does meets all of them. scikit-image
computes its own 28 maps; its time is compared for each map, scikit-learn's for each tree.

How many pixels are right is judged on more: `DRAWS` sets of strokes, each on other images, on which every program
learns and predicts once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from record import record

from micrographia.arrays.blocks import blocks, grown, inside
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.forest_growing import grow_forest
from micrographia.features.pixel_bank import Bank

WORKER = Path(__file__).parent / "peers" / "vigra_worker.py"
SIDE, TREES, BLOCK = 1024, 100, (128, 1024)
PAINTED = 10_000
PAUSE = 0.2
DRAWS = 10

Field = dict[str, np.ndarray]
"""``learned``, ``strokes`` (0 unlabelled, 1, 2), ``judged`` and ``truth`` (0, 1)."""


def fields(folder: Path) -> dict[str, Field]:
    """Electron microscopy and fluorescence: one image to learn from, another one to be judged on."""
    found = {}
    slices = [_slice(folder / "isbi2012", number) for number in (5, 20)]
    found["isbi2012"] = _field(slices[0], tuple(np.tile(a, (2, 2)) for a in slices[1]))
    planes = [_nuclei(path) for path in sorted((folder / "dsb2018" / "dev" / "images").glob("*.png"))]
    planes = [plane for plane in planes if plane is not None]
    half = len(planes) // 2
    found["dsb2018/dev"] = _field(_mosaic(planes[:half], 4), _mosaic(planes[half:], 4))
    return found


def draws(folder: Path) -> dict[str, Field]:
    """Fields on which only the accuracy is judged, named ``set 0``, ``set 1``…"""
    found = {}
    planes = [_nuclei(path) for path in sorted((folder / "dsb2018" / "dev" / "images").glob("*.png"))]
    planes = [plane for plane in planes if plane is not None]
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        slices = [_slice(folder / "isbi2012", int(number)) for number in rng.choice(24, 2, replace=False)]
        found[f"isbi2012 {seed}"] = _field(*slices, seed)
        order = rng.permutation(len(planes))
        halves = [[planes[k] for k in half] for half in np.array_split(order, 2)]
        found[f"dsb2018/dev {seed}"] = _field(_mosaic(halves[0], 3), _mosaic(halves[1], 3), seed)
    return found


def _slice(folder: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    image, label = (np.asarray(Image.open(folder / kind / f"{number:02}.png")) for kind in ("images", "labels"))
    return image, label > 0


def _nuclei(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """A grey image of 256 x 256 pixels and its foreground; None for others."""
    image = np.asarray(Image.open(path))
    if image.shape != (256, 256):
        return None
    return image, tifffile.imread(path.parents[1] / "labels" / f"{path.stem}.tif") > 0


def _mosaic(planes: list[tuple[np.ndarray, np.ndarray]], side: int) -> tuple[np.ndarray, np.ndarray]:
    """``side`` x ``side`` images beside each other, again from the first where there are too few."""
    rows = [[planes[(r * side + c) % len(planes)] for c in range(side)] for r in range(side)]
    image, truth = (np.block([[plane[k] for plane in row] for row in rows]) for k in (0, 1))
    return image, truth


def _field(learned: tuple[np.ndarray, np.ndarray], judged: tuple[np.ndarray, np.ndarray], seed: int = 0) -> Field:
    return {
        "learned": learned[0],
        "strokes": paint(learned[1], np.random.default_rng(seed)),
        "judged": judged[0],
        "truth": judged[1].astype(np.int64),
    }


def paint(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Thin winding strokes, on each class half of the `PAINTED` pixels: 0 unlabelled, else class + 1."""
    strokes = np.zeros(truth.shape, np.uint8)
    for k in (0, 1):
        places = np.argwhere(truth == k)
        while np.count_nonzero(strokes == k + 1) < PAINTED // 2:
            at, angle = places[rng.integers(len(places))].astype(float), rng.uniform(0, 2 * np.pi)
            for _ in range(40):
                y, x = at.astype(int)
                if not (0 <= y < truth.shape[0] and 0 <= x < truth.shape[1]) or truth[y, x] != k:
                    break
                strokes[y, x] = k + 1
                angle += rng.normal(0, 0.3)
                at += np.sin(angle), np.cos(angle)
    return strokes


class Ours:
    """The feature bank and the forest, block by block in threads."""

    def __init__(self, data: dict[str, Field], pool: ThreadPoolExecutor, threads: int) -> None:
        self.bank, self.pool, self.forests, self.learning = Bank.grid(), pool, {}, {}
        for name, field in data.items():
            painted = field["strokes"] > 0
            features = self._features(field["learned"])[:, painted]
            classes = field["strokes"][painted].astype(np.int64) - 1
            grow_forest(features[:, ::50], classes[::50], 2, trees=2)
            start = time.perf_counter()
            self.forests[name] = grow_forest(features, classes, 2, trees=TREES, threads=threads).forest
            self.learning[name] = time.perf_counter() - start

    def __call__(self, name: str, image: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        """Seconds of both together as they run, then of each alone; probabilities."""
        forest = self.forests[name]
        start = time.perf_counter()
        out = self._predicted(image, forest)
        both = time.perf_counter() - start
        start = time.perf_counter()
        self._features(image)
        return {"both": both, "features": time.perf_counter() - start}, out

    def _predicted(self, image: np.ndarray, forest: Forest) -> np.ndarray:
        out = np.empty((2, *image.shape), np.float32)

        def one(core: Any) -> None:
            out[(slice(None), *core)] = forest.predict(self._block(image, core))

        list(self.pool.map(one, blocks(image.shape, BLOCK)))
        return out

    def _features(self, image: np.ndarray) -> np.ndarray:
        out = np.empty((self.bank.count(1), *image.shape), np.float32)

        def one(core: Any) -> None:
            out[(slice(None), *core)] = self._block(image, core)

        list(self.pool.map(one, blocks(image.shape, BLOCK)))
        return out

    def _block(self, image: np.ndarray, core: Any) -> np.ndarray:
        seen = grown(core, self.bank.halo, image.shape)
        return self.bank.compute(image[seen].astype(np.float32)[None], inside(core, seen))


class Vigra:
    """ilastik's engine in the system's Python."""

    def __init__(self, data: dict[str, Field], folder: Path, threads: int) -> None:
        arrays = {f"{name}_{key}": values for name, field in data.items() for key, values in field.items()}
        np.savez(folder / "fields.npz", **{key.replace("/", "-"): values for key, values in arrays.items()})
        self.folder = folder
        self._process = subprocess.Popen(
            [os.environ.get("VIGRA_PYTHON", "/usr/bin/python3"), WORKER, folder / "fields.npz", str(threads), folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.versions = self._answer()

    def __call__(self, name: str, image: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        """Seconds, probabilities."""
        assert self._process.stdin is not None
        name = name.replace("/", "-")
        print(name, file=self._process.stdin, flush=True)
        seconds = self._answer()
        return seconds | {"both": sum(seconds.values())}, np.load(self.folder / f"{name}.npy")

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("vigra is missing: apt-get install python3-vigra, or name a Python in VIGRA_PYTHON.")
        return json.loads(line)


class Scikit:
    """scikit-image's features and scikit-learn's forest."""

    def __init__(self, data: dict[str, Field], threads: int) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self.threads, self.forests = threads, {}
        for name, field in data.items():
            painted = field["strokes"] > 0
            table = self._features(field["learned"])[painted]
            forest = RandomForestClassifier(TREES, n_jobs=threads, random_state=0)
            self.forests[name] = forest.fit(table, field["strokes"][painted] - 1)
            self.maps = table.shape[1]

    def __call__(self, name: str, image: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        """Seconds, probabilities."""
        start = time.perf_counter()
        table = self._features(image)
        between = time.perf_counter()
        found = self.forests[name].predict_proba(table.reshape(-1, table.shape[-1]))
        end = time.perf_counter()
        seconds = {"features": between - start, "forest": end - between, "both": end - start}
        return seconds, found.T.reshape(2, *image.shape)

    def _features(self, image: np.ndarray) -> np.ndarray:
        from skimage.feature import multiscale_basic_features

        return multiscale_basic_features(
            image.astype(np.float32), sigma_min=0.7, sigma_max=10, num_sigma=7, workers=self.threads
        )


def main() -> None:
    """Measure all, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="times that each image is classified")
    parser.add_argument("--threads", type=int, default=2, help="threads of every program")
    parser.add_argument("--alone", action="store_true", help="only ours; nothing is recorded")
    options = parser.parse_args()
    folder = Path(os.environ.get("MICROGRAPHIA_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit("The images are missing; name the folder with isbi2012 and dsb2018 in MICROGRAPHIA_DATA.")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    data, more = fields(folder), draws(folder)
    with ThreadPoolExecutor(options.threads) as pool, tempfile.TemporaryDirectory() as scratch:
        ours = Ours(data | more, pool, options.threads)
        programs: dict[str, Callable[[str, np.ndarray], tuple[dict[str, float], np.ndarray]]] = {"ours": ours}
        if not options.alone:
            vigra, scikit = Vigra(data | more, Path(scratch), options.threads), Scikit(data | more, options.threads)
            programs |= {"vigra": vigra, "scikit": scikit}
        seconds = measure(programs, data, options.rounds)
        right = accuracy(programs, more)
    numbers: dict[str, Any] = {
        "threads": options.threads,
        "rounds": options.rounds,
        "maps": ours.bank.count(1),
        "trees": TREES,
        "growing": {name: round(ours.learning[name], 3) for name in data},
        "seconds": {name: {p: medians(rows) for p, rows in of.items()} for name, of in seconds.items()},
        "right": right,
    }
    if options.alone:
        print(json.dumps(numbers, indent=1))
        return
    vigra.close()
    numbers |= {"ratios": {name: ratios(of, ours.bank.count(1), scikit.maps) for name, of in seconds.items()}}
    numbers |= {"vigra": vigra.versions["vigra"], "scikit_maps": scikit.maps, "versions": versions()}
    record(
        "pixel_speed",
        "1024 × 1024 pixels: isbi2012, learned on slice 05 and judged on slice 20 (four times beside itself); "
        "dsb2018/dev, learned on one half of the fluorescence images of 256 × 256 pixels and judged on the other",
        numbers,
    )


def measure(
    programs: dict[str, Any], data: dict[str, Field], rounds: int
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Seconds of every program and image, in turn."""
    seconds: dict[str, dict[str, list[dict[str, float]]]] = {name: {p: [] for p in programs} for name in data}
    for turn in range(rounds + 1):
        for name, field in data.items():
            for program, run in programs.items():
                time.sleep(PAUSE)
                row, _ = run(name, field["judged"])
                if turn:  # the first turn warms
                    seconds[name][program].append(row)
    return seconds


def accuracy(programs: dict[str, Any], data: dict[str, Field]) -> dict[str, dict[str, Any]]:
    """Share of right pixels of every program by set, and how much more than each peer ours has, set by set."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, field in data.items():
        row = found.setdefault(name.split()[0], {program: [] for program in programs})
        for program, run in programs.items():
            row[program].append(float((run(name, field["judged"])[1].argmax(0) == field["truth"]).mean()))
    rows: dict[str, dict[str, Any]] = {}
    for name, of in found.items():
        rows[name] = {program: round(float(np.mean(values)), 4) for program, values in of.items()}
        for peer in [program for program in programs if program != "ours"]:
            more = np.subtract(of["ours"], of[peer])
            error = more.std(ddof=1) / np.sqrt(len(more))
            rows[name][f"more than {peer}"] = [round(float(v), 4) for v in (more.mean(), error)]
    return rows


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median of each column."""
    return {key: round(float(np.median([row[key] for row in rows])), 4) for key in rows[0]}


def ratios(rows: dict[str, list[dict[str, float]]], maps: int, scikit_maps: int) -> dict[str, float]:
    """How many times as long the others take, turn by turn; scikit-image's features for each map."""

    def median(values: list[float]) -> float:
        return round(float(np.median(values)), 2)

    ours, vigra, scikit = rows["ours"], rows["vigra"], rows["scikit"]
    return {
        "vigra": median([b["both"] / a["both"] for a, b in zip(ours, vigra, strict=True)]),
        "scikit_features": median(
            [b["features"] / scikit_maps / (a["features"] / maps) for a, b in zip(ours, scikit, strict=True)]
        ),
        "scikit_forest": median(
            [b["forest"] / max(a["both"] - a["features"], 1e-3) for a, b in zip(ours, scikit, strict=True)]
        ),
    }


def versions() -> dict[str, str]:
    """Versions of the peers in our environment."""
    from importlib.metadata import version

    return {name: version(name) for name in ("scikit-image", "scikit-learn")}


if __name__ == "__main__":
    main()
