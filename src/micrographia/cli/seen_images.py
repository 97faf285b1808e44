"""Whether a model learned from the images it is judged on, as far as its package says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def seen_images(model: str, config: Mapping[str, Any], names: Sequence[str]) -> str:
    """A warning where images of these names taught a model or chose its thresholds; empty where none is known to.

    Parameters
    ----------
    model : str
        What the model is called.
    config : mapping
        Of its package.
    names : sequence of str
        Of the images or planes, without endings, as the package lists them.
    """
    data = config.get("data")
    found = []
    for side, done in (("training", f"taught {model}"), ("validation", f"chose the thresholds of {model}")):
        listed = data.get(side) if isinstance(data, Mapping) else None
        known = {str(name) for name in listed} if isinstance(listed, list) else set()
        if count := sum(name in known for name in names):
            found.append(f"{done} ({count} of {len(names)})")
    if not found:
        return ""
    return f"images of these names {' and '.join(found)}; where they are the same images, this is no test"


def source_of(config: Mapping[str, Any]) -> str:
    """What a model learned from where its package says so in words, without names of images; empty otherwise."""
    data = config.get("data")
    return data if isinstance(data, str) else ""
