"""Where a network is trained."""

from __future__ import annotations

import torch

from micrographia.arrays.errors import RequestError


def accelerator(device: str) -> str:
    """Lightning's name of a device: "auto", "cpu", "cuda" or "mps".

    Raises
    ------
    RequestError
        Where this computer has no such device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError("No CUDA graphics card was found; use --device auto.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise RequestError("No graphics processor of Apple (MPS) was found; use --device auto.")
    return {"cuda": "gpu"}.get(device, device)
