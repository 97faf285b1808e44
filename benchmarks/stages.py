"""Where the time goes: seconds spent in named functions while they work as usual."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

SEGMENTING = {
    "kind and statistics": "micrographia.segment.predictor:prepare",
    "normalise": "micrographia.segment.predictor:normalise",
    "network": "micrographia.models.runtime:Network.__call__",
    "maxima": "micrographia.segment.star_decoding:local_maxima",
    "refine": "micrographia.segment.star_decoding:refine",
    "suppress": "micrographia.segment.star_decoding:suppress",
    "support": "micrographia.segment.star_decoding:support",
    "render": "micrographia.segment.predictor:render_region",
}
"""Stages from array to labels and the functions that do them, where they are looked up."""


@contextmanager
def stages(functions: Mapping[str, str] = SEGMENTING) -> Iterator[dict[str, float]]:
    """Seconds of each stage, added up while this is open; a stage within another counts in both.

    Parameters
    ----------
    functions : mapping
        Name of the stage to ``module:function`` or ``module:Class.method``. What is not there is left out: stages
        are a help to find what is slow, not a part of any result.
    """
    seconds: dict[str, float] = defaultdict(float)
    kept = []
    for name, place in functions.items():
        module, path = place.split(":")
        owner: Any = import_module(module)
        *classes, attribute = path.split(".")
        for one in classes:
            owner = getattr(owner, one, None)
        if not hasattr(owner, attribute):
            continue
        kept.append((owner, attribute, getattr(owner, attribute)))
        setattr(owner, attribute, _timed(kept[-1][2], name, seconds))
    try:
        yield seconds
    finally:
        for owner, attribute, function in kept:
            setattr(owner, attribute, function)


def _timed(function: Callable, name: str, seconds: dict[str, float]) -> Callable:
    def call(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            seconds[name] += time.perf_counter() - start

    return call
