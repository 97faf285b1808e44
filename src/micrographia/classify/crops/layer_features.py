"""Features from a layer of a network that looks at planes: its channels, averaged inside each object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.arrays.normalize import sample
from micrographia.arrays.preparation import preparation
from micrographia.arrays.tiles import tile_plan
from micrographia.classify.crops.cell_images import plane_of
from micrographia.models.inner_layers import ExposedNetwork, Layer, expose, list_layers
from micrographia.models.onnx_file import OnnxFile
from micrographia.models.processing import preprocess
from micrographia.models.tensors import Steps

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage

_WINDOW = 1024
_MARGIN = 64
_GRAIN = 32  # sides are multiples of it where a network does not say which it takes
_COARSEST = 8
"""The layer that is chosen has the most channels of those whose pixels cover at most so many pixels of the image."""


class LayerModel:
    """A layer of a network that looks at planes, ready to describe objects.

    Parameters
    ----------
    package : ModelPackage
        A network whose first input has the axes batch, channel, y, x.
    layer : str
        Name of an activation or an output in the ONNX graph, or the end of its name; otherwise, of the activations that
        are at most eight times coarser than the image, the last of those with the most channels. The same of the
        outputs, where there is no activation.
    threads : int, optional
        Threads for one call.

    Attributes
    ----------
    count : int
        Channels of the layer: the number of features.
    all_channels : bool
        Whether the network looks at all channels of an image together; otherwise at one, or at a colour picture.
    layer : Layer
        The layer.

    Raises
    ------
    RequestError
        Where the network does not look at planes, or has no such layer (those it has are named).
    """

    note = ""

    def __init__(self, package: ModelPackage, layer: str = "", threads: int | None = None) -> None:
        if package.kind != "network":
            raise RequestError(f"{package.path}: this model holds no network, and has no learned features.")
        spec = package.inputs[0]
        if spec.axis_ids not in (("batch", "channel", "y", "x"), ("batch", "y", "x")):
            raise RequestError(
                f"{package.path}: features are read from networks that look at planes, not {spec.axis_ids}."
            )
        self.package, self.spec = package, spec
        names = spec.axis("channel").size if "channel" in spec.axis_ids else 1
        self.channels = names if isinstance(names, int) else 1
        self.all_channels = self.channels > 1 and len(package.config.get("experts", ())) < 2
        size = spec.axis("y").size
        self.fixed = size if isinstance(size, int) else 0
        steps = size if isinstance(size, Steps) else Steps(_GRAIN, _GRAIN)
        self.stride = 1 if self.fixed else steps.step
        onnx = package.read(str(package.description["weights"]["onnx"]["source"]).removeprefix("./"))
        shape = (1, self.channels) if "channel" in spec.axis_ids else (1,)
        try:
            branches = list_layers(onnx, shape, self.fixed or steps.at_least(128))
        except InputError as error:
            raise InputError(f"{package.path}: {error}") from error
        if isinstance(package, OnnxFile):
            self.note = (
                f"{package.path} does not say how it wants its pictures: each channel is scaled so that its "
                "percentiles 1 and 99.8 become 0 and 1."
            )
        self.layers = [self._choose(branch, layer) for branch in branches if branch]
        if not self.layers:
            raise RequestError(f"{package.path}: this network has no layer that is a plane.")
        self.layer = self.layers[0]
        self.count = self.layer.channels
        self._networks = [ExposedNetwork(expose(onnx, [one.name]), threads) for one in self.layers]

    def plane(self, image: Any, labels: Any, name: str = "image") -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) int64 in ascending order and features (N, F) float32 of the objects of one plane.

        Raises
        ------
        InputError
            Where image and labels do not fit each other, or the image has other channels than the network.
        """
        pixels, channels = plane_of(image, name)
        labels = labels.array("YX") if isinstance(labels, Image) else labels
        labels = np.ones(pixels.shape[1:], np.int32) if labels is None else np.asarray(labels)
        if labels.shape != pixels.shape[1:] or labels.dtype.kind not in "iub":
            raise InputError(f"{name}: the image is {pixels.shape[1:]} pixels, its label image {labels.shape}.")
        which, prepared = self._prepared(pixels, channels, name)
        ids, index = np.unique(np.maximum(labels.ravel(), 0), return_inverse=True)
        index = index.reshape(labels.shape)
        sums = np.zeros((len(ids), self.count))
        counts = np.bincount(index.ravel(), minlength=len(ids))
        for core, features, place in self._tiles(which, prepared):
            sums += _pooled(index[core], place, features, len(ids))
        keep = ids > 0
        return ids[keep].astype(np.int64), (sums[keep] / counts[keep, None]).astype(np.float32)

    def _choose(self, layers: list[Layer], wanted: str) -> Layer:
        if wanted:
            found = [one for one in layers if one.name == wanted] or [
                one for one in layers if one.name.endswith(wanted) or f"/{wanted}/" in one.name
            ]
            if not found:
                known = "; ".join(f"{one.name} ({one.channels} channels, stride {one.stride})" for one in layers)
                raise RequestError(f"{self.package.path}: there is no layer '{wanted}'; it has {known}.")
            return found[-1]
        layers = [one for one in layers if not one.output] or layers
        fine = [one for one in layers if one.stride <= _COARSEST] or layers
        most = max(one.channels for one in fine)
        return [one for one in fine if one.channels == most][-1]

    def _prepared(self, pixels: np.ndarray, channels: tuple[str, ...], name: str) -> tuple[int, np.ndarray]:
        """Which branch looks at the picture, and the picture as the network takes it."""
        which = 0
        experts = self.package.config.get("experts") if self.package.config.get("method") == "stardist" else None
        if experts is not None:
            percentiles = self.package.config.get("percentiles", (1.0, 99.8))
            found = preparation(sample(pixels, (1, 2)), pixels.shape[1:], len(experts) > 1, percentiles)
            which = next((i for i, e in enumerate(experts) if bool(e["bright"]) == found.bright), 0)
            pixels = found.applied(pixels)
        if len(pixels) == 1 and self.channels > 1 and (experts is not None or isinstance(self.package, OnnxFile)):
            pixels = np.repeat(pixels, self.channels, axis=0)
        if len(pixels) != self.channels:
            raise InputError(
                f"{name} has {len(pixels)} channel{'s' * (len(pixels) != 1)} ({', '.join(channels)}), but the model "
                f"{self.package.name} takes {self.channels}."
            )
        if experts is None:
            raw = pixels[None] if "channel" in self.spec.axis_ids else pixels
            pixels = preprocess({self.spec.id: raw}, [self.spec])[self.spec.id].reshape(pixels.shape)
        return which % len(self.layers), pixels

    def _tiles(self, which: int, pixels: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray, np.ndarray]]:
        """Tile by tile its core, the pixels (F, P) of the layer, and for each pixel of the core that of the layer."""
        network, stride = self._networks[which], self.layers[which].stride
        halo = min(_MARGIN, self.fixed // 4) if self.fixed else int(self.package.config.get("halo", _MARGIN))
        grain = max(self.stride, stride)
        halo = -(-halo // grain) * grain
        for tile in tile_plan(pixels.shape[1:], self.fixed or max(_WINDOW, 4 * halo), halo, grain):  # type: ignore[arg-type]
            part = pixels[:, tile.window[0], tile.window[1]]
            sides = [self.fixed or w.stop - w.start for w in tile.window]
            missing = [(0, side - n) for side, n in zip(sides, part.shape[1:], strict=True)]
            part = np.pad(part, [(0, 0), *missing], mode="symmetric")
            found = network(part[None] if "channel" in self.spec.axis_ids else part)[0][0]
            rows, columns = (np.arange(s.start, s.stop) // stride for s in tile.inner)
            place = rows[:, None] * found.shape[2] + columns
            yield tile.core, found.reshape(len(found), -1), place


def _pooled(index: np.ndarray, place: np.ndarray, features: np.ndarray, count: int) -> np.ndarray:
    """Sums (count, F) of features (F, P) at the place (Y, X) of every pixel, over the pixels of each index (Y, X)."""
    from scipy.sparse import coo_array

    ones = np.ones(index.size)
    members = coo_array((ones, (index.ravel(), place.ravel())), (count, features.shape[1])).tocsr()
    return members @ features.T
