"""Tables larger than memory: written part by part; the file has its name only when it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.atomic import replacing

if TYPE_CHECKING:
    import pandas as pd

_ROW_GROUP = 20_000
"""Rows of a Parquet file that are written together; few large groups are read faster than many small ones."""

_EXACT = 2**53
"""Whole numbers below this are exact as floating-point numbers."""


class TableStream:
    """A table that grows by parts with the same columns; made by :func:`stream_table`.

    Attributes
    ----------
    rows : int
        Rows so far.
    """

    def __init__(self, path: Path, kind: str, features: Callable[[pd.DataFrame], Sequence[str]] | None) -> None:
        self._path, self._kind, self._features = path, kind, features
        self._columns: list[str] = []
        self._types: dict[str, Any] = {}
        self._empty: set[str] = set()  # columns of objects without any value so far, which are words
        self._writer: Any = None
        self.rows = 0

    @property
    def empty(self) -> bool:
        """Whether no table was added yet, not even one without rows."""
        return self._writer is None

    def add(self, table: pd.DataFrame) -> None:
        """Append the rows of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            The first one says which columns there are and of which types; ``attrs["units"]`` is kept in Parquet and
            AnnData. Later floating-point numbers are rounded to the precision of their column (float64 to float32,
            say). A number that does not fit its column otherwise is written to CSV as it is, and refused elsewhere.

        Raises
        ------
        InputError
            Where a later table has other columns, or values that do not fit the type of their column without loss;
            nothing of it is written then.
        """
        table = _without_categories(table)
        if self._writer is None:
            empty = [name for name in table.columns if table[name].dtype == object and table[name].isna().all()]
            table, self._empty = (
                table.astype(dict.fromkeys(empty, "string")),
                {str(name) for name in empty if len(table)},
            )
            self._columns = [str(name) for name in table.columns]
            self._types = dict(table.dtypes)
            features = None if self._features is None else self._features(table)
            self._writer = _WRITERS[self._kind](self._path, table, features)
        table = self._alike(table)
        self._empty = {name for name in self._empty if table[name].isna().all()}
        self._writer.add(table)
        self.rows += len(table)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()

    def _alike(self, table: pd.DataFrame) -> pd.DataFrame:
        strange = [str(name) for name in table.columns if name not in self._types]
        missing = [name for name in self._columns if name not in table.columns]
        if strange or missing:
            what = f"has the column {strange[0]}, which" if strange else f"lacks the column {missing[0]}, which"
            raise InputError(
                f"This part of the table {what} the first one {'lacks' if strange else 'has'}; "
                "images of one table need the same channels and axes."
            )
        other = [name for name in self._columns if table[name].dtype != self._types[name]]
        return table[self._columns].assign(**{name: self._fitting(table[name]) for name in other})

    def _fitting(self, column: pd.Series) -> pd.Series:
        """A column in the type that it had first; whole numbers and truths that are missing in places stay such."""
        first, known = self._types[str(column.name)], column.dropna().infer_objects()
        whole = isinstance(first, np.dtype) and first.kind in "iub"
        wide = _with_gaps(first) if whole else first
        try:
            problem = _misfit(known, first)
            if column.name in self._empty and known.dtype.kind in "iufb" and len(known):
                problem = f"{known.iloc[0]} is a number, but the column was empty before and is stored as words"
            if problem:
                if self._kind == ".csv" and (known.dtype.kind in "iuf" or column.name in self._empty):  # without types
                    return column
                raise ValueError(problem)
            column = column.astype(wide)
            if not whole or len(known) == len(column):
                return column.astype(first)
            if self._kind == ".h5ad":
                raise ValueError("a value is missing, and AnnData has whole numbers only without gaps")
            return column
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f"A part of the table has another type of values in the column {column.name}: "
                f"{str(error).splitlines()[0]}."
            ) from error


def _without_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Categories as what they stand for: a later part may have others."""
    plain = {}
    for name in table.select_dtypes("category").columns:
        kind = table[name].cat.categories.dtype
        gaps = isinstance(kind, np.dtype) and kind.kind in "iub" and table[name].isna().any()
        plain[name] = _with_gaps(kind) if gaps else kind
    return table.astype(plain)


def _with_gaps(whole: np.dtype) -> str:
    """The type of whole numbers or truths some of which are missing."""
    return {"b": "boolean", "u": "UInt64"}.get(whole.kind, "Int64")


def _misfit(known: pd.Series, first: Any) -> str:
    """The first value that a type cannot hold, as a sentence; floating-point numbers may be rounded."""
    kind, plain = known.dtype.kind, getattr(first, "numpy_dtype", first)  # pandas' own numbers, as Int64, have one
    bad, why = known[:0], f"is outside the range of {first}, the type of those before"
    if first.kind in "iub" and kind == "f":
        bad = known[(known.abs() >= _EXACT) | (known % 1 != 0)]
        if len(bad):
            return f"{bad.iloc[0]:g} is no whole number, as those before"
    if first.kind in "iu" and kind in "iuf":
        bad = known[(known < np.iinfo(plain).min) | (known > np.iinfo(plain).max)]
    elif first.kind == "f" and kind == "f":
        bad = known[(known.abs() > np.finfo(plain).max) & (known.abs() < np.inf)]
    elif first.kind == "f" and kind in "iu":
        bad = known[[float(plain.type(value)) != value for value in known.tolist()]]
        why = f"is not exact as {first}, the type of those before"
    return f"{bad.iloc[0]} {why}" if len(bad) else ""


@contextmanager
def stream_table(
    path: str | Path, features: Callable[[pd.DataFrame], Sequence[str]] | None = None
) -> Iterator[TableStream]:
    """Write a table part by part.

    Parameters
    ----------
    path : path
        Name ending in ``.csv``, ``.parquet`` (needs pyarrow) or ``.h5ad`` (AnnData; needs h5py).
    features : callable, optional
        Names the columns of a table that become the matrix of an AnnData file, as
        :func:`micrographia.features.feature_table.feature_columns` does; otherwise all of floating-point numbers.

    Yields
    ------
    TableStream
        When the block ends well, what was added has become the file ``path``; where it fails, or nothing was added,
        ``path`` is as it was before.

    Raises
    ------
    RequestError
        Where the suffix is another, or a package is missing.
    InputError
        Where the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _WRITERS:
        raise RequestError(f"{path}: a table is stored as .csv, .parquet or .h5ad; choose one of these endings.")
    if kind == ".parquet":
        require_pyarrow(path)
    try:
        with replacing(path) as partial:
            stream = TableStream(partial, kind, features)
            try:
                yield stream
            finally:
                stream.close()
            if stream.empty:
                raise _NothingToKeep
    except _NothingToKeep:
        return


class _NothingToKeep(Exception):
    pass


class _CsvRows:
    def __init__(self, path: Path, table: pd.DataFrame, features: Sequence[str] | None) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._header = True

    def add(self, table: pd.DataFrame) -> None:
        table.to_csv(self._file, index=False, header=self._header, lineterminator="\n")
        self._header = False

    def close(self) -> None:
        self._file.close()


class _ParquetRows:
    def __init__(self, path: Path, table: pd.DataFrame, features: Sequence[str] | None) -> None:
        import pyarrow
        import pyarrow.parquet

        schema = pyarrow.Table.from_pandas(table, preserve_index=False).schema
        kept = {b"micrographia": json.dumps(table.attrs, ensure_ascii=False, default=str).encode()}
        self._schema = schema.with_metadata((schema.metadata or {}) | kept)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._waiting: list[pd.DataFrame] = []

    def add(self, table: pd.DataFrame) -> None:
        self._waiting.append(table)
        if sum(map(len, self._waiting)) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pandas
        import pyarrow

        if self._waiting:
            table = pandas.concat(self._waiting, ignore_index=True)
            self._writer.write_table(pyarrow.Table.from_pandas(table, schema=self._schema, preserve_index=False))
            self._waiting = []


def _anndata_rows(path: Path, table: pd.DataFrame, features: Sequence[str] | None) -> Any:
    from micrographia.io.anndata import AnnDataRows

    return AnnDataRows(path, table, features)


_WRITERS: dict[str, Any] = {".csv": _CsvRows, ".parquet": _ParquetRows, ".h5ad": _anndata_rows}


def require_pyarrow(path: Path) -> None:
    """Raise a RequestError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise RequestError(
            f"{path}: Parquet needs the package pyarrow; install it with: pip install micrographia[parquet], "
            "or choose .csv."
        ) from None
