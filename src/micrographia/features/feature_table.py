"""What a table of objects or images is: key columns that say which row it is, and features that are learned from.

A row is known by its keys, in CellProfiler's words: ``Metadata_Image`` (name of the image), ``Metadata_Plate``,
``Metadata_Well``, ``Metadata_Site``, any other ``Metadata_...``, ``ImageNumber`` and ``ObjectNumber`` (the label);
tables that :func:`micrographia.measure` made have ``image``, ``label``, ``t`` and ``z`` instead, tables of tiles
``Tile_Y`` and ``Tile_X`` in addition. The column ``Class``
holds a class. All other columns of numbers are features, except those that say where an object lies, those that
number the rows, as pandas stores the index of a table, and the book-keeping of CellProfiler and its own classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError

if TYPE_CHECKING:
    import pandas as pd

CLASS = "Class"
"""Column that holds the class of a row."""

NO_NUMBERS = "no numbers"
"""What `why_no_feature` says of a column of words."""

ROW_NUMBERS = "row numbers"
"""What `why_no_feature` says of a column that a saved index became."""

BOOK_KEEPING = "CellProfiler's book-keeping or own classes"
"""What `why_no_feature` says of a column of `book_keeping`."""

OBJECT_KEYS = ("ImageNumber", "Metadata_Image", "Metadata_Plate", "Metadata_Well", "Metadata_Site",
               "Metadata_T", "Metadata_Z", "Tile_Y", "Tile_X", "ObjectNumber", "image", "label", "t", "z")  # fmt: skip
"""Columns that together tell one object from all others, as far as a table has them."""

IMAGE_NAMES = ("Metadata_Image", "ImageNumber", "image")
"""Columns that name the image of a row; the first that has values counts."""

_UNNAMED = re.compile(r"\s*|Unnamed: \d+(\.\d+)*")
_INDEX = re.compile(r"index|(__index_)?level_\d+(__)?", re.IGNORECASE)
"""What the index of a table is called when it is stored as a column."""

_PLACES = ("Location_", "AreaShape_Center_", "AreaShape_BoundingBox", "Number_Object_Number", "Parent_", "Children_",
           "Neighbors_FirstClosestObjectNumber", "Neighbors_SecondClosestObjectNumber")  # fmt: skip
"""Where an object lies or to whom it belongs; after the name of the objects, as in ``Nuclei_Location_Center_X``."""

_RUN = re.compile(
    r"(Image_)?((ExecutionTime|ModuleError|(Objects)?MD5Digest)_.+|Group_(Index|Number|Length)|ImageSet_ImageSet)"
)
"""What CellProfiler notes of a run."""

_FILE = re.compile(r"(?:Image_)?(?:Objects)?(?:FileName|PathName|URL)_(.+)")
_OF_FILE = re.compile(r"(?:Image_)?(?:Objects)?(?:Channel|Frame|Height|Scaling|Series|Width)_(.+)")
"""The file of an image, and what CellProfiler notes of it under the same name: others may measure a ``Width_um``."""

_OWN_CLASSES = re.compile(r"(?:([^_]+)_)?Classify_.+")
_MEASURED = re.compile(r"(AreaShape|Intensity|Location|Texture)_.+|Number_Object_Number")
"""The classes that CellProfiler gave by rules or a model, after the name of the objects or beside what it measured:
others may have a ``Classify_score``."""

_OWN_PLACES = ("centroid_", "bbox_", "touches_border", "t_s", "z_um", "probability")


_CENTRES = (("centroid_x_px", "centroid_y_px", "centroid_z_px"),
            ("Location_Center_X", "Location_Center_Y", "Location_Center_Z"),
            ("AreaShape_Center_X", "AreaShape_Center_Y", "AreaShape_Center_Z"))  # fmt: skip
"""Columns that hold the centre of an object, also after the name of the objects; the first that a table has counts."""


def is_key(name: str) -> bool:
    """Whether a column says which row it is (or its class), or where the object lies, and is no feature."""
    if name in OBJECT_KEYS or name == CLASS or name.startswith(("Metadata_", "Class_", "Probability_", "Plane_")):
        return True
    after = name.split("_", 1)[1] if "_" in name else ""
    return name.startswith((*_PLACES, *_OWN_PLACES)) or after.startswith(_PLACES)


def centre_columns(names: Sequence[str]) -> list[str]:
    """The columns with the x, y and, in volumes, z of each object's centre; none where the table does not say.

    Where several objects of a row have one, as nucleus, cell and cytoplasm do, it is that of the first.
    """
    for x, y, z in _CENTRES:
        for name in names:
            before = name.removesuffix(x)
            if (name == x or name.endswith(f"_{x}")) and before + y in names:
                return [name, before + y, *([before + z] if before + z in names else [])]
    return []


def row_columns(names: Sequence[str]) -> list[str]:
    """Those columns that say which object a row is, in their order: its keys, ``Metadata_...``, and one centre."""
    centre = centre_columns(names)
    return [name for name in names if name in OBJECT_KEYS or name.startswith("Metadata_") or name in centre]


def feature_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns that are features: numbers, and neither keys nor the numbers of rows.

    Raises
    ------
    InputError
        Where two columns have the same name.
    """
    check_columns(table)
    numbers = [name for name in table.columns if not is_key(name) and table[name].dtype.kind in "iufb"]
    books = book_keeping(list(table.columns))
    return [name for name in numbers if name not in books and not _numbers_rows(table[name])]


def book_keeping(names: Sequence[str]) -> set[str]:
    """Those columns in which CellProfiler notes how it ran, how it read files, and its own classes."""
    run = {name for name in names if _RUN.fullmatch(name)}
    files = {found[1] for name in names if (found := _FILE.fullmatch(name))}
    of_files = {name for name in names if (found := _OF_FILE.fullmatch(name)) and found[1] in files}
    measured = bool(run) or any(_MEASURED.fullmatch(name) for name in names)
    classes = {name for name in names if (found := _OWN_CLASSES.fullmatch(name)) and (measured or found[1])}
    return run | of_files | classes


def check_columns(table: pd.DataFrame) -> None:
    """Raise InputError where two columns have the same name."""
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InputError(f"Two columns of the table have the name {twice[0]}; rename or remove one of them.")


def _numbers_rows(column: pd.Series) -> bool:
    """Whether a column is a saved index: no name, or that of an index and whole numbers."""
    name = str(column.name)
    return bool(_UNNAMED.fullmatch(name) or (_INDEX.fullmatch(name) and column.dtype.kind in "iu"))


def class_words(values: pd.Series) -> np.ndarray:
    """A column of classes as words (N,), empty where a row has none.

    Numbers are words, too: 1.0, which a gap in a column of whole numbers makes of 1, is 1.
    """
    return np.char.strip(key_words(values))


def key_words(values: pd.Series) -> np.ndarray:
    """A key column as words (N,), empty where it has no value; 7, 7.0 and "7" are the same."""
    import pandas as pd

    places, different = pd.factorize(values)
    return np.array([*map(key_word, different), ""], str)[places]


def key_word(value: Any) -> str:
    """A key as a word: 7, 7.0 and "7" are the same."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def feature_matrix(table: pd.DataFrame, names: Sequence[str] | None = None) -> np.ndarray:
    """Features as numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        N rows.
    names : sequence of str, optional
        The F columns that are wanted, for example those of a model; otherwise `feature_columns`.

    Returns
    -------
    (N, F) float32 array
        NaN where a value is missing or infinite.

    Raises
    ------
    InputError
        Where columns are missing, hold no numbers or have the same name (they are named), or there is no feature at
        all.
    """
    check_columns(table)
    names = feature_columns(table) if names is None else list(names)
    if not len(table) and not names:
        raise InputError("The table has no rows.")
    if not names:
        raise InputError("The table has no features: no column of numbers besides those that name rows and places.")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(f"The table lacks {_listed(missing)}, which the model was trained on.")
    words = [name for name in names if table[name].dtype.kind not in "iufb"]
    if words and not len(table):
        raise InputError("The table has no rows.")
    for name in words:
        if (reason := why_no_feature(table, name)) != NO_NUMBERS:
            raise InputError(f"The column {name} of the table holds {reason}.")
    if words:
        raise InputError(f"{_listed(words)} of the table {'holds' if len(words) == 1 else 'hold'} no numbers.")
    matrix = table[names].to_numpy(np.float32, na_value=np.nan, copy=True)
    matrix[~np.isfinite(matrix)] = np.nan
    return matrix


def why_unused(table: pd.DataFrame, used: Iterable[str | None]) -> dict[str, str]:
    """For each column that is neither a key nor used, what it holds that is no feature (`why_no_feature`)."""
    features, books = set(used), book_keeping(list(table.columns))
    return {n: why_no_feature(table, n, books) for n in table.columns if not is_key(n) and n not in features}


def why_no_feature(table: pd.DataFrame, name: str, books: set[str] | None = None) -> str:
    """What a column holds that is no feature.

    `ROW_NUMBERS`, `BOOK_KEEPING`, the first cell that is no number, else `NO_NUMBERS`. `books` is the table's
    `book_keeping`, where it is known.
    """
    import pandas as pd

    if table[name].dtype.kind in "iuf" and _numbers_rows(table[name]):
        return ROW_NUMBERS
    books = book_keeping(list(table.columns)) if books is None else books
    if table[name].dtype.kind in "iufb" and name in books:
        return BOOK_KEEPING
    if table[name].dtype.kind != "O":
        return NO_NUMBERS
    cells = table[name].astype(object)
    numbers = pd.to_numeric(cells, errors="coerce").notna().to_numpy()
    bad = np.flatnonzero(~numbers & cells.notna().to_numpy())
    if not numbers.any():
        return NO_NUMBERS
    if not len(bad):
        return "numbers that are stored as text"
    row = table.iloc[bad[0]]
    named = ", ".join(f"{key} {row[key]}" for key in OBJECT_KEYS if key in table.columns)
    more = f", and {len(bad) - 1:,} more such cells" if len(bad) > 1 else ""
    return f"'{cells.iloc[bad[0]]}', which is no number, in the row {named or bad[0] + 1}{more}"


def groups(table: pd.DataFrame, column: str | None = None) -> np.ndarray | None:
    """Which plate and well each row comes from; rows of one group must not be on both sides of a split.

    Parameters
    ----------
    table : pandas.DataFrame
        N rows.
    column : str, optional
        A column whose words are the groups, in place of plate and well; rows without one are a group together.

    Returns
    -------
    (N,) array of str or None
        ``plate/well``, or what is known of the two. A row without a plate or a well is of that of its image where other
        rows know it (one only), else ``plate/image``. None where the table says neither plate nor well nor image.

    Raises
    ------
    RequestError
        Where the table lacks the column; those that could be meant are named.
    InputError
        Where the column has no values.
    """
    if column is not None:
        return _words_of(table, column)
    columns = (("Metadata_Plate",), ("Metadata_Well",), IMAGE_NAMES)
    plate, well, image = (_known_words(table, names) for names in columns)
    if plate is not None and image is not None:
        plate = _filled(plate, image)
    if well is not None and image is not None:
        well = _filled(well, image, plate)
        well = np.where(well == "", image, well)
    return _joined(plate, image if well is None else well)


def _filled(words: np.ndarray, image: np.ndarray, plate: np.ndarray | None = None) -> np.ndarray:
    """Words (N,); an empty one is that of the other rows of its image, where these have one only."""
    import pandas as pd

    of_image = pd.Series(words).where(words != "").groupby(_joined(plate, image))
    one = (of_image.transform("nunique") == 1).to_numpy()
    known = of_image.transform("first").fillna("").to_numpy(str)
    return np.where((words == "") & (image != "") & one, known, words)


def group_kind(table: pd.DataFrame, column: str | None = None) -> str:
    """What the `groups` of a table are: ``wells``, ``images`` or ``plates``; empty where there are none.

    Those of a column are ``groups of Compound``, where it is called ``Metadata_Compound``.
    """
    if column is not None:
        return f"groups of {column.removeprefix('Metadata_')}"
    columns = {"wells": ("Metadata_Well",), "images": IMAGE_NAMES, "plates": ("Metadata_Plate",)}
    return next((kind for kind, names in columns.items() if _known_words(table, names) is not None), "")


def _words_of(table: pd.DataFrame, column: str) -> np.ndarray:
    """The words of a column by which a person groups."""
    check_columns(table)
    if column not in table.columns:
        features = feature_columns(table)
        others = [name for name in table.columns if name not in features and name != CLASS]
        there = f"besides measurements it has {_listed(others)}" if others else "it has measurements only"
        raise RequestError(f"The table has no column '{column}' to group by; {there}.")
    words = class_words(table[column])
    if not (words != "").any():
        raise InputError(f"The column {column} has no values to group by.")
    return words


def _known_words(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray | None:
    """The words of the first of these columns that has any."""
    words = (key_words(table[name]) for name in names if name in table.columns)
    return next((column for column in words if (column != "").any()), None)


def _joined(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Words as ``first/second``; those of one where the other is not known at all."""
    if first is None or second is None:
        return second if first is None else first
    return np.char.add(np.char.add(first, "/"), second)


def object_keys(table: pd.DataFrame) -> list[str]:
    """The columns that tell one row from another.

    Raises
    ------
    InputError
        Where two rows have the same keys; the first such row is named.
    """
    keys = [name for name in OBJECT_KEYS if name in table.columns]
    if keys:
        twice = table.duplicated(subset=keys, keep="first").to_numpy()
        if twice.any():
            row = table.loc[twice, keys].iloc[0]
            named = ", ".join(f"{name} {row[name]}" for name in keys)
            raise InputError(f"{int(twice.sum()):,} rows of the table repeat the key of another one, first {named}.")
    return keys


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"the column{'' if len(names) == 1 else 's'} {shown}{more}"
