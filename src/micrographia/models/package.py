"""Open a model package: a bioimage.io model with ONNX weights, or a method without a network as arrays."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models import archive, refuse
from micrographia.models.tensors import TensorSpec

if TYPE_CHECKING:
    from micrographia.models.runtime import Network

DECLARATION = "declaration.json"
"""What a package without a network says about itself."""

_RDF_NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
_LARGEST_RDF = 4_000_000  # bytes
_TEST_INPUT, _TEST_OUTPUT = "arrays/test_input.npy", "arrays/test_output.npy"


@dataclass(frozen=True)
class ModelPackage:
    """One model package, checked; made by :func:`open_package`.

    Holds no open file, so it can be sent to another process.

    Parameters
    ----------
    path : Path
        The zip (or the folder) it was read from.
    kind : str
        ``"network"``: a bioimage.io model with ONNX weights; ``"arrays"``: a method's learned arrays.
    name, version : str
        As its authors named it.
    description : dict
        The whole bioimage.io description, or our declaration.
    config : dict
        What Micrographia stored beside it (decoding parameters, training report); empty for foreign models.
    inputs, outputs : tuple of TensorSpec
        Tensors of the network; empty for arrays.
    """

    path: Path
    kind: str
    name: str
    version: str
    description: dict[str, Any] = field(repr=False)
    config: dict[str, Any] = field(repr=False)
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def names(self) -> list[str]:
        """Names of all files in the package."""
        return archive.names(self.path)

    def read(self, name: str) -> bytes:
        """Content of one file of the package; raises InputError where it is not there."""
        return archive.read(self.path, name)

    def copy_to(self, path: Path) -> Path:
        """Write the same package, byte for byte, to another place; gives that place."""
        archive.copy(self.path, path)
        return path

    def network(self, threads: int | None = None) -> Network:
        """The network, ready to run on the CPU.

        Parameters
        ----------
        threads : int, optional
            Threads for one call; all cores that this process may use where not given.

        Raises
        ------
        InputError
            Where the package has no network, or ONNX Runtime cannot run it.
        """
        from micrographia.models.runtime import Network

        if self.kind != "network":
            raise InputError(f"{self.path}: this package holds a method without a network.")
        return Network(self.read(self._onnx), self.inputs, self.outputs, threads=threads, name=str(self.path))

    def arrays(self) -> dict[str, np.ndarray]:
        """The learned arrays of a method without a network, by name."""
        if self.kind != "arrays":
            raise InputError(f"{self.path}: this package holds a network, not a method's arrays.")
        return {name: self.array(f"arrays/{name}.npy") for name in self.description["arrays"]}

    def array(self, name: str) -> np.ndarray:
        """One ``.npy`` file of the package; raises InputError where it is not a plain array."""
        try:
            return np.load(io.BytesIO(self.read(name)), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.path}: '{name}' in this model package is not a plain NumPy array.") from error

    def test_tensors(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Stored test inputs and the outputs expected for them, by tensor id (``input``, ``output`` of arrays).

        Raises
        ------
        InputError
            Where the package has none, or has them on the internet.
        """
        if self.kind == "arrays":
            if not self.has_tests:
                raise InputError(f"{self.path}: this model package holds no test.")
            return {"input": self.array(_TEST_INPUT)}, {"output": self.array(_TEST_OUTPUT)}
        return self._tests("inputs"), self._tests("outputs")

    @property
    def has_tests(self) -> bool:
        """Whether the package itself holds test tensors for every input and output."""
        if self.kind == "arrays":
            return {_TEST_INPUT, _TEST_OUTPUT} <= set(self.names())
        return None not in self._test_sources("inputs") + self._test_sources("outputs")

    @property
    def documentation(self) -> str:
        """The model card in Markdown; empty where there is none."""
        source = self.description.get("documentation")
        source = source.get("source") if isinstance(source, dict) else source
        if not source or source not in self.names():
            return ""
        return self.read(source).decode("utf-8", "replace")

    @property
    def _onnx(self) -> str:
        return str(self.description["weights"]["onnx"]["source"]).removeprefix("./")

    def _tests(self, side: str) -> dict[str, np.ndarray]:
        found = {}
        for spec, source in zip(getattr(self, side), self._test_sources(side), strict=True):
            if source is None:
                raise InputError(f"{self.path}: this model package holds no test tensor for '{spec.id}'.")
            found[spec.id] = self.array(source)
        return found

    def _test_sources(self, side: str) -> list[str | None]:
        """Names of the files with test tensors; None where there is none or it is on the internet."""
        tests = [t.get("test_tensor") for t in self.description[side]]
        sources = [str(t["source"] if isinstance(t, dict) else t) if t else None for t in tests]
        return [s.removeprefix("./") if s and "://" not in s else None for s in sources]


def open_package(path: str | Path) -> ModelPackage:
    """Open and check a model package: hashes, operators, weight formats.

    Parameters
    ----------
    path : str or Path
        A ``.zip`` file, or the folder of an unpacked bioimage.io model. Nothing is downloaded and nothing is run.

    Returns
    -------
    ModelPackage

    Raises
    ------
    InputError
        Where it is not a model package, is damaged, was tampered with, or would need code of its own.

    Notes
    -----
    Everything that the package lists is compared with its SHA-256; packages written by Micrographia also hold a
    manifest of every file. This notices damage and careless changes; it is no signature: who rewrites the manifest
    too goes unnoticed.
    """
    path = Path(path)
    names = archive.names(path)
    cache: dict[str, bytes] = {}

    def read(name: str) -> bytes:
        if name not in cache:
            cache[name] = archive.read(path, name)
        return cache[name]

    manifest = refuse.check_manifest(path, names, read)
    if manifest.get("kind") == "arrays" or DECLARATION in names:
        if not manifest:
            raise InputError(f"{path}: '{refuse.MANIFEST}' is missing from this model package; get the original again.")
        return _arrays(path, read(DECLARATION), names)
    rdf_name = next((n for n in _RDF_NAMES if n in names), None)
    rdf_name = rdf_name or next((n for n in names if n.endswith(tuple(f".{r}" for r in _RDF_NAMES))), None)
    if rdf_name is None:
        raise InputError(f"{path}: this is not a model package; it holds no bioimage.io description (rdf.yaml).")
    rdf = _yaml(path, rdf_name, read(rdf_name))
    refuse.check_description(path, rdf)
    config = rdf.get("config") or {}
    config = (config.get("micrographia") or {}) if isinstance(config, Mapping) else config
    if not isinstance(config, dict):
        raise InputError(f"{path}: the entry 'config' of this model package is no table of names and values.")
    refuse.check_files(path, rdf, names, read)
    try:
        inputs = tuple(TensorSpec.from_rdf(t, "input") for t in rdf["inputs"])
        outputs = tuple(TensorSpec.from_rdf(t, "output") for t in rdf["outputs"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    package = ModelPackage(
        path, "network", str(rdf.get("name") or path.stem), str(rdf.get("version") or ""), rdf, config, inputs, outputs
    )
    refuse.check_graph(path, read(package._onnx))
    return package


def _arrays(path: Path, declaration: bytes, names: list[str]) -> ModelPackage:
    try:
        said = json.loads(declaration)
        package = ModelPackage(
            path, "arrays", str(said["name"]), str(said.get("version") or ""), said, dict(said["config"])
        )
        missing = [n for n in said["arrays"] if f"arrays/{n}.npy" not in names]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: '{DECLARATION}' in this model package is damaged.") from error
    if missing:
        raise InputError(f"{path}: the array '{missing[0]}' is missing from this model package.")
    return package


def _yaml(path: Path, name: str, content: bytes) -> dict[str, Any]:
    from ruyaml import YAML
    from ruyaml.error import YAMLError

    if len(content) > _LARGEST_RDF:
        raise InputError(f"{path}: '{name}' is too large to be a description.")
    try:
        rdf = YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: '{name}' in this model package is not valid YAML.") from error
    if not isinstance(rdf, dict):
        raise InputError(f"{path}: '{name}' in this model package is not a description.")
    return rdf


def part_of(arrays: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    """Those of a package's arrays whose names begin with `start`, by the rest of their names."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
