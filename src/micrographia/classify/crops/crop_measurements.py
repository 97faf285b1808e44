"""What is measured of crops, as targets that a network can learn without any label."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.classify.objects.feature_space import FeatureSpace
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.features.cells import measure_cells
from micrographia.features.feature_table import feature_columns, feature_matrix
from micrographia.io.atomic import replacing
from micrographia.io.lock import alone_in
from micrographia.models.runtime import thread_count

if TYPE_CHECKING:
    import pandas as pd

_LIMIT = 4.0
_BLOCK = 200
"""Crops that are measured, and kept, at a time."""

Watch = Callable[[Sequence[np.ndarray]], Generator[np.ndarray, None, None]]
"""Gives one block of crops after the other, and may say how far it has come."""


def crop_measurements(
    pixels: np.ndarray, *, threads: int = 0, folder: Path | None = None, watch: Watch | None = None
) -> np.ndarray:
    """CellProfiler's measurements and the appearance of the object in each crop, on their principal axes.

    Parameters
    ----------
    pixels : (N, C, S, S) array
        Two crops or more, 0 to 1; the last channel is the object's mask, the others are measured.
    threads : int
        0 for all cores. A crop takes about 40 ms a channel on one.
    folder : Path, optional
        Where the measurements of each block of crops are kept; called again with the same folder, only the other
        blocks are measured.
    watch : callable, optional
        Takes the blocks (n, C, S, S) that are still to be measured and gives one after the other.

    Returns
    -------
    (N, d) float32 array
        At most 60 axes, each with mean 0 and spread 1, held between -4 and 4. What changes when an object is turned is
        left out; what is not defined counts as average.

    Raises
    ------
    InputError
        Where there are fewer than two crops, or nothing tells them apart.
    RequestError
        Where another process works in the folder.
    """
    import pandas as pd

    blocks = [pixels[start : start + _BLOCK] for start in range(0, len(pixels), _BLOCK)]
    files = [None if folder is None else _file(folder, block) for block in blocks]
    with nullcontext() if folder is None else alone_in(folder, "a training"):
        tables = [_kept(file) for file in files]
        missing = [number for number, table in enumerate(tables) if table is None]
        waiting = (watch or _in_turn)([blocks[number] for number in missing])
        with ThreadPoolExecutor(thread_count(threads)) as pool, closing(waiting):
            for number, block in zip(missing, waiting, strict=True):
                tables[number] = found = pd.concat(pool.map(_measured, block), ignore_index=True)
                _keep(files[number], found)
    table = pd.concat([part for part in tables if part is not None], ignore_index=True)
    columns = feature_columns(table)
    features = combined(feature_matrix(table, columns), combined_names(columns))
    points = FeatureSpace.of(features)(features)
    return np.clip(points / points.std(axis=0), -_LIMIT, _LIMIT).astype(np.float32)


def _measured(crop: np.ndarray) -> pd.DataFrame:
    mask, image = crop[-1] > 0.5, np.clip(crop[:-1].astype(np.float32), 0, 1)
    if not mask.any():
        mask = np.ones_like(mask)
    return measure_cells(
        mask.astype(np.int32), image if len(image) > 1 else image[0], white=1, appearance=True, threads=1
    )


def _file(folder: Path, block: np.ndarray) -> Path:
    """Where the measurements of these crops are kept; of others, or by another version, elsewhere."""
    from micrographia.nets.lesson import lesson_of

    lesson = lesson_of(version("micrographia"), block.shape, str(block.dtype), block)
    return folder / "measured" / f"{lesson}.npz"


def _keep(file: Path | None, table: pd.DataFrame) -> None:
    if file is not None:
        columns = feature_columns(table)
        with replacing(file) as partial, partial.open("wb") as writing:
            np.savez(writing, columns=np.array(columns, str), features=feature_matrix(table, columns))


def _kept(file: Path | None) -> pd.DataFrame | None:
    """What was measured before; None where it was not, or the file is damaged."""
    import pandas as pd

    if file is None:
        return None
    try:
        with np.load(file, allow_pickle=False) as kept:
            return pd.DataFrame(kept["features"], columns=[str(name) for name in kept["columns"]])
    except Exception:  # damaged bytes meet zipfile, zlib and NumPy's header parser, whose errors share no parent
        return None


def _in_turn(blocks: Sequence[np.ndarray]) -> Generator[np.ndarray, None, None]:
    yield from blocks
