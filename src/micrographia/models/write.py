"""Write model packages: a bioimage.io 0.5 model for a network, arrays beside a declaration for other methods."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models import archive, refuse
from micrographia.models.conform import format_version, validate
from micrographia.models.encode import npy_bytes, plain, png_bytes, yaml_bytes
from micrographia.models.graph import read_graph
from micrographia.models.package import DECLARATION, ModelPackage, open_package
from micrographia.models.processing import postprocess, preprocess
from micrographia.models.tensors import TensorSpec, check_shapes

_RDF = "rdf.yaml"


def write_package(
    path: str | Path,
    *,
    name: str,
    description: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    onnx: bytes,
    test_inputs: Mapping[str, np.ndarray],
    test_outputs: Mapping[str, np.ndarray] | None = None,
    documentation: str,
    cover: np.ndarray | None = None,
    authors: Sequence[str | Mapping[str, str]] = (),
    license: str = "",
    version: str = "1.0.0",
    tags: Sequence[str] = (),
    cite: Sequence[Mapping[str, str]] = (),
    state_dict: bytes | None = None,
    architecture: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    tolerance: Mapping[str, tuple[float, float]] | None = None,
    timestamp: datetime | None = None,
) -> ModelPackage:
    """Write a bioimage.io model package and check that it runs.

    Parameters
    ----------
    path : str or Path
        The ``.zip`` to write; replaced where it exists.
    name : str
        5 to 64 letters, digits, spaces, ``_ + - ( )``.
    description : str
        One sentence.
    inputs, outputs : sequence of TensorSpec
        In the order of the ONNX model's; their ids are the names in the ONNX model.
    onnx : bytes
        The network.
    test_inputs : dict
        Tensor id to array before preprocessing. Every array must hold values other than 0 (bioimage.io asks for it).
    test_outputs : dict, optional
        Expected results after postprocessing; computed with ONNX Runtime where not given.
    documentation : str
        The model card in Markdown, with a ``# Validation`` heading (see :mod:`micrographia.models.card`).
    cover : ndarray, optional
        Picture (Y, X, 3) of uint8 that shows what the model does.
    authors : sequence of str or dict
        Names, or ``{"name": …, "affiliation": …, "orcid": …}``; nobody is named where there are none.
    license : str
        SPDX name, for example ``"CC-BY-4.0"``; none is named where it is empty, which leaves every right with whoever
        made the model.
    version : str
        Version of the model.
    tags : sequence of str
        Words to find it by.
    cite : sequence of dict
        ``{"text": …, "doi": …}`` or ``{"text": …, "url": …}``.
    state_dict : bytes, optional
        File written by ``torch.save(model.state_dict())``, for further training.
    architecture : dict, optional
        ``{"source": "micrographia.nets.module:Class", "kwargs": {…}, "pytorch_version": "2.13.0"}``; goes with
        ``state_dict``.
    config : dict, optional
        What Micrographia needs to use the model (JSON values); ``ModelPackage.config`` gives it back.
    attachments : dict, optional
        File name to content.
    tolerance : dict, optional
        Output id to (relative, absolute) tolerance of the test outputs; (0.001, 0.001) where not given.
    timestamp : datetime, optional
        When the model was made; now where not given. The same arguments give the same bytes.

    Returns
    -------
    ModelPackage
        The package, opened.

    Raises
    ------
    InputError
        Where bioimage.io would not accept the package, or the network does not give the test outputs.
    """
    path = Path(path)
    graph = read_graph(onnx)
    if graph.inputs != [t.id for t in inputs] or graph.outputs != [t.id for t in outputs]:
        raise InputError(
            f"{path}: the ONNX model takes {graph.inputs} and gives {graph.outputs}, but the package describes "
            f"{[t.id for t in inputs]} and {[t.id for t in outputs]}; they must agree in name and order."
        )
    refuse.check_graph(path, onnx)
    given = _run(onnx, inputs, outputs, test_inputs, str(path))
    expected = dict(test_outputs) if test_outputs is not None else given
    _check_tests(path, expected, given, tolerance or {})
    files = {"weights.onnx": onnx, "README.md": documentation.encode()}
    weights: dict[str, Any] = {"onnx": {"source": "weights.onnx", "opset_version": graph.opset}}
    if (state_dict is None) != (architecture is None):
        raise InputError(f"{path}: a state dict needs an architecture, and an architecture a state dict.")
    if state_dict is not None and architecture is not None:
        files["weights.pt"] = state_dict
        weights["pytorch_state_dict"] = {"source": "weights.pt", **_architecture(architecture)}
        weights["onnx"]["parent"] = "pytorch_state_dict"
    rdf: dict[str, Any] = {
        "type": "model",
        "format_version": format_version(),
        "name": name,
        "description": description,
        "version": version,
        "timestamp": (timestamp or datetime.now(UTC)).isoformat(timespec="seconds"),
        "documentation": {"source": "README.md"},
        "tags": list(tags),
        "cite": [dict(c) for c in cite],
    }
    if authors:
        rdf["authors"] = [{"name": a} if isinstance(a, str) else dict(a) for a in authors]
    if license:
        rdf["license"] = license
    if cover is not None:
        files["cover.png"] = png_bytes(cover)
        rdf["covers"] = [{"source": "cover.png"}]
    if attachments:
        files |= attachments
        rdf["attachments"] = [{"source": a} for a in attachments]
    for kind, specs, tests in (("input", inputs, test_inputs), ("output", outputs, expected)):
        rdf[f"{kind}s"] = []
        for spec in specs:
            files[f"test_{kind}_{spec.id}.npy"] = npy_bytes(tests[spec.id])
            rdf[f"{kind}s"].append({**spec.to_rdf(kind), "test_tensor": {"source": f"test_{kind}_{spec.id}.npy"}})
    rdf["weights"] = weights
    rdf["config"] = {"micrographia": plain(config or {})}
    if tolerance:
        rdf["config"]["bioimageio"] = {
            "reproducibility_tolerance": [
                {"output_ids": [o], "relative_tolerance": r, "absolute_tolerance": a} for o, (r, a) in tolerance.items()
            ]
        }
    _add_hashes(rdf, files)
    validate(path, rdf, files)
    files = {_RDF: yaml_bytes(rdf), **files}
    files[refuse.MANIFEST] = refuse.make_manifest("network", files)
    archive.write(path, files)
    return open_package(path)


def write_arrays_package(
    path: str | Path,
    *,
    method: str,
    parameters: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    config: Mapping[str, Any] | None = None,
    name: str | None = None,
    version: str = "1.0.0",
    description: str = "",
    documentation: str = "",
) -> ModelPackage:
    """Write what a method without a network has learned.

    Where there are arrays named ``test_input`` and ``test_output``, the second is what the loaded method's ``predict``
    must give for the first (:func:`micrographia.models.verify.test_model`).

    Parameters
    ----------
    path : str or Path
        The ``.zip`` to write; replaced where it exists.
    method : str
        Name of the method in the registry.
    parameters : dict
        Its parameters (JSON values).
    arrays : dict
        Name (letters, digits and ``_``) to array of numbers, bools or text.
    config : dict, optional
        Anything else (JSON values), for example the training report.
    name : str, optional
        Name for people; the method's where not given.
    version : str
        Version of the model.
    description : str
        One sentence.
    documentation : str
        The model card in Markdown.

    Returns
    -------
    ModelPackage
        The package, opened; ``.arrays()`` gives the arrays, ``.description`` method and parameters.

    Raises
    ------
    InputError
        Where an array holds Python objects or a name is not allowed.
    """
    path = Path(path)
    files: dict[str, bytes] = {}
    for key, array in arrays.items():
        if not re.fullmatch(r"\w+", key):
            raise InputError(f"{path}: an array of a package cannot be named '{key}'; use letters, digits and _.")
        if np.asarray(array).dtype.hasobject:
            raise InputError(f"{path}: the array '{key}' holds Python objects, which are never stored.")
        files[f"arrays/{key}.npy"] = npy_bytes(np.asarray(array))
    said = {
        "format": 1,
        "name": name or method,
        "version": version,
        "description": description,
        "method": method,
        "parameters": plain(parameters),
        "arrays": list(arrays),
        "config": plain(config or {}),
    }
    if documentation:
        files["README.md"] = documentation.encode()
        said["documentation"] = {"source": "README.md"}
    files = {DECLARATION: json.dumps(said, indent=1).encode(), **files}
    files[refuse.MANIFEST] = refuse.make_manifest("arrays", files)
    archive.write(path, files)
    return open_package(path)


def _run(
    onnx: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    tests: Mapping[str, np.ndarray],
    name: str,
) -> dict[str, np.ndarray]:
    from micrographia.models.runtime import Network

    for spec in inputs:
        if spec.id not in tests:
            raise InputError(f"{name}: there is no test tensor for the input '{spec.id}'.")
        if np.abs(tests[spec.id]).max() < 1e-4:
            raise InputError(f"{name}: the test tensor for '{spec.id}' is all zero; bioimage.io asks for other values.")
    network = Network(onnx, inputs, outputs, name=name)
    try:
        check_shapes(inputs, tests)
        results = postprocess(network(preprocess(tests, inputs)), outputs, tests, inputs)
        check_shapes([*inputs, *outputs], {**tests, **results})
    except InputError as error:
        raise InputError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from error
    return results


def _check_tests(
    path: Path,
    expected: Mapping[str, np.ndarray],
    given: Mapping[str, np.ndarray],
    tolerance: Mapping[str, tuple[float, float]],
) -> None:
    for id, got in given.items():
        relative, absolute = tolerance.get(id, (1e-3, 1e-3))
        want = expected.get(id)
        if want is None or want.shape != got.shape or not np.allclose(got, want, rtol=relative, atol=absolute):
            raise InputError(f"{path}: the ONNX model does not give the test output '{id}' for the test inputs.")


def _architecture(said: Mapping[str, Any]) -> dict[str, Any]:
    module, _, callable = str(said["source"]).partition(":")
    return {
        "architecture": {"import_from": module, "callable": callable, "kwargs": plain(said.get("kwargs") or {})},
        "pytorch_version": str(said["pytorch_version"]).partition("+")[0],
    }


def _add_hashes(part: Any, files: Mapping[str, bytes]) -> None:
    if isinstance(part, dict):
        if part.get("source") in files:
            part["sha256"] = refuse.sha256(files[part["source"]])
        for value in part.values():
            _add_hashes(value, files)
    elif isinstance(part, list):
        for value in part:
            _add_hashes(value, files)
