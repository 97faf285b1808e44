"""A continuous phenotype: objects learn their place on a plane from examples that somebody placed there.

Szkalisity et al. (2021), "Regression plane concept for analysing continuous cellular processes with machine learning",
Nature Communications 12, 2532. Where no sharp classes exist (a cell in division, a protein on its way into the nucleus)
examples are placed on a plane, and a regression from features to places puts all other objects there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.gaussian_process import GaussianProcess, fit_gaussian_process
from micrographia.classify.objects.feature_space import AXES, FeatureSpace
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.features.feature_table import (
    CLASS,
    OBJECT_KEYS,
    feature_columns,
    feature_matrix,
    groups,
    object_keys,
    row_columns,
    why_unused,
)
from micrographia.method import Method, parameter
from micrographia.metrics.folds import assign_folds

if TYPE_CHECKING:
    import pandas as pd

PLACE = ("Plane_X", "Plane_Y")
"""Columns with the place of an object on the plane; empty where an object has none."""

UNCERTAINTY = "Plane_Uncertainty"
"""Column with the standard deviation of a found place, in units of the plane."""

MOST = 4000
"""Examples that can be learned from; time grows with their third power."""

_EXAMPLES = 16
_WITHIN_ONE = 0.6827
"""Share of a normal distribution within one standard deviation of its middle."""


class RegressionPlane(Method):
    """Puts objects on a plane, learned from examples that were placed there.

    Attributes
    ----------
    columns_ : tuple of str
        The columns of a table that are looked at.
    space_ : FeatureSpace
        Features as points.
    process_ : GaussianProcess
        From points to places.
    error_ : float or None
        Root mean square distance between the places of examples and those found by a regression that has not learned
        from their group (plate and well, where known); None where there are fewer than two groups.
    spread_ : float
        Root mean square distance of the examples from their middle: the error of a regression that knows nothing.
    scale_ : float
        What a standard deviation of the regression is multiplied with, so that 68 % of the coordinates of examples that
        were not learned from lie within one; 1 where there are fewer than two groups.
    count_ : int
        Number of examples that were learned from.
    dropped_ : dict of str to str
        Columns that are not looked at, with the reason.
    notes_ : tuple of str
        What the reader of the error must know: examples that were left out.
    """

    name = "plane"
    applied_by: ClassVar[str] = "classify plane"
    applied_to: ClassVar[str] = "TABLE"

    axes: int = parameter(AXES, "Principal axes of the features that are looked at, at most", ge=1, le=1000)
    folds: int = parameter(5, "Parts into which the groups are divided to find the error", ge=2, le=50)
    seed: int = parameter(0, "Seed of this division", ge=0)

    columns_: tuple[str, ...]
    space_: FeatureSpace
    process_: GaussianProcess
    error_: float | None
    spread_: float
    scale_: float
    count_: int
    dropped_: dict[str, str]
    notes_: tuple[str, ...]
    example_: np.ndarray

    def fit(self, table: pd.DataFrame, /) -> Self:
        """Learn from the rows of a table that have a place, and at least half of the measurements.

        Parameters
        ----------
        table : pandas.DataFrame
            ``Plane_X`` and ``Plane_Y`` (empty where a row has no place), columns of numbers, and where known
            ``Metadata_Plate`` and ``Metadata_Well`` or ``Metadata_Image``.

        Raises
        ------
        RequestError
            Where the places are missing, fewer than three, all the same or more than 4,000, also without those rows
            that lack more than half of the measurements.
        InputError
            Where there are no features, a row has only one of the two coordinates, or two examples have the same keys.
        """
        examples, places = _placed(table)
        object_keys(examples)
        numbers = feature_columns(examples)
        used = {position for positions in combined_names(numbers).values() for position in positions}
        columns = [name for position, name in enumerate(numbers) if position in used]
        matrix = feature_matrix(examples, columns or numbers)
        features = combined(matrix, combined_names(columns))
        self.dropped_ = why_unused(examples, numbers)
        self.dropped_ |= {name: "changes when the object is turned" for name in numbers if name not in columns}
        placed = len(places)
        self.space_ = FeatureSpace.of(features, most=self.axes, seed=self.seed)
        while (lacking := self._lacking(features)).any():
            examples, places, matrix, features = (of[~lacking] for of in (examples, places, matrix, features))
            _check_places(places, " with at least half of the measurements that tell the others apart")
            self.space_ = FeatureSpace.of(features, most=self.axes, seed=self.seed)
        left = f"{placed - len(places):,} of {placed:,} placed objects"
        self.notes_ = () if len(places) == placed else (f"not learned from: {left}, for lack of most measurements",)
        self.process_ = fit_gaussian_process(self.space_(features), places)
        self.columns_, self.count_ = tuple(columns), len(places)
        self.spread_ = float(np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=1).mean()))
        self.error_, self.scale_ = self._unseen(features, places, groups(examples))
        self.example_ = matrix[:: max(1, len(matrix) // _EXAMPLES)][:_EXAMPLES]
        return self

    def places(self, table: pd.DataFrame | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places on the plane.

        Parameters
        ----------
        table : pandas.DataFrame or (N, C) array
            A table with the columns `columns_`, or their values in that order.

        Returns
        -------
        places : (N, 2) float32 array
            NaN where more than half of the measurements are missing.
        uncertainty : (N,) float32 array
            Standard deviation of each coordinate (times `scale_`); NaN where there is no place.

        Raises
        ------
        InputError
            Where columns are missing or hold no numbers (they are named), or nothing was learned yet.
        """
        self._check_learned()
        if isinstance(table, np.ndarray):
            matrix = np.array(table, np.float32)
            if matrix.ndim != 2 or matrix.shape[1] != len(self.columns_):
                raise InputError(
                    f"An array of {len(self.columns_)} columns is needed, not one of shape {matrix.shape}."
                )
            matrix[~np.isfinite(matrix)] = np.nan
        else:
            matrix = feature_matrix(table, self.columns_)
        features = combined(matrix, combined_names(self.columns_))
        places, spread = self.process_.predict(self.space_(features))
        lacking = self._lacking(features)
        places[lacking], spread[lacking] = np.nan, np.nan
        return places.astype(np.float32), (self.scale_ * spread).astype(np.float32)

    def predict(self, x: Any, /) -> Any:
        """Put every row on the plane.

        Parameters
        ----------
        x : pandas.DataFrame or (N, C) array
            As `places` takes it.

        Returns
        -------
        pandas.DataFrame or (N, 2) float32 array
            For a table its key columns, the centre of each object and its class, ``Plane_X``, ``Plane_Y`` and
            ``Plane_Uncertainty``; for an array the places.
        """
        import pandas as pd

        places, spread = self.places(x)
        if isinstance(x, np.ndarray):
            return places
        keys = [*row_columns(list(x.columns)), *(name for name in (CLASS,) if name in x.columns)]
        columns = {PLACE[0]: places[:, 0], PLACE[1]: places[:, 1], UNCERTAINTY: spread}
        return pd.concat([x[keys], pd.DataFrame(columns, index=x.index)], axis=1)

    def suggest(self, table: pd.DataFrame, count: int = 10) -> np.ndarray:
        """Rows (n,) of the objects whose place is least sure and which would make the others surest: place these next.

        One after another: each choice makes objects like it surer, so that the next one is another kind.
        """
        self._check_learned()
        features = combined(feature_matrix(table, self.columns_), combined_names(self.columns_))
        taken = self._lacking(features)
        if PLACE[0] in table.columns:
            taken |= table[PLACE[0]].notna().to_numpy()
        return self.process_.least_sure(self.space_(features), count, ~taken)

    def save(self, path: str | Path) -> Path:
        """Write what was learned, with the parameters, as one model package."""
        from micrographia.models.write import write_arrays_package

        self._check_learned()
        path = Path(path)
        arrays = {f"process_{name}": array for name, array in self.process_.arrays().items()}
        arrays |= {f"space_{name}": getattr(self.space_, name) for name in ("mean", "spread", "axes")}
        arrays |= {"columns": np.array(self.columns_)}
        arrays |= {"test_input": self.example_, "test_output": self.predict(self.example_)}
        write_arrays_package(
            path,
            method=self.name,
            parameters=self.parameters(),
            arrays=arrays,
            config={
                "error": self.error_,
                "spread": self.spread_,
                "scale": self.scale_,
                "examples": self.count_,
                "dropped": self.dropped_,
                "notes": self.notes_,
            },
            name=path.stem,
            description=f"Regression plane, learned from {self.count_:,} placed objects.",
            documentation=self._card(path.stem),
        )
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model package that `save` wrote, or an imported model by its name.

        Raises
        ------
        RequestError
            Where it is no regression plane.
        InputError
            Where it is damaged.
        """
        from micrographia.models.library import find_arrays
        from micrographia.models.package import part_of

        package = find_arrays(path, cls.name, "put objects on a plane")
        arrays, config = package.arrays(), package.config
        try:
            method = cls(**package.description["parameters"])
            method.process_ = GaussianProcess.from_arrays(part_of(arrays, "process_"))
            method.space_ = FeatureSpace(*(arrays[f"space_{name}"] for name in ("mean", "spread", "axes")))
            method.columns_ = tuple(str(name) for name in arrays["columns"])
            method.error_, method.spread_ = config["error"], float(config["spread"])
            method.scale_, method.dropped_ = float(config.get("scale", 1)), dict(config.get("dropped", {}))
            method.count_, method.notes_ = int(config["examples"]), tuple(config.get("notes", ()))
            method.example_ = arrays["test_input"]
            method.places(method.example_)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{package.path}: what this model package says of its plane is damaged.") from error
        return method

    def _check_learned(self) -> None:
        if not hasattr(self, "process_"):
            raise InputError("This regression plane has not learned anything yet: call fit or load first.")

    def _lacking(self, features: np.ndarray) -> np.ndarray:
        """Which objects (N,) lack more than half of the features that tell the examples apart."""
        from micrographia.classify.objects.object_fitting import lacks_most

        return lacks_most(features[:, np.isfinite(self.space_.spread)])

    def _unseen(self, features: np.ndarray, places: np.ndarray, known: np.ndarray | None) -> tuple[float | None, float]:
        """`error_` and `scale_`."""
        wells = [str(k) for k in (np.arange(len(places)) if known is None else known)]
        if len(set(wells)) < 2:
            return None, 1.0
        fold = np.array(assign_folds(wells, min(self.folds, len(set(wells))), self.seed))
        found, spread = np.empty_like(places), np.empty(len(places))
        for k in np.unique(fold):
            seen = fold != k
            if seen.sum() < 2:
                return None, 1.0
            space = FeatureSpace.of(features[seen], most=self.axes, seed=self.seed)
            process = fit_gaussian_process(space(features[seen]), places[seen])
            found[~seen], spread[~seen] = process.predict(space(features[~seen]))
        away = np.abs(found - places) / np.maximum(spread, 1e-12)[:, None]
        return float(np.sqrt(((found - places) ** 2).sum(axis=1).mean())), float(np.quantile(away, _WITHIN_ONE)) or 1.0

    def _card(self, name: str) -> str:
        error = "not known: all examples come from one well" if self.error_ is None else f"{self.error_:.3g}"
        return (
            f"# {name}\n\nPuts objects on a plane, from {len(self.columns_)} columns of measurements.\n\n"
            f"## Training data\n\n{self.count_:,} placed objects.\n\n"
            + "".join(f"Note: {note}.\n\n" for note in self.notes_)
            + "## Validation\n\n"
            f"Root mean square distance from their places, of objects whose well was not learned from: {error}. A "
            f"regression that knows nothing: {self.spread_:.3g}.\n"
        )


def _placed(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with a place, and their places."""
    if missing := [name for name in PLACE if name not in table.columns]:
        raise RequestError(f"The table has no column {' and no column '.join(missing)} with the places of examples.")
    if words := [name for name in PLACE if table[name].dtype.kind not in "iuf"]:
        raise InputError(f"{words[0]} of the table holds no numbers.")
    both = table[list(PLACE)].to_numpy(float, na_value=np.nan)
    known = np.isfinite(both).all(axis=1)
    if (half := np.isfinite(both).any(axis=1) & ~known).any():
        row = half.argmax()
        keys = [f"{name} {table[name].iloc[row]}" for name in OBJECT_KEYS if name in table.columns]
        first = ", ".join(keys) or f"row {row + 1}"
        raise InputError(f"{int(half.sum()):,} rows have only one of {' and '.join(PLACE)}, first {first}.")
    _check_places(both[known])
    return table[known], both[known]


def _check_places(places: np.ndarray, which: str = "") -> None:
    """Raise RequestError where a plane cannot be learned from places (N, 2); `which` says whose they are."""
    if not 3 <= len(places) <= MOST:
        raise RequestError(
            f"A plane is learned from 3 to {MOST:,} placed objects; the table has {len(places):,}{which}."
        )
    if (places == places[0]).all():
        raise RequestError(f"All examples{which} lie at the same place of the plane; place some of them elsewhere.")
