"""Made tables of objects: classes that measurements tell apart, wells that shift them."""

from __future__ import annotations

import numpy as np
import pandas as pd

KINDS = ("Anaphase", "Interphase", "Metaphase")


def made_table(rows: int = 240, wells: int = 12, seed: int = 0, shift: float = 0.3, apart: float = 2.0) -> pd.DataFrame:
    """Objects of three classes in wells, with keys in CellProfiler's words and six features."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, rows)
    well = np.arange(rows) % wells
    centres = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]) * apart
    values = centres[kind] + rng.normal(size=(rows, 3)) + rng.normal(0, shift, (wells, 3))[well]
    return pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": [f"{w:02d}" for w in well],
            "Metadata_Image": [f"image{w:02d}_{i % 2}" for i, w in enumerate(well)],
            "ObjectNumber": np.arange(rows) + 1,
            "Class": np.array(KINDS)[kind],
            "Nuclei_Location_Center_X": rng.uniform(0, 100, rows),
            "Nuclei_AreaShape_Area": 100 + 20 * values[:, 0],
            "Nuclei_AreaShape_Orientation": rng.uniform(-90, 90, rows),
            "Nuclei_Intensity_MeanIntensity": 0.5 + 0.1 * values[:, 1],
            "Nuclei_Texture_Contrast_3_00_256": values[:, 2] + rng.normal(size=rows),
            "Nuclei_Texture_Contrast_3_01_256": values[:, 2] + rng.normal(size=rows),
            "Noise": rng.normal(size=rows),
        }
    )
