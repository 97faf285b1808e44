"""MitoCheck's crops as the networks see them: intensities 0 to 1, and the mask of the nucleus in the middle."""

from __future__ import annotations

import mitocheck
import numpy as np
import pandas as pd

from micrographia.classify.crops.cell_images import CellCrops
from micrographia.features.feature_table import groups
from micrographia.metrics.stratified_folds import stratified_folds

FOLDS = 5


def cells() -> tuple[CellCrops, pd.DataFrame]:
    """All crops with their mask as second channel, and their keys with the class."""
    images, keys = mitocheck.crops()
    pixels = np.stack([images / np.float32(255), mitocheck.masks(images)], axis=1).astype(np.float16)
    return CellCrops(pixels, keys["Metadata_Image"].to_numpy(str), np.ones(len(keys), np.int64), ("DNA",)), keys


def some(crops: CellCrops, rows: np.ndarray) -> CellCrops:
    """Some of the crops."""
    return CellCrops(crops.pixels[rows], crops.images[rows], crops.labels[rows], crops.channels)


def grouped_folds(keys: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """Fold (0 to 4) of each crop; crops of one plate and well stay together."""
    _, classes = np.unique(keys["Class"], return_inverse=True)
    return stratified_folds(classes, groups(keys), FOLDS, seed)
