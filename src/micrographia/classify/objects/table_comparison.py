"""Which measurements tell classes apart best: tables of the same objects, alone and together, in the same folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.objects.cross_validation import CrossValidation, cross_validate
from micrographia.classify.objects.object_fitting import unmeasured
from micrographia.features.feature_table import (
    CLASS,
    OBJECT_KEYS,
    check_columns,
    class_words,
    feature_columns,
    groups,
    key_words,
    object_keys,
)
from micrographia.metrics.class_gains import ClassGain, class_gain

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier

_TOGETHER = "together"


@dataclass(frozen=True)
class TableComparison:
    """Every candidate judged on the same objects in the same folds.

    Attributes
    ----------
    judged : dict of str to CrossValidation
        By the name of the table; all tables together last.
    gains : list of ClassGain
        Each later candidate against the first one.
    left_out : dict of str to int
        Rows of each table that have no partner in the others, or no class, or of which one of the tables lacks more
        than half of the measurements.
    """

    judged: dict[str, CrossValidation]
    gains: list[ClassGain]
    left_out: dict[str, int]


def compare_tables(
    method: ObjectClassifier,
    tables: Mapping[str, pd.DataFrame],
    *,
    folds: int = 5,
    seed: int = 0,
    grouped: bool = True,
    progress: Callable[[str], None] | None = None,
) -> TableComparison:
    """Judge a classifier on each table and on all of them together.

    Parameters
    ----------
    method : ObjectClassifier
        Its parameters; it is not changed. Its `group` is a column of any of the tables.
    tables : mapping of str to pandas.DataFrame
        Two or more tables of the same objects, none of them called "together"; one of them at least has the column
        ``Class``. Rows are matched by the key columns that all tables share.
    folds : int
        Outer folds; fewer where there are fewer groups.
    seed : int
        Seed of the division.
    grouped : bool
        Keep groups together, as :func:`micrographia.classify.objects.cross_validation.cross_validate` does.
    progress : callable, optional
        Told in words what is done.

    Returns
    -------
    TableComparison

    Raises
    ------
    RequestError
        Where a table is called "together", no table has classes or the column of groups, or there are fewer than two
        classes.
    InputError
        Where there are fewer than two tables, they share no keys or no objects, a key is there twice, a table has no
        features to learn from, or objects of fewer than two classes are measured in all tables.
    """
    joined, left_out = joined_tables(tables, method.group)
    joined, lacking = _measured(method, joined)
    left_out = {name: count + lacking for name, count in left_out.items()}
    judged: dict[str, CrossValidation] = {}
    for name, table in joined.items():
        told = None if progress is None else (lambda at, name=name: progress(f"{name}: {at}"))
        judged[name] = cross_validate(method, table, folds=folds, seed=seed, grouped=grouped, progress=told)
    first, *others = judged
    base = judged[first]
    gains = [
        class_gain(base.truth, base.found, judged[name].found, len(base.classes), base.groups, (first, name), seed=seed)
        for name in others
    ]
    return TableComparison(judged, gains, left_out)


def _measured(method: ObjectClassifier, tables: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], int]:
    """The rows from which each table alone can teach, so that all judge the same; and how many others there are."""
    left_out = 0
    while True:
        lacking = np.zeros(len(next(iter(tables.values()))), bool)
        for name, table in tables.items():
            try:
                _, _, plan, features = method.example_features(table)
                lacking |= unmeasured(features, list(plan))
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
        if not lacking.any():
            return tables, left_out
        left_out += int(lacking.sum())
        tables = {name: table[~lacking].reset_index(drop=True) for name, table in tables.items()}
        words = class_words(tables[_TOGETHER][CLASS])
        if len(np.unique(words[words != ""])) < 2:
            raise InputError(
                "Objects of fewer than two classes have more than half of the measurements in each of the tables "
                f"{', '.join(name for name in tables if name != _TOGETHER)}: nothing can be compared."
            )


def joined_tables(
    tables: Mapping[str, pd.DataFrame], group: str | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """The rows that all tables have, in one order, with keys and classes; then all features together.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As for `compare_tables`.
    group : str, optional
        A column of groups that is kept, too, from the first table in which it has values.

    Returns
    -------
    tables : dict of str to pandas.DataFrame
        Under their names, and "together".
    left_out : dict of str to int
        Rows of each that have no partner or no class.

    Raises
    ------
    RequestError, InputError
        As for `compare_tables`.
    """
    import pandas as pd

    if len(tables) < 2:
        raise InputError("A comparison needs two tables or more.")
    if _TOGETHER in tables:
        raise RequestError(
            f"The name '{_TOGETHER}' stands for all tables at once; give the table of this name another."
        )
    keys = [key for key in OBJECT_KEYS if all(key in table.columns for table in tables.values())]
    if not keys:
        raise InputError("The tables share no column that names objects, such as Metadata_Image and ObjectNumber.")
    classified = next((name for name, table in tables.items() if CLASS in table.columns), None)
    if classified is None:
        raise RequestError(f"None of the tables has the column '{CLASS}' with the classes of the examples.")
    indexed = {}
    for name, table in tables.items():
        check_columns(table)
        object_keys(table[keys])
        words = [key_words(table[key]) for key in keys]
        indexed[name] = table.set_index(pd.MultiIndex.from_arrays(words, names=keys))
    known = indexed[classified]
    rows = known.index[known[CLASS].notna().to_numpy()]
    for table in indexed.values():
        rows = rows[rows.isin(table.index)]
    if not len(rows):
        raise InputError(f"The tables {', '.join(tables)} have no object in common; compare their {', '.join(keys)}.")
    own_keys = [name for name in known.columns if name in OBJECT_KEYS]
    front = known.loc[rows, [*own_keys, CLASS]].reset_index(drop=True)
    if group is not None and not _has_values(front, group):
        having = [table.loc[rows, [group]] for table in indexed.values() if group in table.columns] or [known]
        chosen = next((table for table in having if _has_values(table, group)), having[0])
        groups(chosen, group)
        front[group] = chosen[group].to_numpy()
    parts = {name: _features(table.loc[rows], group) for name, table in indexed.items()}
    joined = {name: pd.concat([front, part], axis=1) for name, part in parts.items()}
    named = [part.add_suffix(f" ({name})") if _shared(part, name, parts) else part for name, part in parts.items()]
    joined[_TOGETHER] = pd.concat([front, *named], axis=1)
    return joined, {name: len(table) - len(rows) for name, table in tables.items()}


def _has_values(table: pd.DataFrame, column: str) -> bool:
    return column in table.columns and bool((class_words(table[column]) != "").any())


def _features(table: pd.DataFrame, group: str | None) -> pd.DataFrame:
    return table[[name for name in feature_columns(table) if name != group]].reset_index(drop=True)


def _shared(part: pd.DataFrame, name: str, parts: Mapping[str, pd.DataFrame]) -> bool:
    """Whether another table has a column of the same name."""
    return any(np.isin(part.columns, other.columns).any() for key, other in parts.items() if key != name)
