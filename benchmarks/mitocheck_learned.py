"""Sixteen mitotic classes from hand-crafted features, from a network that looks at crops, and both, on unseen wells.

    python benchmarks/mitocheck_learned.py [--steps 500] [--classifier logistic]

Five folds that keep plate and well together. Hand-crafted features are those of ``mitocheck.py``; the network (``train
crops``) looks at the crops and at the mask, and learns its features with the classes. Combined means the mean of the
probabilities of both classifiers, with equal weights that nothing was tuned for. Then ten labelled cells a class, with
and without an encoder that learned without labels (``mitocheck_few.py``).
"""

from __future__ import annotations

import argparse
from typing import Any

import mitocheck
import numpy as np
import pandas as pd
from mitocheck_crops import FOLDS, cells, grouped_folds, some
from mitocheck_few import DRAWS, few_labels
from mitocheck_networks import classifier
from record import record

from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.features.feature_table import groups
from micrographia.metrics.class_gains import class_gain
from micrographia.metrics.classification import confusion_matrix, scores_of

BY_HAND, NETWORK, BOTH = "hand-crafted", "network", "hand-crafted and network, combined"


def scores(truth: np.ndarray, probabilities: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
    """Weighted and macro F1: means over folds, each fold, and of all rows together."""
    count = probabilities.shape[1]
    found = probabilities.argmax(axis=1)
    each = [scores_of(confusion_matrix(truth[fold == k], found[fold == k], count)) for k in np.unique(fold)]
    whole = scores_of(confusion_matrix(truth, found, count))
    named = ("weighted_f1", "macro_f1", "accuracy")
    return (
        {name: round(float(np.mean([one[name] for one in each])), 4) for name in named}
        | {f"pooled_{name}": round(float(whole[name]), 4) for name in named}
        | {"folds": {name: [round(float(one[name]), 4) for one in each] for name in named}}
    )


def by_table(table: pd.DataFrame, kind: str, fold: np.ndarray, which: int) -> np.ndarray:
    """Probabilities of one fold by an object classifier that learned from the others."""
    print(f"{BY_HAND}: fold {which + 1}", flush=True)
    model = ObjectClassifier(classifier=kind).fit(table[fold != which])
    return np.asarray(model.probabilities(table[fold == which]), np.float32)


def main() -> None:
    """Train what is not trained yet, judge, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="training steps of the networks of the folds")
    parser.add_argument("--classifier", default="logistic", help="classifier of the hand-crafted features")
    parser.add_argument("--folds", type=int, default=FOLDS, choices=range(1, FOLDS + 1), help="folds that are judged")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of ten labelled cells a class")
    parser.add_argument("--note", default="", help="what readers must know of this run, recorded with it")
    options = parser.parse_args()
    crops, keys = cells()
    fold = grouped_folds(keys)
    truth = np.unique(keys["Class"], return_inverse=True)[1]
    by_hand = mitocheck.table()
    found = {name: np.empty((len(keys), truth.max() + 1), np.float32) for name in (BY_HAND, NETWORK)}
    for k in range(options.folds):
        found[BY_HAND][fold == k] = by_table(by_hand, options.classifier, fold, k)
        learned = classifier(crops, keys, fold, k, options.steps)
        found[NETWORK][fold == k] = learned.probabilities(some(crops, fold == k).pixels)
    judged = fold < options.folds
    found = {name: p[judged] for name, p in found.items()}
    truth, wells = truth[judged], groups(keys[judged])
    found[BOTH] = (found[BY_HAND] + found[NETWORK]) / 2
    rows = {name: scores(truth, p, fold[judged]) for name, p in found.items()}
    base = found[BY_HAND].argmax(axis=1)
    for name, p in found.items():
        gain = class_gain(truth, base, p.argmax(axis=1), p.shape[1], wells, (BY_HAND, name))
        rows[name]["gain"] = {score: [round(v, 4) for v in values] for score, values in gain.gains.items()}
        print(f"{name:40s} {rows[name]['weighted_f1']:.3f} {rows[name]['macro_f1']:.3f}", flush=True)
    data = f"{len(keys):,} crops of MitoCheck, 16 classes, {FOLDS} folds that keep plate and well together"
    numbers = {
        "folds": rows,
        "judged_folds": options.folds,
        "classifier": options.classifier,
        "steps": options.steps,
        "note": options.note,
    }
    record("mitocheck_learned", data, numbers)
    record("mitocheck_learned", data, numbers | {"ten_cells_a_class": few_labels(crops, keys, by_hand, options.draws)})


if __name__ == "__main__":
    main()
