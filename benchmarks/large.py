"""A 20,000 x 20,000 OME-Zarr to labels: peak memory, and time per pixel beside that of a 4,000 x 4,000 one.

    python benchmarks/large.py

Both go through what ``micrographia segment`` does with one input, block by block: reading, network, suppression over
the whole plane, labels written as OME-Zarr with their pyramid, every object measured, table and overlay. Each runs in
a process of its own, warm (a small image before the clock); the 4,000 x 4,000 one before and after the large one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from fields import mosaics
from record import record
from stages import SEGMENTING, stages

BLOCK = 1024
STAGES = SEGMENTING | {
    "read": "micrographia.segment.predictor:Plane.read",
    "measure": "micrographia.features.objects:measure_region",
    "pyramid": "micrographia.io.zarr_writer:ZarrWriter.finish",
    "found and written": "micrographia.segment.predictor:Predictor.segment_to_zarr",
}


def make_image(path: Path, side: int, blocks: list[np.ndarray], seed: int = 0) -> None:
    """Write an OME-Zarr of mosaics, mirrored and turned at random, block by block."""
    from micrographia.io.zarr_writer import create_zarr

    rng = np.random.default_rng(seed)
    with create_zarr(path, (side, side), "YX", np.uint16, pixel_size={"Y": 0.5, "X": 0.5}) as new:
        for y in range(0, side, BLOCK):
            for x in range(0, side, BLOCK):
                block = np.rot90(blocks[rng.integers(len(blocks))], rng.integers(4))
                if rng.integers(2):
                    block = block[::-1]
                new.array[y : y + BLOCK, x : x + BLOCK] = block[: side - y, : side - x]


def segment_one(source: Path, folder: Path) -> dict[str, Any]:
    """In a process of its own: segment one image as the command does; seconds, peak memory, objects, stages."""
    from micrographia.cli import image_results
    from micrographia.cli.segment import Segment
    from micrographia.io.reading import read

    image_results.LAZY_PIXELS = 0  # the small image takes the same way as the large one
    finder = image_results.predictor("nuclei", 0)
    small = np.asarray(read(source).data[:BLOCK, :BLOCK])
    finder.segment(small)
    make_image(folder / "warm.ome.zarr", BLOCK, [small])
    options = Segment(out=str(folder)).parameters()
    image_results.make_results(image_results.Task(folder / "warm.ome.zarr", folder, "warm", options))
    with stages(STAGES) as seconds:
        start = time.perf_counter()
        outcome = image_results.make_results(image_results.Task(source, folder, "result", options))
        total = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": total,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9,
        "objects": outcome["objects"],
        "stages": dict(seconds),
    }


def in_own_process(source: Path, side: int) -> dict[str, Any]:
    """The numbers of `segment_one`, times per megapixel."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [sys.executable, __file__, "--one", str(source), folder]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    row = json.loads(answer.splitlines()[-1])
    megapixels = side**2 / 1e6
    row["seconds_per_megapixel"] = row["seconds"] / megapixels
    row["stages"] = {name: round(s / megapixels, 4) for name, s in row["stages"].items()}
    print(side, json.dumps(row), flush=True)
    return row


def main() -> None:
    """Make the images, segment both, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20000)
    parser.add_argument("--small", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=2, help="runs of the small image before and after the large one")
    parser.add_argument("--folder", type=Path, help="where the images are kept while this runs (about 1.5 GB)")
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(segment_one(*options.one)))
        return
    blocks, _, words = mosaics(8)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        images = {side: Path(name) / f"image{side}.ome.zarr" for side in (options.small, options.side)}
        for side, path in images.items():
            make_image(path, side, blocks)
        small = [in_own_process(images[options.small], options.small) for _ in range(options.repeats)]
        large = in_own_process(images[options.side], options.side)
        small += [in_own_process(images[options.small], options.small) for _ in range(options.repeats)]
    of_small = float(np.median([row["seconds_per_megapixel"] for row in small]))
    found_small = float(np.median([row["stages"]["found and written"] for row in small]))
    found = large["stages"]["found and written"]
    numbers = {
        "side": options.side,
        "small_side": options.small,
        "objects": large["objects"],
        "peak_gb": round(large["peak_gb"], 3),
        "small_peak_gb": round(max(row["peak_gb"] for row in small), 3),
        "seconds": round(large["seconds"], 1),
        "seconds_per_megapixel": round(large["seconds_per_megapixel"], 4),
        "small_seconds_per_megapixel": round(of_small, 4),
        "small_runs": [round(row["seconds_per_megapixel"], 4) for row in small],
        "ratio": round(large["seconds_per_megapixel"] / of_small, 3),
        "found_seconds_per_megapixel": round(found, 4),
        "found_small_seconds_per_megapixel": round(found_small, 4),
        "found_ratio": round(found / found_small, 3),
        "stages": large["stages"],
        "small_stages": small[0]["stages"],
    }
    record("large", f"OME-Zarr, uint16, laid out of {words}, mirrored and turned at random", numbers)


if __name__ == "__main__":
    main()
