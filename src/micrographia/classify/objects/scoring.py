"""A million objects classified part by part, and counted by image and by well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.enrichment import enrichment_scores, fit_prior
from micrographia.features.feature_table import (
    CLASS,
    IMAGE_NAMES,
    OBJECT_KEYS,
    feature_matrix,
    key_word,
    key_words,
    object_keys,
    row_columns,
)

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier

WELL = ("Metadata_Plate", "Metadata_Well")
IMAGE = (*WELL, "Metadata_Site", "Metadata_Image", "ImageNumber", "image")
"""Columns that tell one well, or one image, from another, as far as a table has them."""

_NAMING = ("Metadata_Well", "Metadata_Site")
"""Of these, what names a group where images are not named."""

_Counts = dict[tuple[str, ...], np.ndarray]


class ClassCounts:
    """Objects of each class in each group, counted part by part.

    Parameters
    ----------
    columns : sequence of str
        Columns that tell groups apart, for example `WELL`; those that the table has are used. A row that names no
        image, or no well where wells are counted, is in no group; where no row names an image, well and site do.
    classes : sequence of str
        Names of the K classes.
    things : str
        What is counted: the column with the sum of all classes.

    Attributes
    ----------
    present : tuple of str
        Those of the columns that the tables have.
    total : (K + 1,) int64 array
        Objects of each class, and last those without one; also of those without a group.
    """

    def __init__(self, columns: Sequence[str], classes: Sequence[str], things: str = "Objects") -> None:
        self.columns, self.classes, self.things = tuple(columns), tuple(classes), things
        self._named: _Counts = {}
        self._placed: _Counts = {}
        self.present: tuple[str, ...] = ()
        self.total = self._none()

    @property
    def counts(self) -> _Counts:
        """Objects of each class, and last those without one, (K + 1,) in each group."""
        return self._named or self._placed

    def add(self, found: pd.DataFrame) -> None:
        """Count the rows of a part, from :meth:`ObjectClassifier.predict`."""
        number = {name: k for k, name in enumerate((*self.classes, ""))}
        for name, count in found[CLASS].value_counts(sort=False).items():
            self.total[number[str(name)]] += count
        present = [name for name in self.columns if name in found.columns]
        words = {name: key_words(found[name]) for name in present}
        named, placed = (
            np.any([words[name] != "" for name in present if name in naming] or [[False] * len(found)], axis=0)
            for naming in (IMAGE_NAMES, _NAMING)
        )
        if not (named | placed).any():
            return
        self._name_by(present)
        blank = np.full(len(found), "")
        keys = [words.get(name, blank) for name in self.present]
        classes = found[CLASS].to_numpy()
        for rows, counts in ((named, self._named), (placed & ~named, self._placed)):
            for (*key, name), count in Counter(zip(*(column[rows].tolist() for column in keys), classes[rows])).items():
                own = counts.setdefault(tuple(key), self._none())
                own[number[name]] += count

    def _none(self) -> np.ndarray:
        return np.zeros(len(self.classes) + 1, np.int64)

    @property
    def without(self) -> int:
        """Objects that are in no group."""
        return int(self.total.sum() - sum(count.sum() for count in self.counts.values()))

    def merge(self, other: ClassCounts) -> None:
        """Add what another one counted, for example in another table; a column that one lacks is empty there."""
        self._name_by(other.present)
        self.total += other.total
        for key, count in other.counts.items():
            words = dict(zip(other.present, key, strict=True))
            own = self._named.setdefault(tuple(words.get(n, "") for n in self.present), np.zeros_like(count))
            own += count

    def _name_by(self, columns: Iterable[str]) -> None:
        """Tell groups apart by these columns as well."""
        known, present = self.present, {*self.present, *columns}
        self.present = tuple(name for name in self.columns if name in present)
        if self.present != known:
            at = [known.index(name) if name in known else None for name in self.present]
            self._named, self._placed = (
                {tuple("" if k is None else key[k] for k in at): n for key, n in counts.items()}
                for counts in (self._named, self._placed)
            )

    def table(self) -> tuple[pd.DataFrame, list[str]]:
        """Counts, fractions and enrichment scores.

        Returns
        -------
        pandas.DataFrame
            One row a group, sorted: its columns, `things`, and for each class ``Count_NAME``, ``Fraction_NAME`` and
            ``Enrichment_NAME`` (:mod:`micrographia.classify.objects.enrichment`; empty where it cannot be had). Where
            things have no class, ``Without_Class`` counts them, and nothing else does.
        list of str
            What was not computed, and why.
        """
        import pandas as pd

        keys = sorted(self.counts)
        found = np.array([self.counts[key] for key in keys], np.int64).reshape(len(keys), len(self.classes) + 1)
        counts, unclassified = found[:, :-1], found[:, -1]
        columns: dict[str, Any] = {name: [key[i] for key in keys] for i, name in enumerate(self.present)}
        total = counts.sum(axis=1)
        columns[self.things] = total
        if self.total[-1]:
            columns["Without_Class"] = unclassified
        notes: list[str] = []
        scores = np.full(counts.shape, np.nan)
        some = total > 0
        if len(keys):
            try:
                prior = fit_prior(counts[some])
                scores[some] = enrichment_scores(counts[some], prior.alpha)
                if prior.note:
                    notes.append(f"Enrichment by {' and '.join(self.present)}: {prior.note}")
            except InputError as error:
                notes.append(f"No enrichment by {' and '.join(self.present)}: {error}")
        for k, name in enumerate(self.classes):
            columns[f"Count_{name}"] = counts[:, k]
            columns[f"Fraction_{name}"] = np.where(some, counts[:, k] / np.maximum(total, 1), np.nan)
            columns[f"Enrichment_{name}"] = scores[:, k]
        return pd.DataFrame(columns), notes


class SeenObjects:
    """Which objects the tables of a run hold, so that none is counted twice."""

    def __init__(self) -> None:
        self._tables: dict[str, np.ndarray] = {}
        self._all = np.zeros(0, np.uint64)

    def add(self, name: str, objects: np.ndarray) -> None:
        """Remember the objects of a table, sorted hashes of their keys.

        Raises
        ------
        InputError
            Where an earlier table holds some of them.
        """
        if _shared(objects, self._all):
            other = max(self._tables, key=lambda known: _shared(objects, self._tables[known]))
            raise InputError(
                f"{_shared(objects, self._tables[other]):,} objects have the same keys as objects of {other}. If they "
                "are the same objects, leave one of the tables out; if not, name their plates in a column "
                "Metadata_Plate of both, or classify the tables into different folders."
            )
        self._tables[name] = objects
        self._all = np.sort(np.concatenate([self._all, objects]), kind="stable")


def _shared(objects: np.ndarray, known: np.ndarray) -> int:
    """How many of some sorted hashes others hold."""
    return int((known.take(np.searchsorted(known, objects), mode="clip") == objects).sum()) if len(known) else 0


class Gaps:
    """How many values of each measurement that a model looks at are missing or infinite, counted part by part.

    Parameters
    ----------
    columns : sequence of str
        The measurements, for example `ObjectClassifier.columns_`.

    Attributes
    ----------
    missing : (F,) int64 array
        Rows without a value, of each.
    rows : int
        All rows.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.missing, self.rows = np.zeros(len(self.columns), np.int64), 0

    def add(self, matrix: np.ndarray) -> None:
        """Count the values of a part (N, F); NaN is none."""
        self.missing += np.isnan(matrix).sum(axis=0)
        self.rows += len(matrix)

    def mostly(self) -> dict[str, int]:
        """The measurements that more than half of the rows lack, and how many rows."""
        many = np.flatnonzero(2 * self.missing > self.rows)
        return {self.columns[f]: int(self.missing[f]) for f in many}


def needed_columns(model: ObjectClassifier, names: Sequence[str]) -> list[str]:
    """The columns to read of a table with the columns `names`: what says which row it is, and what the model looks at.

    Raises
    ------
    InputError
        Where the model looks at columns that the table lacks; they are named.
    """
    missing = [name for name in model.columns_ if name not in names]
    if missing:
        shown, more = ", ".join(missing[:8]), f" and {len(missing) - 8:,} more" if len(missing) > 8 else ""
        raise InputError(
            f"The table lacks {len(missing):,} of the {len(model.columns_):,} measurements that the model looks at: "
            f"{shown}{more}. Measure the objects as for the training."
        )
    wanted = {*row_columns(names), *model.columns_}
    return [name for name in names if name in wanted]


def score_parts(
    parts: Iterable[pd.DataFrame],
    model: ObjectClassifier,
    counts: Sequence[ClassCounts] = (),
    gaps: Gaps | None = None,
    seen: tuple[SeenObjects, str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Classify a table part by part.

    Parameters
    ----------
    parts : iterable of pandas.DataFrame
        Parts of one table, for example from :func:`micrographia.io.table_parts.table_parts`.
    model : ObjectClassifier
        What classifies.
    counts : sequence of ClassCounts
        Count the found classes.
    gaps : Gaps, optional
        Counts the values that are missing, of rows that get a class.
    seen : (SeenObjects, str), optional
        Objects of the tables before this one, and the name of this one.

    Yields
    ------
    pandas.DataFrame
        Keys, class and probabilities of each part's rows; empty for rows without most of the measurements.

    Raises
    ------
    InputError
        Where columns are missing or hold no numbers, or two rows have the same keys, also in different parts or tables;
        then after the last part.
    """
    hashes = [np.zeros(0, np.uint64)]
    for part in parts:
        keys = object_keys(part)
        if keys:
            hashes.append(_hashes(part))
        matrix = feature_matrix(part, model.columns_)
        probabilities = model.probabilities(matrix)
        known = np.isfinite(probabilities[:, 0])
        if gaps is not None:
            gaps.add(matrix if known.all() else matrix[known])
        found = model.found_table(part, probabilities)
        for count in counts:
            count.add(found)
        yield found
    rows = np.concatenate(hashes)
    objects = np.unique(rows)
    if twice := len(rows) - len(objects):
        raise InputError(f"{twice:,} rows of the table repeat the key ({', '.join(keys)}) of another one.")
    if seen is not None:
        seen[0].add(seen[1], objects)


def _hashes(part: pd.DataFrame) -> np.ndarray:
    """A number for the keys of each row (N,), the same for 7 and 7.0, and for a column that is empty or missing."""
    import pandas as pd

    rows = np.zeros(len(part), np.uint64)
    for name in OBJECT_KEYS:
        if name in part.columns:
            places, different = pd.factorize(part[name])
            words = [key_word(value) for value in different]
            own = pd.util.hash_array(np.array([f"{name} {word}" for word in words], object))
            own[[k for k, word in enumerate(words) if not word]] = 0
            rows += np.append(own, np.uint64(0))[places]
    return rows
