"""Micrographia: machine learning for microscopy images.

>>> import micrographia as mg
>>> image = mg.read("cells.tif")          # doctest: +SKIP
>>> labels = mg.segment(image)            # doctest: +SKIP
>>> table = mg.measure(labels, image)     # doctest: +SKIP

Names are loaded when they are first used, so that ``import micrographia`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micrographia.arrays.errors import InputError, RequestError
    from micrographia.arrays.image import Image
    from micrographia.features.objects import measure
    from micrographia.io.reading import read, read_labels
    from micrographia.io.writing import write, write_labels
    from micrographia.method import Method, parameter
    from micrographia.methods import get_method
    from micrographia.segment.segmenting import segment

__version__ = "0.1.0"

_WHERE = {
    "Image": "arrays.image",
    "InputError": "arrays.errors",
    "Method": "method",
    "RequestError": "arrays.errors",
    "get_method": "methods",
    "measure": "features.objects",
    "parameter": "method",
    "read": "io.reading",
    "read_labels": "io.reading",
    "write": "io.writing",
    "write_labels": "io.writing",
}

__all__ = [
    "Image",
    "InputError",
    "Method",
    "RequestError",
    "__version__",
    "get_method",
    "measure",
    "parameter",
    "read",
    "read_labels",
    "segment",
    "write",
    "write_labels",
]


def __getattr__(name: str) -> Any:
    if name == "segment":  # the room is a module that can be called
        return import_module("micrographia.segment")
    if name not in _WHERE:
        raise AttributeError(f"module 'micrographia' has no attribute '{name}'")
    value = getattr(import_module(f"micrographia.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
