"""One image of a batch: read it, choose its planes, find and measure the objects, write the results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.cli.folder_run import InputTask
from micrographia.cli.input_files import read_input
from micrographia.cli.object_lists import ObjectLists
from micrographia.cli.plane_checks import check_large, holds_no_numbers, labels_warning, said_together
from micrographia.segment.lazy_planes import LazyPlane, PlaneOf
from micrographia.segment.planes import Index, choose_planes, read_plane

if TYPE_CHECKING:
    from micrographia.segment.predictor import Predictor, Segmentation

LAZY_PIXELS = 16_000_000
"""Planes of lazy images with more pixels than this are read, segmented and written block by block."""

_DECODING = ("probability", "overlap", "background")
_PICTURE = 2048


class Task(InputTask):
    """One input of ``micrographia segment``."""

    @property
    def labels(self) -> Path:
        """The label file: OME-Zarr or TIFF."""
        return self.picture("labels", self.options["labels_format"])

    @property
    def table(self) -> Path:
        """The table of objects."""
        return self.folder / f"{self.name}_objects.{self.options['table']}"

    @property
    def overlay(self) -> Path:
        """The picture with outlines."""
        return self.folder / f"{self.name}_overlay.png"

    @property
    def rois(self) -> Path | None:
        """The ImageJ ROI zip, where asked for."""
        return self.folder / f"{self.name}_rois.zip" if self.options["rois"] else None

    @property
    def geojson(self) -> Path | None:
        """The outlines for QuPath, where asked for."""
        return self.folder / f"{self.name}_objects.geojson" if self.options["geojson"] else None

    @property
    def files(self) -> list[str]:
        """Names of all results in the output folder."""
        return [path.name for path in (self.labels, self.table, self.overlay, self.rois, self.geojson) if path]


@dataclass(frozen=True)
class _Found:
    """What is kept of a segmented plane: picture and labels to show, thinned where large; what is said of it."""

    picture: np.ndarray
    labels: np.ndarray
    kind: str
    notes: list[str]
    warnings: list[str]


class _Planes:
    """What was found in the planes of an image; the pictures of the middle one alone are kept."""

    def __init__(self, number: int) -> None:
        self.middle = number // 2
        self.kinds: list[str] = []
        self.notes: list[list[str]] = []
        self.warnings: list[list[str]] = []
        self.shown: _Found

    def add(self, found: _Found) -> None:
        """The next plane."""
        if len(self.kinds) == self.middle:
            self.shown = found
        self.kinds.append(found.kind)
        self.notes.append(found.notes)
        self.warnings.append(found.warnings)


def make_results(task: Task) -> dict[str, Any]:
    """Segment and measure one input and write its results.

    Returns
    -------
    dict
        JSON values for the record and the report: the fields of :class:`micrographia.report.run_report.ImageResult`.

    Raises
    ------
    InputError
        Where the input cannot be used or a result cannot be written.
    """
    from micrographia.io.writing import write
    from micrographia.report.overlay import overlay

    start = time.perf_counter()
    options = task.options
    finder = predictor(options["model"], task.threads)
    image = read_input(task.source, options)
    planes, notes = choose_planes(image, channel=options["channel"], z=options["z"], all_channels=finder.all_channels)
    lists = ObjectLists(image, outlines=options["rois"] or options["geojson"])
    store = _to_zarr if task.labels.suffix == ".zarr" else _to_tiff
    found = store(task, finder, image, planes, lists)
    if len(planes) > 1:
        notes.append(f"The overlay shows plane {len(planes) // 2 + 1} of {len(planes)}.")
    table = lists.table()
    lists.write(table, task.table, task.rois, task.geojson)
    write(task.overlay, overlay(found.shown.picture, found.shown.labels), axes="YXS")
    return {
        "source": str(task.source),
        "name": task.name,
        "files": task.files,
        "objects": lists.objects,
        "planes": len(planes),
        "shape": list(image.shape),
        "axes": image.axes,
        "pixel_size": image.pixel_size.get("X"),
        "kind": Counter(found.kinds).most_common(1)[0][0],
        "notes": list(dict.fromkeys([*image.notes, *notes, *said_together(found.notes)])),
        "warnings": said_together(found.warnings),
        "diameters": [round(float(d), 2) for d in table["equivalent_diameter_px"]],
        "seconds": round(time.perf_counter() - start, 2),
    }


@lru_cache(maxsize=1)
def predictor(model: str, threads: int) -> Predictor:
    """The predictor, loaded once in each process."""
    from micrographia.segment.predictor import load_predictor

    return load_predictor(model, threads=threads or None)


def stack_axes(image: Image, planes: list[Index]) -> str:
    """The axes over which the labels are a stack: T and Z where the image has several and they are kept apart."""
    several = [axis for axis in "TZ" if len({plane.get(axis) for plane in planes}) > 1]
    if "Z" in several and len({plane.get("T") for plane in planes}) == len(planes):
        several.remove("Z")  # the sharpest slice of each time point
    return "".join(several)


def _to_tiff(task: Task, finder: Predictor, image: Image, planes: list[Index], lists: ObjectLists) -> _Planes:
    """All labels in memory."""
    from micrographia.io.writing import write_labels

    axes = stack_axes(image, planes) + "YX"
    labels = np.zeros([image.size(axis) for axis in axes], np.int32)
    found = _Planes(len(planes))
    for index in planes:
        one = _whole(task, finder, image, index, lists)
        labels[_place(index, axes)] = one.labels
        found.add(one)
    write_labels(task.labels, labels, axes=axes, pixel_size=_sizes(image, axes))
    return found


def _to_zarr(task: Task, finder: Predictor, image: Image, planes: list[Index], lists: ObjectLists) -> _Planes:
    """Plane by plane, and large lazy planes block by block, into an OME-Zarr."""
    from micrographia.io.zarr_writer import create_zarr

    axes = stack_axes(image, planes) + "YX"
    large = not isinstance(image.data, np.ndarray) and image.size("Y") * image.size("X") > LAZY_PIXELS
    found = _Planes(len(planes))
    with create_zarr(
        task.labels, [image.size(axis) for axis in axes], axes, np.int32, pixel_size=_sizes(image, axes), labels=True
    ) as new:
        for index in planes:
            target = PlaneOf(new.array, _place(index, axes))
            if large and index.get("Z") != "max":
                one = _by_blocks(task, finder, image, index, lists, target)
            else:
                one = _whole(task, finder, image, index, lists)
                target[:, :] = one.labels
            found.add(one)
    return found


def _whole(task: Task, finder: Predictor, image: Image, index: Index, lists: ObjectLists) -> _Found:
    """One plane in memory."""
    from micrographia.features.image_checks import check_image

    plane = read_plane(image, index)
    result = finder.segment(plane, **{name: task.options[name] for name in _DECODING})
    lists.add_plane(result.labels, _all_channels(image, index, plane), index, result.probabilities())
    warnings = check_image(
        plane, result.labels, trained_diameter=_trained(finder, result.kind), background=task.options["background"]
    )
    return _found(plane, result.labels, result, labels_warning(plane) + warnings)


def _by_blocks(
    task: Task, finder: Predictor, image: Image, index: Index, lists: ObjectLists, target: PlaneOf
) -> _Found:
    """One plane that is never in memory as a whole; its labels go to ``target``."""
    plane = LazyPlane.of(image, index)
    every = LazyPlane.of(image, {axis: at for axis, at in index.items() if axis in "TZ"})
    before = lists.objects

    def visit(labels: np.ndarray, only: np.ndarray, region: tuple[slice, slice], stars: Any) -> None:
        probability = dict(zip(only.tolist(), stars.probability[only - 1].tolist(), strict=True))
        lists.add_region(labels, every.region(region), index, probability, region)

    decoding = {name: task.options[name] for name in _DECODING}
    result = finder.segment_to_zarr(plane.image, target, scratch=task.folder, visit=visit, **decoding)
    if lists.objects == before:  # a table without rows has its headers all the same
        corner = (slice(0, 1), slice(0, 1))
        lists.add_region(np.zeros((1, 1), np.int32), every.region(corner), index, {}, corner)
    step = -(-max(target.shape) // _PICTURE)
    thinned, labels = plane.thinned(step), np.asarray(target[::step, ::step])
    warnings = check_large(
        plane, target, thinned, labels, lists.objects - before, step=step,
        trained_diameter=_trained(finder, result.kind), background=task.options["background"],
    )  # fmt: skip
    return _found(thinned, labels, result, warnings)


def _found(plane: Image, labels: np.ndarray, result: Segmentation, warnings: list[str]) -> _Found:
    notes = [] if holds_no_numbers(plane) else list(_sentences(result.notes))
    return _Found(_picture(plane), labels, result.kind, notes, warnings)


def _all_channels(image: Image, index: Index, plane: Image) -> Image:
    """The plane with all channels and colours, so that the intensities of each are measured."""
    if image.size("C") == 1 and "S" not in index:
        return plane
    return read_plane(image, {axis: at for axis, at in index.items() if axis in "TZ"})


def _place(index: Index, axes: str) -> tuple[int, ...]:
    return tuple(int(index[axis]) for axis in axes if axis in "TZ")


def _sizes(image: Image, axes: str) -> dict[str, float]:
    return {axis: size for axis, size in image.pixel_size.items() if axis in axes}


def _trained(finder: Predictor, kind: str) -> tuple[float, float] | None:
    """Diameters of most objects that the network for this kind of image was trained on."""
    for expert in finder.experts:
        if expert.name == kind and expert.diameters[2] > 0:
            return expert.diameters[0], expert.diameters[2]
    return None


def _sentences(notes: list[str]) -> Iterator[str]:
    for note in notes:
        yield note[:1].upper() + note[1:].rstrip(".") + "."


def _picture(plane: Image) -> np.ndarray:
    """What the overlay is drawn on: YX or YXS; of several channels their mean."""
    data = np.asarray(plane.data[...])
    return data.astype(np.float32).mean(axis=plane.axes.index("C")) if "C" in plane.axes else data
