"""The built-in model as a user runs it, on images that were never used in training or choice.

    python benchmarks/accuracy.py

The images are the recipe's test images (``recipes/nuclei/test_images.csv``). Mean AP is the mean over images of
TP / (TP + FP + FN) at each IoU, as in the StarDist paper. Fluorescence images are judged a second time without specks:
what is smaller than 30 pixels in the labels or in the result is left out of both (the smallest label has 21).
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from fields import data_folder
from record import record

KINDS = ("fluorescence", "stained", "brightfield")
SPECK = 30
"""Pixels of the smallest object that counts where specks are left out."""


def main() -> None:
    """Segment, compare, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--at-most", type=int, help="only so many images of each kind; nothing is recorded")
    options = parser.parse_args()
    folder = data_folder()
    if folder is None:
        raise SystemExit("The folder dsb2018 is missing; name the folder that holds it in MICROGRAPHIA_DATA.")
    from data import load

    from micrographia.metrics.instances import THRESHOLDS, evaluate_instances
    from micrographia.segment.predictor import load_predictor
    from micrographia.segment.segmenting import segment

    predictor = load_predictor(options.model)
    fields, seen = [], Counter()
    for field in load(folder, "test"):
        seen[field.kind] += 1
        if options.at_most is None or seen[field.kind] <= options.at_most:
            fields.append(field)

    pairs = []
    for field in fields:
        picture = field.pixels[0] if len(field.pixels) == 1 else np.moveaxis(field.pixels, 0, -1)
        pairs.append((field.labels, segment(picture, predictor)))
    result = evaluate_instances(
        pairs, names=[f.name for f in fields], groups=[{"kind": f.kind} for f in fields], thresholds=THRESHOLDS
    )
    clean = [
        (without_specks(truth), without_specks(found))
        for (truth, found), field in zip(pairs, fields, strict=True)
        if field.kind == "fluorescence"
    ]
    judged = evaluate_instances(clean, thresholds=THRESHOLDS)
    numbers = {"intervals": result.interval, "iou": list(THRESHOLDS), "kinds": {}}
    numbers["without_specks"] = {
        "pixels": SPECK,
        "nuclei": int(judged.counts["n_truth"].iloc[0]),
        "found": int(judged.counts["n_predicted"].iloc[0]),
        "ap": [round(float(v), 4) for v in judged.overall["ap_image_mean"]],
    }
    for kind in KINDS:
        scores = result.groups[result.groups["value"] == kind].sort_values("iou")
        counts = result.counts[result.counts["value"] == kind].iloc[0]
        numbers["kinds"][kind] = {
            "images": int(counts["images"]),
            "nuclei": int(counts["n_truth"]),
            "found": int(counts["n_predicted"]),
            "ap": [round(float(v), 4) for v in scores["ap_image_mean"]],
            "ap_low": [round(float(v), 4) for v in scores["ap_image_mean_low"]],
            "ap_high": [round(float(v), 4) for v in scores["ap_image_mean_high"]],
            "count_error_relative": round(float(counts["count_error_relative"]), 4),
            "count_error_mean_absolute": round(float(counts["count_error_mean_absolute"]), 3),
        }
    words = (
        f"{len(fields)} images of DSB2018 (CC0) set aside by field of view before training, "
        "recipes/nuclei/test_images.csv"
    )
    if options.at_most is None:
        record("accuracy", words, numbers)
    else:
        print(words, numbers)


def without_specks(labels: np.ndarray) -> np.ndarray:
    """The label image without its smallest objects."""
    size = np.bincount(labels.ravel())
    return np.where(size[labels] < SPECK, 0, labels)


if __name__ == "__main__":
    main()
