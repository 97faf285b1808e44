"""Crops of MitoCheck as examples for object classifiers: pictures, masks, keys, and a table of hand-crafted features.

    python benchmarks/mitocheck.py

The data are 2,457 crops of 64 x 64 pixels with one nucleus in the middle, sorted into 16 classes by biologists (Neumann
et al. 2010; folder ``mitocheck`` of the data that ``MICROGRAPHIA_DATA`` names). The table is made once and kept in the
temporary folder.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from crop_descriptors import DESCRIPTORS
from PIL import Image
from scipy import ndimage

from micrographia.features.cells import measure_cells
from micrographia.io.tables import read_table, write_table

SIDE = 64
TABLE = Path(tempfile.gettempdir()) / "micrographia-mitocheck-features.parquet"

_NAME = re.compile(r"(?P<plate>PLLT\d+_\d+)--.*___P(?P<well>\d+)_\d+___T(?P<frame>\d+)___X\d+___Y\d+")


def folder() -> Path:
    """Folder of the data."""
    given = os.environ.get("MICROGRAPHIA_DATA")
    return (Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data") / "mitocheck"


def keys() -> pd.DataFrame:
    """A row a crop: ``Metadata_Image``, ``Metadata_Plate``, ``Metadata_Well``, ``ObjectNumber`` (always 1), ``Class``.

    All of them are read from the file names. 19 names, all of class OutOfFocus, lack a dash and are without plate and
    well in ``index.csv``; the pattern here takes them, too, so that they stay with the other crops of their well.
    """
    index = pd.read_csv(folder() / "index.csv", dtype=str)
    parts = index["file"].str.extract(_NAME)
    if parts.isna().any(axis=None):
        raise SystemExit(f"{folder()}: {index['file'][parts.isna().any(axis=1)].iloc[0]} names no plate and well.")
    known = index["plate"].notna()
    if not (parts["well"][known] == index["well"][known]).all():
        raise SystemExit(f"{folder()}: wells of index.csv and of the file names differ.")
    return pd.DataFrame(
        {
            "Metadata_Image": index["file"],
            "Metadata_Plate": parts["plate"],
            "Metadata_Well": parts["well"],
            "ObjectNumber": 1,
            "Class": index["class"],
        }
    )


def crops() -> tuple[np.ndarray, pd.DataFrame]:
    """All crops (N, 64, 64) uint8 and their keys."""
    table = keys()
    images = np.empty((len(table), SIDE, SIDE), np.uint8)
    for i, (name, kind) in enumerate(zip(table["Metadata_Image"], table["Class"])):
        with Image.open(folder() / "images" / kind / name) as picture:
            images[i] = np.asarray(picture)
    return images, table


def central_mask(crop: np.ndarray) -> np.ndarray:
    """The nucleus in the middle of a crop (Y, X), as a mask; fragments less than 5 pixels apart belong together.

    Otsu's threshold (1979) on the square root of the smoothed crop, around the middle only: a bright neighbour shall
    not hide a dim nucleus. Where nothing lies in the middle, the threshold is lowered.
    """
    smooth = ndimage.gaussian_filter(np.sqrt(crop.astype(float)), 1)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = np.hypot(y, x)
    threshold = _otsu(smooth[distance < 22])
    for level in threshold * np.array([1, 0.85, 0.7, 0.55]):
        mask = smooth > level
        near = ndimage.binary_closing(np.pad(mask, 4), _disc(2))[4:-4, 4:-4] | mask
        labels, count = ndimage.label(near, np.ones((3, 3)))
        if not count:
            continue
        weight = ndimage.sum_labels(np.exp(-((distance / 8) ** 2) / 2) * mask, labels, np.arange(1, count + 1))
        best = 1 + int(weight.argmax())
        if distance[labels == best].min() < 8 and (labels == best).sum() >= 20:
            return ndimage.binary_fill_holes(labels == best)
    return distance < 8


def masks(images: np.ndarray) -> np.ndarray:
    """Masks (N, 64, 64) bool of the nuclei in the middle."""
    return np.stack([central_mask(crop) for crop in images])


def _disc(radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.hypot(y, x) <= radius + 0.5


def _otsu(values: np.ndarray) -> float:
    count, edges = np.histogram(values, 64)
    middle = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(count)
    first = np.cumsum(count * middle)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (first / below - (first[-1] - first) / above) ** 2
    return float(middle[np.nanargmax(between[:-1])])


def cell_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """CellProfiler's measurements of the object, in its names."""
    row = measure_cells(mask.astype(np.int32), image, threads=1).iloc[0]
    return {str(name): float(value) for name, value in row.items() if str(name).startswith("Nuclei_")}


def gradient_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Histograms of gradients (Dalal & Triggs 2005) that do not change when the crop is turned or mirrored.

    The direction of a gradient is taken against the direction to the middle of the nucleus, 0 to 180 degrees, in six
    bins, for five rings and two scales, weighted with the length of the gradient; each ring's share is divided by the
    root of the sum of squares of all. Beside them, without the mask, what the surroundings hold in the same rings.
    """
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    weight = mask / mask.sum()
    y -= (y * weight).sum()
    x -= (x * weight).sum()
    radius = np.hypot(y, x)
    ring = np.digitize(radius, (4, 8, 12, 18, 26))
    inside = ndimage.binary_dilation(mask, iterations=2)
    root = np.sqrt(image.astype(float))
    found: dict[str, float] = {}
    for scale in (1, 2):
        dy = ndimage.gaussian_filter(root, scale, order=(1, 0))
        dx = ndimage.gaussian_filter(root, scale, order=(0, 1))
        length = np.hypot(dy, dx)
        along = np.abs(dy * y + dx * x) / np.maximum(length * radius, 1e-9)
        outwards = np.sign(dy * y + dx * x)
        angle = np.arccos(np.clip(along * outwards, -1, 1))
        part = np.minimum((angle * 6 / np.pi).astype(int), 5)
        for where, pixels in (("Object", inside), ("Around", ~inside)):
            votes = np.zeros((6, 6))
            np.add.at(votes, (ring[pixels], part[pixels]), length[pixels])
            votes /= np.sqrt((votes**2).sum() + 1e-9)
            for r, b in np.ndindex(6, 6):
                found[f"Gradient_{where}_{scale}_Ring{r}_Direction{b}"] = float(votes[r, b])
    return found


def hog_features(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """scikit-image's histograms of oriented gradients, of the nucleus turned so that its long axis lies along x.

    The mean over the four mirror images, which the long axis does not tell apart.
    """
    from skimage.feature import hog

    y, x = np.nonzero(mask)
    middle = np.array([y.mean(), x.mean()])
    values, axes = np.linalg.eigh(np.cov(np.stack([y, x])))
    long = axes[:, 1]
    turn = np.array([[long[1], long[0]], [-long[0], long[1]]])
    centre = (SIDE - 1) / 2
    soft = ndimage.gaussian_filter(ndimage.binary_dilation(mask, iterations=2).astype(float), 1)
    picture = np.sqrt(image.astype(float)) * soft
    turned = ndimage.affine_transform(picture, turn, middle - turn @ np.array([centre, centre]), order=1)
    options = {"orientations": 8, "pixels_per_cell": (16, 16), "cells_per_block": (1, 1), "block_norm": "L2"}
    cells = []
    for flipped in (turned, turned[::-1], turned[:, ::-1], turned[::-1, ::-1]):
        cells.append(hog(flipped, feature_vector=True, **options))
    mean = np.mean(cells, axis=0).reshape(4, 4, 8)[:2, :2]  # the quarters are mirror images of each other
    return {f"HOG_{i}{j}_{b}": float(mean[i, j, b]) for i, j, b in np.ndindex(2, 2, 8)}


FAMILIES = (cell_features, gradient_features, hog_features, *DESCRIPTORS)
"""Each gives the features of one crop (Y, X) and its mask as a dict."""


def table(*, again: bool = False) -> pd.DataFrame:
    """Keys, ``Class`` and hand-crafted features, one row a crop; made once, then read from the temporary folder."""
    if TABLE.exists() and not again:
        return read_table(TABLE)
    images, known = crops()
    rows = []
    for image, mask in zip(images, masks(images)):
        rows.append({name: value for family in FAMILIES for name, value in family(image, mask).items()})
    made = pd.concat([known, pd.DataFrame(rows).astype(np.float32)], axis=1)
    write_table(TABLE, made)
    return made


if __name__ == "__main__":
    print(table(again=True).describe().T)
