"""What annotating well is worth, on MitoCheck's 2,457 cells of 16 classes: active learning and its relatives.

    python benchmarks/mitocheck_annotation.py [active] [semi] [noisy] [rare]

Features are the hand-crafted ones of ``mitocheck.py``. Wherever a classifier is judged, no plate-and-well of the judged
cells was learned from. Seeds 0 to 9; settings were chosen on seeds from 100 on, that is on other divisions of the same
cells.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from mitocheck import table
from record import RESULTS, record

from micrographia.classify.annotation.fetching import Fetcher
from micrographia.classify.annotation.phenotype_finder import find_phenotypes
from micrographia.classify.learners.classifiers import PixelModel, class_weights
from micrographia.classify.learners.standardising import Standardiser
from micrographia.classify.objects.feature_space import FeatureSpace
from micrographia.classify.objects.mislabels import find_mislabels, unseen_probabilities
from micrographia.classify.objects.object_learners import LEARNERS
from micrographia.classify.objects.semi_supervised import GUESSED, learn_semi_supervised
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.features.feature_table import feature_columns, feature_matrix, groups
from micrographia.metrics.classification import confusion_matrix, scores_of

SEEDS = range(10)
START, BATCH = 20, 10
COUNTS = {
    "informative": (*range(START, 100, BATCH), *range(100, 481, 2 * BATCH)),
    "random": (20, 60, *range(100, 1101, 40)),
}
"""Numbers of annotations at which each way is judged; informative cells are chosen in these steps."""

ENOUGH = 0.95
EACH = 10
NOISE = 0.1
HIDDEN, CLUSTERS, PURE = 4, 10, 0.8
KIND = "logistic"


class Cells:
    """Features, classes and wells of all cells."""

    def __init__(self) -> None:
        known = table()
        columns = feature_columns(known)
        plan = combined_names(columns)
        self.matrix = combined(feature_matrix(known, columns), plan)
        self.names = list(plan)
        self.kinds, self.classes = np.unique(known["Class"].to_numpy(str), return_inverse=True)
        wells = groups(known)
        assert wells is not None
        self.wells = wells

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows that teach and rows that judge: a third of the wells at random, with a tenth to half of every class."""
        rng = np.random.default_rng(seed)
        wells, of = np.unique(self.wells, return_inverse=True)
        counts = np.bincount(self.classes)
        while True:
            judged = np.isin(of, rng.permutation(len(wells))[: len(wells) // 3])
            share = np.bincount(self.classes[judged], minlength=len(counts)) / counts
            if share.min() >= 0.1 and share.max() <= 0.5:
                return np.flatnonzero(~judged), np.flatnonzero(judged)

    def features(self, taught: np.ndarray) -> np.ndarray:
        """Features (F, N) on the scale of the rows that may teach; no class is looked at."""
        standard = Standardiser.of(self.matrix[taught], self.names)
        return standard(self.matrix[:, [self.names.index(name) for name in standard.names]])

    def learn(self, features: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> PixelModel:
        """The object classifier's logistic regression."""
        setting = LEARNERS[KIND].settings[0]
        return LEARNERS[KIND].learn(features, classes, len(self.kinds), weights, 100, 0, **setting)

    def taught(self, features: np.ndarray, rows: np.ndarray) -> PixelModel:
        """Learned from some rows with their true classes."""
        weights = class_weights(self.classes[rows], len(self.kinds))
        return self.learn(np.ascontiguousarray(features[:, rows]), self.classes[rows], weights)

    def probabilities(self, model: PixelModel, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Probabilities (K, n) of some rows."""
        return model.predict(np.ascontiguousarray(features[:, rows]))

    def macro_f1(self, model: PixelModel, features: np.ndarray, rows: np.ndarray) -> float:
        """Mean F1 of the classes on some rows."""
        found = self.probabilities(model, features, rows).argmax(axis=0)
        return float(scores_of(confusion_matrix(self.classes[rows], found, len(self.kinds)))["macro_f1"])


def active(cells: Cells) -> dict[str, Any]:
    """Macro F1 as a share of that of all annotations, by number of annotations."""
    curves: dict[str, list[list[float]]] = {name: [] for name in COUNTS}
    full = []
    for seed in SEEDS:
        taught, judged = cells.split(seed)
        features = cells.features(taught)
        full.append(cells.macro_f1(cells.taught(features, taught), features, judged))
        points = FeatureSpace.of(cells.matrix[taught], most=100)(cells.matrix[taught])
        for name, counts in COUNTS.items():
            fetcher = Fetcher(points, seed=seed)
            known = np.zeros(0, np.int64)
            curve: list[float] = []
            p = None
            for count in counts:
                more = count - len(known)
                if name == "random":
                    new = fetcher.at_random(more)
                elif p is None:
                    new = fetcher.representative(more)
                else:
                    new = fetcher.uncertain(p, more, known=known)
                known = np.concatenate([known, new.rows])
                model = cells.taught(features, taught[known])
                p = cells.probabilities(model, features, taught)
                curve.append(cells.macro_f1(model, features, judged) / full[-1])
            curves[name].append(curve)
        mean = {name: np.mean(curve, axis=0).tolist() for name, curve in curves.items()}
        print(seed, {name: reached(name, curve) for name, curve in mean.items()}, flush=True)
    return {
        "full_macro_f1": float(np.mean(full)),
        "pool": len(taught),
        "annotations": {name: reached(name, curve) for name, curve in mean.items()},
        "annotations_by_seed": {name: [reached(name, one) for one in curve] for name, curve in curves.items()},
        "share": {name: dict(zip(map(str, COUNTS[name]), np.round(curve, 3).tolist())) for name, curve in mean.items()},
    }


def reached(name: str, curve: list[float]) -> int | None:
    """Annotations with which the curve is at the goal for the first time, between steps by a line; None if never."""
    counts = COUNTS[name]
    for k in range(1, len(counts)):
        if curve[k] >= ENOUGH:
            part = (ENOUGH - curve[k - 1]) / (curve[k] - curve[k - 1])
            return round(counts[k - 1] + part * (counts[k] - counts[k - 1]))
    return None


def semi(cells: Cells) -> dict[str, Any]:
    """Macro F1 with ten labelled cells of each class, alone and with the unlabelled ones."""
    alone, gains = [], {way: [] for way in GUESSED}
    for seed in SEEDS:
        taught, judged = cells.split(seed)
        features = cells.features(taught)
        rng = np.random.default_rng(seed)
        own = np.full(len(taught), -1)
        for k in range(len(cells.kinds)):
            own[rng.permutation(np.flatnonzero(cells.classes[taught] == k))[:EACH]] = k
        alone.append(cells.macro_f1(cells.taught(features, taught[own >= 0]), features, judged))
        points = FeatureSpace.of(cells.matrix[taught], own)(cells.matrix[taught])
        x = np.ascontiguousarray(features[:, taught])
        for way in GUESSED:
            model = learn_semi_supervised(cells.learn, x, own, len(cells.kinds), way, points=points)
            gains[way].append(cells.macro_f1(model, features, judged) - alone[-1])
        print(seed, round(alone[-1], 3), {way: round(gain[-1], 3) for way, gain in gains.items()}, flush=True)
    return {"each": EACH, "supervised": float(np.mean(alone)), "gain": {way: interval(g) for way, g in gains.items()}}


def interval(values: list[float]) -> dict[str, float]:
    """Mean and its 95 % interval (Student's t)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return {"mean": float(np.mean(values)), "low": float(np.mean(values) - half), "high": float(np.mean(values) + half)}


def noisy(cells: Cells) -> dict[str, Any]:
    """How many of the flipped labels are found."""
    rows: dict[str, list[tuple[float, float, float]]] = {"noise": [], "confident": []}
    count = len(cells.classes)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        flipped = np.zeros(count, bool)
        flipped[rng.permutation(count)[: round(NOISE * count)]] = True
        other = (cells.classes + rng.integers(1, len(cells.kinds), count)) % len(cells.kinds)
        labels = np.where(flipped, other, cells.classes)
        features = cells.features(np.arange(count))

        def learn(mask: np.ndarray, labels: np.ndarray = labels, features: np.ndarray = features) -> PixelModel:
            weights = class_weights(labels[mask], len(cells.kinds))
            return cells.learn(np.ascontiguousarray(features[:, mask]), labels[mask], weights)

        p = unseen_probabilities(learn, features, labels, len(cells.kinds), cells.wells, seed=seed)
        for way, found in rows.items():
            one = find_mislabels(p, labels, way)
            right = flipped[one.rows]
            found.append((right.sum() / flipped.sum(), right.mean(), one.estimated))
        print(seed, {way: np.round(found[-1], 3).tolist() for way, found in rows.items()}, flush=True)
    names = ("found", "precision", "estimated")
    return {
        way: {name: float(np.mean([one[k] for one in found])) for k, name in enumerate(names)}
        | {"worst": {name: float(np.min([one[k] for one in found])) for k, name in enumerate(names[:2])}}
        for way, found in rows.items()
    }


def rare(cells: Cells) -> dict[str, Any]:
    """Hidden classes of which a pure cluster is among the first suggestions, for several shares of annotated cells."""
    result: dict[str, Any] = {}
    for share in (0.5, 1.0):
        draws, by_class = [], {}
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            hidden = rng.choice(len(cells.kinds), HIDDEN, replace=False)
            shown = ~np.isin(cells.classes, hidden) & (rng.random(len(cells.classes)) < share)
            own = np.where(shown, cells.classes, -1)
            points = FeatureSpace.of(cells.matrix, own)(cells.matrix)
            found = find_phenotypes(points, own, CLUSTERS, seed=seed)
            best = {k: max((cells.classes[one.rows] == k).mean() for one in found) for k in hidden}
            draws.append(int(sum(value >= PURE for value in best.values())))
            for k, value in best.items():
                by_class.setdefault(str(cells.kinds[k]), []).append(round(float(value), 2))
            print(share, seed, {str(cells.kinds[k]): round(float(v), 2) for k, v in best.items()}, flush=True)
        result[f"{share:.0%}"] = {
            "found": sum(draws) / (HIDDEN * len(draws)),
            "draws_with_all": sum(one == HIDDEN for one in draws),
            "draws": len(draws),
            "purity_by_class": dict(sorted(by_class.items())),
        }
    return result


PARTS: dict[str, Callable[[Cells], dict[str, Any]]] = {"active": active, "semi": semi, "noisy": noisy, "rare": rare}


def main() -> None:
    """Run some parts or all; the others keep what an earlier run measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    chosen = parser.parse_args().parts or list(PARTS)
    cells = Cells()
    measured = {part: PARTS[part](cells) for part in chosen}
    path = RESULTS / "mitocheck_annotation.json"
    earlier = json.loads(path.read_text(encoding="utf-8"))["numbers"] if path.exists() else {}
    numbers = {part: (earlier | measured)[part] for part in PARTS if part in earlier | measured}
    words = f"MitoCheck, {len(cells.classes):,} cells of {len(cells.kinds)} classes, {len(cells.names)} features"
    record("mitocheck_annotation", words, numbers)


if __name__ == "__main__":
    main()
