"""Store an ONNX model's weights in half precision; ONNX Runtime widens them once, while loading."""

from __future__ import annotations

from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError

_SMALLEST = 16  # values; shorter tensors are shapes, scales and biases not worth rounding


def halve_weights(onnx: bytes) -> bytes:
    """Round the float32 weights of an ONNX model to float16 and cast them back where the graph starts.

    Parameters
    ----------
    onnx : bytes
        A model with float32 weights (needs the ``onnx`` package, part of the extra ``train``).

    Returns
    -------
    bytes
        A model about half the size that computes in float32 as before: ONNX Runtime folds the casts while it loads
        the model. Weights in the branches of ``If`` are halved too.

    Raises
    ------
    InputError
        Where a weight is too large for float16 (above 65,504).
    """
    import onnx as onnx_package

    model = onnx_package.load_from_string(onnx)
    _halve(model.graph)
    return bytes(model.SerializeToString())


def _halve(graph: Any) -> None:
    from onnx import AttributeProto, TensorProto, helper

    given = {i.name for i in graph.input}
    nodes = []
    for tensor in graph.initializer:
        if tensor.name not in given and _round(tensor):
            name, tensor.name = tensor.name, f"{tensor.name}_half"
            nodes.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    for node in graph.node:
        nodes.append(node)
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
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
    half = numpy_helper.from_array(values.astype(np.float16), tensor.name)
    tensor.CopyFrom(half)
    return True
