"""Annotations as files: CSV with the keys of the objects, and CellProfiler Analyst's training sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotations import ANNOTATOR, TIME, Annotations, unknown_objects, utc
from micrographia.classify.annotation.object_rows import ObjectRows
from micrographia.features.feature_table import CLASS, centre_columns, class_words, key_words
from micrographia.io.atomic import replacing
from micrographia.io.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

_ANALYST_KEYS = ("ImageNumber", "ObjectNumber")


def write_annotations(path: str | Path, annotations: Annotations) -> Path:
    """Write annotations as a table: a row for each object and annotator, in the columns of `Annotations.table`.

    Parameters
    ----------
    path : path
        Ends in ``.csv`` or ``.parquet``.
    annotations : Annotations
        What was annotated.

    Returns
    -------
    Path
        The file.
    """
    return write_table(path, annotations.table())


def read_annotations(path: str | Path, rows: ObjectRows, into: Annotations | None = None) -> Annotations:
    """Read annotations of the objects of a table.

    Parameters
    ----------
    path : path
        A table (``.csv``, ``.tsv``, ``.parquet``) with the keys of the objects and ``Class``, perhaps ``Annotator`` and
        ``Time``; rows without a class are passed over. Or a training set of CellProfiler Analyst (``.txt``).
    rows : ObjectRows
        The objects that can be annotated. The file may name them by some of their keys where these suffice.
    into : Annotations, optional
        What is read is added here, classes that are missing are made; otherwise to a new session in memory.

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        Where the file is damaged, names objects that the table lacks or knows several of, or gives an object more than
        one class of one annotator.
    RequestError
        Where it has no column ``Class``.
    """
    path = Path(path)
    table = _training_set(path) if path.suffix.lower() == ".txt" else read_table(path)
    if CLASS not in table.columns:
        raise RequestError(f"{path}: annotations need a column '{CLASS}' beside the keys of the objects.")
    table = table.assign(**{CLASS: class_words(table[CLASS])})
    table = table[table[CLASS] != ""]
    try:
        found = _rows(table, rows)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    into = Annotations(None, rows.keys) if into is None else into
    known = {one.name for one in into.classes}
    for name in dict.fromkeys(table[CLASS]):
        if name not in known:
            into.add_class(name)
    who = _words(table, ANNOTATOR)
    for row, annotator in _contradictory(found.tolist(), who, table[CLASS].tolist()):
        named = ", ".join(f"{key} {text}" for key, text in zip(rows.keys, rows.names([row])[0]))
        by = f" of {annotator}" if annotator else ""
        raise InputError(f"{path}: The annotations{by} give {named} more than one class; settle it first.")
    when = [utc(text) if text else "" for text in _words(table, TIME)]
    parts = _together(table[CLASS].tolist(), who, when)
    for (name, annotator, time), some in parts.items():
        into.annotate(rows.names(found[some]), name, annotator, time or None)
    return into


def write_training_set(path: str | Path, annotations: Annotations, table: pd.DataFrame | None = None) -> Path:
    """Write CellProfiler Analyst's training set.

    Parameters
    ----------
    path : path
        The ``.txt`` file.
    annotations : Annotations
        Of objects that ``ImageNumber`` and ``ObjectNumber`` name, perhaps beside other keys. The newest annotation of
        each object is written; blanks in names of classes become ``_``.
    table : pandas.DataFrame, optional
        The objects, for their places (``..._Location_Center_X`` or ``..._AreaShape_Center_X``), by which CellProfiler
        Analyst finds them again in another segmentation; otherwise no places are written.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        Where the objects have no such keys or two classes would have one name.
    """
    path = Path(path)
    if missing := [name for name in _ANALYST_KEYS if name not in annotations.keys]:
        raise InputError(
            f"{path}: CellProfiler Analyst knows objects by ImageNumber and ObjectNumber; these annotations have no "
            f"{' and no '.join(missing)}."
        )
    names = ["_".join(one.name.split()) for one in annotations.classes]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two classes would have the same name without blanks; rename one of them.")
    said = annotations.table().sort_values(TIME, kind="stable").drop_duplicates(list(annotations.keys), keep="last")
    places = [""] * len(said)
    if table is not None and (columns := centre_columns(list(table.columns))[:2]):
        rows = ObjectRows(table, annotations.keys)
        found = rows.find(said[list(annotations.keys)].to_numpy().tolist())
        xy = np.nan_to_num(table[columns].to_numpy(float)[found], nan=0).astype(np.int64)
        places = [f" {x} {y}" if row >= 0 else "" for row, (x, y) in zip(found, xy)]
    lines = ["# Training set created by Micrographia", " ".join(["label", *names])]
    for kind, image, number, place in zip(said[CLASS], said["ImageNumber"], said["ObjectNumber"], places):
        lines.append(f"{'_'.join(kind.split())} {image} {number}{place}")
    with replacing(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _training_set(path: Path) -> pd.DataFrame:
    """A training set as a table; its comments, among them a pickle, are passed over."""
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this training set cannot be read.") from error
    found, classes = [], []
    for number, line in enumerate(text.replace("\r", "\n").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "label":
            classes += words[1:]
            continue
        try:
            kind, image, of_image = words[0], int(float(words[1])), int(float(words[2]))
        except (IndexError, ValueError):
            raise InputError(
                f"{path}: line {number} is not 'CLASS image object x y', as in a training set of CellProfiler Analyst."
            ) from None
        if classes and kind not in classes:
            raise InputError(f"{path}: line {number} has the class '{kind}', which the line 'label' does not name.")
        found.append((image, of_image, kind))
    return pd.DataFrame(found, columns=[*_ANALYST_KEYS, CLASS])


def _rows(table: pd.DataFrame, rows: ObjectRows) -> np.ndarray:
    """Rows of the objects of an annotation table."""
    keys = [name for name in rows.keys if name in table.columns]
    if not keys:
        raise InputError(f"the annotations have none of the columns {', '.join(rows.keys)}, which name the objects.")
    objects = table[keys].to_numpy(object).tolist()
    found = rows.find_by(keys, objects)
    if (found < 0).any():
        unknown = [objects[i] for i in np.flatnonzero(found < 0)]
        raise unknown_objects(keys, unknown, len(objects))
    return found


def _contradictory(objects: list[int], who: list[str], classes: list[str]) -> list[tuple[int, str]]:
    """Objects to which one annotator gives several classes, and the annotator."""
    said: dict[tuple[int, str], set[str]] = {}
    for row, annotator, name in zip(objects, who, classes):
        said.setdefault((row, annotator), set()).add(name)
    return [key for key, names in said.items() if len(names) > 1]


def _together(*columns: list[str]) -> dict[tuple[str, ...], np.ndarray]:
    """Positions of equal tuples."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for position, values in enumerate(zip(*columns)):
        groups.setdefault(values, []).append(position)
    return {values: np.array(some) for values, some in groups.items()}


def _words(table: pd.DataFrame, name: str) -> list[str]:
    if name not in table.columns:
        return [""] * len(table)
    return key_words(table[name]).tolist()
