"""One row an object: position, size, shape and intensities (columns: :mod:`micrographia.features.columns`)."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image, refuse_path
from micrographia.features.aligned import as_image, as_labels, planes
from micrographia.features.columns import STATISTICS, channel_endings, finish, sizes

if TYPE_CHECKING:
    import pandas as pd


def measure(
    labels: Any,
    image: Any = None,
    *,
    axes: str | None = None,
    pixel_size: float | tuple[float, float] | Mapping[str, float] | None = None,
    channels: Sequence[str] | None = None,
    probability: Any = None,
    z: int | str | None = None,
) -> pd.DataFrame:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : (Y, X) integer array, or Image
        0 is background; ids may be sparse and of any size. With leading axes T or Z every plane is measured on its own
        (columns ``t`` and ``z``); for whole volumes see :func:`micrographia.features.volumes.measure_volumes`.
    image : array or Image, optional
        Pixels of the same field: the labels' axes, with channels (C) or colour samples (S) in addition.
    axes : str, optional
        Axes of ``labels`` where it is a plain array of more than two dimensions, such as ``"TYX"``; or those of
        ``image``, such as ``"CYX"``, of which labels have all but C and S.
    pixel_size : float, (y, x) or dict, optional
        Size of a pixel in micrometres; otherwise what ``labels`` or ``image`` knows.
    channels : sequence of str, optional
        Channel names for the columns; otherwise what ``image`` knows, or ``c0``, ``c1``…
    probability : dict or table, optional
        Probability of each object: label → probability, or a table (or dict of arrays) with the columns ``label`` and
        ``probability`` (and ``t``, ``z`` where labels repeat).
    z : int or "max", optional
        Where the image is a z stack and the labels are of one plane: which slice of it is measured, or the maximum
        projection.

    Returns
    -------
    pandas.DataFrame
        One row an object (and plane), sorted by t, z and label; columns as described in
        :mod:`micrographia.features.columns`. ``attrs["units"]`` maps columns to units.

    Raises
    ------
    InputError
        Where labels and image have different shapes (both are named) or an array is not of the right kind.
    RequestError
        Where ``z`` is no slice of the image, or there is none to choose: without an image, where it has no axis Z, or
        where the labels have one.

    Notes
    -----
    Values equal those of scikit-image's ``regionprops`` (perimeter with ``neighborhood=4``). Where pixels are not
    square the perimeter is given in pixels only. Pixels that are NaN or infinite are left out of the intensities.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 8), int)
    >>> labels[1:4, 2:6] = 5
    >>> table = measure(labels, pixel_size=0.5)
    >>> int(table.label[0]), int(table.area_px[0]), float(table.area_um2[0])
    (5, 12, 3.0)
    """
    import pandas as pd

    labels, image = _named(labels, image, axes)
    labels = as_labels(labels, None if isinstance(labels, Image) else axes)
    if z is not None:
        _check_has_slices(labels, image)
    if isinstance(image, Image) and "Z" in image.axes and "Z" not in labels.axes:
        image = _without_z(image, z)
    field = None if image is None else as_image(image, labels, channels)
    size = sizes(pixel_size, labels, field)
    leading = labels.axes[:-2]
    tables = []
    for where in np.ndindex(labels.shape[:-2]):
        index = dict(zip(leading, where))
        plane = Image(labels.data, labels.axes, name=labels.name).take(**index).array("YX")
        pixels = None if field is None else planes(field, **index)
        columns = _columns(plane, pixels, () if field is None else field.channels, size)
        table = pd.DataFrame(columns)
        for k, axis in enumerate(leading):
            table.insert(1 + k, axis.lower(), index[axis])
        tables.append(table)
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    for axis, unit in (("T", "t_s"), ("Z", "z_um")):
        if axis in leading and axis in size:
            table.insert(list(table.columns).index(axis.lower()) + 1, unit, table[axis.lower()] * size[axis])
    return finish(table, probability, size)


def _named(labels: Any, image: Any, axes: str | None) -> tuple[Any, Any]:
    """Both with axes where `axes` are those of an array that has more of them than the labels."""
    own = np.ndim(labels) if not isinstance(labels, Image) else len(labels.axes)
    if axes is None or image is None or isinstance(image, Image) or not own < len(axes) == np.ndim(image):
        return labels, image
    image = Image(np.asarray(image), axes)
    kept = "".join(axis for axis in image.axes if axis not in "CS")
    if own < len(kept):
        kept = kept.replace("Z", "")
    if isinstance(labels, Image) or own != len(kept):
        return labels, image
    return Image(np.asarray(labels), kept, name="labels"), image


def _check_has_slices(labels: Image, image: Any) -> None:
    """Refuse a choice of a slice where there is none to choose."""
    if image is None:
        raise RequestError("z is the slice of an image that is measured, and there is no image; leave z out.")
    if "Z" in labels.axes:
        raise RequestError(
            f"{labels.name}: the labels have the axis Z, so each slice is measured with its own labels; leave z out."
        )
    refuse_path(image, "read")
    if isinstance(image, Image):
        if "Z" not in image.axes:
            raise RequestError(f"{image.name}: the image has the axes {image.axes} and no z slices; leave z out.")
    elif np.ndim(image) > len(labels.axes):
        stack = f"{labels.axes[:-2]}ZYX"
        raise RequestError(f'To choose a slice with z, name the axes of the image, for example axes="{stack}".')
    else:
        raise RequestError(f"The image has the shape {np.shape(image)} and no z slices; leave z out.")


def _without_z(image: Image, z: Any) -> Image:
    """The slice of a stack, or its projection, that labels of one plane are measured in."""
    slices = image.size("Z")
    if z is None and slices > 1:
        raise InputError(
            f"{image.name}: the image has {slices} z slices and the labels are of one plane; say which one is measured "
            'with z=, counted from 0, or z="max" for the maximum projection.'
        )
    if isinstance(z, str) and z == "max":
        return image.project()
    try:
        number = -1 if isinstance(z, bool) else operator.index(0 if z is None else z)
    except TypeError:
        number = -1
    if not 0 <= number < slices:
        raise RequestError(f'z must be 0 to {slices - 1}, a slice of {image.name}, or "max"; got {z!r}.')
    return image.take(Z=number)


def measure_region(
    labels: np.ndarray,
    image: np.ndarray | None = None,
    *,
    offset: tuple[int, int] = (0, 0),
    full_shape: tuple[int, int] | None = None,
    only_labels: Sequence[int] | np.ndarray | None = None,
    pixel_size: float | tuple[float, float] | Mapping[str, float] | None = None,
    channels: Sequence[str] | None = None,
    probability: Any = None,
) -> pd.DataFrame:
    """Measure objects of one region of an image that is too large for memory.

    Give each region with a margin, and name in ``only_labels`` the objects that belong to it and lie in it whole: the
    rows of all regions together then equal those of :func:`measure` on the whole image.

    Parameters
    ----------
    labels : (Y, X) integer array
        The region's labels.
    image : (Y, X), (C, Y, X) or (Y, X, 3) array, optional
        The region's pixels.
    offset : (y, x)
        Position of the region's first pixel in the whole image; positions in the table refer to the whole image.
    full_shape : (Y, X), optional
        Shape of the whole image, for ``touches_border``; otherwise the region is the whole.
    only_labels : sequence of int, optional
        Objects to measure; all otherwise.
    pixel_size, channels, probability
        As for :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        As from :func:`measure`.

    Raises
    ------
    InputError
        As :func:`measure`.
    """
    import pandas as pd

    region = as_labels(labels)
    field = None if image is None else as_image(image, region, channels)
    size = sizes(pixel_size, region, field)
    only = None if only_labels is None else np.asarray(only_labels, np.int64)
    pixels, names = (None, ()) if field is None else (planes(field), field.channels)
    columns = _columns(region.array(), pixels, names, size, only, offset, full_shape)
    return finish(pd.DataFrame(columns), probability, size)


def _columns(
    labels: np.ndarray,
    pixels: np.ndarray | None,
    channels: Sequence[str],
    size: Mapping[str, float],
    only: np.ndarray | None = None,
    offset: tuple[int, int] = (0, 0),
    full_shape: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """All columns of one plane: labels (Y, X), pixels (C, Y, X)."""
    from micrographia.features import regions
    from micrographia.features.intensity import intensities

    ids, index = regions.dense(labels, only)
    area, box, central = regions.moments(index, len(ids))
    yy, yx, xx = central[:, 2], central[:, 3], central[:, 4]
    major, minor = _ellipse(yy, yx, xx)
    y, x = central[:, 0] + offset[0], central[:, 1] + offset[1]
    box = box.astype(np.int64) + np.array([*offset, *offset])
    height, width = full_shape or (labels.shape[0] + offset[0], labels.shape[1] + offset[1])
    # Without the whole image's shape the region's own edges are the border.
    top, first = (0, 0) if full_shape else offset
    perimeter = regions.perimeters(index, len(ids))
    diameter = np.sqrt(4 * area / np.pi)
    ratio = np.divide(minor, major, out=np.ones_like(minor), where=major > 0)
    columns: dict[str, np.ndarray] = {
        "label": ids,
        "centroid_y_px": y,
        "centroid_x_px": x,
        "area_px": area,
        "perimeter_px": perimeter,
        "major_axis_px": major,
        "minor_axis_px": minor,
        "equivalent_diameter_px": diameter,
        "eccentricity": np.sqrt(1 - ratio**2),
        "solidity": area / regions.hull_areas(index, _local(box, offset)),
        "bbox_y0_px": box[:, 0],
        "bbox_x0_px": box[:, 1],
        "bbox_y1_px": box[:, 2],
        "bbox_x1_px": box[:, 3],
        "touches_border": (box[:, 0] <= top) | (box[:, 1] <= first) | (box[:, 2] >= height) | (box[:, 3] >= width),
    }
    if "Y" in size and "X" in size:
        sy, sx = size["Y"], size["X"]
        columns["centroid_y_um"], columns["centroid_x_um"] = y * sy, x * sx
        columns["area_um2"] = area * (sy * sx)
        if np.isclose(sy, sx, rtol=1e-3):
            columns["perimeter_um"] = perimeter * np.sqrt(sy * sx)
        columns["major_axis_um"], columns["minor_axis_um"] = _ellipse(yy * sy * sy, yx * sy * sx, xx * sx * sx)
        columns["equivalent_diameter_um"] = diameter * np.sqrt(sy * sx)
    if pixels is not None:
        position = regions.grouped_pixels(index, area)
        for channel, plane in zip(channel_endings(channels), pixels):
            values = plane.reshape(-1)[position].astype(np.float64)
            for name, column in zip(STATISTICS, intensities(values, area).T):
                columns[f"intensity_{name}{channel}"] = column
    return columns


def _local(box: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
    return (box - np.array([*offset, *offset])).astype(np.int32)


def _ellipse(yy: np.ndarray, yx: np.ndarray, xx: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axis lengths of the ellipse with these second moments: four times the roots of their eigenvalues."""
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    return 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, 0))
