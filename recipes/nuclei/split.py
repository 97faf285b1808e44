"""Choose the test images of the nuclei model, once, and write them to test_images.csv.

Many DSB2018 images are crops of one field of view. Crops are recognised by borders that continue each
other and by shared pixels, and are kept together: a field is either all test or all training.
Fields that reach into the dev images are never test, since dev images choose the model.

    python recipes/nuclei/split.py $MICROGRAPHIA_DATA/dsb2018
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from imagecodecs import imread

SHARE = {"fluorescence": 0.12, "stained": 0.16, "brightfield": 0.22}
WINDOW = 24  # pixels in a row that must agree exactly to count as shared


def _border_links(images: list[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of equally sized images whose facing borders correlate like neighbouring pixel rows."""
    links = []
    for turn in (lambda a: a, np.transpose):
        turned = [turn(a) for a in images]
        last, before = (np.stack([a[-k] for a in turned]) for k in (1, 2))
        first, after = (np.stack([a[k] for a in turned]) for k in (0, 1))
        last_c, first_c = (e - e.mean(1, keepdims=True) for e in (last, first))
        spread = last_c.std(1)[:, None] * first_c.std(1)[None]
        correlation = last_c @ first_c.T / last.shape[1] / (spread + 1e-6)
        for a in range(len(images)):
            for b in np.argsort(-correlation[a])[:3]:
                jump = np.abs(last[a] - first[b]).mean()
                usual = 0.5 * (np.abs(last[a] - before[a]).mean() + np.abs(first[b] - after[b]).mean())
                if a != b and spread[a, b] >= 9 and correlation[a, b] > 0.9 and jump < 2 * usual + 0.5:
                    links.append((a, int(b)))
    return links


def _shared_links(images: list[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of images that share at least 20 textured rows of WINDOW pixels."""
    weights = np.random.default_rng(0).integers(1, 2**61, WINDOW).astype(np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = []
    for image in images:
        rows = np.lib.stride_tricks.sliding_window_view(np.round(image).astype(np.uint64), WINDOW, axis=1)
        textured = rows.max(-1) - rows.min(-1) > 12
        hashes.append(np.unique((rows * weights).sum(-1, dtype=np.uint64)[textured]))
    owner = np.repeat(np.arange(len(images)), [len(h) for h in hashes])
    every = np.concatenate(hashes)
    order = np.argsort(every, kind="stable")
    every, owner = every[order], owner[order]
    same = np.flatnonzero(every[1:] == every[:-1])
    pairs, counts = np.unique(np.stack([owner[same], owner[same + 1]], 1), axis=0, return_counts=True)
    return [(int(a), int(b)) for (a, b), n in zip(pairs, counts, strict=True) if a != b and n >= 20]


def fields(rows: list[dict[str, str]], images: list[np.ndarray]) -> list[int]:
    """Number of the field of view of each image."""
    parent = list(range(len(images)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    alike = defaultdict(list)
    for i, (row, image) in enumerate(zip(rows, images, strict=True)):
        alike[row["kind"], image.shape].append(i)
    links = _shared_links(images)
    for members in alike.values():
        links += [(members[a], members[b]) for a, b in _border_links([images[i] for i in members])]
    for a, b in links:
        parent[root(a)] = root(b)
    return [root(i) for i in range(len(images))]


def main(folder: Path) -> None:
    """Write test_images.csv beside this file."""
    rows = list(csv.DictReader((folder / "split.csv").open()))
    images = []
    for row in rows:
        image = imread(folder / row["split"] / "images" / f"{row['id']}.png").astype(np.float32)
        images.append(image if image.ndim == 2 else image.mean(-1))
    field = fields(rows, images)
    on_dev = {f for f, row in zip(field, rows, strict=True) if row["split"] == "dev"}
    strata = defaultdict(list)
    for f, row in zip(field, rows, strict=True):
        if f not in on_dev:
            strata[row["kind"], row["height"], row["width"]].append((f, row["id"]))
    rng = np.random.default_rng(2018)
    chosen = []
    for (kind, *size), members in sorted(strata.items()):
        total = sum(
            [row["kind"], row["height"], row["width"]] == [kind, *size] for row in rows if row["split"] == "train"
        )
        wanted = round(SHARE[kind] * total)
        if wanted == 0 or len({f for f, _ in members}) < 2:
            continue
        taken = 0
        for f in rng.permutation(sorted({f for f, _ in members})):
            crops = [i for g, i in members if g == f]
            if taken + len(crops) <= wanted + 1 and taken < wanted:
                chosen += [(i, kind) for i in crops]
                taken += len(crops)
    with (Path(__file__).parent / "test_images.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("id", "kind"), *sorted(chosen)])
    print(f"{len(rows)} images, {len(set(field))} fields; {len(chosen)} test images written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
