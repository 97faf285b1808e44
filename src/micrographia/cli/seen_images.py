"""Whether a model learned from the images it is judged on, as far as its package says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def seen_images(model: str, config: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Sentences where a model, or one that it went on from, may have learned from the images that judge it.

    Parameters
    ----------
    model : str
        What the model is called.
    config : mapping
        Of its package. What taught it, ``data``, are names of images or words; ``start`` in it is the model that it
        went on from, with its own ``data``.
    names : sequence of str
        Of the images or planes, without endings, as the package lists them.

    Returns
    -------
    list of str
        Empty where nothing is known of any.
    """
    data, parameters = config.get("data"), config.get("parameters")
    start = parameters.get("start") if isinstance(parameters, Mapping) else None
    if start and not isinstance(data, str):  # older packages do not say what taught that
        data = {"start": {"model": start}, **(data or {})}
    found, called = [], model
    while isinstance(data, Mapping):
        if seen := _listed(called, data, names):
            found.append(f"images of these names {seen}; where they are the same images, this is no test.")
        start = data.get("start")
        if not isinstance(start, Mapping):
            return found
        data, first = start.get("data"), start.get("model")
        called = f"{first}, from which {model} went on"
        if not data:
            found.append(f"{model} went on from {first}, and it is not known what taught that.")
    if isinstance(data, str) and data:
        comma = "," if called != model else ""
        found.append(f"{called}{comma} learned from {data}; where these images are among those, this is no test.")
    return found


def _listed(called: str, data: Mapping[str, Any], names: Sequence[str]) -> str:
    """How many of some images taught a model or chose its thresholds, in words; empty where none."""
    found = []
    for side, done in (("training", f"taught {called}"), ("validation", f"chose the thresholds of {called}")):
        listed = data.get(side)
        known = {str(name) for name in listed} if isinstance(listed, list) else set()
        if count := sum(name in known for name in names):
            found.append(f"{done} ({count} of {len(names)})")
    return " and ".join(found)
