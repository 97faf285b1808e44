"""The lists of ``micrographia annotate``: rows of a table, with the reason why each is listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotation_files import read_annotations
from micrographia.classify.annotation.fetching import Fetcher
from micrographia.classify.annotation.object_rows import ObjectRows
from micrographia.classify.objects.feature_space import AXES, FeatureSpace
from micrographia.classify.objects.object_fitting import lacks_most, unmeasured
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.cli.annotate import Annotate
from micrographia.cli.batch import counted
from micrographia.features.feature_table import CLASS, class_words, feature_columns, feature_matrix, row_columns
from micrographia.io.table_parts import table_columns, table_parts
from micrographia.io.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

REASON, SCORE, CLUSTER = "Reason", "Score", "Cluster"
"""Columns of a list beside the keys."""

_AT_ONCE = 50_000
"""Objects whose measurements are in memory together; of more, so many are drawn to learn where objects are alike."""


@dataclass(frozen=True)
class Objects:
    """What a list is made from.

    Attributes
    ----------
    path : str
        Table of the N objects.
    table : pandas.DataFrame
        Their keys, and where they lie.
    rows : ObjectRows
        Their keys.
    classes : (N,) int64 array
        Their annotated classes from 0, -1 for none.
    names : tuple of str
        Names of the classes.
    fresh : (N,) bool array
        Which may be listed: neither annotated nor seen.
    some : (n,) int64 array
        Rows of the objects that are learned from: all, or where there are many those that were drawn and the annotated.
    measured : pandas.DataFrame
        The n rows of the table.
    columns : tuple of str
        Its features.
    """

    path: str
    table: pd.DataFrame
    rows: ObjectRows
    classes: np.ndarray
    names: tuple[str, ...]
    fresh: np.ndarray
    some: np.ndarray
    measured: pd.DataFrame
    columns: tuple[str, ...]

    @classmethod
    def of(cls, options: Annotate) -> Objects:
        """Read what the options name."""
        assert options.table is not None
        every = table_columns(options.table)
        wanted = {*row_columns(every), CLASS}
        table = read_table(options.table, [name for name in every if name in wanted] or every[:1])
        if not len(table):
            raise InputError(f"{options.table}: the table has no rows.")
        rows = ObjectRows(table)
        if options.annotations is not None:
            with read_annotations(options.annotations, rows) as annotations:
                classes, names = annotations.numbers(rows), tuple(one.name for one in annotations.classes)
        else:
            classes, names = _own_classes(table)
        fresh = classes < 0
        if options.seen is not None:
            seen = read_table(options.seen)
            keys = [name for name in rows.keys if name in seen.columns]
            if not keys:
                raise InputError(f"{options.seen}: this table has none of the columns {', '.join(rows.keys)}.")
            found = rows.find_by(keys, seen[keys].to_numpy(object).tolist())
            fresh[found[found >= 0]] = False
        drawn = np.random.default_rng(options.seed).permutation(len(table))[:_AT_ONCE]
        some = np.union1d(drawn, np.flatnonzero(classes >= 0))
        if len(some) < len(table):
            measured, columns = _some_rows(options.table, some)
        else:
            measured = read_table(options.table)
            columns = feature_columns(measured)
        return cls(options.table, table, rows, classes, names, fresh, some, measured, tuple(columns))

    def fetcher(self, seed: int, *, knowing: bool) -> Fetcher:
        """Of these objects; `knowing` tells whether the classes shape what is alike.

        Objects that lack more than half of the features that tell objects apart are not learned from, nor fetched.
        """
        plan = combined_names(self.columns)

        def features(table: pd.DataFrame) -> np.ndarray:
            return combined(feature_matrix(table, self.columns or None), plan)

        learned = features(self.measured)
        used = ~unmeasured(learned, list(plan))
        classes = self.classes[self.some][used] if knowing else None
        space = FeatureSpace.of(learned[used], classes, most=AXES, seed=seed)
        telling = np.isfinite(space.spread)

        def placed(table: pd.DataFrame) -> np.ndarray:
            own = features(table)
            return np.column_stack([space(own), lacks_most(own[:, telling])])

        found = self.each(placed, self.columns)
        return Fetcher(found[:, :-1], np.flatnonzero(~self.fresh), seed, found[:, -1] > 0)

    def each(self, of: Callable[[pd.DataFrame], np.ndarray], columns: Sequence[str]) -> np.ndarray:
        """What a function tells of all objects by these columns of measurements, of many part by part."""
        if len(self.some) == len(self.table):
            return of(self.measured)
        return np.concatenate([of(part) for part in table_parts(self.path, columns)])


def write_list(subject: str, options: Annotate, out: Path) -> int:
    """Choose objects, write the list, and a page with their pictures where images are given."""
    objects = Objects.of(options)
    chosen, lacking = {"suggest": _suggest, "similar": _similar, "rare": _rare}[subject](objects, options)
    keys = objects.table[list(objects.rows.keys)].iloc[chosen["row"].to_numpy()].reset_index(drop=True)
    listed = keys.join(chosen.drop(columns="row"))
    page = None
    if options.images is not None:  # before the list: nothing is written where pictures cannot be shown
        from micrographia.cli.annotate_page import write_gallery

        page = write_gallery(out.with_suffix(".html"), objects.table.iloc[chosen["row"].to_numpy()], listed, options)
    write_table(out, listed)
    known = int((objects.classes >= 0).sum())
    print(f"{len(listed):,} of {len(objects.table):,} objects listed ({known:,} are annotated): {out}")
    if without := int((lacking & objects.fresh).sum()):
        print(f"note: never listed, since most of their measurements are missing: {counted(without, 'object')}")
    if page is not None:
        print(f"pictures: {page}")
    return 0


def _some_rows(path: str, rows: np.ndarray) -> tuple[pd.DataFrame, list[str]]:
    """Some rows of a table, ascending, and those of its columns that hold features in all rows."""
    import pandas as pd

    start, kept, columns = 0, [], table_columns(path)
    for part in table_parts(path):
        features = set(feature_columns(part))
        columns = [name for name in columns if name in features]
        own = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(part))]
        kept.append(part.iloc[own - start])
        start += len(part)
    table = pd.concat(kept, ignore_index=True)
    return table[[*row_columns(list(table.columns)), *columns]], columns


def _own_classes(table: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Classes of the table's own column."""
    if CLASS not in table.columns:
        return np.full(len(table), -1), ()
    words = class_words(table[CLASS])
    names = tuple(str(name) for name in np.unique(words[words != ""]))
    place = {name: k for k, name in enumerate(names)}
    return np.array([place.get(word, -1) for word in words]), names


def _suggest(objects: Objects, options: Annotate) -> tuple[pd.DataFrame, np.ndarray]:
    """The list, and which objects (N,) cannot be on one since their measurements are missing; as the others."""
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier

    if options.model is not None:
        model = ObjectClassifier.load(options.model)
    else:
        if len(np.unique(objects.classes[objects.classes >= 0])) < 2:
            raise RequestError(
                "Objects of at least two classes must be annotated before a classifier can say what it needs; "
                "'annotate rare' needs one class, and any objects are a good start."
            )
        named = np.array([*objects.names, ""], object)[objects.classes[objects.some]]
        # Quick: settings that inner folds would choose hardly change which objects are asked for.
        model = ObjectClassifier(search=False, calibrate="none").fit(objects.measured.assign(**{CLASS: named}))
    p = objects.each(model.probabilities, model.columns_).T
    fetcher = objects.fetcher(options.seed, knowing=False)
    fetched = fetcher.uncertain(p, options.number, known=np.flatnonzero(objects.classes >= 0))
    two = np.argsort(-p[:, fetched.rows], axis=0, kind="stable")[:2]
    first, second = (np.array(model.classes_)[k] for k in two)
    share = 100 * p[two[0], fetched.rows]
    reason = [f"{a} or {b}? ({x:.0f} % {a})" for a, b, x in zip(first, second, share)]
    listed = pd.DataFrame({"row": fetched.rows, REASON: reason, SCORE: fetched.scores})
    return listed, fetcher.lacking | np.isnan(p[0])


def _similar(objects: Objects, options: Annotate) -> tuple[pd.DataFrame, np.ndarray]:
    import pandas as pd

    if options.like is None:
        raise RequestError("Say what the objects should be like: --like CLASS, a class of annotated objects.")
    if options.like not in objects.names:
        raise RequestError(f"No annotated object has the class '{options.like}'; there are: {_listed(objects.names)}.")
    chosen = np.flatnonzero(objects.classes == objects.names.index(options.like))
    knowing = len(objects.names) > 1
    fetcher = objects.fetcher(options.seed, knowing=knowing)
    fetched = fetcher.similar(chosen, options.number)
    reason = [f"like {', '.join(key)}" for key in objects.rows.names(fetched.like)]
    return pd.DataFrame({"row": fetched.rows, REASON: reason, SCORE: fetched.scores}), fetcher.lacking


def _rare(objects: Objects, options: Annotate) -> tuple[pd.DataFrame, np.ndarray]:
    import pandas as pd

    fetcher = objects.fetcher(options.seed, knowing=True)
    parts = []
    for number, one in enumerate(fetcher.rare(objects.classes, options.number), 1):
        rows = one.rows[: options.each]
        reason = f"cluster {number}: {len(one.rows)} alike objects, {one.annotated} annotated ones among them"
        parts.append(pd.DataFrame({"row": rows, CLUSTER: number, REASON: reason, SCORE: one.score}))
    if not parts:
        raise InputError("There is no cluster of objects unlike the annotated ones.")
    return pd.concat(parts, ignore_index=True), fetcher.lacking


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
