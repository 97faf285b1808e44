"""Networks on MitoCheck's crops that are trained once and kept in a folder; a stopped training goes on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mitocheck_crops import some

from micrographia.classify.crops.cell_images import CellCrops
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.classify.crops.encoder import CellEncoder
from micrographia.classify.objects.class_tables import SINGLE_OBJECTS, WHOLE_WELLS, Classified
from micrographia.features.feature_table import groups

FOLDER = Path(tempfile.gettempdir()) / "micrographia-mitocheck-learned"


def classifier(crops: CellCrops, keys: pd.DataFrame, fold: np.ndarray, which: int, steps: int) -> CropClassifier:
    """The network that learned classes from all folds but one, from scratch."""
    path = FOLDER / f"classifier-{which}-{steps}-scratch-0.zip"
    method = CropClassifier(
        mask=True, intensity="range", steps=steps, batch=128, learning_rate=4e-3, validation_share=0.0
    )
    _kept(path, method, lambda folder: method.fit_crops(crops, examples(keys, fold != which), folder=folder))
    return CropClassifier.load(path)


def encoder_file(crops: CellCrops, used: np.ndarray, steps: int) -> Path:
    """The package of an encoder that learned from some of the crops, without labels."""
    path = FOLDER / f"encoder-measurements-{crops.pixels.shape[-1]}-{int(used.sum())}-{steps}.zip"
    method = CellEncoder(size=crops.pixels.shape[-1], mask=True, intensity="range", steps=steps, batch=64)
    _kept(path, method, lambda folder: method.fit_crops(some(crops, used), folder=folder))
    return path


def examples(keys: pd.DataFrame, used: np.ndarray) -> Classified:
    """The crops that may be learned from, with their classes."""
    names, classes = np.unique(keys["Class"], return_inverse=True)
    rows = np.flatnonzero(used)
    groupings = {WHOLE_WELLS: groups(keys)[rows], SINGLE_OBJECTS: rows}  # type: ignore[index]
    return Classified(rows, classes[rows], tuple(names.tolist()), groupings)


def _kept(path: Path, method: Any, fit: Callable[[Path], object]) -> None:
    if path.exists():
        return
    FOLDER.mkdir(exist_ok=True)
    folder = path.with_name(f"{path.stem}-training")
    fit(folder)
    method.save(path)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{path.name}: {method.history_.minutes:.1f} min", flush=True)
