"""Write networks as ONNX models."""

from __future__ import annotations

import io
import warnings

import torch
from torch import nn

from micrographia.nets.star_unet import OneExpert, StarModel

OPSET = 17
OUTPUTS = ("probability", "distance", "foreground")


def export_star_model(model: StarModel) -> bytes:
    """The ONNX model of a star-polygon model.

    It takes `raw` (N, C, Y, X) and, with two experts, `kind` (N, 1); an ONNX `If` runs the expert that
    `kind` asks for. It gives `probability`, `distance` and `foreground` as `StarModel.forward` does.
    """
    import onnx

    graphs = [
        onnx.load_from_string(_export(OneExpert(model, which), model)).graph for which in range(len(model.experts))
    ]
    if len(graphs) == 1:
        graph = graphs[0]
    else:
        graph = _routed(graphs[0], graphs[1])
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    proto.producer_name = "micrographia"
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def _export(module: nn.Module, model: StarModel) -> bytes:
    size = 2 * int(model.experts[0].stride)  # type: ignore[arg-type]
    buffer = io.BytesIO()
    free = {0: "batch"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(1, model.channels, size, size),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps batch normalisation: the weights stay the state dict's
            do_constant_folding=False,
            input_names=["raw"],
            output_names=list(OUTPUTS),
            dynamic_axes={
                "raw": {**free, 2: "y", 3: "x"},
                "probability": {**free, 2: "half_y", 3: "half_x"},
                "distance": {**free, 2: "quarter_y", 3: "quarter_x"},
                "foreground": {**free, 2: "y", 3: "x"},
            },
        )
    return buffer.getvalue()


def _routed(dark, bright):  # type: ignore[no-untyped-def]
    """One graph that runs `bright` where `kind` is above one half, else `dark`."""
    from onnx import TensorProto, helper

    raw, outputs = dark.input[0], list(dark.output)
    kind = helper.make_tensor_value_info("kind", TensorProto.FLOAT, ["batch", 1])
    for graph, name in ((dark, "dark"), (bright, "bright")):
        names = {o.name: f"{name}_{o.name}" for o in graph.output}
        for node in graph.node:
            for i, output in enumerate(node.output):
                node.output[i] = names.get(output, output)
        for output in graph.output:
            output.name = names[output.name]
        del graph.input[:]
        graph.name = name
    nodes = [
        helper.make_node("ReduceMax", ["kind"], ["strongest"], keepdims=0),
        helper.make_node("Constant", [], ["half"], value_float=0.5),
        helper.make_node("Greater", ["strongest", "half"], ["is_bright"]),
        helper.make_node("If", ["is_bright"], [o.name.removeprefix("dark_") for o in outputs],
                         then_branch=bright, else_branch=dark),
    ]  # fmt: skip
    described = []
    for output in outputs:
        copy = type(output)()
        copy.CopyFrom(output)
        copy.name = output.name.removeprefix("dark_")
        described.append(copy)
    return helper.make_graph(nodes, "router", [raw, kind], described)
