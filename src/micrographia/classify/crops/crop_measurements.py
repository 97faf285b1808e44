"""What is measured of crops, as targets that a network can learn without any label."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from micrographia.classify.objects.feature_space import FeatureSpace
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.features.cells import measure_cells
from micrographia.features.feature_table import feature_columns, feature_matrix

_LIMIT = 4.0


def crop_measurements(pixels: np.ndarray, *, threads: int = 0) -> np.ndarray:
    """CellProfiler's measurements and the appearance of the object in each crop, on their principal axes.

    Parameters
    ----------
    pixels : (N, C, S, S) array
        Two crops or more, 0 to 1; the last channel is the object's mask, the others are measured.
    threads : int
        0 for all cores. A crop takes about 40 ms a channel on one.

    Returns
    -------
    (N, d) float32 array
        At most 60 axes, each with mean 0 and spread 1, held between -4 and 4. What changes when an object is turned is
        left out; what is not defined counts as average.

    Raises
    ------
    InputError
        Where there are fewer than two crops, or nothing tells them apart.
    """
    import pandas as pd

    from micrographia.models.runtime import thread_count

    def measured(crop: np.ndarray) -> pd.DataFrame:
        mask, image = crop[-1] > 0.5, np.clip(crop[:-1].astype(np.float32), 0, 1)
        if not mask.any():
            mask = np.ones_like(mask)
        return measure_cells(
            mask.astype(np.int32), image if len(image) > 1 else image[0], white=1, appearance=True, threads=1
        )

    with ThreadPoolExecutor(thread_count(threads)) as pool:
        table = pd.concat(pool.map(measured, pixels), ignore_index=True)
    columns = feature_columns(table)
    features = combined(feature_matrix(table, columns), combined_names(columns))
    points = FeatureSpace.of(features)(features)
    return np.clip(points / points.std(axis=0), -_LIMIT, _LIMIT).astype(np.float32)
