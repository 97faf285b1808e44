"""Lengths in micrometres and times in seconds, whatever a file calls them."""

from __future__ import annotations

import math
from typing import Any

_LENGTHS = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "micrometers": 1.0, "micrometres": 1.0, "\\u00b5m": 1.0,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3, "nanometers": 1e-3, "pm": 1e-6, "picometer": 1e-6,
    "å": 1e-4, "angstrom": 1e-4,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3, "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6, "inch": 25400.0, "in": 25400.0,
}  # fmt: skip

_TIMES = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nanosecond": 1e-9,
    "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip


def micrometres(value: Any, unit: str | None) -> float | None:
    """A length in micrometres; None where it is not a positive number or the unit is unknown."""
    return _convert(value, unit, _LENGTHS)


def seconds(value: Any, unit: str | None) -> float | None:
    """A time in seconds; None where it is not a positive number or the unit is unknown."""
    return _convert(value, unit, _TIMES)


def _convert(value: Any, unit: str | None, factors: dict[str, float]) -> float | None:
    factor = factors.get((unit or "").strip().lower())
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if factor is None or not math.isfinite(number) or number <= 0:
        return None
    return float(f"{number * factor:.12g}")  # 1e-07 m is 0.1 µm, not 0.09999999999999999


def sizes(axes: str, **given: float | None) -> dict[str, float]:
    """The sizes that are known, for the axes an image has."""
    return {axis: size for axis, size in given.items() if size is not None and axis in axes}
