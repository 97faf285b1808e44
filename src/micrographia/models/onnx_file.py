"""A bare ONNX file that looks at pictures, opened as a model package that says nothing of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models import refuse
from micrographia.models.archive import LARGEST
from micrographia.models.package import ModelPackage
from micrographia.models.runtime import session
from micrographia.models.tensors import Axis, Steps, TensorSpec

_GRAIN = 32  # sides are multiples of it where a network takes any
_PERCENTILES = (1.0, 99.8)
_CHANNELS, _SIDES = (1, 3), (64, 128)
"""Tried where a network does not say what it takes."""


@dataclass(frozen=True)
class OnnxFile(ModelPackage):
    """A network (N, C, Y, X) in an ONNX file; made by `open_onnx_file`."""

    single: bool = True
    """Whether the picture is its only input."""

    @property
    def channels(self) -> int:
        """Channels of the picture; 0 where any number will do."""
        size = self.inputs[0].axis("channel").size
        return size if isinstance(size, int) else 0

    @property
    def side(self) -> int:
        """Side of the picture, pixels; 0 where any will do."""
        size = self.inputs[0].axis("y").size
        return size if isinstance(size, int) else 0

    def names(self) -> list[str]:
        """The file alone."""
        return [self.path.name]

    def read(self, name: str) -> bytes:
        """Content of the file."""
        try:
            if self.path.stat().st_size > LARGEST:
                raise InputError(f"{self.path}: an ONNX file of more than 2 GB is not read.")
            return self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror}).") from error


def open_onnx_file(path: str | Path) -> OnnxFile:
    """Open and check an ONNX file: the same operators are refused as in a package, and weights in another file.

    Parameters
    ----------
    path : str or Path
        A network whose first input is a float32 picture (N, C, Y, X), square where its sides are fixed. It is given one
        picture at a time, each channel scaled so that its percentiles 1 and 99.8 become 0 and 1.

    Returns
    -------
    OnnxFile

    Raises
    ------
    InputError
        Where it is no such file.
    """
    path = Path(path)
    spec = TensorSpec("picture", ())
    package = OnnxFile(path, "network", path.stem, "", {"weights": {"onnx": {"source": path.name}}}, {}, (spec,))
    onnx = package.read(path.name)
    refuse.check_graph(path, onnx)
    network = session(onnx, 1, str(path))
    inputs = network.get_inputs()
    shape = list(inputs[0].shape) if inputs else []
    if len(shape) != 4 or inputs[0].type != "tensor(float)":
        what = f"{inputs[0].type} of shape {tuple(shape)}" if inputs else "nothing"
        raise InputError(
            f"{path}: features are read from networks that take pictures (N, C, Y, X) of float, not {what}."
        )
    batch, channels, *sides = (size if isinstance(size, int) and size > 0 else 0 for size in shape)
    if batch > 1 or sides[0] != sides[1]:
        raise InputError(
            f"{path}: the network takes pictures of shape {tuple(shape)}; features are read from those that take one "
            "picture at a time, and a square one where the sides are fixed."
        )
    if not channels and len(inputs) == 1:
        channels = _channels(path, network, sides[0])
    scaled = {"axes": ["y", "x"], "min_percentile": _PERCENTILES[0], "max_percentile": _PERCENTILES[1]}
    axes = (
        Axis.batch(batch or None),
        Axis("channel", "channel", channels or None),
        *(Axis.space(axis, sides[0] or Steps(_GRAIN, _GRAIN)) for axis in "yx"),
    )
    spec = TensorSpec(inputs[0].name, axes, processing=({"id": "scale_range", "kwargs": scaled},))
    return OnnxFile(path, "network", path.stem, "", package.description, {}, (spec,), (), len(inputs) == 1)


def _channels(path: Path, network: Any, side: int) -> int:
    """Channels a network takes whose channel axis does not tell; 0 where any number will do."""
    sides = (side,) if side else _SIDES
    taken = [number for number in _CHANNELS if any(_runs(network, (1, number, one, one)) for one in sides)]
    if not taken:
        shown = " or ".join(f"{one} x {one}" for one in sides)
        raise InputError(
            f"{path}: the channel axis does not tell its size, and the network takes neither 1 channel nor 3 in "
            f"pictures of {shown} pixels; export it with a fixed number of channels."
        )
    return taken[0] if len(taken) == 1 else 0


def _runs(network: Any, shape: tuple[int, ...]) -> bool:
    try:
        network.run(None, {network.get_inputs()[0].name: np.zeros(shape, np.float32)})
    except Exception:  # onnxruntime's exceptions share no parent of their own
        return False
    return True
