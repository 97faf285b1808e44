"""What networks say of MitoCheck's crops, each fold by networks that never saw its plates and wells.

Encoders and classifiers are trained once and kept in a folder; a stopped training goes on. An encoder of a fold learns
without labels from the crops of the other folds; the encoder ``all`` learns without labels from all crops, those that
are judged included (transductive, and said so wherever it is used).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck_crops import some

from micrographia.classify.cell_images import CellCrops
from micrographia.classify.class_tables import Classified
from micrographia.classify.crop_classifier import CropClassifier
from micrographia.classify.encoder import CellEncoder
from micrographia.classify.learned_features import feature_names
from micrographia.features.feature_table import groups

FOLDER = Path(tempfile.gettempdir()) / "micrographia-mitocheck-learned"


def encoder_file(which: int | None, steps: int) -> Path:
    """Where the encoder of a fold, or the one of all crops, is kept."""
    return FOLDER / f"encoder-{'all' if which is None else which}-{steps}.zip"


def encoder(crops: CellCrops, keys: pd.DataFrame, fold: np.ndarray, which: int | None, steps: int) -> CellEncoder:
    """The encoder that learned from all folds but one, or (None) from all crops; without labels."""
    path = encoder_file(which, steps)
    if not path.exists():
        used = np.ones(len(keys), bool) if which is None else fold != which
        method = CellEncoder(mask=True, intensity="range", steps=steps, batch=128)
        _learn(path, lambda folder: method.fit_crops(some(crops, used), folder=folder), method)
    return CellEncoder.load(path)


def classifier(
    crops: CellCrops, keys: pd.DataFrame, fold: np.ndarray, which: int, steps: int, start: str = "", seed: int = 0
) -> CropClassifier:
    """The network that learned classes from all folds but one; from scratch, or from an encoder's package."""
    path = FOLDER / f"classifier-{which}-{steps}-{'encoder' if start else 'scratch'}-{seed}.zip"
    if not path.exists():
        method = CropClassifier(
            mask=True, intensity="range", steps=steps, batch=128, learning_rate=4e-3, validation_share=0.0,
            start=start, seed=seed,
        )  # fmt: skip
        _learn(path, lambda folder: method.fit_crops(crops, examples(keys, fold != which), folder=folder), method)
    return CropClassifier.load(path)


def examples(keys: pd.DataFrame, used: np.ndarray) -> Classified:
    """The crops that may be learned from, with their classes."""
    names, classes = np.unique(keys["Class"], return_inverse=True)
    rows = np.flatnonzero(used)
    return Classified(rows, classes[rows], tuple(names.tolist()), groups(keys)[rows])  # type: ignore[index]


def features(method: CellEncoder, crops: CellCrops, keys: pd.DataFrame) -> pd.DataFrame:
    """Keys, classes and learned features of all crops."""
    found = method.predict(crops.pixels)
    return pd.concat([keys, pd.DataFrame(found, columns=feature_names(found.shape[1]))], axis=1)


def _learn(path: Path, fit, method) -> None:  # type: ignore[no-untyped-def]
    folder = path.with_name(f"{path.stem}-training")
    fit(folder)
    method.save(path)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{path.name}: {method.history_.minutes:.1f} min", flush=True)
