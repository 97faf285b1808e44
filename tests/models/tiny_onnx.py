"""Tiny ONNX models and packages made without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from micrographia.models.package import ModelPackage
from micrographia.models.tensors import Axis, Like, Steps, TensorSpec
from micrographia.models.write import write_package


def model(
    nodes: list[Any], weights: dict[str, np.ndarray], *, domains: tuple[str, ...] = ("",), out: Any = None
) -> bytes:
    """``raw`` (1, 1, y, x) to ``smooth``."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [None, 1, None, None])],
        [out or helper.make_tensor_value_info("smooth", TensorProto.FLOAT, [None, 1, None, None])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    opsets = [helper.make_opsetid(d, 17 if d == "" else 1) for d in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def smoother(stride: int = 1, padded: bool = True, seed: int = 0) -> bytes:
    """A random 5 × 5 filter, on every ``stride``-th pixel; without padding the output is 4 pixels smaller."""
    kernel = np.random.default_rng(seed).random((1, 1, 5, 5), dtype=np.float32) / 25
    pad = 2 if padded else 0
    # with a stride of 2 the filter sits between two pixels; what matters is that its place does not depend on the tile
    node = helper.make_node("Conv", ["raw", "kernel"], ["smooth"], strides=[stride] * 2, pads=[pad] * 4)
    return model([node], {"kernel": kernel})


def specs(
    stride: int = 1, halo: int = 4, offset: int = 0, pre: tuple = (), post: tuple = ()
) -> dict[str, list[TensorSpec]]:
    """Inputs and outputs of :func:`smoother`."""

    def axes(like: bool) -> list[Axis]:
        def space(a: str) -> Axis:
            if not like:
                return Axis.space(a, Steps(32, 16))
            return Axis.space(a, Like("raw", a, offset), scale=float(stride), halo=halo)

        return [Axis.batch(1), Axis.channel("grey"), space("y"), space("x")]

    return {
        "inputs": [TensorSpec("raw", axes(False), processing=pre)],
        "outputs": [TensorSpec("smooth", axes(True), processing=post)],
    }


def write_smoother(path: Path, onnx: bytes | None = None, **changes: Any) -> ModelPackage:
    """A valid package around :func:`smoother`; ``changes`` are arguments of ``write_package``."""
    x = np.random.default_rng(1).random((1, 1, 48, 64), dtype=np.float32)
    arguments: dict[str, Any] = {
        "name": "Tiny smoother",
        "description": "Smooths.",
        "authors": ["A. Person"],
        "license": "CC0-1.0",
        "onnx": onnx or smoother(),
        "test_inputs": {"raw": x},
        "documentation": "# Tiny\n\n## Validation\n\nNone.\n",
        "config": {"threshold": 0.5},
        **specs(),
    }
    return write_package(path, **(arguments | changes))
