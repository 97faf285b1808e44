"""Rows of a table by the keys of their objects, and keys by row: how annotations find their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.features.feature_table import key_words, object_keys

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, ...]
"""One object: the text of each of its key columns."""

_NOWHERE = np.iinfo(np.int64).min


class ObjectRows:
    """The objects of a table.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an object.
    keys : sequence of str, optional
        Columns that tell one object from another; those that the table has otherwise
        (:func:`micrographia.features.feature_table.object_keys`).

    Raises
    ------
    InputError
        Where the table has no such columns, lacks one that is named, or two rows have the same keys.
    """

    def __init__(self, table: pd.DataFrame, keys: Sequence[str] | None = None) -> None:
        import pandas as pd

        self.keys = tuple(object_keys(table) if keys is None else keys)
        if not self.keys:
            raise InputError("The table has no columns that name its objects, for example ImageNumber, ObjectNumber.")
        if missing := [name for name in self.keys if name not in table.columns]:
            raise InputError(f"The table lacks {', '.join(missing)}, by which the annotations name their objects.")
        self._columns = [_plain(table[name]) for name in self.keys]
        self._index: Any = pd.MultiIndex.from_arrays(self._columns, names=self.keys)
        if not self._index.is_unique:
            twice = np.flatnonzero(self._index.duplicated())
            named = ", ".join(f"{name} {text}" for name, text in zip(self.keys, self.names(twice[:1])[0]))
            raise InputError(f"{len(twice):,} rows of the table repeat the key of another one, first {named}.")

    def __len__(self) -> int:
        return len(self._index)

    def names(self, rows: Sequence[int] | np.ndarray) -> list[Key]:
        """Keys of the objects in some rows."""
        rows = np.asarray(rows, np.int64)
        return list(zip(*(map(str, column[rows].tolist()) for column in self._columns)))

    def find(self, objects: Sequence[Sequence[Any]]) -> np.ndarray:
        """Rows (n,) int64 of some objects, each given by its keys; −1 where the table has none such."""
        return self.find_by(self.keys, objects)

    def find_by(self, keys: Sequence[str], objects: Sequence[Sequence[Any]]) -> np.ndarray:
        """As `find`, of objects that some of the keys name.

        Raises
        ------
        InputError
            Where these keys do not tell the table's objects apart.
        """
        import pandas as pd

        if not len(objects):
            return np.zeros(0, np.int64)
        columns = [self._columns[self.keys.index(name)] for name in keys]
        index: Any = self._index if tuple(keys) == self.keys else pd.MultiIndex.from_arrays(columns)
        if not index.is_unique:
            raise InputError(
                f"{', '.join(keys)} alone cannot tell the objects of the table apart; it knows them by "
                f"{', '.join(self.keys)}."
            )
        wanted = [_as_kind(values, column) for column, values in zip(columns, zip(*objects, strict=True), strict=True)]
        return index.get_indexer(pd.MultiIndex.from_arrays(wanted)).astype(np.int64)


def _as_kind(values: Sequence[Any], column: np.ndarray) -> np.ndarray:
    """Keys as the kind of a column; whole numbers that are none become one that no object has."""
    import pandas as pd

    if column.dtype.kind != "i":
        return _texts(pd.Series(list(values), dtype=object))
    numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce").to_numpy(float, na_value=np.nan)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    return np.where(whole, np.where(whole, numbers, 0).astype(np.int64), _NOWHERE)


def _plain(column: pd.Series) -> np.ndarray:
    """A key column as int64 where it holds whole numbers, otherwise as text ("" where nothing is)."""
    if column.dtype.kind in "iuf":
        values = column.to_numpy(float, na_value=np.nan)
        if (values == np.round(values)).all():
            return column.to_numpy(np.int64)
    return _texts(column)


def _texts(column: pd.Series) -> np.ndarray:
    return np.asarray(key_words(column), object)
