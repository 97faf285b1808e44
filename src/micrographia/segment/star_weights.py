"""Start a training from the weights of a model package."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from micrographia.arrays.errors import RequestError

if TYPE_CHECKING:
    from micrographia.nets.star_unet import StarModel


def start_from(model: StarModel, source: str) -> None:
    """Copy the weights of the expert of a package that reads as many channels as `model`.

    Raises
    ------
    RequestError
        Where the package holds no state dict or another architecture.
    """
    import torch

    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    package = open_package(find_model(source))
    weights = package.description.get("weights", {}).get("pytorch_state_dict")
    if not weights:
        raise RequestError(f"{source}: this package holds no weights to train further from.")
    state = torch.load(io.BytesIO(package.read(weights["source"])), weights_only=True, map_location="cpu")
    wanted = model.experts[0].state_dict()
    for which in sorted({key.split(".")[1] for key in state if key.startswith("experts.")}):
        prefix = f"experts.{which}."
        part = {k.removeprefix(prefix): v.float() for k, v in state.items() if k.startswith(prefix)}
        if set(part) == set(wanted) and all(part[k].shape == wanted[k].shape for k in wanted):
            model.experts[0].load_state_dict(part)
            return
    raise RequestError(
        f"{source}: no network in this package has {model.channels} channel(s) and the same architecture; "
        "set rays and widths to its values, or start anew."
    )
