"""A million objects with 500 measurements scored by a forest: seconds, and memory of the process.

    python benchmarks/object_scoring.py

The table is made once as Parquet (2 GB) in the temporary folder. What is timed is what ``micrographia classify
objects`` does: read the table part by part, classify, count by image and well, write the classes, fit the prior and
compute enrichment scores. Beside it the forest alone on parts in memory.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from record import record

from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.cli.classify_objects import ClassifyObjects, classify_tables
from micrographia.io.table_stream import stream_table
from micrographia.models.runtime import usable_cores

CLASSES, PART = 8, 20_000
GOAL_SECONDS, GOAL_GB = 60.0, 4.0


def parts(objects: int, features: int, seed: int) -> Iterator[pd.DataFrame]:
    """The table in parts: eight classes that a few dozen measurements tell apart, in wells of 2,000 objects."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, 0.6, (CLASSES, features)) * (np.arange(features) < 40)
    for start in range(0, objects, PART):
        kind = rng.integers(0, CLASSES, PART)
        values = centres[kind].astype(np.float32)
        values += rng.standard_normal((PART, features), np.float32)
        number = start + np.arange(PART)
        keys = pd.DataFrame(
            {
                "Metadata_Plate": "P1",
                "Metadata_Well": (number // 2000).astype(str),
                "Metadata_Image": (number // 500).astype(str),
                "ObjectNumber": number % 500 + 1,
                "Class": np.char.add("class", kind.astype(str)),
            }
        )
        names = [f"Nuclei_Measure_{f}" for f in range(features)]
        yield pd.concat([keys, pd.DataFrame(values, columns=names)], axis=1)


def main() -> None:
    """Make the table, teach, score; print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=500)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="micrographia-scoring-"))
    try:
        examples = next(parts(PART, options.features, seed=1)).head(5000)
        method = ObjectClassifier(classifier="forest", trees=100, search=False, calibrate="none").fit(examples)
        method.save(folder / "forest.zip")
        with stream_table(folder / "objects.parquet") as stream:
            for part in parts(options.objects, options.features, seed=2):
                stream.add(part.drop(columns="Class"))
        cpu = time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        start = time.perf_counter()
        code = classify_tables(
            [folder / "objects.parquet"], ClassifyObjects(model=str(folder / "forest.zip"), out=str(folder / "results"))
        )
        seconds = time.perf_counter() - start
        cpu = time.process_time() - cpu
        if code:
            raise SystemExit("Scoring failed.")
        part = next(parts(PART, options.features, seed=3))
        start = time.perf_counter()
        found = method.predict(part)
        alone = (time.perf_counter() - start) * options.objects / PART
        numbers = {
            "objects": options.objects,
            "features": options.features,
            "trees": method.trees,
            "cores": usable_cores(),
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "seconds_in_memory": round(alone, 1),
            "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "memory_before_gb": round(before, 2),
            "accuracy": round(float((found["Class"] == part["Class"]).mean()), 4),
            "goal_seconds": GOAL_SECONDS,
            "goal_gb": GOAL_GB,
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    record("object_scoring", f"{options.objects:,} made objects with {options.features} measurements", numbers)


if __name__ == "__main__":
    main()
