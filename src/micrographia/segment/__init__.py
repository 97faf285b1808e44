"""Segmentation: objects found in images.

The room itself can be called, so that ``micrographia.segment(image)`` works although
``micrographia.segment`` is also a package.
"""

from __future__ import annotations

import sys
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    @property
    def __signature__(self) -> Signature:
        """What `inspect.signature`, and so an editor or notebook, shows of the room."""
        from micrographia.segment.segmenting import segment

        return signature(segment)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """See `micrographia.segment.segmenting.segment`."""
        from micrographia.segment.segmenting import segment

        return segment(*args, **options)


sys.modules[__name__].__class__ = _Room
