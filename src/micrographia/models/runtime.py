"""Run a network with ONNX Runtime on the CPU."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError

if TYPE_CHECKING:
    import onnxruntime

    from micrographia.models.tensors import TensorSpec

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(uint16)": np.uint16,
    "tensor(int16)": np.int16,
    "tensor(uint32)": np.uint32,
    "tensor(int32)": np.int32,
    "tensor(uint64)": np.uint64,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def usable_cores() -> int:
    """Cores that this process may use: its affinity and, in a container, its CPU quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return cores


def thread_count(threads: int | None = None) -> int:
    """So many threads as are asked for; all usable cores where nothing (or 0) is.

    Raises
    ------
    RequestError
        For fewer than none.
    """
    if threads is not None and threads < 0:
        raise RequestError(f"At least one thread has to work (0 for all usable cores), not {threads}.")
    return threads or usable_cores()


def session(onnx: bytes, threads: int | None, name: str) -> onnxruntime.InferenceSession:
    """An ONNX model, ready to run; raises InputError with its `name` where ONNX Runtime cannot."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count(threads)
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = False  # costs a third more memory and wins no time; the arena (on) wins a third
    options.log_severity_level = 4  # errors come as exceptions
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no parent of their own
        raise InputError(f"{name}: {_reason(str(error))}") from error


class Network:
    """A network that takes and gives arrays by tensor id.

    Parameters
    ----------
    onnx : bytes
        The ONNX model.
    inputs, outputs : sequence of TensorSpec
        Tensors of the package, in the order of the ONNX model's.
    threads : int, optional
        Threads for one call; all usable cores where not given.
    name : str
        The package, for messages.

    Raises
    ------
    InputError
        Where ONNX Runtime does not know an operator or the file is damaged.

    Notes
    -----
    A call releases the GIL and may run from several threads at once.
    """

    def __init__(
        self,
        onnx: bytes,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        *,
        threads: int | None = None,
        name: str = "model",
    ) -> None:
        self.name = name
        self._session = session(onnx, threads, name)
        self._inputs = _match([i.name for i in self._session.get_inputs()], [s.id for s in inputs], name, "takes")
        self._outputs = _match([o.name for o in self._session.get_outputs()], [s.id for s in outputs], name, "gives")
        self._dtypes = {i.name: _DTYPES.get(i.type, np.float32) for i in self._session.get_inputs()}

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network.

        Parameters
        ----------
        tensors : dict
            Tensor id to array, with the axes of the package's inputs; cast to the network's own type where needed.

        Returns
        -------
        dict
            Tensor id to array, with the axes of the package's outputs.

        Raises
        ------
        InputError
            Where a tensor is missing or has a shape that the network cannot take.
        """
        missing = sorted(set(self._inputs) - set(tensors))
        if missing:
            raise InputError(f"{self.name}: the network also needs the tensor '{missing[0]}'.")
        feed: dict[str, np.ndarray] = {
            n: np.ascontiguousarray(tensors[i], dtype=self._dtypes[n]) for i, n in self._inputs.items()
        }
        try:
            results = self._session.run(list(self._outputs.values()), feed)
        except Exception as error:
            shapes = ", ".join(f"{i} {np.shape(tensors[i])}" for i in self._inputs)
            raise InputError(f"{self.name}: the network cannot take {shapes}: {_short(str(error))}") from error
        return dict(zip(self._outputs, results, strict=True))


def _match(in_graph: list[str], in_package: list[str], name: str, verb: str) -> dict[str, str]:
    """Tensor id to name in the graph: by name where the names agree, else by position, as bioimage.io says."""
    if len(in_graph) != len(in_package):
        raise InputError(
            f"{name}: the network {verb} {len(in_graph)} tensors, but its description lists {len(in_package)}."
        )
    by_name = set(in_graph) == set(in_package)
    return {i: i if by_name else g for i, g in zip(in_package, in_graph, strict=True)}


def _reason(message: str) -> str:
    """A sentence for what ONNX Runtime says about a model that it cannot load."""
    unknown = re.search(
        r"(?:No Op registered for|No opset import for domain '?[\w.]*'?.*?|Fatal error: )\s*([\w.:]+)", message
    )
    if unknown or "is not a registered function/op" in message:
        operator = unknown.group(1).strip(":.") if unknown else "?"
        return f"this model uses the unknown operator '{operator}'; only standard ONNX operators are run."
    missing = re.search(r"Could not find an implementation for (\w+)", message)
    if missing:
        return f"ONNX Runtime cannot run this model's operator '{missing.group(1)}' on the CPU."
    if "opset" in message and "guarantees support" in message.replace("*", ""):
        return "this model uses newer ONNX operators than the installed onnxruntime knows; upgrade onnxruntime."
    if "Protobuf" in message or "protobuf" in message:
        return "the weights are not an ONNX model, or the file is damaged."
    return f"ONNX Runtime cannot load this model: {_short(message)}"


def _short(message: str) -> str:
    message = re.sub(r"^\[ONNXRuntimeError\][^:]*:\s*\d*\s*:?\s*\w*\s*:?\s*", "", message.strip())
    return message.splitlines()[0][:300] if message else "unknown error"
