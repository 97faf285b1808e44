"""The layers of a network: which there are, and a network that gives one of them instead of its outputs.

As in :mod:`micrographia.models.graph` only the wire format of protocol buffers is needed (field numbers from
onnx.proto). Where a network runs one of two branches (an ONNX ``If``, as models with one expert for dark and one for
bright backgrounds do), a layer of a branch is given by that branch alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models.graph import fields, read_graph

ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "Mish", "Softplus", "HardSwish", "Celu")
"""Operators whose results are called layers here."""

_NODE, _INITIALIZER, _SPARSE, _INPUT, _OUTPUT, _VALUES = 1, 5, 15, 11, 12, 13


@dataclass(frozen=True)
class Layer:
    """One layer: its tensor in the graph, its channels, and how many pixels of the input one of its pixels covers."""

    name: str
    channels: int
    stride: int
    output: bool = False
    """Whether it is an output of the network."""


def activations(onnx: bytes) -> list[list[str]]:
    """Names of the tensors that activations give, in the order of the graph: a list for each branch, or one."""
    found = []
    for graph in _graphs(onnx):
        nodes = [dict(fields(memoryview(v))) for n, v in fields(memoryview(graph)) if n == _NODE]  # type: ignore[arg-type]
        names = [bytes(node[2]).decode() for node in nodes if bytes(node.get(4, b"")).decode() in ACTIVATIONS]  # type: ignore[arg-type]
        if names:
            found.append(names)
    return found


def expose(onnx: bytes, names: Sequence[str]) -> bytes:
    """An ONNX model that gives inner tensors and nothing else.

    Parameters
    ----------
    onnx : bytes
        The model.
    names : sequence of str
        Tensors of one graph, that of the model or of a branch.

    Raises
    ------
    InputError
        Where no graph has all these tensors.
    """
    for graph in _graphs(onnx):
        made = {bytes(v).decode() for node in _nodes(graph) for n, v in fields(node) if n == 2}  # type: ignore[arg-type]
        if set(names) <= made:
            kept = b"".join(_field(n, v) for n, v in fields(memoryview(graph)) if n not in (_OUTPUT, _INPUT, _VALUES))
            inputs = b"".join(_field(_INPUT, v) for v in _used_inputs(onnx, graph))
            outputs = b"".join(_field(_OUTPUT, _field(1, name.encode())) for name in names)
            rest = b"".join(_field(n, v) for n, v in fields(memoryview(onnx)) if n != 7)
            return rest + _field(7, kept + inputs + outputs)
    raise InputError(f"the network has no inner layer {', '.join(names)}.")


def list_layers(onnx: bytes, leading: tuple[int, ...], side: int = 128) -> list[list[Layer]]:
    """The layers of a network that looks at planes, by branch, found by running it once on an empty plane.

    Parameters
    ----------
    onnx : bytes
        A model with one input (..., Y, X), besides those that choose a branch.
    leading : tuple of int
        The lengths of the axes before Y and X: 1 and the number of channels.
    side : int
        Side of the plane, a multiple of the network's stride.

    Returns
    -------
    list of list of Layer
        Of each branch; layers that are no planes (1, C, y, x) are left out. The outputs come last, where there are no
        branches.
    """
    shape = (*leading, side, side)
    found = [_planes(onnx, names, shape) for names in activations(onnx)]
    graph = read_graph(onnx)
    if len(graph.inputs) == 1 and len(found) < 2:
        known = {layer.name for layers in found for layer in layers}
        made = {bytes(v).decode() for node in _nodes(next(_graphs(onnx))) for n, v in fields(node) if n == 2}  # type: ignore[arg-type]
        names = [name for name in graph.outputs if name in made - known]
        outputs = [replace(layer, output=True) for layer in _planes(onnx, names, shape)] if names else []
        found = [(found[0] if found else []) + outputs]
    return found


def _planes(onnx: bytes, names: Sequence[str], shape: tuple[int, ...]) -> list[Layer]:
    """Those of the tensors of a graph that are planes where the network looks at one of this shape."""
    results, side = ExposedNetwork(expose(onnx, names))(np.zeros(shape, np.float32)), shape[-1]
    return [
        Layer(name, result.shape[1], side // result.shape[2])
        for name, result in zip(names, results, strict=True)
        if result.ndim == 4 and result.shape[2] == result.shape[3] and side % max(1, result.shape[2]) == 0
    ]


class ExposedNetwork:
    """A model made by `expose`, ready to run.

    Raises
    ------
    InputError
        Where ONNX Runtime cannot run it, or it needs more than one input.
    """

    def __init__(self, onnx: bytes, threads: int | None = None) -> None:
        import onnxruntime

        from micrographia.models.runtime import thread_count

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count(threads)
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no parent of their own
            raise InputError(f"ONNX Runtime cannot give this layer: {str(error).splitlines()[0][:200]}") from error
        inputs = [i.name for i in self._session.get_inputs()]
        if len(inputs) != 1:
            raise InputError(f"this layer depends on {len(inputs)} inputs ({', '.join(inputs)}), not on one picture.")
        self._input = inputs[0]

    def __call__(self, plane: np.ndarray) -> list[np.ndarray]:
        """Layers (N, C, y, x) of a picture (N, C, Y, X)."""
        try:
            return self._session.run(None, {self._input: np.ascontiguousarray(plane, np.float32)})
        except Exception as error:
            raise InputError(f"the network cannot take a picture of shape {plane.shape}.") from error


def _graphs(onnx: bytes) -> Iterator[bytes]:
    """The graph of a model and those of its branches."""
    for number, value in fields(memoryview(onnx)):
        if number == 7:
            yield from _with_branches(bytes(value))  # type: ignore[arg-type]


def _with_branches(graph: bytes) -> Iterator[bytes]:
    yield graph
    for node in _nodes(graph):
        for number, attribute in fields(node):
            if number == 5:
                for part, value in fields(memoryview(attribute)):  # type: ignore[arg-type]
                    if part == 6:
                        yield from _with_branches(bytes(value))  # type: ignore[arg-type]


def _nodes(graph: bytes) -> list[memoryview]:
    return [memoryview(value) for number, value in fields(memoryview(graph)) if number == _NODE]  # type: ignore[arg-type]


def _used_inputs(onnx: bytes, graph: bytes) -> list[bytes]:
    """Inputs of the model (as ValueInfo) that the nodes of a graph take."""
    taken = {bytes(v) for node in _nodes(graph) for n, v in fields(node) if n == 1}  # type: ignore[arg-type]
    whole = next(_graphs(onnx))
    given = [bytes(v) for n, v in fields(memoryview(whole)) if n == _INPUT]  # type: ignore[arg-type]
    return [value for value in given if bytes(dict(fields(memoryview(value))).get(1, b"")) in taken]  # type: ignore[arg-type]


def _field(number: int, value: memoryview | bytes | int) -> bytes:
    """One field on the wire; four and eight byte numbers do not occur at these levels of a model."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + bytes(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
