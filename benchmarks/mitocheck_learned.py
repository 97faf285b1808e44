"""Sixteen mitotic classes from hand-crafted features, learned features, and a network, on wells never seen.

    python benchmarks/mitocheck_learned.py [--steps 500] [--encoder-steps 700] [--classifier average]

Five folds that keep plate and well together. Hand-crafted features are those of ``mitocheck.py``; learned features come
from an encoder that was trained without labels; the network (``train crops``) looks at the crops and at the mask.
Combined means the mean of the probabilities of both classifiers, with equal weights that nothing was tuned for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mitocheck
import numpy as np
import pandas as pd
from mitocheck_crops import FOLDS, cells, grouped_folds, some
from mitocheck_networks import FOLDER, classifier, encoder, encoder_file, examples, features
from record import record

from micrographia.classify.cell_images import CellCrops
from micrographia.classify.crop_classifier import CropClassifier
from micrographia.classify.objects import ObjectClassifier
from micrographia.features.feature_table import groups
from micrographia.metrics.class_gains import class_gain
from micrographia.metrics.classification import confusion_matrix, scores_of

FEW, SEEDS = 10, 10
STUDENT = 2.262
"""97.5th percentile of Student's t with 9 degrees of freedom."""


def scores(truth: np.ndarray, probabilities: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
    """Weighted and macro F1: means over folds, and of all rows together."""
    count = probabilities.shape[1]
    found = probabilities.argmax(axis=1)
    each = [scores_of(confusion_matrix(truth[fold == k], found[fold == k], count)) for k in np.unique(fold)]
    whole = scores_of(confusion_matrix(truth, found, count))
    named = ("weighted_f1", "macro_f1", "accuracy")
    return {name: round(float(np.mean([one[name] for one in each])), 4) for name in named} | {
        f"pooled_{name}": round(float(whole[name]), 4) for name in named
    }


def by_table(name: str, kind: str, tables: Callable[[int], pd.DataFrame], fold: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of an object classifier, each fold by one that learned from the others; kept in a file."""
    path = FOLDER / f"{name}-{kind}.npy"
    if not path.exists():
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for k in range(FOLDS):
            table = tables(k)
            model = ObjectClassifier(classifier=kind).fit(table[fold != k])
            parts.append((fold == k, np.asarray(model.probabilities(table[fold == k]))))
            print(f"{name}: fold {k + 1}", flush=True)
        np.save(path, _gathered(parts))
    return np.load(path)


def _gathered(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    out = np.zeros((len(parts[0][0]), parts[0][1].shape[1]), np.float32)
    for rows, found in parts:
        out[rows] = found
    return out


def few_labels(crops: CellCrops, keys: pd.DataFrame, by_hand: pd.DataFrame, start: Path, steps: int) -> dict[str, Any]:
    """Ten labelled cells of each class: macro F1 on wells that none of them is from, ten draws.

    The encoder learned from all crops without labels, also from those that judge; labels are of the ten cells alone.
    """
    names, truth = np.unique(keys["Class"], return_inverse=True)
    runs: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        fold, rng = grouped_folds(keys, seed), np.random.default_rng(seed)
        taught = np.concatenate(
            [rng.choice(np.flatnonzero((truth == k) & (fold != 0)), FEW, replace=False) for k in range(len(names))]
        )
        judged = np.flatnonzero(fold == 0)
        model = ObjectClassifier(classifier="logistic", search=False, calibrate="none").fit(by_hand.iloc[taught])
        found = {"hand-crafted": np.asarray(model.probabilities(by_hand.iloc[judged]))}
        for name, begin in (("network from scratch", ""), ("network from the encoder", str(start))):
            path = FOLDER / f"few-{seed}-{steps}-{start.stem if begin else 'scratch'}.npy"
            if not path.exists():
                network = CropClassifier(
                    mask=True, intensity="range", steps=steps, batch=32, validation_share=0.0, start=begin, seed=seed
                )
                network.fit_crops(crops, examples(keys, np.isin(np.arange(len(keys)), taught)))
                np.save(path, network.probabilities(some(crops, judged).pixels))
            found[name] = np.load(path)
        for name in ("network from scratch", "network from the encoder"):
            found[f"hand-crafted, {name}: combined"] = (found["hand-crafted"] + found[name]) / 2
        for name, probabilities in found.items():
            score = scores_of(confusion_matrix(truth[judged], probabilities.argmax(axis=1), len(names)))["macro_f1"]
            runs.setdefault(name, []).append(float(score))
        print(f"draw {seed}", {name: round(values[-1], 3) for name, values in runs.items()}, flush=True)
    out: dict[str, Any] = {"macro_f1": {name: round(float(np.mean(v)), 4) for name, v in runs.items()}, "gains": []}
    combined = "hand-crafted, network from the encoder: combined"
    for better, worse in (
        ("network from the encoder", "network from scratch"),
        (combined, "hand-crafted"),
        (combined, "hand-crafted, network from scratch: combined"),
    ):
        gain = np.subtract(runs[better], runs[worse])
        half = STUDENT * gain.std(ddof=1) / np.sqrt(SEEDS)
        values = [round(float(v), 4) for v in (gain.mean(), gain.mean() - half, gain.mean() + half)]
        out["gains"].append({"better": better, "worse": worse, **dict(zip(("gain", "low", "high"), values))})
    return out


def main() -> None:
    """Train what is not trained yet, judge, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="training steps of the classifying networks")
    parser.add_argument("--encoder-steps", type=int, default=700, help="training steps of the encoders")
    parser.add_argument("--classifier", default="average", help="classifier of tables")
    parser.add_argument("--fold-encoders", action="store_true", help="also an encoder of each fold: no crop seen twice")
    parser.add_argument("--few-steps", type=int, default=200, help="steps of the networks with ten cells a class")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    crops, keys = cells()
    fold, kind = grouped_folds(keys), options.classifier
    truth = np.unique(keys["Class"], return_inverse=True)[1]
    by_hand = mitocheck.table()
    learned = {None: features(encoder(crops, keys, fold, None, options.encoder_steps), crops, keys)}
    if options.fold_encoders:
        learned |= {
            k: features(encoder(crops, keys, fold, k, options.encoder_steps), crops, keys) for k in range(FOLDS)
        }
    columns = [c for c in learned[None].columns if "_Learned_" in c]

    found = {"hand-crafted": by_table("hand", kind, lambda _: by_hand, fold)}
    for name, at in (("all", lambda _: None), ("fold", lambda k: k)):
        if name == "fold" and not options.fold_encoders:
            continue
        said = "encoder saw all crops" if name == "all" else "encoder saw other folds"
        pick = lambda k, at=at: learned[at(k)]  # noqa: E731
        both = lambda k, at=at: pd.concat([by_hand, learned[at(k)][columns]], axis=1)  # noqa: E731
        tag = f"{name}-{options.encoder_steps}"
        found[f"learned ({said})"] = by_table(f"learned-{tag}", kind, pick, fold)
        found[f"hand-crafted + learned ({said})"] = by_table(f"both-{tag}", kind, both, fold)
    parts = []
    for k in range(FOLDS):
        network = classifier(crops, keys, fold, k, options.steps)
        parts.append((fold == k, network.probabilities(some(crops, fold == k).pixels)))
    found["network"] = _gathered(parts)
    found["hand-crafted, network: combined"] = (found["hand-crafted"] + found["network"]) / 2
    said = "encoder saw other folds" if options.fold_encoders else "encoder saw all crops"
    found[f"hand-crafted + learned ({said}), network: combined"] = (
        found[f"hand-crafted + learned ({said})"] + found["network"]
    ) / 2
    rows = {name: scores(truth, p, fold) for name, p in found.items()}
    base, wells = found["hand-crafted"].argmax(axis=1), groups(keys)
    for name, p in found.items():
        gain = class_gain(truth, base, p.argmax(axis=1), p.shape[1], wells, ("hand-crafted", name))
        rows[name]["gain"] = {score: [round(v, 4) for v in values] for score, values in gain.gains.items()}
    for name, row in rows.items():
        print(f"{name:70s} {row['weighted_f1']:.3f} {row['macro_f1']:.3f}", flush=True)
    start = encoder_file(None, options.encoder_steps)
    few = few_labels(crops, keys, by_hand, start, options.few_steps)
    record(
        "mitocheck_learned",
        f"{len(keys):,} crops of MitoCheck, 16 classes, {FOLDS} folds that keep plate and well together",
        {"folds": rows, "ten_cells_a_class": few, "classifier": kind, "steps": options.steps,
         "encoder_steps": options.encoder_steps, "seeds": SEEDS},
    )  # fmt: skip


if __name__ == "__main__":
    main()
