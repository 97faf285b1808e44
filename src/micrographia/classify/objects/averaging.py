"""Several classifiers of the same objects as one: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.class_tables import with_classes
from micrographia.features.feature_table import OBJECT_KEYS, key_words, object_keys

if TYPE_CHECKING:
    import pandas as pd

_PROBABILITY = "Probability_"


def average_classes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Average the probabilities that several classifiers gave the same objects or images.

    Classifiers that look at different things, such as measurements and crops, err on different objects; the mean of
    their probabilities, with equal weights, is mostly better than each (Kittler et al. 1998, the sum rule).

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Name to table, with key columns (`OBJECT_KEYS`) and ``Probability_<class>`` of the same classes.

    Returns
    -------
    pandas.DataFrame
        The keys of the first table, ``Class``, ``Class_Probability`` and ``Probability_<class>``, in its order.

    Raises
    ------
    InputError
        Where there are fewer than two tables, they share no keys, have not the same objects or not the same classes.
    """
    import pandas as pd

    if len(tables) < 2:
        raise InputError("An average needs two tables of classes or more.")
    first = next(iter(tables.values()))
    keys = [key for key in OBJECT_KEYS if all(key in table.columns for table in tables.values())]
    if not keys:
        raise InputError("The tables share no column that names objects, such as Metadata_Image and ObjectNumber.")
    columns = sorted(name for name in first.columns if name.startswith(_PROBABILITY))
    if not columns:
        raise InputError(f"{next(iter(tables))} has no probabilities (columns {_PROBABILITY}...).")
    rows: pd.Index | None = None
    total = np.zeros((len(first), len(columns)))
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
        total += table[columns].set_axis(index).loc[rows].to_numpy(float)
    out = first[[name for name in first.columns if name in OBJECT_KEYS or name.startswith("Metadata_")]].copy()
    return with_classes(out, total / len(tables), [column.removeprefix(_PROBABILITY) for column in columns])
