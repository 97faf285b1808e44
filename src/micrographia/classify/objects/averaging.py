"""Several classifiers of the same objects as one: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.class_tables import with_classes
from micrographia.features.feature_table import CLASS, OBJECT_KEYS, check_columns, class_words, key_words, object_keys

if TYPE_CHECKING:
    import pandas as pd

_PROBABILITY = "Probability_"
_ROUNDING = 1e-3


def average_classes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Average the probabilities that several classifiers gave the same objects or images.

    Classifiers that look at different things, such as measurements and crops, err on different objects; the mean of
    their probabilities, with equal weights, is mostly better than each (Kittler et al. 1998, the sum rule). An object
    to which one of them gave no class, since its measurements are missing, has the mean of the others.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Name to table, with key columns (`OBJECT_KEYS`) and ``Probability_<class>`` of the same classes.

    Returns
    -------
    pandas.DataFrame
        The keys of the first table, those that only others have (such as ``Metadata_Well``), ``Class``,
        ``Class_Probability`` and ``Probability_<class>``, in the order of the first.

    Raises
    ------
    InputError
        Where there are fewer than two tables, one has no rows, a probability is missing or no number from 0 to 1, they
        share no keys, have not the same objects or not the same classes.
    """
    import pandas as pd

    if len(tables) < 2:
        raise InputError("An average needs two tables of classes or more.")
    for name, table in tables.items():
        check_columns(table)
        if not len(table):
            raise InputError(f"{name} has no rows.")
    first = next(iter(tables.values()))
    keys = [key for key in OBJECT_KEYS if all(key in _says(table) for table in tables.values())]
    if not keys:
        raise InputError("The tables share no column that names objects, such as Metadata_Image and ObjectNumber.")
    columns = sorted(name for name in first.columns if name.startswith(_PROBABILITY))
    if not columns:
        raise InputError(f"{next(iter(tables))} has no probabilities (columns {_PROBABILITY}...).")
    rows: pd.Index | None = None
    said = _says(first)
    total, times = np.zeros((len(first), len(columns))), np.zeros((len(first), 1), int)
    for name, table in tables.items():
        own = sorted(column for column in table.columns if column.startswith(_PROBABILITY))
        if own != columns:
            strange = next(iter(set(own).symmetric_difference(columns))).removeprefix(_PROBABILITY)
            raise InputError(f"{name} and {next(iter(tables))} know different classes; only one of them has {strange}.")
        object_keys(table[keys])
        index = pd.MultiIndex.from_arrays([key_words(table[key]) for key in keys], names=keys)
        rows = index if rows is None else rows
        if len(index) != len(rows) or not rows.isin(index).all():
            raise InputError(f"{name} and {next(iter(tables))} do not hold the same objects.")
        table = table.set_axis(index).loc[rows]
        found = _probabilities(table, columns, name)
        total += np.nan_to_num(found)
        times += np.isfinite(found[:, :1])
        said |= {key: values.to_numpy() for key, values in _says(table).items() if key not in said}
    out = pd.DataFrame(said, index=first.index)
    mean = np.where(times > 0, total / np.maximum(times, 1), np.nan)
    return with_classes(out, mean, [column.removeprefix(_PROBABILITY) for column in columns])


def _says(table: pd.DataFrame) -> dict[str, Any]:
    """The columns that say which object a row is and where it comes from, as far as they have values."""
    names = [name for name in table.columns if name in OBJECT_KEYS or name.startswith("Metadata_")]
    return {name: table[name] for name in names if table[name].notna().any()}


def _probabilities(table: pd.DataFrame, columns: list[str], name: str) -> np.ndarray:
    """Probabilities (N, K) of a table whose index says which object a row is; NaN where an object has no class."""
    import pandas as pd

    found = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float, na_value=np.nan)
    unknown = table[columns].isna().all(axis=1).to_numpy() & (CLASS in table.columns)
    if unknown.any():
        unknown &= class_words(table[CLASS]) == ""
    bad = np.argwhere(~((found >= 0) & (found <= 1 + _ROUNDING)) & ~unknown[:, None])
    if len(bad):
        row, column = bad[0]
        keys = ", ".join(f"{key} {word}" for key, word in zip(table.index.names, table.index[row]))
        raise InputError(
            f"The column {columns[column]} of {name} holds '{table[columns[column]].iloc[row]}', which is no "
            f"probability, for {keys} ({len(np.unique(bad[:, 0])):,} of {len(table):,} objects have such values)."
        )
    return found
