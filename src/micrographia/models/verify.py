"""Does a model do here what it did for its authors? Runs the test tensors that a package holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models.package import ModelPackage, open_package
from micrographia.models.processing import postprocess, preprocess


@dataclass(frozen=True)
class TestReport:
    """What :func:`test_model` found.

    Parameters
    ----------
    passed : bool
        Whether every output agrees within the package's tolerance.
    differences : dict
        Tensor id to the largest absolute difference from the stored output.
    seconds : float
        Time of one run of the network.
    notes : tuple of str
        What does not agree, in sentences.
    """

    __test__ = False  # the name makes pytest curious

    passed: bool
    differences: dict[str, float]
    seconds: float
    notes: tuple[str, ...] = ()


def test_model(model: str | Path | ModelPackage) -> TestReport:
    """Run a model on its stored test inputs and compare with its stored test outputs.

    Parameters
    ----------
    model : path or ModelPackage
        A model package with a network, or with the arrays of an installed method.

    Returns
    -------
    TestReport
        Tolerances are the package's own (``config.bioimageio.reproducibility_tolerance``), else 0.001 absolute and
        relative with 100 elements in a million allowed to differ, as bioimage.io tests.

    Raises
    ------
    InputError
        Where the package is refused, has no test tensors, or cannot run.
    """
    package = model if isinstance(model, ModelPackage) else open_package(model)
    tensors, expected = package.test_tensors()
    run = _run_network if package.kind == "network" else _run_method
    try:
        results, seconds = run(package, tensors)
    except InputError as error:
        raise InputError(
            str(error) if str(error).startswith(str(package.path)) else f"{package.path}: {error}"
        ) from error
    differences: dict[str, float] = {}
    notes: list[str] = []
    for id, want in expected.items():
        got = results[id]
        if got.shape != want.shape:
            differences[id] = float("inf")
            notes.append(f"Output '{id}' has shape {got.shape}, but the stored one has {want.shape}.")
            continue
        off = np.abs(got.astype(np.float64) - want.astype(np.float64))
        differences[id] = float(off.max(initial=0.0))
        relative, absolute, per_million = _tolerance(package, id)
        wrong = int((~(off <= absolute + relative * np.abs(want))).sum())
        if wrong > per_million * 1e-6 * off.size:
            notes.append(
                f"Output '{id}' differs from the stored one in {wrong} of {off.size} values, "
                f"by {differences[id]:.3g} at most."
            )
    return TestReport(not notes, differences, seconds, tuple(notes))


test_model.__test__ = False  # type: ignore[attr-defined]


def _run_network(package: ModelPackage, tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float]:
    """Outputs by tensor id, and seconds of the network alone."""
    network = package.network()
    feed = preprocess(tensors, package.inputs)
    start = time.perf_counter()
    raw = network(feed)
    seconds = time.perf_counter() - start
    return postprocess(raw, package.outputs, tensors, package.inputs), seconds


def _run_method(package: ModelPackage, tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float]:
    """What the method that the package names predicts, and seconds."""
    from micrographia.arrays.errors import RequestError
    from micrographia.methods import get_method

    try:
        method = get_method(str(package.description["method"]))
    except RequestError as error:
        raise InputError(f"{package.path}: {error}") from error
    learned = method.load(package.path)
    start = time.perf_counter()
    found = learned.predict(tensors["input"])
    return {"output": np.asarray(found)}, time.perf_counter() - start


def _tolerance(package: ModelPackage, output: str) -> tuple[float, float, float]:
    """Relative and absolute tolerance and elements per million that may be off, as bioimage.io defines them."""
    config = (package.description.get("config") or {}).get("bioimageio") or {}
    for t in config.get("reproducibility_tolerance") or ():
        if output in (t.get("output_ids") or [output]) and "onnx" in (t.get("weights_formats") or ["onnx"]):
            return (
                float(t.get("relative_tolerance", 1e-3)),
                float(t.get("absolute_tolerance", 1e-3)),
                float(t.get("mismatched_elements_per_million", 100)),
            )
    return 1e-3, 1e-3, 100.0
