"""The object classifier: a class for every row of a table of measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.standardising import NO_VALUE
from micrographia.classify.objects.class_tables import with_classes
from micrographia.features.feature_table import (
    CLASS,
    check_columns,
    feature_columns,
    feature_matrix,
    groups,
    object_keys,
    row_columns,
    why_unused,
)
from micrographia.method import Method, parameter

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_fitting import Fitted

_EXAMPLES = 32


class ObjectClassifier(Method):
    """Gives every object of a table a class, learned from rows that have one.

    Attributes
    ----------
    classes_ : tuple of str
        Names of the K classes, sorted.
    columns_ : tuple of str
        The columns of a table that are looked at.
    fitted_ : Fitted
        What was learned.
    counts_ : dict of str to int
        Examples of each class.
    dropped_ : dict of str to str
        Features that were left out, with the reason.
    notes_ : tuple of str
        What was not done, and why.
    """

    name = "objects"
    applied_by: ClassVar[str] = "classify objects"
    applied_to: ClassVar[str] = "TABLE"

    classifier: str = parameter(
        "logistic",
        "Kind of classifier; 'average' takes the mean of svm, logistic and lda. svm, mlp and average need "
        "scikit-learn to train",
        choices=("logistic", "forest", "boosting", "svm", "lda", "knn", "mlp", "average"),
    )
    trees: int = parameter(200, "Trees of a forest, rounds of boosting", ge=1, le=10_000)
    balance: bool = parameter(True, "Give every class the same weight in all, however few examples it has")
    select: int = parameter(0, "Learn from so many features, those that tell classes apart best; 0 for all", ge=0)
    directions: bool = parameter(
        False, "Also learn from measurements that change when an object is turned, such as its orientation"
    )
    search: bool = parameter(True, "Choose the classifier's settings on inner folds")
    calibrate: str = parameter(
        "temperature",
        "How probabilities are made to mean what they say, on inner folds",
        choices=("temperature", "isotonic", "none"),
    )
    folds: int = parameter(5, "Number of inner folds", ge=2, le=20)
    seed: int = parameter(0, "The same seed and examples give the same classifier", ge=0)
    group: str | None = parameter(
        None,
        "Column whose words say which rows folds keep together, such as Metadata_Compound; otherwise plate and well, "
        "or image",
    )

    classes_: tuple[str, ...]
    columns_: tuple[str, ...]
    fitted_: Fitted
    counts_: dict[str, int]
    dropped_: dict[str, str]
    notes_: tuple[str, ...]
    example_: np.ndarray

    def fit(self, table: pd.DataFrame, /) -> Self:
        """Learn from the rows of a table that have a class.

        Parameters
        ----------
        table : pandas.DataFrame
            The column ``Class`` (empty where a row has none), columns of numbers (rows that lack more than half of
            those that tell examples apart are left out, see `notes_`; with `select` this is asked of all features,
            since the selection is learned from these rows), and where known
            ``Metadata_Plate``, ``Metadata_Well`` or ``Metadata_Image``, by which inner folds are divided, or the column
            `group`.

        Raises
        ------
        InputError
            Where there are no features, or two rows have the same keys or two columns the same name.
        RequestError
            Where there is no column ``Class`` or `group` or fewer than two classes, or the classifier needs
            scikit-learn, which is not installed.
        """
        from micrographia.classify.objects.object_fitting import (
            columns_of,
            fit_objects,
            lacks_most,
            listed_classes,
            measured_examples,
        )

        check_columns(table)
        if CLASS not in table.columns:
            raise RequestError(f"The table has no column '{CLASS}' with the classes of the examples.")
        known, classes, names = listed_classes(table[CLASS], CLASS)
        examples = table[known]
        object_keys(examples)
        columns, matrix, plan, features = self.example_features(examples)
        of_row = groups(examples, self.group)
        kept, classes, names, notes = measured_examples(features, list(plan), classes, names)
        matrix, of_row = matrix[kept], None if of_row is None else of_row[kept]
        fitted = fit_objects(self, features[kept], list(plan), classes, len(names), of_row)
        used = sorted({i for name in fitted.standardiser.names for i in plan[name]})
        self.columns_ = tuple(columns[i] for i in used)
        lacking = lacks_most(features[kept][:, columns_of(list(plan), fitted.standardiser)])
        if lacking.any():
            notes.append(
                f"{lacking.sum():,} of {len(lacking):,} examples lack more than half of the selected features: medians "
                "stand in where they teach, but such an object gets no class."
            )
        self.classes_, self.fitted_, self.notes_ = names, fitted, (*notes, *fitted.notes)
        self.counts_ = {name: int(count) for name, count in zip(names, np.bincount(classes))}
        turned = set(columns) - {columns[i] for positions in plan.values() for i in positions}
        empty = [name for name, reason in fitted.standardiser.dropped.items() if reason == NO_VALUE]
        infinite = [n for n in empty if np.isinf(examples[[columns[i] for i in plan[n]]].to_numpy(float)).any()]
        self.dropped_ = {
            **why_unused(examples, (*columns, self.group)),
            **{name: "changes when the object is turned" for name in columns if name in turned},
            **fitted.standardiser.dropped,
            **dict.fromkeys(infinite, "infinite or missing everywhere"),
        }
        shown = matrix[~lacking]
        self.example_ = shown[:: max(1, len(shown) // _EXAMPLES)][:_EXAMPLES, used]
        return self

    def example_features(
        self, examples: pd.DataFrame
    ) -> tuple[list[str], np.ndarray, dict[str, list[int]], np.ndarray]:
        """The columns (C) that are learned from, their values (N, C), which make each feature, and features (N, F)."""
        from micrographia.classify.objects.turned_features import combined, combined_names

        columns = [name for name in feature_columns(examples) if name != self.group]
        matrix = feature_matrix(examples, columns)
        plan = {name: [i] for i, name in enumerate(columns)} if self.directions else combined_names(columns)
        return columns, matrix, plan, combined(matrix, plan)

    def probabilities(self, table: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Class probabilities.

        Parameters
        ----------
        table : pandas.DataFrame or (N, C) array
            A table with the columns `columns_`, or their values in that order.

        Returns
        -------
        (N, K) float32 array
            NaN for a row that lacks more than half of the features that were learned from.

        Raises
        ------
        InputError
            Where columns are missing or hold no numbers (they are named), or nothing was learned yet.
        """
        from micrographia.classify.objects.object_fitting import lacks_most

        features = self.features(table)
        lacking = lacks_most(features)
        found = self.fitted_.probabilities(features).T
        found[lacking] = np.nan
        return found

    def features(self, table: pd.DataFrame | np.ndarray) -> np.ndarray:
        """The features (N, F) that were learned from, NaN where a value is missing; of what `probabilities` takes."""
        from micrographia.classify.objects.turned_features import combined

        self.check_fitted()
        if isinstance(table, np.ndarray):
            matrix = np.array(table, np.float32)
            if matrix.ndim != 2 or matrix.shape[1] != len(self.columns_):
                raise InputError(
                    f"An array of {len(self.columns_)} columns is needed, not one of shape {matrix.shape}."
                )
            matrix[~np.isfinite(matrix)] = np.nan
        else:
            matrix = feature_matrix(table, self.columns_)
        return combined(matrix, self._plan())

    def predict(self, x: Any, /) -> Any:
        """Find the class of every row.

        Parameters
        ----------
        x : pandas.DataFrame or (N, C) array
            A table with the columns `columns_`, or their values in that order.

        Returns
        -------
        pandas.DataFrame or (N, K) float32 array
            For a table its key columns and the centre of each object, ``Class``, ``Class_Probability`` and
            ``Probability_NAME`` for each class, empty for an object that lacks more than half of the features; for an
            array the probabilities.

        Raises
        ------
        InputError
            Where columns are missing or hold no numbers; they are named.
        """
        found = self.probabilities(x)
        return found if isinstance(x, np.ndarray) else self.found_table(x, found)

    def check_fitted(self) -> None:
        """Raise InputError where nothing was learned yet."""
        if not hasattr(self, "fitted_"):
            raise InputError("This classifier has not learned anything yet: call fit or load first.")

    def found_table(self, table: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
        """Key columns and centres of a table of N rows with the classes that probabilities (N, K) tell."""
        return with_classes(table[row_columns(list(table.columns))].copy(), probabilities, self.classes_)

    def _plan(self) -> dict[str, list[int]]:
        """The features that were learned from, made of the columns that are looked at."""
        from micrographia.classify.objects.turned_features import combined_names

        names: Sequence[str] = self.fitted_.standardiser.names
        plan = {name: [i] for i, name in enumerate(self.columns_)} if self.directions else combined_names(self.columns_)
        return {name: plan[name] for name in names}

    def save(self, path: str | Path) -> Path:
        """Write what was learned, with the parameters, as one model package."""
        from micrographia.classify.objects.object_package import write_object_package

        return write_object_package(Path(path), self, Path(path).stem)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model package that `save` wrote, or an imported model by its name.

        Raises
        ------
        InputError
            Where it is no object classifier, or is damaged.
        """
        from micrographia.classify.objects.object_package import read_object_package

        return read_object_package(path, cls)
