"""What an ilastik project (``.ilp``, an HDF5 file) holds: images, features, strokes and forests.

The layout, as ilastik 1.3 to 1.4 write it:

- ``workflowName``: ``Pixel Classification``, or ``AutocontextTwoStage``, whose second stage has the groups
  ``FeatureSelections01`` and ``PixelClassification01``.
- ``Input Data/infos/laneNNNN/Raw Data``: for each image ``filePath``, ``location``, ``shape`` and ``axistags`` (JSON).
- ``FeatureSelections``: ``FeatureIds``, ``Scales``, ``SelectionMatrix`` (features x scales) and ``ComputeIn2d``.
- ``PixelClassification``: ``LabelNames``, ``LabelColors``; ``LabelSets/labelsNNN/blockNNNN`` with the attribute
  ``blockSlice``; ``ClassifierForests/ForestNNNN/Tree_N``.

Some data sets are pickles (``ClassifierFactory``, ``pickled_type``, ``Bookmarks``): they are never read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.ilastik.stored_forest import VigraTree

WORKFLOWS = {
    "Pixel Classification": 1,
    "Object Classification (from pixel classification)": 1,
    "AutocontextTwoStage": 2,
}
"""Workflows that classify pixels, and how many stages they have."""

FEATURES = {
    "GaussianSmoothing": "gaussian",
    "LaplacianOfGaussian": "laplacian",
    "GaussianGradientMagnitude": "gradient",
    "DifferenceOfGaussians": "difference",
    "StructureTensorEigenvalues": "structure",
    "HessianOfGaussianEigenvalues": "hessian",
}
"""ilastik's names of the filters, and ours."""

_QUOTES = "'\""

_LARGEST = 1 << 31
"""Entries of a data set; more than this is taken for damage."""


@dataclass(frozen=True)
class Lane:
    """One image of a project.

    Attributes
    ----------
    name : str
        As ilastik shows it.
    file : str
        Path as stored, relative to the project or absolute; may end inside an HDF5 file. Empty where the pixels are in
        the project.
    inside : str
        Path of the pixels inside the project; empty where they are in a file.
    axes : str
        One letter of ``"TCZYX"`` for each dimension.
    shape : tuple of int
        Its shape in these axes.
    """

    name: str
    file: str
    inside: str
    axes: str
    shape: tuple[int, ...]

    def size(self, axis: str) -> int:
        """Length of an axis; 1 where the image does not have it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1


@dataclass(frozen=True)
class ProjectStage:
    """Features, strokes and forest of one stage.

    Attributes
    ----------
    selection : tuple of (str, float, bool)
        Filter (our name), sigma, and whether it is computed slice by slice, in ilastik's order.
    classes : tuple of str
        Name of each class.
    colours : tuple of (int, int, int)
        Colour of each class; empty where none are stored.
    strokes : tuple of lists of (block, array)
        For each lane the painted blocks: where in the lane without C, and uint8 values: 0 where nothing was painted,
        else the class from 1.
    trees : list of (topology, parameters)
        The trees of its forests; empty where it was not trained.
    known : tuple of int
        The classes that the forest knows, from 1.
    """

    selection: tuple[tuple[str, float, bool], ...]
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    strokes: tuple[list[tuple[Block, np.ndarray]], ...] = field(repr=False)
    trees: list[VigraTree] = field(repr=False)
    known: tuple[int, ...] = ()

    @property
    def painted(self) -> bool:
        """Whether there is a stroke."""
        return any(data.any() for blocks in self.strokes for _, data in blocks)

    def labels(self, number: int, lane: Lane) -> np.ndarray:
        """The strokes of a lane as a uint8 array of its shape without C; 0 where nothing was painted."""
        whole = np.zeros([n for n, axis in zip(lane.shape, lane.axes, strict=True) if axis != "C"], np.uint8)
        for where, data in self.strokes[number]:
            np.maximum(whole[where], data, out=whole[where])
        return whole


@dataclass(frozen=True)
class Project:
    """A project that classifies pixels: its file, workflow, the ilastik that wrote it, images and stages."""

    path: Path
    workflow: str
    version: str
    lanes: tuple[Lane, ...]
    stages: tuple[ProjectStage, ...]


def read_project(path: str | Path) -> Project:
    """Read a project; nothing in it is unpickled, and its images are not opened.

    Raises
    ------
    InputError
        Where it is no project, damaged, of a workflow that does not classify pixels, or has no image or no features.
    RequestError
        Where h5py is not installed.
    """
    path = Path(path).expanduser()
    with opened(path) as file:
        if "workflowName" not in file:
            raise InputError(f"{path}: this is an HDF5 file, but no ilastik project (it names no workflow).")
        workflow = _text(file, "workflowName")
        if workflow not in WORKFLOWS:
            known = "' or '".join(WORKFLOWS)
            raise InputError(
                f"{path}: this is an ilastik project of the workflow '{workflow}', which has no pixel classifier that "
                f"can be used here; it must be of '{known}'."
            )
        lanes = tuple(_lanes(file, path))
        stages = []
        for number in range(WORKFLOWS[workflow]):
            suffix = f"{number:02d}" if number else ""
            stages.append(_stage(file, path, suffix, lanes))
        version = _text(file, "ilastikVersion") if "ilastikVersion" in file else ""
    return Project(path, workflow, version, lanes, tuple(stages))


@contextmanager
def opened(path: Path, what: str = "ilastik project") -> Iterator[Any]:
    """An ``h5py.File`` to read; what h5py finds wrong with it becomes one sentence that names it (`what`)."""
    try:
        import h5py
    except ImportError:
        raise RequestError(
            f"{path}: this {what} is an HDF5 file, which needs the package h5py; install it with: "
            "pip install micrographia[formats]"
        ) from None
    if not path.is_file():
        raise InputError(f"{path}: there is no such {what}.")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}: this is no {what} (it is not an HDF5 file).")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        state = "cut short" if "truncated" in str(error) else "damaged"
        reason = str(error).strip(_QUOTES)
        raise InputError(f"{path}: this {what} is {state} ({reason}); copy or save it again.") from error


def array(node: Any, name: str) -> np.ndarray:
    """One data set of numbers, of a size that makes sense."""
    dataset = node[name]
    if not 0 < dataset.size < _LARGEST or dataset.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} holds no numbers")
    return np.asarray(dataset[()])


def _row(node: Any, name: str) -> np.ndarray:
    """One data set with a single row of numbers."""
    row = array(node, name)
    if row.ndim != 1:
        raise ValueError(f"{node.name}/{name} has the shape {row.shape}, not a single row")
    return row


def _lanes(file: Any, path: Path) -> Iterator[Lane]:
    infos = file.get("Input Data/infos", {})
    raws = [group["Raw Data"] for _, group in sorted(infos.items()) if len(group.get("Raw Data", ()))]
    if not raws:
        raise InputError(
            f"{path}: there is no image in this ilastik project, so what its strokes and its forest belong to is not "
            "known; add the image in ilastik and save the project."
        )
    for raw in raws:
        axes = _axes(raw["axistags"][()])
        shape = tuple(int(n) for n in array(raw, "shape"))
        if len(axes) != len(shape) or set(axes) - set("TCZYX") or not {"Y", "X"} <= set(axes):
            raise ValueError(f"{raw.name} has the axes {axes} and the shape {shape}")
        file_path = _text(raw, "filePath")
        inside = ""
        if _text(raw, "location") == "ProjectInternal":
            inside, file_path = f"Input Data/local_data/{_text(raw, 'datasetId')}", ""
        name = _text(raw, "nickname") if "nickname" in raw else Path(file_path).stem
        yield Lane(name, file_path, inside, axes, shape)


def _stage(file: Any, path: Path, suffix: str, lanes: tuple[Lane, ...]) -> ProjectStage:
    group = file.get(f"PixelClassification{suffix}", {})
    strokes = tuple(list(_strokes(group, number, lane)) for number, lane in enumerate(lanes))
    trees, known = _trees(group)
    names = [] if "LabelNames" not in group or group["LabelNames"].attrs.get("isEmpty") else group["LabelNames"][()]
    classes = [_decoded(name) for name in names]
    highest = max([*known, *(int(data.max()) for blocks in strokes for _, data in blocks)], default=0)
    classes += [f"Label {k + 1}" for k in range(len(classes), highest)]
    colours: tuple[Any, ...] = ()
    if "LabelColors" in group and not group["LabelColors"].attrs.get("isEmpty"):
        colours = tuple(tuple(int(v) for v in row) for row in array(group, "LabelColors")[:, :3])
    selection = _selection(file, path, f"FeatureSelections{suffix}")
    return ProjectStage(selection, tuple(classes), colours, strokes, trees, known)


def _selection(file: Any, path: Path, name: str) -> tuple[tuple[str, float, bool], ...]:
    if name not in file or "SelectionMatrix" not in file[name]:
        raise InputError(f"{path}: no features are selected in this ilastik project; select some and save it.")
    group = file[name]
    filters = [_decoded(text) for text in group["FeatureIds"][()]]
    scales = array(group, "Scales").astype(float)
    chosen = array(group, "SelectionMatrix").astype(bool)
    flat = array(group, "ComputeIn2d").astype(bool) if "ComputeIn2d" in group else np.zeros(len(scales), bool)
    if chosen.shape != (len(filters), len(scales)) or flat.shape != scales.shape:
        raise ValueError(f"{group.name} does not say which features are selected")
    unknown = [filters[row] for row in range(len(filters)) if filters[row] not in FEATURES and chosen[row].any()]
    if unknown:
        raise InputError(f"{path}: this ilastik project uses the feature '{unknown[0]}', which there is not here.")
    if not chosen.any():
        raise InputError(f"{path}: no features are selected in this ilastik project; select some and save it.")
    return tuple((FEATURES[filters[i]], float(scales[j]), bool(flat[j])) for i, j in np.argwhere(chosen))


def _strokes(group: Any, number: int, lane: Lane) -> Iterator[tuple[Block, np.ndarray]]:
    """Painted blocks of a lane, without C."""
    name = f"LabelSets/labels{number:03d}"
    for block in group[name].values() if name in group else ():
        where = [slice(*map(int, part)) for part in re.findall(r"(\d+):(\d+)", _decoded(block.attrs["blockSlice"]))]
        data = array(block.parent, block.name)
        axes = _axes(block.attrs["axistags"]) if "axistags" in block.attrs else lane.axes
        if len(where) != len(axes) or data.shape != tuple(s.stop - s.start for s in where):
            raise ValueError(f"{block.name} does not say where its strokes are")
        kept = [axes.index(axis) for axis in lane.axes if axis != "C"]
        data = data.transpose(*kept, *(i for i in range(len(axes)) if i not in kept))
        data = data.reshape(data.shape[: len(kept)])
        where = [where[i] for i in kept]
        if any(s.stop > lane.size(axes[i]) for s, i in zip(where, kept, strict=True)):
            raise ValueError(f"{block.name} has strokes outside the image")
        yield tuple(where), data.astype(np.uint8)


def _trees(group: Any) -> tuple[list[VigraTree], tuple[int, ...]]:
    """The trees of all forests of a stage, and the classes they know (from 1)."""
    found = group.get("ClassifierForests", {})
    forests = [found[name] for name in sorted(found) if re.fullmatch(r"Forest\d+|forest", name)]
    trees, known = [], None
    for forest in forests:
        labels = tuple(int(v) for v in array(forest, "_ext_param/labels"))
        if known not in (None, labels):
            raise ValueError("its forests know different classes")
        if array(forest, "_options/predict_weighted_")[0] or min(labels) < 1 or max(labels) > 255:
            raise ValueError("its forests are of a kind that ilastik does not make")
        known = labels
        names = sorted((name for name in forest if re.fullmatch(r"Tree_\d+", name)), key=lambda name: int(name[5:]))
        trees += [(_row(forest[name], "topology"), _row(forest[name], "parameters")) for name in names]
    return trees, known or ()


def _axes(tags: Any) -> str:
    """Axis letters of vigra's JSON."""
    return "".join(str(axis["key"]).upper() for axis in json.loads(_decoded(tags))["axes"])


def _text(group: Any, name: str) -> str:
    return _decoded(group[name][()])


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
