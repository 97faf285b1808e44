"""Arrange an ONNX model's weights for a package: in half precision, and inside the branch of an ``If`` that uses them.

Weights outside the branches keep ONNX Runtime from its blocked convolutions (the optimised graphs show it); inside, the
branches have the operators of a plain network. Half precision costs nothing after loading.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError

_SMALLEST = 16  # values; shorter tensors are shapes, scales and biases not worth rounding


def pack_weights(onnx: bytes, *, half: bool = True) -> bytes:
    """An equal model whose weights are small and where ONNX Runtime can optimise with them.

    Parameters
    ----------
    onnx : bytes
        A model with float32 weights (needs the ``onnx`` package, part of the extra ``train``).
    half : bool
        Round the weights to float16 and cast them back in the graph. ONNX Runtime folds the casts while it loads the
        model, and computes in float32 as before.

    Returns
    -------
    bytes
        The model, about half as large.

    Raises
    ------
    InputError
        Where a weight is too large for float16 (above 65,504).
    """
    import onnx as onnx_package

    model = onnx_package.load_from_string(onnx)
    _sink(model.graph)
    if half:
        _halve(model.graph)
    onnx_package.checker.check_model(model)
    return bytes(model.SerializeToString())


def _sink(graph: Any) -> None:
    """Move weights that one branch alone uses into that branch."""
    branches = list(_branches(graph))
    here = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    used = [_names(branch) for branch in branches]
    kept = []
    for tensor in graph.initializer:
        users = [b for b, names in zip(branches, used, strict=True) if tensor.name in names]
        if len(users) == 1 and tensor.name not in here:
            users[0].initializer.append(tensor)
        else:
            kept.append(type(tensor).FromString(tensor.SerializeToString()))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for branch in branches:
        _sink(branch)


def _branches(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        if node.op_type == "If":
            for attribute in node.attribute:
                yield attribute.g


def _names(graph: Any) -> set[str]:
    """All names that the nodes of a graph and of the graphs inside it take."""
    names = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names |= _names(attribute.g)
    return names


def _halve(graph: Any) -> None:
    from onnx import TensorProto, helper

    given = {i.name for i in graph.input}
    nodes = []
    for tensor in graph.initializer:
        if tensor.name not in given and _round(tensor):
            name, tensor.name = tensor.name, f"{tensor.name}_half"
            nodes.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    for node in graph.node:
        nodes.append(node)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _halve(attribute.g)
            elif node.op_type == "Constant" and attribute.name == "value" and _round(attribute.t):
                name, node.output[0] = node.output[0], f"{node.output[0]}_half"
                nodes.append(helper.make_node("Cast", [node.output[0]], [name], to=TensorProto.FLOAT))
    copies = [type(n).FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _round(tensor: Any) -> bool:
    """Make a float32 tensor float16 in place; False where it stays as it is."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_type != TensorProto.FLOAT:
        return False
    values = numpy_helper.to_array(tensor)
    if values.size < _SMALLEST:
        return False
    if not np.abs(values).max() <= np.finfo(np.float16).max:
        raise InputError("a weight of this network is too large for half precision.")
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), tensor.name))
    return True
