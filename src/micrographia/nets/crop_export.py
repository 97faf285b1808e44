"""Write networks that look at crops as ONNX models and as weights to go on from."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import torch

from micrographia.nets.crop_encoder import CropEncoder, CropNetwork, Exported

OPSET = 17


def exportable(network: CropEncoder | CropNetwork) -> Exported:
    """The network as a package holds it, without what only training needs."""
    encoder: CropEncoder = network.encoder if isinstance(network, CropNetwork) else network
    classes = network.head.out_features if isinstance(network, CropNetwork) else 0
    out = Exported(encoder.channels, encoder.widths, classes)
    out.encoder.load_state_dict(encoder.state_dict())
    if isinstance(network, CropNetwork) and out.head is not None:
        out.head.load_state_dict(network.scaled_head().state_dict())
    return out.eval()


def export_crop_network(network: Exported, size: int) -> bytes:
    """The ONNX model: takes `raw` (N, C, size, size); gives `features` (N, F), of a classifier `probability` first."""
    outputs = ["features"] if network.head is None else ["probability", "features"]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, network.encoder.channels, size, size),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=["raw"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("raw", *outputs)},
        )
    return buffer.getvalue()


def state_bytes(network: Exported) -> bytes:
    """The weights as `torch.save` writes them."""
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.getvalue()


def encoder_from(state: bytes, architecture: Mapping[str, Any]) -> CropEncoder:
    """The encoder of a stored encoder or classifier.

    Parameters
    ----------
    state : bytes
        What `state_bytes` gave.
    architecture : mapping
        Keyword arguments of `Exported`.

    Raises
    ------
    RuntimeError, KeyError, TypeError
        Where the weights do not belong to this architecture.
    """
    kwargs: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in architecture.items()}
    network = Exported(**kwargs)
    network.load_state_dict(torch.load(io.BytesIO(state), weights_only=True, map_location="cpu"))
    return network.encoder
