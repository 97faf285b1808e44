"""Refuse what cannot be trusted or run, in a sentence each: changed files, code, remote weights, unknown operators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import InputError
from micrographia.models.graph import read_graph

MANIFEST = "manifest.json"
"""Our own list of the sha256 of every other file in a package."""

_FORMATS = {
    "pytorch_state_dict": "a PyTorch state dict",
    "torchscript": "TorchScript",
    "keras_hdf5": "Keras",
    "keras_v3": "Keras",
    "tensorflow_js": "TensorFlow.js",
    "tensorflow_saved_model_bundle": "TensorFlow",
}


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def make_manifest(kind: str, files: Mapping[str, bytes]) -> bytes:
    """The manifest of a package that holds ``files``; ``kind`` is ``"network"`` or ``"arrays"``."""
    listed = {name: sha256(content) for name, content in sorted(files.items())}
    return json.dumps({"format": 1, "kind": kind, "sha256": listed}, indent=1).encode()


def check_manifest(path: Path, names: list[str], read: Callable[[str], bytes]) -> dict[str, Any]:
    """The manifest of one of our packages, after comparing it with the files; empty for other people's packages.

    Raises
    ------
    InputError
        Where a file was changed, added or removed since the package was written.
    """
    if MANIFEST not in names:
        return {}
    try:
        manifest = json.loads(read(MANIFEST))
        listed = dict(manifest["sha256"])
        kind, version = str(manifest["kind"]), int(manifest["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: '{MANIFEST}' in this model package is damaged.") from error
    if version > 1 or kind not in ("network", "arrays"):
        raise InputError(f"{path}: this model package was written by a newer Micrographia; upgrade to use it.")
    for name in sorted(set(listed) ^ (set(names) - {MANIFEST})):
        what = "is missing from" if name in listed else "was added to"
        raise InputError(f"{path}: '{name}' {what} this model package after it was written; get the original again.")
    for name, digest in listed.items():
        _check_hash(path, name, read(name), digest)
    return {"kind": kind, "format": version}


def check_description(path: Path, rdf: Mapping[str, Any]) -> None:
    """Refuse a bioimage.io description that is not a model we can run.

    Raises
    ------
    InputError
        Not a model, too new or too old, no ONNX weights, weights on the internet, or code of its own.
    """
    if rdf.get("type") != "model":
        raise InputError(f"{path}: this bioimage.io package holds a {rdf.get('type') or 'thing'}, not a model.")
    version = str(rdf.get("format_version", ""))
    major_minor = version.split(".")[:2]
    if major_minor != ["0", "5"]:
        try:
            newer = tuple(int(p) for p in major_minor) > (0, 5)
        except ValueError:
            raise InputError(f"{path}: the model's format_version '{version}' is not a version number.") from None
        do = "upgrade Micrographia" if newer else "ask its authors for version 0.5, or convert it with bioimageio.spec"
        raise InputError(f"{path}: this model is in bioimage.io format {version}, we read 0.5; {do}.")
    weights = rdf.get("weights")
    if not isinstance(weights, Mapping) or not weights:
        raise InputError(f"{path}: this model package names no weights.")
    onnx = weights.get("onnx")
    if not isinstance(onnx, Mapping):
        formats = ", ".join(sorted({_FORMATS.get(f, str(f)) for f in weights}))
        raise InputError(
            f"{path}: this model has its weights only as {formats}, which means running code from the package; "
            "only ONNX weights are run. Ask its authors for an ONNX version."
        )
    source = str(onnx.get("source", ""))
    if _remote(source):
        raise InputError(
            f"{path}: the weights of this model are not in the package but at {source}; nothing is downloaded while "
            "reading a model. Download the whole model from bioimage.io as one .zip and import that."
        )
    if onnx.get("external_data"):
        raise InputError(
            f"{path}: this model keeps its weights in a file beside the ONNX graph; only one file is read."
        )
    for side in ("inputs", "outputs"):
        if not isinstance(rdf.get(side), list) or not rdf[side]:
            raise InputError(f"{path}: this model package describes no {side}.")
        for tensor in rdf[side]:
            steps = (tensor.get("preprocessing") or tensor.get("postprocessing") or ()) if _is_map(tensor) else ()
            if any(not _is_map(s) or s.get("id") == "custom" for s in steps):
                raise InputError(
                    f"{path}: this model wants to run its own Python code after the network; it is refused."
                )


def check_files(path: Path, rdf: Mapping[str, Any], names: list[str], read: Callable[[str], bytes]) -> None:
    """Compare every file that a bioimage.io description lists with its sha256.

    Raises
    ------
    InputError
        Where a listed file is missing or differs from its hash.
    """
    for source, digest in _listed(rdf):
        if _remote(source):
            continue
        name = source.removeprefix("./")
        if name not in names:
            raise InputError(f"{path}: the file '{source}' that this model package lists is missing from it.")
        if digest:
            _check_hash(path, name, read(name), digest)


def check_graph(path: Path, onnx: bytes) -> None:
    """Refuse an ONNX graph that needs somebody's code or files beside it.

    Raises
    ------
    InputError
        Not ONNX, operators outside the standard, or weights in another file.
    """
    try:
        graph = read_graph(onnx)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if graph.external_data:
        raise InputError(
            f"{path}: this model keeps its weights in a file beside the ONNX graph; only one file is read."
        )
    if graph.foreign_operators:
        raise InputError(
            f"{path}: this model uses the unknown operator {', '.join(graph.foreign_operators)}, which would need its "
            "own code to run; only standard ONNX operators are run."
        )


def _check_hash(path: Path, name: str, content: bytes, digest: object) -> None:
    if sha256(content) != str(digest).lower():
        raise InputError(
            f"{path}: '{name}' in this model package does not match its hash; it was changed or damaged. "
            "Get the original again."
        )


def _listed(part: Any) -> Iterator[tuple[str, str | None]]:
    """Every (source, sha256) of a description, and the bare names in ``covers`` and ``documentation``."""
    if _is_map(part):
        if isinstance(part.get("source"), str):
            yield part["source"], part.get("sha256")
        if isinstance(part.get("documentation"), str):
            yield part["documentation"], None
        for cover in part.get("covers") or ():
            if isinstance(cover, str):
                yield cover, None
        for key, value in part.items():
            if key != "config":
                yield from _listed(value)
    elif isinstance(part, list):
        for value in part:
            yield from _listed(value)


def _remote(source: str) -> bool:
    return "://" in source


def _is_map(part: Any) -> bool:
    return isinstance(part, Mapping)
