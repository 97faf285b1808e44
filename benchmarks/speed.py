"""Seconds per megapixel from array to labels, ours and StarDist's, on the same images in the same run.

    benchmarks/peers/make.sh
    python benchmarks/speed.py

Both programs are warm (one run before the clock) and see the images in turn, so that whatever else the machine does
meets both. Ours is ``micrographia.segment(image)`` with nothing set, the choice of the kind of image and the intensity
statistics included. StarDist's is ``normalize(image, 1, 99.8)`` and ``predict_instances``, as in its notebooks.

StarDist's pretrained weights would have to be downloaded: its network runs with the pretrained model's configuration
and untrained weights (the time does not depend on them), and its decoding then works on probabilities and distances
made from the true labels. See ``peers/stardist_worker.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from fields import mosaics
from record import record
from stages import stages

PEERS = Path(__file__).parent / "peers"
PAUSE = 0.3
"""Seconds between two runs, so that idle threads of the one program sleep when the other works."""


class Peer:
    """StarDist in its own environment, asked for one image at a time."""

    def __init__(self, python: Path, fields: Path, cores: int) -> None:
        self._process = subprocess.Popen(
            [python, PEERS / "stardist_worker.py", fields, str(cores)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.versions = self._answer()

    def __call__(self, number: int) -> dict[str, float]:
        assert self._process.stdin is not None
        print(number, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"StarDist stopped with exit code {self._process.wait()}.")
        return json.loads(line)


def median_of(rows: list[dict[str, float]], megapixels: float) -> dict[str, float]:
    """Median of every key but the counts, per megapixel."""
    keys = [key for key in rows[0] if key != "objects"]
    return {key: round(float(np.median([row[key] for row in rows])) / megapixels, 4) for key in keys}


def main() -> None:
    """Measure both, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5, help="times that each image is segmented")
    parser.add_argument("--cores", type=int, default=2, help="cores of both programs")
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--alone", action="store_true", help="only ours and its stages; nothing is recorded")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    images, labels, words = mosaics(options.images)
    megapixels = images[0].size / 1e6
    from micrographia.segment.predictor import load_predictor
    from micrographia.segment.segmenting import segment

    predictor = load_predictor(options.model, options.cores)

    def ours(number: int) -> dict[str, float]:
        start = time.perf_counter()
        found = segment(images[number], predictor)
        return {"seconds": time.perf_counter() - start, "objects": int(found.max())}

    mine, theirs, versions = [], [], {}
    ours(0)
    if options.alone:
        mine = [ours(number) for _ in range(options.rounds) for number in range(len(images))]
    else:
        python = Path(os.environ.get("STARDIST_ENV", PEERS / ".venv-stardist")) / "bin" / "python"
        if not python.exists():
            raise SystemExit(f"{python} is missing: run benchmarks/peers/make.sh, or name the folder in STARDIST_ENV.")
        with tempfile.TemporaryDirectory() as folder:
            fields = Path(folder) / "fields.npz"
            np.savez(fields, images=np.stack(images), labels=np.stack(labels))
            peer = Peer(python, fields, options.cores)
        versions = peer.versions
        peer(0)
        for _ in range(options.rounds):
            for number in range(len(images)):
                for program, rows in ((ours, mine), (peer, theirs)):
                    time.sleep(PAUSE)
                    rows.append(program(number))
        peer.close()
    parts = []
    with stages() as seconds:
        for number in range(len(images)):
            seconds.clear()
            total = ours(number)["seconds"]
            parts.append(dict(seconds) | {"rest": total - sum(seconds.values())})
    numbers = {
        "ours": median_of(mine, megapixels)["seconds"],
        "ours_stages": median_of(parts, megapixels),
        "objects_ours": [row["objects"] for row in mine[: len(images)]],
        "nuclei": [int(label.max()) for label in labels],
    }
    if options.alone:
        print(json.dumps(numbers, indent=1))
        return
    stardist = median_of(theirs, megapixels)
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(mine, theirs, strict=True)]
    numbers |= {
        "stardist": stardist.pop("seconds"),
        "stardist_stages": stardist,
        "objects_stardist": [row["objects"] for row in theirs[: len(images)]],
        "ratio": round(float(np.median(ratios)), 2),
        "ratio_low_high": [round(float(np.percentile(ratios, q)), 2) for q in (5, 95)],
        "ours_fastest": round(min(row["seconds"] for row in mine) / megapixels, 4),
        "stardist_fastest": round(min(row["seconds"] for row in theirs) / megapixels, 4),
        "runs": len(mine),
        "cores": options.cores,
        "versions": versions,
    }
    record("speed", words, numbers)


if __name__ == "__main__":
    main()
