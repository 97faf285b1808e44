"""Classes that a table gives to objects or to whole images, joined with their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.features.feature_table import CLASS, class_words, group_kind, groups

if TYPE_CHECKING:
    import pandas as pd

_IMAGE = ("Metadata_Image", "image", "ImageNumber")
_OBJECT = ("ObjectNumber", "label")

WHOLE_WELLS = "whole wells"
WHOLE_IMAGES = "whole images"
SINGLE_OBJECTS = "single objects of images that it also learned from"

_FEWEST_GROUPS = 4
"""With fewer wells or images than this, one of them is too much to set aside."""


@dataclass(frozen=True)
class ClassifiedImages:
    """Images whose objects have classes, or images that have classes themselves.

    Parameters
    ----------
    images : sequence of Image or array
        As `CellImages` takes them.
    table : pandas.DataFrame
        The classes, as :func:`micrographia.classify.objects.class_tables.join_classes` reads them.
    labels : sequence of (Y, X) integer arrays, optional
        Label image of each, where objects have classes.
    names : sequence of str, optional
        Name of each image, by which the table knows it.
    """

    images: Sequence[Image | np.ndarray]
    table: pd.DataFrame
    labels: Sequence[Image | np.ndarray] | None = None
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class Classified:
    """Crops that have a class.

    Attributes
    ----------
    rows : (N,) int array
        Which crops they are.
    classes : (N,) int array
        Class of each, 0 to K - 1.
    names : tuple of str
        Names of the K classes, sorted.
    groupings : dict of str to (N,) array
        What each belongs to, from coarse to fine: the well (of its plate) where the table knows wells, the image, and
        the example (an object; the whole image, which all of its tiles share). The keys say what stays whole where a
        grouping is divided.
    """

    rows: np.ndarray
    classes: np.ndarray
    names: tuple[str, ...]
    groupings: dict[str, np.ndarray]

    @property
    def examples(self) -> np.ndarray:
        """Which example each crop shows, (N,)."""
        return list(self.groupings.values())[-1]

    def part(self, chosen: np.ndarray) -> Classified:
        """Those that a mask (N,) chooses, with the classes that occur among them."""
        kept, classes = np.unique(self.classes[chosen], return_inverse=True)
        groupings = {whole: of[chosen] for whole, of in self.groupings.items()}
        return Classified(self.rows[chosen], classes, tuple(self.names[k] for k in kept), groupings)

    @property
    def counts(self) -> dict[str, int]:
        """Number of examples of each class."""
        return {name: len(np.unique(self.examples[self.classes == k])) for k, name in enumerate(self.names)}


def named_images(table: pd.DataFrame, names: Sequence[str]) -> list[int]:
    """Which images a table gives a class, or an object in them; the others need not be read.

    Parameters
    ----------
    table : pandas.DataFrame
        As `join_classes` takes it.
    names : sequence of str
        Names of the images.

    Raises
    ------
    RequestError
        Where columns are missing.
    InputError
        Where the table names images that are not there, or none.
    """
    table, image, stems = _rows_with_classes(table)
    here, wanted = [_stem(name) for name in names], dict.fromkeys(stems)
    there = set(here)
    if lost := [stem for stem in wanted if stem not in there]:
        some = f"{len(lost):,} of the {len(wanted):,} images that the table gives a class"
        raise InputError(f"{some} {'is' if len(lost) == 1 else 'are'} not there, first {lost[0]}.{_hint(image)}")
    if not wanted:
        raise InputError("The table gives a class to none of them; there is nothing to learn from.")
    return [i for i, stem in enumerate(here) if stem in wanted]


def join_classes(table: pd.DataFrame, images: np.ndarray, labels: np.ndarray | None) -> Classified:
    """Find the class of each crop in a table.

    Parameters
    ----------
    table : pandas.DataFrame
        ``Class``; the image in ``Metadata_Image`` or ``image`` (its name, with or without ending); for objects the
        label in ``ObjectNumber`` or ``label``; where known ``Metadata_Well``, and the ``Metadata_Plate`` of the well.
        Rows without a class are left out.
    images : (N,) array of str
        Image of each crop.
    labels : (N,) integer array, optional
        Label of each; None where images have classes, not objects.

    Returns
    -------
    Classified

    Raises
    ------
    RequestError
        Where columns are missing.
    InputError
        Where two rows name the same object, rows name objects that do not exist, or no crop has a class.
    """
    table, image, stems = _rows_with_classes(table)
    numbers = [0] * len(table)
    if labels is not None:
        numbers = _numbers(table[_column(table, _OBJECT, "the object")], table[image])
    at: dict[tuple[str, int], int] = {}
    for row, key in enumerate(zip(stems, numbers, strict=True)):
        if key in at:
            what = f", object {key[1]}" if labels is not None else ""
            raise InputError(f"The table gives {key[0]}{what} a class twice; keep one of the rows.")
        at[key] = row
    keys = zip(map(_stem, map(str, images)), [0] * len(images) if labels is None else map(int, labels), strict=True)
    found = np.array([at.get(key, -1) for key in keys], int)
    rows = np.flatnonzero(found >= 0)
    lost = len(at) - len(set(found[rows].tolist()))
    if lost:
        key = next(k for k, row in at.items() if row not in set(found[rows].tolist()))
        what = f"object {key[1]} of {key[0]}" if labels is not None else f"the image {key[0]}"
        raise InputError(f"The table gives classes to {lost:,} that are not there, first {what}.{_hint(image)}")
    if not len(rows):
        raise InputError("The table gives a class to none of them; there is nothing to learn from.")
    words = class_words(table[CLASS])[found[rows]]
    names, classes = np.unique(words, return_inverse=True)
    wells = groups(table) if group_kind(table) == "wells" else None
    groupings = {} if wells is None else {WHOLE_WELLS: wells[found[rows]]}
    groupings[WHOLE_IMAGES] = np.asarray(images)[rows]
    if labels is not None:
        groupings[SINGLE_OBJECTS] = rows
    return Classified(rows, classes, tuple(names.tolist()), groupings)


def held_out(classified: Classified, share: float, seed: int) -> tuple[np.ndarray, str]:
    """Examples that only judge the training: whole groups with about their share of every class.

    Groups of the coarsest kind of which there are at least four, and some can be set aside that do not hold all
    examples of a class; nothing where there are too few examples, or `share` is 0.

    Returns
    -------
    held : (N,) bool array
        At least one whole group, or nothing; of every class examples are left to learn from.
    whole : str
        What stayed whole, a key of `Classified.groupings`; empty where nothing is held out.
    """
    from micrographia.metrics.stratified_folds import stratified_folds

    classes, nothing = classified.classes, np.zeros(len(classified.classes), bool)
    most = round(1 / share) if share else 0
    if most < 2 or len(np.unique(classified.examples)) < 2 * most:
        return nothing, ""
    for whole, kinds in classified.groupings.items():
        if (number := len(np.unique(kinds))) < _FEWEST_GROUPS:
            continue
        fold = stratified_folds(classes, kinds, min(most, number), seed)
        for k in range(fold.max() + 1):
            if len(np.unique(classes[fold != k])) == len(np.unique(classes)):
                return fold == k, whole
    return nothing, ""


def with_classes(table: pd.DataFrame, probabilities: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Add ``Class``, ``Class_Probability`` and ``Probability_<class>`` of probabilities (N, K) to a table of N rows.

    Where a probability is NaN, there is no class.
    """
    import pandas as pd

    unknown = np.isnan(probabilities).any(axis=1)
    best = {
        CLASS: np.where(unknown, "", np.array(classes, str)[probabilities.argmax(axis=1)]),
        "Class_Probability": probabilities.max(axis=1, initial=0),
    }
    each = {f"Probability_{name}": column for name, column in zip(classes, probabilities.T, strict=True)}
    return pd.concat([table, pd.DataFrame(best | each, index=table.index)], axis=1)


def _rows_with_classes(table: pd.DataFrame) -> tuple[pd.DataFrame, str, list[str]]:
    """The rows that have a class, the column that names their images, and these names without ending."""
    image = _column(table, _IMAGE, "the image")
    if CLASS not in table.columns:
        raise RequestError(f"The table has no column '{CLASS}' with the class of each row.")
    table = table[class_words(table[CLASS]) != ""]
    return table, image, [_stem(str(name)) for name in table[image]]


def _hint(image: str) -> str:
    return " Its ImageNumber is taken for the name of an image; name them in Metadata_Image." * (image == _IMAGE[-1])


def _column(table: pd.DataFrame, names: tuple[str, ...], what: str) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise RequestError(f"The table has no column that names {what}; it needs {' or '.join(names)}.")
    return found


def _stem(name: str) -> str:
    from micrographia.io.find import IMAGE_SUFFIXES, image_stem

    return image_stem(name) if name.lower().endswith(tuple(IMAGE_SUFFIXES)) else name


def _numbers(column: pd.Series, images: pd.Series) -> list[int]:
    """Labels of objects; raises InputError where one is no whole number."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if len(bad := np.flatnonzero(~(values == np.rint(values)))):
        given, image = column.iloc[bad[0]], images.iloc[bad[0]]
        raise InputError(f"The table's column {column.name} holds '{given}' for an object of {image}, not its label.")
    return [int(value) for value in values]
