"""What a star-polygon package says of its networks and their thresholds, checked against the network it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any

from micrographia.arrays.errors import InputError
from micrographia.segment.experts import Expert
from micrographia.segment.star_decoding import Decoding
from micrographia.segment.star_package import halo_for

if TYPE_CHECKING:
    from micrographia.models.package import ModelPackage


@dataclass(frozen=True)
class StarConfig:
    """How the network of a package is run and its maps decoded.

    Parameters
    ----------
    channels, grid, stride, halo : int
        Channels of a picture; pixels between grid points; what window sizes are multiples of; pixels around a tile.
    percentiles : (low, high)
        Of the intensities, where the background is dark.
    experts : list of Expert
        One, or one for dark and one for bright backgrounds.
    colour : bool
        Whether the channels are those of colour pictures, so that grey ones can be repeated.
    """

    channels: int
    grid: int
    stride: int
    halo: int
    percentiles: tuple[float, float]
    experts: list[Expert]
    colour: bool


def star_config(package: ModelPackage, window: int) -> StarConfig:
    """Read and check the config of a package that the method ``stardist`` made.

    Parameters
    ----------
    package : ModelPackage
    window : int
        Largest side of what the network sees at once, pixels; most of it must be left beside the halo.

    Raises
    ------
    InputError
        Naming the first entry that is missing or cannot be.
    """
    said = _Entries(str(package.path), package.config)
    network = _of_network(package)
    for name, value in network.items():
        said.check(name, said[name] == value, f"its network has {value}")
    stride, halo = network["stride"], said["halo"]
    least, most = halo_for(stride.bit_length() - 1), (window - 1) // 2 // stride * stride
    said.check("halo", _whole(halo) and least <= halo <= most, f"its network needs {least} to {most} pixels")
    percentiles = said.get("percentiles", (1.0, 99.8))
    rising = _numbers(percentiles, 2, 0, 100) and percentiles[0] < percentiles[1]
    said.check("percentiles", rising, "they are two numbers from 0 to 100, the lower one first")
    experts, routed = said["experts"], "kind" in {t.id for t in package.inputs}
    some = isinstance(experts, list) and len(experts) == 1 + routed
    said.check("experts", some, f"it has an entry for each of its networks, and there {'are 2' if routed else 'is 1'}")
    return StarConfig(
        network["channels"], network["grid"], stride, halo, tuple(percentiles), [_expert(said, e) for e in experts],
        said.get("colour", False) is True,
    )  # fmt: skip


class _Entries:
    """The entries of a config; one that is missing, or not as it must be, is named."""

    def __init__(self, path: str, entries: Any, where: str = "") -> None:
        self.path, self.entries, self.where = path, entries if isinstance(entries, Mapping) else {}, where

    def __getitem__(self, name: str) -> Any:
        if name not in self.entries:
            raise InputError(f"{self.path}: the entry '{self.where}{name}' is missing from this model package.")
        return self.entries[name]

    def get(self, name: str, default: Any) -> Any:
        return self.entries.get(name, default)

    def check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            value = f"{self.entries[name]!r:.80}"
            raise InputError(f"{self.path}: the entry '{self.where}{name}' of this model package is {value}; {wanted}.")


def _of_network(package: ModelPackage) -> dict[str, int]:
    """What the tensors of a package say of its network."""
    tensors = {t.id: t for t in (*package.inputs, *package.outputs)}
    try:
        raw, probability, distance = (tensors[id] for id in ("raw", "probability", "distance"))
        grid, coarse = probability.axis("y").scale, distance.axis("y").scale
        rays = distance.axis("channel").size / (coarse / grid) ** 2  # type: ignore[operator]
        stride = raw.axis("y").size.step  # type: ignore[union-attr]
        channels = raw.axis("channel").size
        return {"channels": int(channels), "rays": int(rays), "grid": int(grid), "stride": int(stride)}  # type: ignore[arg-type]
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise InputError(
            f"{package.path}: the tensors of this model package are not those of star polygons."
        ) from error


def _expert(said: _Entries, entries: Any) -> Expert:
    one = _Entries(said.path, entries, "experts: ")
    decoding = _Entries(said.path, one["decoding"], "experts: decoding: ")
    known = [field.name for field in fields(Decoding)]
    thresholds = {name: decoding[name] for name in known}
    for name, value in thresholds.items():
        decoding.check(name, _numbers([value], 1, 0, 1), "a threshold is a number from 0 to 1")
    diameters = one["diameters"]
    one.check("diameters", _numbers(diameters, 3, 0, float("inf")), "they are three numbers of pixels")
    one.check("bright", isinstance(one["bright"], bool), "it is true or false")
    return Expert(str(one["name"]), one["bright"], Decoding(**thresholds), tuple(diameters))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(values: Any, count: int, low: float, high: float) -> bool:
    """Whether these are so many numbers, none of them NaN, within bounds."""
    if not isinstance(values, (list, tuple)) or len(values) != count:
        return False
    return all(isinstance(v, Real) and not isinstance(v, bool) and low <= float(v) <= high for v in values)
