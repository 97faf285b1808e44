"""Tables as AnnData files (``.h5ad``), which scanpy and its kin read.

Features are the matrix ``X``, all other columns ``obs``; units of the features are the column ``unit`` of ``var``.
Names of observations that others wrote are read as a key column, ``Metadata_obs_names``, where they say more than a
count. Written with h5py in the layout of https://anndata.readthedocs.io/en/stable/fileformat-prose.html (version 0.1.0
of the file, 0.2.0 of arrays and data frames).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 1024


class AnnDataRows:
    """An ``.h5ad`` file that grows by rows.

    Parameters
    ----------
    path : path
        New file.
    table : pandas.DataFrame
        Tells the columns and their types (its rows are not written); ``attrs["units"]`` those units that there are.
    features : sequence of str, optional
        Columns that become ``X``; otherwise all columns of floating-point numbers.
    """

    def __init__(self, path: Path, table: pd.DataFrame, features: Sequence[str] | None = None) -> None:
        h5py = _h5py(path)
        if features is None:
            features = [str(name) for name in table.columns if table[name].dtype.kind == "f"]
        self.features = list(features)
        self.keys = [str(name) for name in table.columns if name not in set(self.features)]
        self.rows = 0
        units = table.attrs.get("units", {})
        self._text = h5py.string_dtype("utf-8")
        self._file = h5py.File(path, "w")
        _mark(self._file, "anndata", "0.1.0")
        width = len(self.features)
        self._x = self._file.create_dataset(  # a chunk cannot be empty, and is no wider than a width that is fixed
            "X", (0, width), np.float64, maxshape=(None, width or None), chunks=(_CHUNK, max(1, width)),
            compression="gzip", compression_opts=1, shuffle=True,
        )  # fmt: skip
        _mark(self._x, "array", "0.2.0")
        self._obs = self._frame("obs", self.keys)
        self._columns = {name: self._column(name, table[name].dtype) for name in self.keys}
        self._index = self._growing(self._obs, "_index", self._text, "string-array")
        var = self._frame("var", ["unit"])
        self._fixed(var, "_index", self.features)
        self._fixed(var, "unit", [units.get(name, "") for name in self.features])
        for name in ("layers", "obsm", "obsp", "varm", "varp", "uns"):
            _mark(self._file.create_group(name), "dict", "0.1.0")
        of_keys = _mark(self._file["uns"].create_group("units"), "dict", "0.1.0")
        for name in self.keys:
            if name in units:
                of_keys.create_dataset(name, data=units[name], dtype=self._text)
                _mark(of_keys[name], "string", "0.2.0")

    def add(self, table: pd.DataFrame) -> None:
        """Append the rows of a table with the same columns."""
        start, self.rows = self.rows, self.rows + len(table)
        for dataset in (self._x, self._index, *self._columns.values()):
            dataset.resize(self.rows, axis=0)
        if not len(table):
            return
        if self.features:
            self._x[start:] = table[self.features].to_numpy(np.float64, na_value=np.nan)
        self._index[start:] = [str(k) for k in range(start, self.rows)]
        for name, dataset in self._columns.items():
            column = table[name]
            if dataset.dtype.kind == "O":
                dataset[start:] = ["" if missing else str(v) for v, missing in zip(column, column.isna())]
            elif dataset.dtype.kind == "f":
                dataset[start:] = column.to_numpy(dataset.dtype, na_value=np.nan)
            else:
                dataset[start:] = column.to_numpy(dataset.dtype)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _frame(self, name: str, columns: Sequence[str]) -> Any:
        group = _mark(self._file.create_group(name), "dataframe", "0.2.0")
        group.attrs["_index"] = "_index"
        group.attrs.create("column-order", np.array(list(columns), dtype=object), dtype=self._text)
        return group

    def _column(self, name: str, dtype: Any) -> Any:
        if dtype.kind in "biuf":  # pandas' own numbers, as Int64, may be missing in any part
            return self._growing(self._obs, name, dtype if isinstance(dtype, np.dtype) else np.float64, "array")
        return self._growing(self._obs, name, self._text, "string-array")

    def _growing(self, group: Any, name: str, dtype: Any, encoding: str) -> Any:
        made = group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_CHUNK,), compression="gzip")
        return _mark(made, encoding, "0.2.0")

    def _fixed(self, group: Any, name: str, values: Sequence[str]) -> None:
        _mark(
            group.create_dataset(name, data=np.array(values, dtype=object), dtype=self._text), "string-array", "0.2.0"
        )


class AnnDataTable:
    """An open ``.h5ad`` file as a table, ``obs`` and then the columns of ``X``; made by :func:`open_anndata`.

    Attributes
    ----------
    columns : list of str
        Names of the columns.
    rows : int
        Number of rows.
    """

    def __init__(self, path: Path, file: Any) -> None:
        missing = [name for name in ("X", "obs", "var") if name not in file]
        if missing:
            what = "holds no measurements" if missing == ["X"] else "is no AnnData file"
            raise InputError(f"{path} {what}: it has no {missing[0]}.")
        self._path, self._file = path, file
        var = file["var"]
        self.rows, width = _shape(path, file["X"])
        obs = file["obs"]
        self._keys = {str(name): str(name) for name in obs.attrs["column-order"]}
        index = str(obs.attrs["_index"])
        named = index if index.startswith("Metadata_") else f"Metadata_{'obs_names' if index == '_index' else index}"
        if named not in self._keys and not _is_count(path, obs[index], self.rows):
            self._keys = {named: index} | self._keys
        self._features = [str(name) for name in _values(path, var[var.attrs["_index"]])]
        self.columns = [*self._keys, *self._features]
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise InputError(f"{path} has two columns of the name {twice}, in obs or var; rename one of them.")
        if width != len(self._features):
            raise InputError(f"{path}: its X has {width:,} columns, but var names {len(self._features):,}.")

    @cached_property
    def _matrix(self) -> Any:
        """``X``, from which rows can be taken; a sparse one is in memory as such."""
        x = self._file["X"]
        kind = x.attrs.get("encoding-type", "array")
        if kind == "array":
            return x
        from scipy.sparse import csc_matrix, csr_matrix

        parts = tuple(x[name][:] for name in ("data", "indices", "indptr"))
        made = csr_matrix if kind == "csr_matrix" else csc_matrix
        return made(parts, shape=tuple(x.attrs["shape"])).tocsr()

    @property
    def units(self) -> dict[str, str]:
        """Units of columns, as far as the file has them."""
        if "unit" not in self._file["var"]:
            return {}
        units = zip(self._features, map(str, _values(self._path, self._file["var/unit"])))
        stored = self._file.get("uns/units", {})
        return {name: unit for name, unit in units if unit} | {str(n): stored[n].asstr()[()] for n in stored}

    def read(self, columns: Sequence[str] | None = None, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Some rows of some columns, all otherwise."""
        import pandas as pd

        rows = slice(start, self.rows if stop is None else min(stop, self.rows))
        wanted = [k for k, name in enumerate(self._features) if columns is None or name in columns]
        keys = {
            name: _values(self._path, self._file["obs"][stored], rows)
            for name, stored in self._keys.items()
            if columns is None or name in columns
        }
        matrix = self._matrix[rows]
        matrix = (matrix if isinstance(matrix, np.ndarray) else matrix.toarray())[:, wanted]
        table = pd.DataFrame(keys, index=pd.RangeIndex(len(matrix)))
        table = pd.concat([table, pd.DataFrame(matrix, columns=[self._features[k] for k in wanted])], axis=1)
        return table if columns is None else table[list(columns)]


@contextmanager
def open_anndata(path: str | Path) -> Iterator[AnnDataTable]:
    """Open an ``.h5ad`` file as a table.

    Yields
    ------
    AnnDataTable

    Raises
    ------
    RequestError
        Where h5py is missing.
    InputError
        Where this is no AnnData file, or holds a kind of column or matrix that is not read.
    """
    path = Path(path)
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            yield AnnDataTable(path, file)
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: this AnnData file cannot be read: {str(error).splitlines()[0]}.") from error


def read_anndata(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read an ``.h5ad`` file as a table: ``obs``, then the columns of ``X``.

    Parameters
    ----------
    path : path
    columns : sequence of str, optional
        The columns to read; all otherwise.

    Returns
    -------
    pandas.DataFrame
        ``attrs["units"]`` holds the column ``unit`` of ``var`` where the file has it.

    Raises
    ------
    RequestError
        Where h5py is missing.
    InputError
        Where this is no AnnData file, holds a kind of column or matrix that is not read, or lacks a column.
    """
    with open_anndata(path) as file:
        missing = [name for name in columns or () if name not in file.columns]
        if missing:
            raise InputError(f"{path} lacks the column {missing[0]}.")
        table = file.read(columns)
        if file.units:
            table.attrs["units"] = {name: unit for name, unit in file.units.items() if name in table.columns}
    return table


def _is_count(path: Path, names: Any, rows: int) -> bool:
    """Whether names of observations are a mere count, 0 and so on: the first and the last of them are looked at."""
    ends = slice(0, min(_CHUNK, rows)), slice(max(0, rows - _CHUNK), rows)
    return all(str(k) == name for end in ends for k, name in enumerate(_values(path, names, end), end.start))


def _shape(path: Path, x: Any) -> tuple[int, int]:
    kind = x.attrs.get("encoding-type", "array")
    shape = [*(x.attrs["shape"] if kind in ("csr_matrix", "csc_matrix") else getattr(x, "shape", ()))]
    if kind in ("array", "csr_matrix", "csc_matrix") and len(shape) == 2:
        return int(shape[0]), int(shape[1])
    raise InputError(f"{path}: its X is stored as {kind}, which is not read; store it as an array of rows and columns.")


def _values(path: Path, column: Any, rows: slice = slice(None)) -> np.ndarray:
    kind = column.attrs.get("encoding-type", "")
    if kind == "categorical":
        codes, names = column["codes"][rows], _values(path, column["categories"])
        return np.array([names[code] if code >= 0 else None for code in codes], dtype=object)
    if kind.startswith("nullable-"):
        values, mask = _values(path, column["values"], rows), column["mask"][:]
        if values.dtype.kind in "iufb":
            if mask.any():  # in other rows, too: all parts of a column have one type
                values = values.astype(float)
                values[mask[rows]] = np.nan
            return values
        values = values.astype(object)
        values[mask[rows]] = None
        return values
    if kind == "string-array":
        return column.asstr()[rows]
    if kind == "array":
        return column[rows]
    raise InputError(f"{path}: its column {column.name} is stored as {kind or 'an unknown kind'}, which is not read.")


def _mark(thing: Any, kind: str, version: str) -> Any:
    thing.attrs["encoding-type"], thing.attrs["encoding-version"] = kind, version
    return thing


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise RequestError(
            f"{path}: AnnData needs the package h5py; install it with: pip install micrographia[formats], "
            "or choose .csv."
        ) from None
    return h5py
