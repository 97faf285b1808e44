"""Tables larger than memory: read part by part."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.anndata import open_anndata
from micrographia.io.table_stream import require_pyarrow

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20_000
"""Rows of one part."""

_CLASS, _IMAGE = "Class", "image"
_PLACE = re.compile(r"(centroid_[xyz]_px|_Center_[XYZ])$")
_WHOLE = re.compile(r"^(-?\d+)\.0$")
_QUOTED = re.compile(r'"[^"]*"')
_SAID = re.compile(r'"?sep=(.)"?[;,\t]*', re.IGNORECASE)
_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_POINT = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_EITHER = r"[-+]?\d*([.,]\d{3})*([.,]\d+)?([eE][-+]?\d+)?"
"""A number with decimal commas or points, perhaps with marks of thousands."""

_TEXTS = ("csv", "tsv", "txt")
_COMPARED = 20
"""Lines of a text by which it is told what divides it."""

_LOOKED_AT = 200
"""Lines of a text that tell which decimal sign most of its numbers have; such are read fast."""

_MISSING = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
            "NA", "NULL", "NaN", "n/a", "nan", "null")  # fmt: skip
"""What means in a text table that there is no value; None does so in columns of numbers only."""


def table_columns(path: str | Path) -> list[str]:
    """Names of a table's columns, without reading it.

    Raises
    ------
    InputError, RequestError
        As :func:`micrographia.io.tables.read_table`.
    """
    path = Path(path)
    return _columns(path, *table_kind(path))


def _columns(path: Path, kind: str, layout: dict[str, Any]) -> list[str]:
    """The columns of a table whose kind is known."""
    if kind == "parquet":
        return [str(name) for name in _parquet(path).schema_arrow.names]
    if kind == "h5ad":
        with open_anndata(path) as file:
            return file.columns
    import pandas as pd

    try:
        return [str(name) for name in pd.read_csv(path, **layout, nrows=0).columns]
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise unreadable(path, error) from error


def table_parts(path: str | Path, columns: Sequence[str] | None = None, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Read a table part by part.

    Parameters
    ----------
    path : path
        CSV (``.csv``, ``.tsv``, ``.txt``; also compressed, as ``.csv.gz``), Parquet (``.parquet``, needs pyarrow) or
        AnnData (``.h5ad``, needs h5py).
    columns : sequence of str, optional
        The columns to read; all otherwise.
    rows : int
        Most rows of a part.

    Yields
    ------
    pandas.DataFrame
        The parts in order; columns ``Metadata_...`` and ``image`` hold words, as with
        :func:`micrographia.io.tables.read_table`. Centres of objects are floating-point numbers in all parts of a text,
        also where those of a part are whole. Nothing of a table without rows.

    Raises
    ------
    InputError
        Where the file is missing, damaged or lacks a column, or one column of a part mixes decimal commas and points.
    RequestError
        Where the suffix is another, or a package is missing.
    """
    import pandas as pd

    path = Path(path)
    kind, layout = table_kind(path)
    names = _columns(path, kind, layout)
    missing = [name for name in columns or () if name not in names]
    if missing:
        raise InputError(f"{path}: the table has no column {', '.join(missing)}.")
    wanted = None if columns is None else list(columns)
    try:
        if kind == "parquet":
            for batch in _parquet(path).iter_batches(batch_size=rows, columns=wanted):
                yield with_words(batch.to_pandas())
            return
        if kind == "h5ad":
            with open_anndata(path) as file:
                for start in range(0, file.rows, rows):
                    yield with_words(file.read(wanted, start, start + rows))
            return
        with pd.read_csv(path, **layout, usecols=wanted, chunksize=rows, **text_options(names)) as parts:
            for part in parts:
                if len(part):
                    part = with_numbers(path, part if wanted is None else part[wanted], layout)
                    whole = {n: float for n in part.columns if _PLACE.search(n) and part[n].dtype.kind in "iu"}
                    yield with_words(part.astype(whole))
    except (InputError, RequestError):
        raise
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise unreadable(path, error) from error


def text_options(names: Sequence[str]) -> dict[str, Any]:
    """How pandas reads a text table: well 01 stays 01, a treatment None and a class None or NA is one."""
    words = [name for name in names if _is_word(name) and name != _IMAGE]
    missing: dict[str, tuple[str, ...]] = dict.fromkeys(names, (*_MISSING, "None"))
    missing |= dict.fromkeys(words, _MISSING) | {_IMAGE: ("",), _CLASS: ("",)}
    types = dict.fromkeys(words, str)
    whole = {_IMAGE: lambda text: _WHOLE.sub(r"\1", text)} if _IMAGE in names else {}
    options = {"dtype": types, "converters": whole, "na_values": missing}
    return {**options, "keep_default_na": False, "low_memory": False}


def with_numbers(path: Path, table: pd.DataFrame, layout: dict[str, Any]) -> pd.DataFrame:
    """The numbers of a text, with decimal commas or points: every column by itself, whatever the others have.

    Where commas are between the columns, numbers have points.

    Raises
    ------
    InputError
        Where one column has both.
    """
    import pandas as pd

    if layout.get("sep", ",") == ",":
        return table
    numbers = {}
    for name in table.columns:
        if _is_word(name) or name == _CLASS or table[name].dtype.kind != "O":
            continue
        texts = table[name].dropna().astype(str)
        commas, points = (texts.str.contains(sign, regex=False).any() for sign in ",.")
        if commas and points and texts.str.fullmatch(_EITHER).all():
            raise InputError(
                f"{path}: numbers of the column {name} have commas and points; write all decimals in one way, and no "
                "marks of thousands."
            )
        if commas != points:
            found = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce")
            if found.notna().all():
                numbers[name] = found.astype(float).reindex(table.index)
    return table.assign(**numbers)


def _is_word(name: str) -> bool:
    """Whether a column holds words, whatever they look like: 7 may be the name of an image."""
    return name == _IMAGE or name.startswith("Metadata_")


def with_words(table: pd.DataFrame) -> pd.DataFrame:
    """The same words from every kind of file.

    A column ``Metadata_...`` or ``image`` holds words, whatever it is stored as: empty where nothing is, and 107 for
    107.0, which one gap in a column of whole numbers makes of 107. What stands for nothing in a text, such as nan, does
    so here. A word in ``image`` or ``Class`` stays as it is, since an image may be called NA or 1.0, and a class NA or
    nan; but a text does not tell words from numbers, and 1.0 is 1 there.
    """
    words = {str(name): _words(table[name]) for name in table.columns if _is_word(str(name))}
    if _CLASS in table.columns and table[_CLASS].dtype.kind == "O":
        words[_CLASS] = table[_CLASS].mask(table[_CLASS] == "")
    return table.assign(**words)


def _words(column: pd.Series) -> pd.Series:
    import pandas as pd

    places, different = pd.factorize(column)
    kept = {value for value in different if column.name == _IMAGE and isinstance(value, str)}
    plain = [value if value in kept else _WHOLE.sub(r"\1", str(value)) for value in different]
    words = [text if text not in _MISSING or text in kept else "" for text in plain]
    return pd.Series(np.array([*words, ""], object)[places], column.index, dtype=str)


def table_rows(path: str | Path) -> int | None:
    """Number of rows where the file says it (Parquet, AnnData); None where only reading would tell."""
    kind = _kind(Path(path))
    if kind == "h5ad":
        with open_anndata(path) as file:
            return file.rows
    return int(_parquet(Path(path)).metadata.num_rows) if kind == "parquet" else None


def _kind(path: Path) -> str:
    """Kind of a table by its suffix: one of the texts, parquet or h5ad."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1][1:] if suffixes else ""
    if not path.is_file():
        raise InputError(f"{path}: there is no such table.")
    if kind not in (*_TEXTS, "parquet", "h5ad"):
        raise RequestError(f"{path}: a table is read from .csv, .tsv, .parquet or .h5ad.")
    return kind


def table_kind(path: Path) -> tuple[str, dict[str, Any]]:
    """Kind of a table by its suffix (text, parquet, h5ad), and how pandas divides a text.

    A text has `sep`, `decimal` and `skiprows`. Its first line may say what divides it, as Excel's ``sep=;``; otherwise
    it is what divides the first lines of a ``.csv`` evenly. Excel writes semicolons where numbers have decimal commas.
    """
    if (kind := _kind(path)) not in _TEXTS:
        return kind, {}
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace") as text:
            lines = [line.rstrip("\r\n") for line in islice(text, _LOOKED_AT)]
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    said = _SAID.fullmatch(lines[0]) if lines else None
    separator = said[1] if said else _separator(lines) if kind == "csv" else "\t"
    decimal = "."
    if separator != ",":
        cells = [cell.strip(' "') for line in lines for cell in line.split(separator)]
        commas, points = (sum(sign.fullmatch(cell) is not None for cell in cells) for sign in (_COMMA, _POINT))
        decimal = "," if commas > points else "."
    return "text", {"sep": separator, "decimal": decimal, "skiprows": 1 if said else 0}


def _separator(lines: Sequence[str]) -> str:
    """What divides most lines of a text into as many parts as its header; of several the one that names seldom have."""
    whole = _QUOTED.sub("", "\n".join(lines)).split("\n")
    header, *others = [line for line in whole if line.strip()][:_COMPARED] or [""]

    def evenness(sign: str) -> tuple[int, int]:
        parts = header.count(sign)
        return sum(line.count(sign) == parts for line in others) if parts else -1, parts

    return max(";\t,", key=evenness)


def _parquet(path: Path):  # type: ignore[no-untyped-def]
    require_pyarrow(path)
    import pyarrow.parquet

    try:
        # Buffers that are filled ahead stay until the file is closed: in the end the whole table is in memory.
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> InputError:
    """What to say of a table that cannot be read."""
    return InputError(f"{path}: this table cannot be read: {str(error).splitlines()[0]}.")
