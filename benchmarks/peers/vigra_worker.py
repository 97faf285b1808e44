"""ilastik's engine, asked for one image at a time: its filters and its random forest, both of vigra, in two threads.

    apt-get install python3-vigra      (Debian; the system's Python then imports it)
    /usr/bin/python3 vigra_worker.py FIELDS.npz THREADS FOLDER

FIELDS.npz holds for each image ``NAME_learned`` (Y, X), ``NAME_strokes`` (Y, X; 0 unlabelled) and ``NAME_judged``.
A line ``NAME`` on the standard input computes and classifies the judged image; the answer is a line of JSON with
the seconds of the filters and of the forest. Probabilities are written to FOLDER once for each image.

Pre-smoothing and windows are those of ilastik's OpPixelFeaturesPresmoothed, whose filters of one image run in a pool
of threads; like its ParallelVigraRfLazyflowClassifier it grows ten forests of ten trees and adds up what they say.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import vigra
from vigra import filters

SIGMAS = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
FORESTS, TREES = 10, 10


def maps(image, sigma):
    """The maps of one scale."""
    before, inner = (np.sqrt(sigma**2 - 1), 1.0) if sigma > 1 else (sigma, sigma)
    smooth = filters.gaussianSmoothing(image, before, window_size=3.5)
    found = [filters.gaussianSmoothing(smooth, inner, window_size=2)]
    if sigma > 0.5:
        found += [
            filters.laplacianOfGaussian(smooth, inner, window_size=2),
            filters.gaussianGradientMagnitude(smooth, inner, window_size=2),
            filters.gaussianSmoothing(smooth, inner, window_size=2)
            - filters.gaussianSmoothing(smooth, 0.66 * inner, window_size=2),
            filters.structureTensorEigenvalues(smooth, inner, 0.5 * inner, window_size=2),
            filters.hessianOfGaussianEigenvalues(smooth, inner, window_size=2),
        ]
    return np.concatenate([np.asarray(m).reshape(*image.shape, -1) for m in found], axis=-1)


def features(image, pool):
    """All maps, (Y * X, F) float32."""
    parts = pool.map(lambda sigma: maps(image, sigma), sorted(SIGMAS, reverse=True))
    return np.concatenate(list(parts), axis=-1).reshape(image.size, -1)


def main():
    """Learn from every image, then answer."""
    fields, threads, folder = np.load(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    forests, said = {}, set()
    with ThreadPoolExecutor(threads) as pool:
        for name in [key.removesuffix("_learned") for key in fields if key.endswith("_learned")]:
            strokes = fields[f"{name}_strokes"].ravel()
            table = features(fields[f"{name}_learned"].astype(np.float32), pool)[strokes > 0]
            target = strokes[strokes > 0].astype(np.uint32)[:, None]

            def grow(_, table=table, target=target):
                forest = vigra.learning.RandomForest(TREES)
                forest.learnRF(table, target)
                return forest

            forests[name] = list(pool.map(grow, range(FORESTS)))
        print(json.dumps({"vigra": vigra.version, "maps": table.shape[1]}), flush=True)
        for line in sys.stdin:
            name = line.strip()
            image = fields[f"{name}_judged"].astype(np.float32)
            start = time.perf_counter()
            table = features(image, pool)
            between = time.perf_counter()
            votes = sum(pool.map(lambda forest, table=table: forest.predictProbabilities(table), forests[name]))
            end = time.perf_counter()
            if name not in said:
                np.save(folder / f"{name}.npy", votes.T.reshape(-1, *image.shape) / FORESTS)
                said.add(name)
            print(json.dumps({"features": between - start, "forest": end - between}), flush=True)


if __name__ == "__main__":
    main()
