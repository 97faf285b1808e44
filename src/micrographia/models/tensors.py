"""What a network takes and gives: tensors with named, sized axes, as bioimage.io 0.5 describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError

LETTERS = {"channel": "C", "time": "T", "z": "Z", "y": "Y", "x": "X"}
"""Axis ids of bioimage.io and our axis letters; the batch axis has none."""

_DEFAULT_ID = {"batch": "batch", "channel": "channel", "space": "x", "time": "time", "index": "index"}


@dataclass(frozen=True)
class Steps:
    """Sizes ``smallest + n * step`` for n = 0, 1, 2, …; a network with four 2 × poolings has a step of 16."""

    smallest: int
    step: int

    def at_least(self, size: int) -> int:
        """The smallest valid size that is not below ``size``."""
        n = max(0, -(-(size - self.smallest) // self.step))
        return self.smallest + n * self.step


@dataclass(frozen=True)
class Like:
    """The size of another tensor's axis: ``size × (its scale ÷ my scale) + offset``, rounded down."""

    tensor: str
    axis: str
    offset: int = 0


@dataclass(frozen=True)
class Axis:
    """One axis of a tensor; made with :meth:`batch`, :meth:`channel`, :meth:`space` or :meth:`time`.

    Parameters
    ----------
    id : str
        ``"batch"``, ``"channel"``, ``"z"``, ``"y"``, ``"x"``, ``"time"`` or another name.
    type : str
        ``"batch"``, ``"channel"``, ``"space"``, ``"time"`` or ``"index"``.
    size : int, Steps, Like or None
        Fixed size, a row of valid sizes, the size of another axis; None where any size will do.
    names : tuple of str
        Channel names.
    scale : float
        Length of one step along the axis in units of the reference axis: an output on a half-resolution grid has 2.
    halo : int
        Entries of an output to crop from both ends of the axis, because they lack context.
    """

    id: str
    type: str
    size: int | Steps | Like | None = None
    names: tuple[str, ...] = ()
    scale: float = 1.0
    halo: int = 0

    @classmethod
    def batch(cls, size: int | None = None) -> Axis:
        """The batch axis; ``size=1`` where the network takes one picture at a time."""
        return cls("batch", "batch", size)

    @classmethod
    def channel(cls, *names: str) -> Axis:
        """A channel axis with one name for each channel."""
        return cls("channel", "channel", len(names), names)

    @classmethod
    def space(cls, id: str, size: int | Steps | Like, *, scale: float = 1.0, halo: int = 0) -> Axis:
        """A spatial axis ``"z"``, ``"y"`` or ``"x"``."""
        return cls(id, "space", size, (), scale, halo)

    @classmethod
    def time(cls, size: int | Steps | Like, *, scale: float = 1.0, halo: int = 0) -> Axis:
        """A time axis."""
        return cls("time", "time", size, (), scale, halo)

    @classmethod
    def from_rdf(cls, rdf: Mapping[str, Any]) -> Axis:
        """Read one axis of a bioimage.io 0.5 description."""
        kind = str(rdf["type"])
        names = tuple(str(n) for n in rdf.get("channel_names", ()))
        size = rdf.get("size", len(names) or None)
        if isinstance(size, Mapping):
            if "step" in size:
                size = Steps(int(size["min"]), int(size["step"]))
            elif "tensor_id" in size:
                size = Like(str(size["tensor_id"]), str(size["axis_id"]), int(size.get("offset", 0)))
            else:  # known only after the network ran
                size = None
        return cls(
            str(rdf.get("id") or _DEFAULT_ID[kind]),
            kind,
            size,
            names,
            float(rdf.get("scale", 1.0)),
            int(rdf.get("halo", 0)),
        )

    def to_rdf(self) -> dict[str, Any]:
        """The axis as bioimage.io 0.5 describes it."""
        out: dict[str, Any] = {"type": self.type, "id": self.id}
        if self.type == "channel":
            out["channel_names"] = list(self.names)
        elif isinstance(self.size, Steps):
            out["size"] = {"min": self.size.smallest, "step": self.size.step}
        elif isinstance(self.size, Like):
            out["size"] = {"tensor_id": self.size.tensor, "axis_id": self.size.axis, "offset": self.size.offset}
        elif self.size is not None:
            out["size"] = self.size
        if self.scale != 1.0:
            out["scale"] = self.scale
        if self.halo:
            out["halo"] = self.halo
        return out


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a network.

    Parameters
    ----------
    id : str
        Lower-case name, the same as in the ONNX graph where we wrote it.
    axes : sequence of Axis
        In the array's order.
    description : str
        At most 128 characters.
    dtype : str
        Type of the values outside the network, before preprocessing or after postprocessing.
    range : pair of float or None
        Smallest and largest value; None where unbounded.
    processing : sequence of dict
        Preprocessing of an input or postprocessing of an output, ``{"id": …, "kwargs": {…}}``.
    """

    id: str
    axes: Sequence[Axis]
    description: str = ""
    dtype: str = "float32"
    range: tuple[float | None, float | None] = (None, None)
    processing: Sequence[Mapping[str, Any]] = ()

    @property
    def axis_ids(self) -> tuple[str, ...]:
        """Ids of the axes in the array's order."""
        return tuple(a.id for a in self.axes)

    @property
    def letters(self) -> str:
        """Our axis letters without the batch; ``?`` for an axis that an image does not have."""
        return "".join(LETTERS.get(a.id, "?") for a in self.axes if a.type != "batch")

    def axis(self, id: str) -> Axis:
        """The axis with this id."""
        for a in self.axes:
            if a.id == id:
                return a
        raise InputError(f"Tensor '{self.id}' has no axis '{id}'; it has {', '.join(self.axis_ids)}.")

    @classmethod
    def from_rdf(cls, rdf: Mapping[str, Any], default_id: str) -> TensorSpec:
        """Read one entry of ``inputs`` or ``outputs``; raises InputError where it makes no sense."""
        try:
            data = rdf.get("data") or {}
            data = data[0] if isinstance(data, Sequence) else data
            low, high = data.get("range") or (None, None)
            return cls(
                str(rdf.get("id") or default_id),
                tuple(Axis.from_rdf(a) for a in rdf["axes"]),
                str(rdf.get("description") or ""),
                str(data.get("type", "float32")),
                (low, high),
                tuple(rdf.get("preprocessing") or rdf.get("postprocessing") or ()),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"Tensor '{default_id}' is not described as bioimage.io 0.5 asks: {error!r}.") from error

    def to_rdf(self, kind: str) -> dict[str, Any]:
        """The tensor as bioimage.io 0.5 describes it; ``kind`` is ``"input"`` or ``"output"``."""
        data: dict[str, Any] = {"type": self.dtype}
        if self.range != (None, None):
            data["range"] = list(self.range)
        out: dict[str, Any] = {"id": self.id, "axes": [a.to_rdf() for a in self.axes], "data": data}
        if self.description:
            out["description"] = self.description
        if self.processing:
            out["preprocessing" if kind == "input" else "postprocessing"] = [dict(p) for p in self.processing]
        return out


def check_shapes(specs: Sequence[TensorSpec], arrays: Mapping[str, np.ndarray]) -> None:
    """Compare arrays with what their specs allow, references to other axes included.

    Parameters
    ----------
    specs : sequence of TensorSpec
        Inputs, or inputs and outputs together.
    arrays : dict
        Tensor id to array, for every spec and every tensor that a spec refers to.

    Raises
    ------
    InputError
        Naming the first axis that does not fit.
    """
    by_id = {s.id: s for s in specs}
    for spec in specs:
        shape = arrays[spec.id].shape
        if len(shape) != len(spec.axes):
            raise InputError(f"tensor '{spec.id}' has the shape {shape}, but {len(spec.axes)} axes are described.")
        for a, got in zip(spec.axes, shape, strict=True):
            want = a.size
            if isinstance(want, Like):
                reference = by_id[want.tensor]
                at = reference.axis_ids.index(want.axis)
                ratio = reference.axes[at].scale / a.scale
                want = int(arrays[want.tensor].shape[at] * ratio + want.offset)
            elif isinstance(want, Steps):
                want = want.at_least(got)
            if want is not None and got != want:
                raise InputError(f"axis '{a.id}' of tensor '{spec.id}' has {got} entries, but {want} are described.")
