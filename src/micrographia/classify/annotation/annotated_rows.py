"""Classes from a list of annotations, given to the rows of a table of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrographia.arrays.errors import InputError, RequestError
from micrographia.features.feature_table import CLASS, OBJECT_KEYS, class_words, key_words, object_keys

if TYPE_CHECKING:
    import pandas as pd


def with_annotations(table: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a table the classes that annotations say.

    Parameters
    ----------
    table : pandas.DataFrame
        Measurements, a row an object.
    annotations : pandas.DataFrame
        The column ``Class``, and key columns (such as ``Metadata_Image`` and ``ObjectNumber``) that the table has, too.

    Returns
    -------
    pandas.DataFrame
        The table with the column ``Class`` (in place of its own, where it has one), missing where nothing was
        annotated.

    Raises
    ------
    RequestError
        Where ``Class`` is missing.
    InputError
        Where shared keys are missing, the keys name several rows of the table or one row twice with
        different classes, or no such object is in the table; the first such row is named.
    """
    if CLASS not in annotations.columns:
        raise RequestError(f"The annotations have no column '{CLASS}'.")
    keys = [name for name in OBJECT_KEYS if name in annotations.columns and name in table.columns]
    if not keys:
        raise InputError(
            "The annotations and the table share no column that names objects, such as Metadata_Image and ObjectNumber."
        )
    lacking = [name for name in OBJECT_KEYS if name in annotations.columns and name not in table.columns]
    try:
        object_keys(table)
    except InputError as error:
        if not lacking:
            raise
        has = f"column{'' if len(lacking) == 1 else 's'} {', '.join(lacking)}"
        raise InputError(
            f"The table lacks the {has}, which the annotations have and which would tell its rows apart: {error}"
        ) from error
    given = _words(annotations, keys).assign(**{CLASS: class_words(annotations[CLASS])})
    given = given[given[CLASS] != ""].drop_duplicates()
    twice = given.duplicated(subset=keys, keep=False).to_numpy()
    if twice.any():
        first = given[twice].iloc[0]
        raise InputError(f"The annotations give {_named(first, keys)} more than one class; settle it first.")
    own = _words(table, keys)
    many = own.duplicated(keep=False).to_numpy()
    found = own.merge(given, how="left", on=keys)[CLASS]
    if (found.notna().to_numpy() & many).any():
        first = own[found.notna().to_numpy() & many].iloc[0]
        raise InputError(
            f"{_named(first, keys)} is more than one row of the table: the annotations need the table's other keys."
        )
    lost = given.merge(own.drop_duplicates(), how="left", on=keys, indicator=True)["_merge"].to_numpy() == "left_only"
    if lost.any():
        first = given[lost].iloc[0]
        raise InputError(
            f"{int(lost.sum()):,} annotations are of objects that the table does not have, first {_named(first, keys)}."
        )
    # A copy is one block of memory: tables of a thousand columns are slow to add to, and pandas warns of it.
    return table.copy().assign(**{CLASS: found.to_numpy()})


def _words(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: key_words(table[name]) for name in keys})


def _named(row: pd.Series, keys: list[str]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in keys)
