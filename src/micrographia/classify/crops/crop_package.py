"""Networks that look at crops as model packages: written, read, and run with ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.pixels.image_channels import same_channels
from micrographia.features.crops import CropPlan
from micrographia.models.other_kind import other_kind
from micrographia.models.refuse import sha256

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage
    from micrographia.nets.crop_encoder import CropEncoder, CropNetwork

METHODS = ("encoder", "crops", "images")
"""Methods whose packages look at crops."""

_BATCH = 256


class CropModel:
    """A stored network that looks at crops, ready to run.

    Parameters
    ----------
    package : ModelPackage
        Written by `write_crop_package`.
    threads : int, optional
        Threads for one call; all usable cores where not given.

    Attributes
    ----------
    plan : CropPlan
        How its crops are cut.
    channels : tuple of str
        Names of the channels of an image, without the mask.
    classes : tuple of str
        Empty for an encoder.
    count : int
        Number of features.

    Raises
    ------
    RequestError
        Where it is another kind of package.
    InputError
        Where it is damaged.
    """

    def __init__(self, package: ModelPackage, threads: int | None = None) -> None:
        config = package.config
        if package.kind != "network" or config.get("method") not in METHODS:
            raise other_kind(package, "look at crops of objects")
        try:
            self.plan = CropPlan.from_dict(config["crops"])
            self.channels = tuple(str(c) for c in config["channels"])
            self.classes = tuple(str(c) for c in config["classes"])
            self.count = int(config["features"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{package.path}: what this model package says of its crops is damaged.") from error
        self.package = package
        self._network = package.network(threads)

    def __call__(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network on crops of any number.

        Parameters
        ----------
        crops : (N, C, S, S) array
            Cut as `plan` says, the mask as the last channel where it asks for one.

        Returns
        -------
        dict
            "features" (N, F) float32; of a classifier also "probability" (N, K) float32.

        Raises
        ------
        InputError
            Where the crops have another number of channels or another size.
        """
        channels = len(self.channels) + self.plan.mask
        if crops.ndim != 4 or crops.shape[1:] != (channels, self.plan.size, self.plan.size):
            raise InputError(
                f"{self.package.path}: the model looks at crops of shape {(channels, self.plan.size, self.plan.size)}, "
                f"not {crops.shape[1:]}."
            )
        parts = [self._network({"raw": crops[i : i + _BATCH]}) for i in range(0, len(crops), _BATCH)]
        if not parts:
            out = {"features": np.empty((0, self.count), np.float32)}
            return out | ({"probability": np.empty((0, len(self.classes)), np.float32)} if self.classes else {})
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def match(self, channels: Sequence[str], name: str) -> list[int]:
        """Which of an image's channels the network was trained on, as `same_channels` finds them."""
        return same_channels(channels, self.channels, name)[0]


def open_crop_model(model: str | Path) -> CropModel:
    """The stored network of a model, by name or path.

    Raises
    ------
    RequestError
        Where it is another kind of package.
    InputError
        Where it is damaged.
    """
    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    return CropModel(open_package(find_model(model)))


def run_saved(save: Callable[[Path], Path]) -> CropModel:
    """What a method has just learned, as ONNX Runtime runs it: saved into a scratch file and opened."""
    from micrographia.models.package import open_package

    with tempfile.TemporaryDirectory() as scratch:
        return CropModel(open_package(save(Path(scratch) / "model.zip")))


def write_crop_package(
    path: str | Path,
    network: CropEncoder | CropNetwork,
    *,
    method: str,
    plan: CropPlan,
    channels: Sequence[str],
    classes: Sequence[str],
    example: np.ndarray,
    name: str,
    documentation: str,
    authors: Sequence[str] = (),
    license: str = "",
    config: Mapping[str, Any] | None = None,
) -> ModelPackage:
    """Export a trained network and write its package.

    Parameters
    ----------
    path : str or Path
        The ``.zip`` to write.
    network : CropEncoder or CropNetwork
        Trained.
    method : str
        One of `METHODS`.
    plan : CropPlan
        How its crops are cut.
    channels, classes : sequence of str
        Names of the channels without the mask, and of the classes (none for an encoder).
    example : (N, C, S, S) array
        Some crops for the stored test.
    authors, license
        As in `micrographia.models.write.write_package`.
    config : dict, optional
        More for the package's config: parameters, training report.

    Returns
    -------
    ModelPackage
    """
    import torch

    from micrographia.models.tensors import Axis, TensorSpec
    from micrographia.models.write import write_package
    from micrographia.nets.crop_export import export_crop_network, exportable, state_bytes

    out = exportable(network)
    count = out.encoder.widths[-1]
    names = [*channels, "mask"] if plan.mask else list(channels)
    sides = (Axis.space("y", plan.size), Axis.space("x", plan.size))
    inputs = [TensorSpec("raw", (Axis.batch(), Axis.channel(*names), *sides), "crop, background near 0, bright near 1")]
    outputs = [TensorSpec("features", (Axis.batch(), Axis.channel(*(f"f{i:03d}" for i in range(count)))), "features")]
    if classes:
        outputs.insert(0, TensorSpec("probability", (Axis.batch(), Axis.channel(*classes)), "class", range=(0, 1)))
    seen = "whole images" if method == "images" else "crops of cells"
    what = f"Tells {len(classes)} classes of {seen} apart" if classes else f"Turns {seen} into features"
    return write_package(
        path,
        name=name if len(name) >= 5 else f"{name} model",  # bioimage.io wants five characters
        description=f"{what}; trained with Micrographia.",
        authors=authors,
        license=license,
        inputs=inputs,
        outputs=outputs,
        onnx=export_crop_network(out, plan.size),
        state_dict=state_bytes(out),
        architecture={
            "source": "micrographia.nets.crop_encoder:Exported",
            "kwargs": {"channels": len(names), "widths": list(out.encoder.widths), "classes": len(classes)},
            "pytorch_version": torch.__version__.split("+")[0],
        },
        test_inputs={"raw": np.ascontiguousarray(example[:4], dtype=np.float32)},
        documentation=documentation,
        tags=["classification" if classes else "representation-learning", "2d", seen.split()[-1]],
        config={
            "method": method,
            "crops": plan.as_dict(),
            "channels": list(channels),
            "classes": list(classes),
            "features": count,
            **(config or {}),
        },
    )


def stored_encoder(model: CropModel) -> CropEncoder:
    """The encoder of a stored network, to train further.

    Raises
    ------
    RequestError
        Where the package holds no such weights.
    InputError
        Where they are damaged.
    """
    from micrographia.nets.crop_export import encoder_from

    package, weights = model.package, _weights(model)
    try:
        return encoder_from(package.read(weights["source"]), weights["architecture"]["kwargs"])
    except (RuntimeError, KeyError, TypeError) as error:
        raise InputError(f"{package.path}: the weights in this model package are damaged.") from error


def weights_digest(model: CropModel) -> str:
    """A short text that changes when the weights of a stored network change; raises as `stored_encoder`."""
    return sha256(model.package.read(_weights(model)["source"]))[:16]


def _weights(model: CropModel) -> dict[str, Any]:
    package = model.package
    weights = package.description.get("weights", {}).get("pytorch_state_dict")
    if not weights:
        raise RequestError(f"{package.path}: this package holds no weights to train further from.")
    return dict(weights)
