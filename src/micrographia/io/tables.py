"""Writing tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError
from micrographia.io.atomic import replacing

if TYPE_CHECKING:
    import pandas


def write_table(path: str | Path, table: pandas.DataFrame) -> Path:
    """Store a table: the whole file or none, an older one is replaced.

    Parameters
    ----------
    path : path
        Name ending in ``.csv`` (UTF-8) or ``.parquet`` (needs pyarrow).
    table : pandas.DataFrame
        Its index is not stored.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where the suffix is another, or pyarrow is missing.
    InputError
        Where the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        with replacing(path) as partial:
            table.to_csv(partial, index=False, encoding="utf-8", lineterminator="\n")
    elif suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise RequestError(
                f"{path}: Parquet needs the package pyarrow; install it with: pip install micrographia[parquet], "
                "or choose .csv."
            ) from None
        with replacing(path) as partial:
            table.to_parquet(partial, engine="pyarrow", index=False)
    else:
        raise RequestError(f"{path}: a table is stored as .csv or .parquet; choose one of these endings.")
    return path
