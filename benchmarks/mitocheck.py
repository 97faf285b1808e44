"""Crops of MitoCheck as examples for object classifiers: pictures, masks, keys, and a table of measurements.

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
from PIL import Image
from scipy import ndimage

from micrographia.features.cells import measure_cells
from micrographia.io.tables import read_table, write_table

SIDE = 64
TABLE = Path(tempfile.gettempdir()) / "micrographia-mitocheck-measured.parquet"

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


def measured(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """What ``micrographia measure --features cellprofiler --appearance`` measures of one crop (Y, X) and its mask."""
    row = measure_cells(mask.astype(np.int32), image, appearance=True, threads=1).iloc[0]
    return {str(name): float(value) for name, value in row.items() if str(name).startswith("Nuclei_")}


def table(*, again: bool = False) -> pd.DataFrame:
    """Keys, ``Class`` and the product's measurements, a row a crop; made once, then read from the temporary folder."""
    if TABLE.exists() and not again:
        return read_table(TABLE)
    images, known = crops()
    rows = [measured(image, mask) for image, mask in zip(images, masks(images))]
    made = pd.concat([known, pd.DataFrame(rows).astype(np.float32)], axis=1)
    write_table(TABLE, made)
    return made


if __name__ == "__main__":
    print(table(again=True).describe().T)
