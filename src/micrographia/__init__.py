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
    from micrographia.io.read import read
    from micrographia.method import Method
    from micrographia.methods import get_method, methods
    from micrographia.segment.predictor import segment

__version__ = "0.1.0"

_WHERE = {
    "Image": "micrographia.arrays.image",
    "InputError": "micrographia.arrays.errors",
    "Method": "micrographia.method",
    "RequestError": "micrographia.arrays.errors",
    "get_method": "micrographia.methods",
    "measure": "micrographia.features.objects",
    "methods": "micrographia.methods",
    "read": "micrographia.io.read",
    "segment": "micrographia.segment.predictor",
}

__all__ = [
    "Image",
    "InputError",
    "Method",
    "RequestError",
    "__version__",
    "get_method",
    "measure",
    "methods",
    "read",
    "segment",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'micrographia' has no attribute '{name}'")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
