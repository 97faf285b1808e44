"""Sixteen phenotypes of MitoCheck told apart from hand-crafted features, on wells that were never seen.

    python benchmarks/mitocheck_classes.py

Nested: five outer folds that keep plate and well together give the scores; scales, settings and calibration are chosen
on three inner folds of what teaches, by well, too. Beside it the protocol of publications, a random split, in which
cells of one well, even of one image, are on both sides.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import mitocheck
import numpy as np
import pandas as pd
from record import record

from micrographia.classify.cross_validation import CrossValidation, cross_validate
from micrographia.classify.objects import ObjectClassifier
from micrographia.features.feature_table import is_key

CLASSIFIERS = ("lda", "svm", "forest", "logistic", "mlp", "average")
CELLPROFILER = "CellProfiler (cp_measure)"
ALL = "and further descriptors"
GOAL = {"weighted_f1": 0.77, "macro_f1": 0.68}


def scores(found: CrossValidation) -> dict[str, Any]:
    """Mean of the folds, and all examples together with intervals over wells."""
    folds = found.fold_scores()
    pooled = found.evaluation.overall
    return {
        **{name: round(float(np.mean(folds[name])), 4) for name in ("weighted_f1", "macro_f1", "accuracy")},
        "pooled": {name: round(value, 4) for name, value in pooled.items()},
        "folds": {name: [round(value, 4) for value in values] for name, values in folds.items()},
        **{name: round(value, 4) for name, value in found.calibration().items()},
    }


def main() -> None:
    """Every classifier on all features, one on CellProfiler's alone, under both protocols; print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifiers", nargs="+", default=list(CLASSIFIERS))
    options = parser.parse_args()
    table = mitocheck.table()
    own = [name for name in table.columns if is_key(name) or name.startswith("Nuclei_")]
    runs = [(CELLPROFILER, table[own], "lda"), (CELLPROFILER, table[own], "logistic")]
    runs += [(ALL, table, classifier) for classifier in options.classifiers]
    rows, classes = [], {}
    for features, part, classifier in runs:
        start = time.perf_counter()
        method = ObjectClassifier(classifier=classifier, folds=3)
        grouped = cross_validate(method, part, seed=0)
        random = cross_validate(method, part, seed=0, grouped=False)
        rows.append(
            {
                "features": features,
                "classifier": classifier,
                "grouped": scores(grouped),
                "random": scores(random),
                "seconds": round(time.perf_counter() - start),
            }
        )
        print({k: v for k, v in rows[-1].items() if k in ("features", "classifier", "seconds")},
              {p: {s: rows[-1][p][s] for s in GOAL} for p in ("grouped", "random")}, flush=True)  # fmt: skip
        if (features, classifier) == (ALL, options.classifiers[-1]):
            classes = _by_class(grouped.evaluation.table)
    record(
        "mitocheck_classes",
        f"MitoCheck: {len(table):,} crops of single nuclei, 16 classes, {table['Metadata_Well'].nunique()} wells "
        f"on {table['Metadata_Plate'].nunique()} plates",
        {"goal": GOAL, "rows": rows, "classes": classes, "classes_of": options.classifiers[-1]},
    )


def _by_class(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in table.to_dict("records")]


if __name__ == "__main__":
    main()
