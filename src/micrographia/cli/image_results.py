"""One image of a batch: read it, choose its planes, find and measure the objects, write the results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.segment.lazy_planes import LazyPlane, PlaneOf
from micrographia.segment.planes import Index, choose_planes, looks_like_labels, read_plane

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.segment.predictor import Predictor

LAZY_PIXELS = 16_000_000
"""Planes of lazy images with more pixels than this are read, segmented and written block by block."""

_PICTURE = 2048


@dataclass(frozen=True)
class Task:
    """One input and everything needed to make its results, in this process or in another.

    Attributes
    ----------
    source, folder : Path
        Input and output folder.
    name : str
        What the results are called.
    options : dict
        Values of the declared options of ``micrographia segment``.
    threads : int
        Threads of the network; 0 for all cores.
    """

    source: Path
    folder: Path
    name: str
    options: dict[str, Any]
    threads: int = 0

    @property
    def files(self) -> list[str]:
        """Names of the results in the output folder."""
        kind = self.options["labels_format"]
        zarr = kind == "zarr" or (kind == "auto" and self.source.is_dir())
        names = [f"{self.name}_labels.{'ome.zarr' if zarr else 'tif'}", f"{self.name}_objects.{self.options['table']}"]
        names.append(f"{self.name}_overlay.png")
        if self.options["rois"]:
            names.append(f"{self.name}_rois.zip")
        if self.options["geojson"]:
            names.append(f"{self.name}_objects.geojson")
        return names


@dataclass
class _Found:
    """What is collected plane by plane."""

    tables: list[pd.DataFrame]
    outlines: list[tuple[np.ndarray, int | None, int | None, int]]
    notes: list[str]
    objects: int = 0


@dataclass(frozen=True)
class _Shown:
    """The plane that the overlay shows: picture and labels, thinned where large; a sample at full resolution."""

    picture: np.ndarray
    labels: np.ndarray
    sample: tuple[Image, np.ndarray]
    kind: str


def make_results(task: Task) -> dict[str, Any]:
    """Segment and measure one input and write its results.

    Returns
    -------
    dict
        JSON values for the record and the report: ``source``, ``name``, ``files``, ``objects``, ``planes``, ``shape``,
        ``axes``, ``kind``, ``notes``, ``warnings``, ``seconds``.

    Raises
    ------
    InputError
        Where the input cannot be used or a result cannot be written.
    """
    from micrographia.io.reading import read

    start = time.perf_counter()
    options = task.options
    finder = predictor(options["model"], task.threads)
    image = read(task.source, axes=options["axes"], scene=options["scene"])
    if options["pixel_size"] is not None:
        size = float(options["pixel_size"])
        image = replace(image, pixel_size=dict(image.pixel_size) | {"Y": size, "X": size})
    all_channels = finder.all_channels
    planes, notes = choose_planes(image, channel=options["channel"], z=options["z"], all_channels=all_channels)
    stack = stack_axes(image, planes)
    found = _Found([], [], [*image.notes, *notes])
    labels_path = task.folder / task.files[0]
    if labels_path.suffix == ".zarr":
        shown = _to_zarr(task, finder, image, planes, stack, labels_path, found)
    else:
        shown = _to_tiff(task, finder, image, planes, stack, labels_path, found)
    table = _joined(found.tables)
    _write_lists(task, table, found)
    from micrographia.features.quality import check_image
    from micrographia.io.writing import write
    from micrographia.report.overlay import overlay

    write(task.folder / f"{task.name}_overlay.png", overlay(shown.picture, shown.labels), axes="YXS")
    diameters = table["equivalent_diameter_px"].to_numpy() if len(table) else np.zeros(0)
    return {
        "source": str(task.source),
        "name": task.name,
        "files": task.files,
        "objects": int(found.objects),
        "planes": len(planes),
        "shape": list(image.shape),
        "axes": image.axes,
        "pixel_size": image.pixel_size.get("X"),
        "kind": shown.kind,
        "notes": list(dict.fromkeys(found.notes)),
        "warnings": [
            *_label_warning(shown.sample[0]),
            *check_image(*shown.sample, trained_diameter=_trained(finder, shown.kind)),
        ],
        "diameters": [round(float(d), 2) for d in diameters],
        "seconds": round(time.perf_counter() - start, 2),
    }


@lru_cache(maxsize=1)
def predictor(model: str, threads: int) -> Predictor:
    """The predictor, loaded once in each process."""
    from micrographia.segment.predictor import load_predictor

    return load_predictor(model, threads=threads or None)


def _label_warning(plane: Image) -> list[str]:
    sentence = "This looks like a label image, not like a picture; segment the picture."
    return [sentence] if looks_like_labels(plane) else []


def _trained(finder: Predictor, kind: str) -> tuple[float, float] | None:
    """Diameters of most objects that the network for this kind of image was trained on."""
    for expert in finder.experts:
        if expert.name == kind and expert.diameters[2] > 0:
            return expert.diameters[0], expert.diameters[2]
    return None


def _middle(size: int) -> slice:
    return slice(max(0, (size - _PICTURE) // 2), (size + _PICTURE) // 2)


def stack_axes(image: Image, planes: list[Index]) -> str:
    """The axes over which the labels are a stack: T and Z where the image has several and they are kept apart."""
    axes = ""
    for axis in "TZ":
        if len({plane.get(axis) for plane in planes}) > 1 and not (axis == "Z" and _one_z_each(planes)):
            axes += axis
    return axes


def _one_z_each(planes: list[Index]) -> bool:
    """Whether there is only one slice a time point, as with the sharpest one."""
    times = [plane.get("T") for plane in planes]
    return len(set(times)) == len(times)


def _thresholds(task: Task) -> dict[str, Any]:
    return {name: task.options[name] for name in ("probability", "overlap")}


def _to_tiff(
    task: Task, finder: Predictor, image: Image, planes: list[Index], stack: str, path: Path, found: _Found
) -> _Shown:
    """All planes in memory; returns the plane to show."""
    from micrographia.io.writing import write_labels

    labels = np.zeros((*(image.size(axis) for axis in stack), image.size("Y"), image.size("X")), np.int32)
    shown: _Shown | None = None
    for number, index in enumerate(planes):
        plane = read_plane(image, index)
        result = finder.segment(plane, **_thresholds(task))
        labels[_place(index, stack)] = result.labels
        found.notes += _sentences(result.notes)
        found.objects += len(result.label)
        pixels = _measured_pixels(image, index, plane)
        _collect(task, found, result.labels, pixels, index, stack, image, result.probabilities())
        if number == len(planes) // 2:
            shown = _Shown(_picture(plane), result.labels, (plane, result.labels), result.kind)
    if len(planes) > 1:
        found.notes.append(f"The overlay shows plane {len(planes) // 2 + 1} of {len(planes)}.")
    write_labels(path, labels, axes=stack + "YX", pixel_size=_sizes(image, stack + "YX"))
    assert shown is not None
    return shown


def _to_zarr(
    task: Task, finder: Predictor, image: Image, planes: list[Index], stack: str, path: Path, found: _Found
) -> _Shown:
    """Plane by plane, and large planes block by block, into an OME-Zarr; otherwise as :func:`_to_tiff`."""
    from micrographia.features.objects import measure_region
    from micrographia.io.zarr_writer import create_zarr

    height, width = image.size("Y"), image.size("X")
    shape = (*(image.size(axis) for axis in stack), height, width)
    size = _sizes(image, stack + "YX")
    with create_zarr(path, shape, stack + "YX", np.int32, pixel_size=size, labels=True) as new:
        for number, index in enumerate(planes):
            target = PlaneOf(new.array, _place(index, stack))
            large = not isinstance(image.data, np.ndarray) and height * width > LAZY_PIXELS and index.get("Z") != "max"
            if large:
                lazy = LazyPlane.of(image, index)
                every = LazyPlane.of(image, {axis: at for axis, at in index.items() if axis in "TZ"})
                tables: list[Any] = []

                def visit(labels: np.ndarray, only: np.ndarray, region: tuple[slice, slice], stars: Any) -> None:
                    pixels = every.region(region)  # noqa: B023
                    table = measure_region(
                        labels, pixels.data, offset=(region[0].start, region[1].start), full_shape=(height, width),
                        only_labels=only, pixel_size=size, channels=pixels.channels or None,
                        probability=dict(zip(only.tolist(), stars.probability[only - 1].tolist())),
                    )  # fmt: skip
                    tables.append(table)  # noqa: B023
                    corner = np.array([region[0].start, region[1].start])
                    _outline(task, found, np.where(np.isin(labels, only), labels, 0), index, image, corner)  # noqa: B023

                result = finder.segment_to_zarr(
                    lazy.image, target, scratch=path.parent, visit=visit, **_thresholds(task)
                )
                found.tables += [_with_place(_joined(tables), index, stack, image)]
                k = -(-max(height, width) // _PICTURE)
                middle = (_middle(height), _middle(width))
                sample = (lazy.region(middle), target[middle])
                current = _Shown(_picture(lazy.thinned(k)), np.asarray(target[::k, ::k]), sample, result.kind)
            else:
                plane = read_plane(image, index)
                result = finder.segment(plane, **_thresholds(task))
                target[:, :] = result.labels
                pixels = _measured_pixels(image, index, plane)
                _collect(task, found, result.labels, pixels, index, stack, image, result.probabilities())
                current = _Shown(_picture(plane), result.labels, (plane, result.labels), result.kind)
            found.notes += _sentences(result.notes)
            found.objects += len(result.label)
            if number == len(planes) // 2:
                shown = current
        if len(planes) > 1:
            found.notes.append(f"The overlay shows plane {len(planes) // 2 + 1} of {len(planes)}.")
    return shown


def _measured_pixels(image: Image, index: Index, plane: Image) -> Image:
    """All channels of the plane, so that the intensities of every channel are measured."""
    if image.size("C") == 1:
        return plane if "S" not in index else read_plane(image, {a: at for a, at in index.items() if a != "S"})
    return read_plane(image, {axis: at for axis, at in index.items() if axis in "TZ"})


def _place(index: Index, stack: str) -> tuple[int, ...]:
    return tuple(int(index[axis]) for axis in stack)


def _sizes(image: Image, axes: str) -> dict[str, float]:
    return {axis: size for axis, size in image.pixel_size.items() if axis in axes}


def _sentences(notes: list[str]) -> Iterator[str]:
    for note in notes:
        yield note[:1].upper() + note[1:].rstrip(".") + "."


def _picture(plane: Image) -> np.ndarray:
    """What the overlay is drawn on: YX or YXS; of several channels their mean."""
    data = np.asarray(plane.data[...])
    return data.astype(np.float32).mean(axis=plane.axes.index("C")) if "C" in plane.axes else data


def _collect(
    task: Task, found: _Found, labels: np.ndarray, pixels: Image, index: Index, stack: str, image: Image,
    probability: dict[int, float],
) -> None:  # fmt: skip
    """Measure one plane, and keep its outlines where they will be written."""
    from micrographia.features.objects import measure

    table = measure(labels, pixels, pixel_size=_sizes(image, "YX") or None, probability=probability)
    found.tables.append(_with_place(table, index, stack, image))
    _outline(task, found, labels, index, image)


def _outline(
    task: Task, found: _Found, labels: np.ndarray, index: Index, image: Image, corner: np.ndarray | None = None
) -> None:
    """Keep the outlines of the objects where they will be written."""
    if not (task.options["rois"] or task.options["geojson"]):
        return
    from micrographia.io.outlines import label_outlines, largest_ring

    z = int(index["Z"]) if image.size("Z") > 1 and index.get("Z") != "max" else None
    t = int(index["T"]) if image.size("T") > 1 else None
    for label, rings in label_outlines(labels).items():
        ring = largest_ring(rings)
        found.outlines.append((ring if corner is None else ring + corner, z, t, label))


def _with_place(table: pd.DataFrame, index: Index, stack: str, image: Image) -> pd.DataFrame:
    """The table with the columns t and z, behind the label, where the image has several."""
    column = 1
    for axis, physical in (("T", "t_s"), ("Z", "z_um")):
        if image.size(axis) > 1 and isinstance(index.get(axis), int):
            table.insert(column, axis.lower(), index[axis])
            column += 1
            if axis in image.pixel_size:
                table.insert(column, physical, float(index[axis]) * image.pixel_size[axis])
                column += 1
    return table


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    if not tables:
        raise InputError("No plane was segmented.")
    if len(tables) == 1:
        return tables[0]
    full = [table for table in tables if len(table)] or tables[:1]
    joined = pd.concat(full, ignore_index=True)
    return joined.sort_values([c for c in ("t", "z", "label") if c in joined], ignore_index=True, kind="stable")


def _write_lists(task: Task, table: pd.DataFrame, found: _Found) -> None:
    """Table, ROI zip and GeoJSON."""
    from micrographia.io.geojson import write_geojson
    from micrographia.io.rois import write_rois
    from micrographia.io.tables import write_table

    found.outlines.sort(key=lambda o: (o[2] or 0, o[1] or 0, o[3]))
    write_table(task.folder / f"{task.name}_objects.{task.options['table']}", table)
    rings = [ring for ring, _, _, _ in found.outlines]
    if task.options["rois"]:
        names = [_roi_name(label, z, t) for _, z, t, label in found.outlines]
        one: dict[str, Any] = {}
        if any(z is not None for _, z, _, _ in found.outlines):
            one["z"] = [z for _, z, _, _ in found.outlines]
        if any(t is not None for _, _, t, _ in found.outlines):
            one["t"] = [t for _, _, t, _ in found.outlines]
        write_rois(task.folder / f"{task.name}_rois.zip", rings, names, **one)
    if task.options["geojson"]:
        columns = [str(c) for c in table.columns if c in _GEOJSON or str(c).startswith("intensity_mean")]
        entries = [
            dict(zip(columns, row, strict=True)) | {"name": str(label)}
            for label, row in zip(table["label"], table[columns].to_numpy().tolist(), strict=True)
        ]
        write_geojson(task.folder / f"{task.name}_objects.geojson", rings, entries)


_GEOJSON = ("t", "z", "area_px", "area_um2", "eccentricity", "solidity", "probability")


def _roi_name(label: int, z: int | None, t: int | None) -> str:
    return "-".join([f"{a}{at}" for a, at in (("t", t), ("z", z)) if at is not None] + [str(label)])
