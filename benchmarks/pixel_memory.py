"""Pixel classification of a 20,000 x 20,000 image and a 512³ volume, OME-Zarr to OME-Zarr: peak memory and time.

    python benchmarks/pixel_memory.py

Each goes through what ``micrographia classify pixels`` does with one input, in a process of its own: reading, features
(7 scales, 6 filters), 100 trees, probabilities written with their pyramid. With ``--stages 2`` auto-context, with
``--output labels`` objects too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fields import mosaics
from large import make_image
from record import record

_CHUNK = 64


def make_volume(path: Path, side: int, seed: int = 0) -> None:
    """Write an OME-Zarr of noisy balls, chunk by chunk."""
    from micrographia.io.zarr_writer import create_zarr

    rng = np.random.default_rng(seed)
    with create_zarr(path, (side, side, side), "ZYX", np.uint8, chunks=(_CHUNK, 128, 128)) as new:
        for z in range(0, side, _CHUNK):
            slab = _balls((min(_CHUNK, side - z), side, side), rng)
            new.array[z : z + _CHUNK] = slab


def train(folder: Path, image: np.ndarray, truth: np.ndarray, dimensions: int, stages: int) -> Path:
    """A model from one small image of which some rows are painted."""
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier
    from micrographia.classify.pixels.strokes import Strokes

    painted = np.zeros(truth.shape, np.uint8)
    painted[..., ::16, :] = 1 + (truth[..., ::16, :] > 0)
    method = PixelClassifier(dimensions=dimensions, stages=stages, samples=20_000)
    return method.fit(Strokes([image], [painted])).save(folder / f"model{dimensions}.zip")


def classify_one(source: Path, model: Path, folder: Path, output: Sequence[str]) -> dict[str, Any]:
    """In a process of its own: classify one image as the command does; seconds and peak memory."""
    from micrographia.cli.classify_pixels import ClassifyPixels
    from micrographia.cli.pixel_results import PixelTask, make_results
    from micrographia.segment.probability_objects import ObjectOptions

    options = ClassifyPixels(model=str(model), output=output).parameters() | ObjectOptions().parameters()
    start = time.perf_counter()
    outcome = make_results(PixelTask(source, folder, "result", options))
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 3),
        "shares": outcome["shares"],
        "objects": outcome.get("objects"),
    }


def in_own_process(source: Path, model: Path, output: Sequence[str]) -> dict[str, Any]:
    """The numbers of `classify_one`."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [sys.executable, __file__, "--one", str(source), str(model), folder, "--output", *output]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    row = json.loads(answer.splitlines()[-1])
    print(source.name, json.dumps(row), flush=True)
    return row


def main() -> None:
    """Make the images, classify both, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20000, help="side of the image; 0 for none")
    parser.add_argument("--volume", type=int, default=512, help="side of the volume; 0 for none")
    parser.add_argument("--stages", type=int, default=1)
    parser.add_argument("--output", nargs="+", default=["probabilities"])
    parser.add_argument("--folder", type=Path, help="where everything is kept while this runs (about 6 GB)")
    parser.add_argument("--one", nargs=3, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(classify_one(*options.one, options.output)))
        return
    numbers: dict[str, Any] = {"side": options.side, "volume": options.volume, "stages": options.stages}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.side:
            pictures, truths, _ = mosaics(8)
            make_image(folder / "image.ome.zarr", options.side, pictures)
            model = train(folder, pictures[0], truths[0], 2, options.stages)
            numbers["image"] = in_own_process(folder / "image.ome.zarr", model, options.output)
            numbers["image"]["seconds_per_megapixel"] = round(numbers["image"]["seconds"] / options.side**2 * 1e6, 4)
        if options.volume:
            make_volume(folder / "volume.ome.zarr", options.volume)
            small = _balls((48, 128, 128), np.random.default_rng(1))
            model = train(folder, small, small > 130, 3, options.stages)
            numbers["volume_result"] = in_own_process(folder / "volume.ome.zarr", model, options.output)
            voxels = options.volume**3 / 1e6
            numbers["volume_result"]["seconds_per_megavoxel"] = round(numbers["volume_result"]["seconds"] / voxels, 4)
    words = "OME-Zarr: mosaics of nuclei, uint16, mirrored and turned at random; noisy balls, uint8"
    record(f"pixel_memory{'' if options.stages == 1 else '_auto_context'}", words, numbers)


def _balls(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    volume = rng.normal(100, 12, shape).astype(np.float32)
    for _ in range(max(1, int(np.prod(shape)) // 60_000)):
        centre = np.array([rng.integers(0, n) for n in shape])
        low, high = np.maximum(centre - 12, 0), np.minimum(centre + 13, shape)
        window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        grid = np.indices(high - low) + low[:, None, None, None]
        inside = ((grid - centre[:, None, None, None]) ** 2).sum(axis=0) < 12**2
        volume[window][inside] += 60
    return np.clip(volume, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
