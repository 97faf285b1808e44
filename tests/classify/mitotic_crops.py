"""Real single cells with quick features: rings and frequencies around the middle of each crop, which turning leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

CYCLE = ("Interphase", "Prometaphase", "MetaphaseAlignment", "Metaphase", "Anaphase")


def mitotic_table(data_dir: Path, classes: tuple[str, ...] = CYCLE, most: int = 120, seed: int = 0) -> pd.DataFrame:
    """Keys, ``Class`` and features of crops of some classes of mitocheck, at most so many of each."""
    index = pd.read_csv(data_dir / "mitocheck" / "index.csv", dtype=str)
    index = index[index["class"].isin(classes) & index["plate"].notna()]
    index = index.sample(frac=1, random_state=seed).groupby("class", group_keys=False).head(most)
    rows = []
    for kind, name in zip(index["class"], index["file"]):
        with Image.open(data_dir / "mitocheck" / "images" / kind / name) as picture:
            rows.append(_features(np.asarray(picture, np.float64)))
    keys = {
        "Metadata_Image": index["file"].to_numpy(),
        "Metadata_Plate": index["plate"].to_numpy(),
        "Metadata_Well": index["well"].to_numpy(),
        "ObjectNumber": 1,
        "Class": index["class"].to_numpy(),
    }
    values = np.float32(rows)
    return pd.DataFrame({**keys, **{f"Ring_{k}": values[:, k] for k in range(values.shape[1])}})


def _features(crop: np.ndarray) -> list[float]:
    radius, angle = np.arange(0.5, 26, 2.0), np.linspace(0, 2 * np.pi, 48, endpoint=False)
    y, x = 31.5 + np.outer(radius, np.sin(angle)), 31.5 + np.outer(radius, np.cos(angle))
    around = ndimage.map_coordinates(ndimage.gaussian_filter(np.sqrt(crop), 0.7), [y, x], order=1)
    waves = np.abs(np.fft.rfft(around, axis=1))[:, :9]
    inner = np.sqrt(crop)[16:48, 16:48]
    fine = [(inner - ndimage.gaussian_filter(inner, s)).std() for s in (1, 2, 4)]
    return [*np.log(waves + 1).ravel(), *fine, *np.percentile(inner, [1, 10, 50, 90, 99])]
