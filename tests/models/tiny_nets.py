"""A tiny network of the built-in model's form: two inputs, a router with two experts, three outputs. Needs torch."""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import nn


class Expert(nn.Module):
    """Half-resolution probability and distances, full-resolution foreground."""

    def __init__(self, width: int, rays: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, width, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.probability = nn.Conv2d(width, 1, 1)
        self.distances = nn.Conv2d(width, rays, 1)
        self.foreground = nn.ConvTranspose2d(width, 1, 2, stride=2)

    def forward(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = torch.relu(self.norm(self.down(raw)))
        x = x + torch.relu(self.middle(x))
        return (
            torch.sigmoid(self.probability(x)),
            10 * torch.nn.functional.softplus(self.distances(x)),
            torch.sigmoid(self.foreground(x)),
        )


class Router(nn.Module):
    """``kind`` (batch, 1) below .5 runs the first expert, else the second."""

    def __init__(self, width: int = 16, rays: int = 8) -> None:
        super().__init__()
        self.dark = Expert(width, rays)
        self.bright = Expert(width, rays)

    def forward(self, raw: torch.Tensor, kind: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.bright(raw) if bool(kind.max() > 0.5) else self.dark(raw)


class _Choice(nn.Module):
    """The same as :class:`Router`, in a form that the exporter turns into ``If``."""

    def __init__(self, router: Router) -> None:
        super().__init__()
        example = torch.rand(1, 3, 32, 32)
        self.dark = torch.jit.trace(router.dark, example)
        self.bright = torch.jit.trace(router.bright, example)

    def forward(self, raw: torch.Tensor, kind: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if bool(kind.max() > 0.5):
            out = self.bright(raw)
        else:
            out = self.dark(raw)
        return out


def make_router(seed: int = 0, width: int = 16, rays: int = 8, half: bool = True) -> Router:
    """A random router; with ``half`` its weights are numbers that float16 holds."""
    torch.manual_seed(seed)
    router = Router(width, rays).eval()
    for norm in (router.dark.norm, router.bright.norm):
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.5, 1.5)
    if half:
        with torch.no_grad():
            for tensor in [*router.parameters(), *router.buffers()]:
                if tensor.is_floating_point():
                    tensor.copy_(tensor.half().float())
    return router


def export(router: Router) -> bytes:
    """The router as ONNX with an ``If``."""
    out = io.BytesIO()
    torch.onnx.export(
        torch.jit.script(_Choice(router)),
        (torch.rand(1, 3, 32, 32), torch.ones(1, 1)),
        out,
        dynamo=False,
        opset_version=17,
        input_names=["raw", "kind"],
        output_names=["probability", "distances", "foreground"],
        dynamic_axes={n: {0: "batch", 2: "y", 3: "x"} for n in ("raw", "probability", "distances", "foreground")}
        | {"kind": {0: "batch"}},
    )
    return out.getvalue()


def state_dict(router: Router) -> bytes:
    """What ``torch.save`` writes, in half precision."""
    out = io.BytesIO()
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in router.state_dict().items()}, out)
    return out.getvalue()


def run(router: Router, raw: np.ndarray, kind: np.ndarray) -> list[np.ndarray]:
    """The router on arrays."""
    with torch.no_grad():
        return [t.numpy() for t in router(torch.from_numpy(raw), torch.from_numpy(kind))]
