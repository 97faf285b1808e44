"""What each step of the decoding is worth: the built-in model with one step left out, on the dev images.

    python benchmarks/decoding.py

The dev images chose the thresholds, so these numbers compare decodings with each other; the numbers that say how good
the model is are those of ``accuracy.py``.
"""

from __future__ import annotations

import numpy as np
from fields import data_folder
from record import record

import micrographia.geometry.render as drawing
import micrographia.segment.star_decoding as decoding
from micrographia.geometry.refinement import unfolded
from micrographia.metrics.instances import THRESHOLDS
from micrographia.metrics.matching import match
from micrographia.segment.predictor import Predictor, load_predictor


def _plain_rays(points, distance, probability, grid):
    rays = unfolded(distance, probability)
    return np.maximum(rays[:, points[:, 0], points[:, 1]].T, np.float32(0.5))


def _whole_polygons(stars, foreground, region, thresholds):
    return _RENDER(stars, np.full_like(foreground, 255), region, thresholds)


_RENDER = decoding.render_region


def scores(predictor: Predictor, fields: list) -> dict[str, list[float]]:
    """Mean AP at each IoU of each kind of image."""
    rows: dict[str, list] = {}
    for field in fields:
        picture = field.pixels[0] if len(field.pixels) == 1 else np.moveaxis(field.pixels, 0, -1)
        found = predictor.segment(picture).labels
        rows.setdefault(field.kind, []).append([m.accuracy for m in match(field.labels, found, THRESHOLDS)])
    return {kind: [round(float(v), 4) for v in np.mean(r, axis=0)] for kind, r in rows.items()}


def main() -> None:
    """Decode in three ways, print and record."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("The folder dsb2018 is missing; name the folder that holds it in MICROGRAPHIA_DATA.")
    from data import load

    import micrographia.segment.predictor as room

    fields = load(folder, "dev")
    predictor = load_predictor("nuclei")
    found = {"as it ships": scores(predictor, fields)}
    refine = decoding.refine
    decoding.refine = _plain_rays
    found["rays of the anchor alone"] = scores(predictor, fields)
    decoding.refine = refine
    room.render_region, margin = _whole_polygons, drawing.MARGIN
    drawing.MARGIN = 0.0
    found["polygons not trimmed to the foreground"] = scores(predictor, fields)
    room.render_region, drawing.MARGIN = _RENDER, margin
    for name, kinds in found.items():
        for kind, values in kinds.items():
            print(f"{name:40s} {kind:13s}", " ".join(f"{v:.3f}" for v in values))
    record("decoding", "DSB2018 dev images", {"iou": list(THRESHOLDS), "images": len(fields), "ap": found})


if __name__ == "__main__":
    main()
