"""Features from a bare ONNX file: what it says of the crop of each object, or a layer inside the object's mask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.crops.cell_images import plane_of
from micrographia.classify.crops.layer_features import LayerModel
from micrographia.features.crops import CropPlan, Crops, cut_crops
from micrographia.models.onnx_file import OnnxFile, open_onnx_file
from micrographia.models.runtime import session

_SIDE = 64
"""Side of the crops where a network takes any."""

_BATCH = 16
_CUT = 256
"""Crops that are held in memory at a time."""


class RowModel:
    """A network in an ONNX file that gives a row of numbers for a picture, asked for the crop of each object.

    Parameters
    ----------
    file : OnnxFile
    threads : int, optional
        Threads for one call.
    output : str
        Name of the output that is read; without it the first that is a row, where no plane comes before it.

    Attributes
    ----------
    count : int
        Length of the row: the number of features; 0 where the output is no row.
    """

    def __init__(self, file: OnnxFile, threads: int | None = None, output: str = "") -> None:
        self.file, self.count = file, 0
        self.all_channels = file.channels != 1
        side = file.side or _SIDE
        self.plan = CropPlan(side, side / 2)
        self.note = (
            f"{file.path} does not say how it wants its pictures: each object is shown in a crop of {side} x {side} "
            f"pixels, scaled to a diameter of {side // 2}; dark is 0 and bright is 1."
        )
        self._session = session(file.read(file.path.name), threads, str(file.path))
        self._input = file.inputs[0].id
        if not file.single:
            return
        try:
            found = self._session.run(None, {self._input: np.zeros((1, file.channels or 1, side, side), np.float32)})
        except Exception:  # it takes other sides; as a network that looks at planes it is refused with a sentence
            return
        for name, values in zip((one.name for one in self._session.get_outputs()), found, strict=True):
            shape = np.shape(values)
            if output not in ("", name):
                continue
            if len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1)):
                self.count, self._output = shape[1], name
            if len(shape) in (2, 4):
                return

    def plane(self, image: Any, labels: Any, name: str = "image") -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) int64 and features (N, F) float32 of the objects.

        Raises
        ------
        InputError
            Where image and labels do not fit each other, or the image has other channels than the network.
        """
        pixels, channels = plane_of(image, name)
        wanted = self.file.channels or len(pixels)
        if len(pixels) == 1:
            pixels = np.repeat(pixels, wanted, axis=0)
        if len(pixels) != wanted:
            raise InputError(
                f"{name} has {len(pixels)} channels ({', '.join(channels)}), but {self.file.path} takes {wanted}; "
                "choose one with --channel."
            )
        batch = 1 if self.file.inputs[0].axis("batch").size else _BATCH
        ids, rows = [], [np.empty((0, self.count), np.float32)]
        for crops in self._crops(pixels, labels.array("YX") if isinstance(labels, Image) else labels, name):
            ids.append(crops.labels)
            rows += [self._rows(crops.pixels[at : at + batch]) for at in range(0, len(crops), batch)]
        return np.concatenate(ids), np.concatenate(rows)

    def _crops(self, pixels: np.ndarray, labels: np.ndarray | None, name: str) -> Iterator[Crops]:
        """The crops of a plane, in the order of the labels, so many at a time; once none, where it has no objects."""
        marks = np.ones(pixels.shape[1:], np.int32) if labels is None else np.asarray(labels)
        ids = np.unique(marks[marks > 0])
        if len(ids) <= _CUT:
            yield cut_crops(pixels, marks, self.plan, name)
            return
        for at in range(0, len(ids), _CUT):
            part = ids[at : at + _CUT]
            inside = (marks >= part[0]) & (marks <= part[-1])
            yield cut_crops(pixels, np.where(inside, marks, 0), self.plan, name)

    def _rows(self, crops: np.ndarray) -> np.ndarray:
        try:
            found = self._session.run([self._output], {self._input: crops.astype(np.float32)})[0]
        except Exception as error:  # onnxruntime's exceptions share no parent of their own
            raise InputError(f"{self.file.path}: the network cannot take crops of shape {crops.shape}.") from error
        if found.shape[:2] != (len(crops), self.count):
            more = "The row's length depends on the channels; choose one with --channel."
            raise InputError(
                f"{self.file.path}: the network gives numbers of shape {found.shape} for crops of shape {crops.shape}, "
                f"not {self.count} for each. {more if crops.shape[1] != (self.file.channels or 1) else ''}".rstrip()
            )
        return np.asarray(found, np.float32).reshape(len(crops), self.count)


def open_onnx_features(path: Path, layer: str = "", threads: int | None = None) -> RowModel | LayerModel:
    """What gives features by an ONNX file: its row for a crop, or a layer of it (`LayerModel`).

    Parameters
    ----------
    path : Path
    layer : str
        The layer, by its name or the end of it, or an output that is a row, by its name. Without it the first output
        that is a row or a plane decides.
    threads : int, optional
        Threads for one call.

    Returns
    -------
    RowModel or LayerModel

    Raises
    ------
    InputError
        Where it is no network that looks at pictures.
    RequestError
        Where it has no such layer.
    """
    file = open_onnx_file(path)
    rows = RowModel(file, threads, layer)
    return rows if rows.count else LayerModel(file, layer, threads)
