"""Reading and writing tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.io.anndata import read_anndata
from micrographia.io.table_parts import table_kind, text_options, unreadable, with_numbers, with_words
from micrographia.io.table_stream import require_pyarrow, stream_table

if TYPE_CHECKING:
    import pandas


def write_table(path: str | Path, table: pandas.DataFrame) -> Path:
    """Store a table: the whole file or none, an older one is replaced.

    Parameters
    ----------
    path : path
        Name ending in ``.csv`` (UTF-8), ``.parquet`` (needs pyarrow) or ``.h5ad`` (AnnData, needs h5py: columns of
        floating-point numbers become its matrix).
    table : pandas.DataFrame
        Its index is not stored. ``attrs["units"]`` is kept in Parquet and AnnData.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        Where the suffix is another, or a package is missing.
    InputError
        Where the file cannot be written.
    """
    path = Path(path)
    with stream_table(path) as stream:
        stream.add(table)
    return path


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pandas.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : path
        CSV (``.csv``, ``.tsv``, ``.txt``; also compressed, as ``.csv.gz``; with semicolons and decimal commas, too),
        Parquet (``.parquet``, needs pyarrow) or AnnData (``.h5ad``, needs h5py).
    columns : sequence of str, optional
        The columns to read; all otherwise.

    Returns
    -------
    pandas.DataFrame
        Columns whose name says that they are words (``Metadata_...``, ``image``) are read as words from every kind of
        file: well 01 stays 01, 7.0 is 7, and what is missing is an empty word.

    Raises
    ------
    RequestError
        Where the suffix is another, or a package is missing.
    InputError
        Where the file is missing, damaged, empty or lacks a column, or one column mixes decimal commas and points.
    """
    import pandas

    path = Path(path)
    kind, layout = table_kind(path)
    if kind == "h5ad":
        return with_words(read_anndata(path, columns))
    if kind == "parquet":
        require_pyarrow(path)
    try:
        if kind == "parquet":
            table = pandas.read_parquet(path, engine="pyarrow", columns=None if columns is None else list(columns))
        else:
            names = list(pandas.read_csv(path, **layout, nrows=0).columns)
            table = pandas.read_csv(path, **layout, usecols=columns, **text_options(names))
    except (OSError, ValueError, pandas.errors.ParserError) as error:
        raise unreadable(path, error) from error
    table = table if columns is None else table[list(columns)]
    return with_words(with_numbers(path, table, layout))
