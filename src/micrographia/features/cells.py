"""One table of nuclei, cells and cytoplasm with CellProfiler's measurements and names.

Columns are ``<Objects>_<Category>_<Feature>[_<Channel>]``, for example ``Nuclei_AreaShape_Area``,
``Nuclei_Texture_Contrast_DNA_3_00_256``, ``Cytoplasm_Correlation_Manders_DNA_ER``. Values equal those of cp_measure
0.3; where that differs from CellProfiler, the page of the function says so
(:mod:`micrographia.features.cell_measurements` names them all).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.features.aligned import as_image, as_labels, planes
from micrographia.features.cell_units import unit_of
from micrographia.features.columns import channel_endings, sizes

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.features.label_objects import LabelObjects


def measure_cells(
    labels: Any,
    image: Any = None,
    *,
    cells: Any = None,
    ring: float = 0,
    objects: str = "Nuclei",
    channels: Sequence[str] | None = None,
    white: float | None = None,
    only: Collection[str] = (),
    appearance: bool = False,
    volumes: bool = False,
    axes: str | None = None,
    pixel_size: float | tuple[float, float] | Mapping[str, float] | None = None,
    threads: int = 0,
) -> pd.DataFrame:
    """Measure every object as CellProfiler does.

    Parameters
    ----------
    labels : (Y, X) integer array, or Image
        Nuclei (or other objects, see `objects`); 0 is background, ids may be sparse. With leading axes T or Z every
        plane is measured on its own (columns ``Metadata_T`` and ``Metadata_Z``).
    image : array or Image, optional
        Pixels of the same field; shapes alone are measured otherwise.
    cells : array or Image, optional
        Labels of the cells, in the same form. Each nucleus then has its cell's measurements, and those of the
        cytoplasm (the cell without any nucleus), in its row.
    ring : float
        Where cells are not segmented: width in pixels of a ring around each nucleus that stands for the cytoplasm.
        It reaches into no other ring and no nucleus.
    objects : str
        What the labels show, the first word of the columns: letters and digits.
    channels : sequence of str, optional
        Channel names; otherwise the image's own, or ``c0``, ``c1``…
    white : float, optional
        Pixel value that counts as 1; otherwise the largest value of the image's integer type, and 1 for other images.
    only : collection of str
        Measurements to make, of :data:`micrographia.features.cell_measurements.GROUPS`; all otherwise.
    appearance : bool
        Also measure what CellProfiler does not, ``Nuclei_Appearance_...``, of nuclei and cells in planes: some 370
        columns that help to tell phenotypes apart (:mod:`micrographia.features.appearance`). Takes about 25 ms for each
        object and channel.
    volumes : bool
        Objects go through the planes of Z: measure volumes (shape, intensity, texture, granularity, colocalisation).
    axes : str, optional
        Axes of ``labels`` where it is a plain array of more than two dimensions, such as ``"TYX"``.
    pixel_size : float, (y, x) or dict, optional
        Micrometres; kept in ``attrs["pixel_size"]`` (all measurements are in pixels, as CellProfiler's).
    threads : int
        0 for all cores.

    Returns
    -------
    pandas.DataFrame
        One row an object (and plane), sorted by t, z and id, with ``ObjectNumber`` (the id), ``touches_border``, where
        there are cells ``Nuclei_Parent_Cells`` (0 for none) and ``Cells_Children_Nuclei_Count``, and the
        measurements; float64. NaN for what is not defined, and for cells and cytoplasm that a nucleus does not have.
        In volumes ``touches_border`` is about the sides, not about the first and the last plane.
        Cells without a nucleus have no row. ``attrs["units"]`` maps columns to units.

    Raises
    ------
    InputError
        Where labels, cells and image do not fit each other, or floating-point pixels exceed 1 without `white`.
    RequestError
        Where a measurement is unknown, `objects` is no name, or `cells` and `ring`, or `appearance` and `volumes`, are
        both given.

    Examples
    --------
    >>> labels = np.zeros((32, 32), int)
    >>> labels[8:20, 8:20] = 3
    >>> table = measure_cells(labels, np.full((32, 32), 128, np.uint8), channels=["DNA"])
    >>> int(table.ObjectNumber[0]), float(table.Nuclei_AreaShape_Area[0])
    (3, 144.0)
    """
    import pandas as pd

    if cells is not None and ring > 0:
        raise RequestError("A ring stands for cells that are not segmented; give either the cells or a ring.")
    if not objects.isalnum() or (objects in ("Cells", "Cytoplasm") and (cells is not None or ring > 0)):
        raise RequestError(
            f"'{objects}' cannot name the objects: a name is letters and digits, and Cells and Cytoplasm are taken "
            "where they are measured, too."
        )
    if ring < 0:
        raise RequestError(f"The ring must have a width above 0 pixels, not {ring:g}.")
    if volumes and appearance:
        raise RequestError("The appearance of objects is measured in planes, not in volumes; leave one of the two out.")
    labels = as_labels(labels, axes)
    if volumes and "Z" not in labels.axes:
        raise InputError(f"{labels.name}: volumes have an axis Z, these labels have the axes '{labels.axes}'.")
    whole = None if cells is None else _same_field(as_labels(cells, axes), labels)
    field = None if image is None else as_image(image, labels, channels)
    names = () if field is None else _channel_names(field.channels)
    largest = 1.0 if field is None else white_level(field, white)
    steps = int(largest) if largest >= 2 else 65535
    leading = labels.axes[: -3 if volumes else -2]
    tables = []
    pool = ThreadPoolExecutor(threads or _cores())
    try:
        for where in np.ndindex(labels.shape[: len(leading)]):
            at = dict(zip(leading, where))
            pixels = {} if field is None else dict(zip(names, _stack(field, at, labels, volumes) / largest))
            nuclei = _take(labels, at, volumes)
            around = None if whole is None else _take(whole, at, volumes)
            table = pd.DataFrame(_columns(nuclei, around, pixels, ring, objects, only, appearance, steps, pool))
            for k, axis in enumerate(leading):
                table.insert(k, f"Metadata_{axis}", np.full(len(table), at[axis], np.int64))
            tables.append(table)
    finally:  # stopped or failed, what has not begun does not begin
        pool.shutdown(cancel_futures=True)
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    table.attrs["units"] = {str(name): unit for name in table.columns if (unit := unit_of(str(name)))}
    table.attrs["pixel_size"] = dict(sizes(pixel_size, labels, field))
    return table


def white_level(image: Image, white: float | None = None) -> float:
    """The pixel value that counts as 1.

    Raises
    ------
    InputError
        Where floating-point pixels exceed 1 and `white` is not given, or it is not above 0.
    """
    if white is not None:
        if not white > 0:
            raise InputError(f"The pixel value that counts as white must be above 0, not {white:g}.")
        return float(white)
    if image.dtype.kind in "iu":
        return float(np.iinfo(image.dtype).max)
    if image.dtype.kind == "f":
        data = image.array()
        most = float(np.max(data, where=np.isfinite(data), initial=0))
        if most > 1:
            raise InputError(
                f"{image.name}: its pixels are floating-point numbers up to {most:g}, where CellProfiler counts from 0 "
                "to 1; say which value counts as 1 (--white, for example --white 4095)."
            )
    return 1.0


def _columns(
    labels: np.ndarray,
    cells: np.ndarray | None,
    pixels: dict[str, np.ndarray],
    width: float,
    name: str,
    only: Collection[str],
    appearance: bool,
    steps: int,
    pool: ThreadPoolExecutor,
) -> dict[str, np.ndarray]:
    from micrographia.features.cell_measurements import tasks
    from micrographia.features.compartments import cytoplasm, parents, ring
    from micrographia.features.label_objects import label_objects

    nuclei = label_objects(labels)
    rows = np.arange(len(nuclei))
    # name of the compartment, its objects, the row of each nucleus in it (-1: none), whether it is cytoplasm
    parts: list[tuple[str, LabelObjects, np.ndarray, bool]] = [(name, nuclei, rows, False)]
    links: dict[str, np.ndarray] = {}
    if cells is not None:
        whole = label_objects(cells)
        parent = parents(nuclei, whole)
        children = np.bincount(parent[parent >= 0], minlength=len(whole))
        links[f"{name}_Parent_Cells"] = _taken(whole.ids, parent, 0)
        links[f"Cells_Children_{name}_Count"] = _taken(children, parent, 0)
        parts += [("Cells", whole, parent, False), ("Cytoplasm", cytoplasm(whole, nuclei), parent, True)]
    elif width > 0:
        parts.append(("Cytoplasm", ring(nuclei, width), rows, True))
    waiting: list[tuple[str, np.ndarray, Any]] = []
    for part, found, row, surrounds in parts:
        there, row = _without_empty(found, row)
        there.place  # noqa: B018 - made once, before the threads share it
        for task in tasks(there, pixels, only=only, steps=steps, surrounds=surrounds, more=appearance):
            waiting.append((part, row, pool.submit(_guarded(task))))
    columns: dict[str, np.ndarray] = {"ObjectNumber": nuclei.ids, "touches_border": _touching(nuclei), **links}
    for part, found, row, _ in parts:
        columns |= _locations(part, found, row)
    for part, row, future in waiting:
        columns |= {f"{part}_{key}": _taken(column, row, np.nan) for key, column in future.result().items()}
    return columns


def _guarded(task: Callable[[], dict[str, np.ndarray]]) -> Callable[[], dict[str, np.ndarray]]:
    """The task without NumPy's warnings about what is not defined, which comes out as NaN."""

    def call() -> dict[str, np.ndarray]:
        with np.errstate(all="ignore"):
            return task()

    return call


def _without_empty(objects: LabelObjects, row: np.ndarray) -> tuple[LabelObjects, np.ndarray]:
    """The objects that have pixels, and the rows that point to them."""
    from micrographia.features.label_objects import label_objects

    full = objects.area > 0
    if full.all():
        return objects, row
    position = np.where(full, np.cumsum(full) - 1, -1)
    ids = np.concatenate([[0], objects.ids])
    return label_objects(ids[objects.numbers]), np.where(row >= 0, position[row], -1)


def _taken(column: np.ndarray, row: np.ndarray, nothing: float) -> np.ndarray:
    if not len(column):
        return np.full(len(row), nothing, np.float64 if np.isnan(nothing) else column.dtype)
    return column if np.array_equal(row, np.arange(len(column))) else np.where(row >= 0, column[row], nothing)


def _locations(part: str, objects: LabelObjects, row: np.ndarray) -> dict[str, np.ndarray]:
    """``Location_Center``: the mean position of each object."""
    out = {}
    for axis, where in list(zip("XYZ", objects.place[::-1])):
        sums = np.concatenate([[0], np.cumsum(where)])[objects.first]
        with np.errstate(invalid="ignore"):
            out[f"{part}_Location_Center_{axis}"] = _taken(np.diff(sums) / objects.area, row, np.nan)
    return out


def _touching(objects: LabelObjects) -> np.ndarray:
    half = len(objects.shape)
    return ((objects.box[:, :half] == 0) | (objects.box[:, half:] == np.array(objects.shape)))[:, -2:].any(axis=1)


def _take(labels: Image, at: Mapping[str, int], volumes: bool) -> np.ndarray:
    return Image(labels.data, labels.axes, name=labels.name).take(**at).array("ZYX" if volumes else "YX")


def _stack(field: Image, at: Mapping[str, int], labels: Image, volumes: bool) -> np.ndarray:
    if not volumes:
        return planes(field, **at).astype(np.float64)
    return np.stack([planes(field, **at, Z=z) for z in range(labels.size("Z"))], axis=1).astype(np.float64)


def _same_field(cells: Image, labels: Image) -> Image:
    if cells.shape != labels.shape or cells.axes != labels.axes:
        raise InputError(
            f"{cells.name}: the cells have shape {cells.shape} ({cells.axes}) and the nuclei {labels.shape} "
            f"({labels.axes}); they must show the same field at the same size."
        )
    return cells


def _channel_names(channels: Sequence[str]) -> tuple[str, ...]:
    return tuple(ending[1:] or "c0" for ending in channel_endings(channels))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # pragma: no cover - not on Linux
        return os.cpu_count() or 1
