"""Features from a bare ONNX file: what it says of the crop of each object, or a layer inside the object's mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.classify.crops.cell_images import plane_of
from micrographia.classify.crops.layer_features import LayerModel
from micrographia.features.crops import CropPlan, cut_crops
from micrographia.models.onnx_file import OnnxFile, open_onnx_file
from micrographia.models.runtime import session

_SIDE = 64
"""Side of the crops where a network takes any."""

_BATCH = 16


class RowModel:
    """A network in an ONNX file that gives a row of numbers for a picture, asked for the crop of each object.

    Parameters
    ----------
    file : OnnxFile
    threads : int, optional
        Threads for one call.

    Attributes
    ----------
    count : int
        Length of the row: the number of features; 0 where none of the network's outputs is a row, or the first that
        could be read is a plane.
    """

    def __init__(self, file: OnnxFile, threads: int | None = None) -> None:
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
        for output, values in zip(self._session.get_outputs(), found, strict=True):
            shape = np.shape(values)
            if len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1)):
                self.count, self._output = shape[1], output.name
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
        crops = cut_crops(pixels, labels.array("YX") if isinstance(labels, Image) else labels, self.plan, name)
        batch = 1 if self.file.inputs[0].axis("batch").size else _BATCH
        rows = [self._rows(crops.pixels[at : at + batch]) for at in range(0, len(crops), batch)]
        return crops.labels, np.concatenate([np.empty((0, self.count), np.float32), *rows])

    def _rows(self, crops: np.ndarray) -> np.ndarray:
        try:
            found = self._session.run([self._output], {self._input: crops.astype(np.float32)})[0]
        except Exception as error:  # onnxruntime's exceptions share no parent of their own
            raise InputError(f"{self.file.path}: the network cannot take crops of shape {crops.shape}.") from error
        return np.asarray(found, np.float32).reshape(len(crops), self.count)


def open_onnx_features(path: Path, layer: str = "", threads: int | None = None) -> RowModel | LayerModel:
    """What gives features by an ONNX file: its row for a crop, or a layer of it (`LayerModel`).

    Parameters
    ----------
    path : Path
    layer : str
        The layer, by its name or the end of it. Without it the first output that is a row or a plane decides.
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
    if not layer:
        rows = RowModel(file, threads)
        if rows.count:
            return rows
    return LayerModel(file, layer, threads)
