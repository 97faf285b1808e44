"""Write star-polygon models as packages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.geometry.refinement import REACH
from micrographia.models.package import ModelPackage
from micrographia.models.tensors import Axis, Like, Steps, TensorSpec
from micrographia.segment.experts import Expert

if TYPE_CHECKING:
    from micrographia.nets.star_unet import StarModel

CITATION = {
    "text": "Schmidt, Weigert, Broaddus, Myers: Cell Detection with Star-Convex Polygons. MICCAI 2018",
    "doi": "10.1007/978-3-030-00934-2_30",
}


def halo_of(levels: int) -> int:
    """Receptive field of a `StarUNet` on each side of a tile, rounded up to a multiple of its stride; pixels.

    Followed from an output pixel at a tile's edge (a multiple of the coarsest stride) to the input: each
    3 × 3 convolution on a level of stride s reaches s pixels further, two of them on each level of each
    path and one in the heads; going to a coarser level completes its cells.
    """
    reach = 4
    strides = [2 << level for level in range(levels)]
    for stride in strides[1:]:
        reach = -(-reach // stride) * stride + 2 * stride
    reach += 2 * sum(strides[:-1])
    return -(-reach // strides[-1]) * strides[-1]


def halo_for(levels: int) -> int:
    """Pixels that are seen around each tile: the receptive field of so many levels, and the reach of `refine`."""
    return halo_of(levels) + int(REACH)


def judgement(accuracy: float | None, held: int) -> str:
    """What the accuracy of a model was measured on, in words; None where no image was set aside."""
    if accuracy is None:
        return (
            "accuracy not measured: no image was set aside, and the thresholds were chosen on images that it learned "
            "from"
        )
    return (
        f"accuracy {accuracy:.3f} on {held} image{'s' * (held != 1)} set aside, which also chose the thresholds "
        "(TP / (TP + FP + FN), mean over IoU .5 to .9)"
    )


def equivalent_diameters(labels: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """5th percentile, median and 95th percentile of the equivalent diameters in label images, pixels."""
    areas = np.concatenate([np.bincount(np.maximum(image, 0).ravel())[1:] for image in labels])
    areas = areas[areas > 0]
    if not len(areas):
        return 0.0, 0.0, 0.0
    low, median, high = np.percentile(np.sqrt(4 * areas / np.pi), [5, 50, 95])
    return float(low), float(median), float(high)


def star_tensors(channels: int, rays: int, stride: int, routed: bool) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Inputs and outputs of a star-polygon package."""
    batch, steps = Axis.batch(), Steps(2 * stride, stride)
    names = [f"channel{i}" for i in range(channels)] if channels > 1 else ["intensity"]
    inputs = [
        TensorSpec(
            "raw",
            (batch, Axis.channel(*names), Axis.space("y", steps), Axis.space("x", steps)),
            "normalised picture: background near 0, the brightest or most stained pixels near 1",
        )
    ]
    if routed:
        kind = "1 for a bright background (stain, brightfield; the picture then inverted), else 0"
        inputs.append(TensorSpec("kind", (batch, Axis.channel("bright_background")), kind))

    def plane(scale: float) -> tuple[Axis, Axis]:
        return Axis.space("y", Like("raw", "y"), scale=1 / scale), Axis.space("x", Like("raw", "x"), scale=1 / scale)

    outputs = [
        TensorSpec(
            "probability", (batch, Axis.channel("probability"), *plane(0.5)), "object probability", range=(0, 1)
        ),
        TensorSpec(
            "distance",
            (batch, Axis.channel(*(f"ray{r}_{a}{b}" for r in range(rays) for a in "01" for b in "01")), *plane(0.25)),
            "ray lengths in pixels; ray3_01 at (y, x) is ray 3 of the grid point (2y, 2x + 1)",
        ),
        TensorSpec("foreground", (batch, Axis.channel("foreground"), *plane(1)), "foreground", range=(0, 1)),
    ]
    return inputs, outputs


def write_star_package(
    path: str | Path,
    model: StarModel,
    experts: Sequence[Expert],
    *,
    name: str,
    description: str,
    documentation: str,
    architecture: Mapping[str, Any],
    test_image: np.ndarray,
    license: str = "",
    authors: Sequence[str] = (),
    version: str = "1.0.0",
    cover: np.ndarray | None = None,
    percentiles: tuple[float, float] = (1.0, 99.8),
    half: bool = False,
    extra: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> ModelPackage:
    """Export a trained model and write its package.

    Parameters
    ----------
    path : str or Path
        The ``.zip`` to write.
    model : StarModel
        Trained; its kwargs are `architecture`.
    experts : sequence of Expert
        One for each network of the model.
    test_image : (C, Y, X) float32 array
        Normalised picture, sides multiples of the stride, for the test tensors.
    license : str
        SPDX name; none is named where it is empty.
    authors : sequence of str
        Who made it; nobody is named where there are none.
    half : bool
        Round all weights to half precision (the file halves; the accuracy must be checked by the caller).
    extra : dict, optional
        More for the package's config: parameters, training report, where the data came from.

    Returns
    -------
    ModelPackage
    """
    import torch

    from micrographia.models.weights import pack_weights
    from micrographia.models.write import write_package
    from micrographia.nets.export import export_star_model

    if half:
        rounded = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in rounded.items()})
    else:
        rounded = model.state_dict()
    model.eval()
    buffer = io.BytesIO()
    torch.save(rounded, buffer)
    routed = len(experts) > 1
    rays = model.experts[0].rays
    stride = model.experts[0].stride
    inputs, outputs = star_tensors(model.channels, rays, stride, routed)  # type: ignore[arg-type]
    tests = {"raw": np.ascontiguousarray(test_image[None], dtype=np.float32)}
    if routed:
        tests["kind"] = np.ones((1, 1), np.float32)
    config = {
        "method": "stardist",
        "channels": model.channels,
        "rays": rays,
        "grid": 2,
        "stride": stride,
        "halo": halo_for(len(architecture["widths"])),
        "percentiles": list(percentiles),
        "experts": [
            {
                "name": e.name,
                "bright": e.bright,
                "decoding": e.decoding.as_dict(),
                "diameters": [round(d, 2) for d in e.diameters],
            }
            for e in experts
        ],
        **(extra or {}),
    }
    return write_package(
        path,
        name=name,
        description=description,
        authors=authors,
        license=license,
        version=version,
        inputs=inputs,
        outputs=outputs,
        onnx=pack_weights(export_star_model(model), half=half),
        state_dict=buffer.getvalue(),
        architecture={
            "source": "micrographia.nets.star_unet:StarModel",
            "kwargs": dict(architecture),
            "pytorch_version": torch.__version__.split("+")[0],
        },
        test_inputs=tests,
        documentation=documentation,
        cover=cover,
        tags=["segmentation", "instance-segmentation", "stardist", "2d", *tags],
        cite=[CITATION],
        config=config,
    )
