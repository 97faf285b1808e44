"""What ``micrographia compare`` is asked to compare: methods with parameters, and models as they are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

from micrographia.arrays.errors import RequestError
from micrographia.method import Method
from micrographia.methods import get_method, methods


def comparable() -> list[str]:
    """Methods that ``micrographia compare`` can judge: those whose models ``micrographia segment`` takes."""
    return [name for name in methods() if _segments(name)]


@dataclass(frozen=True)
class Candidate:
    """A method with its checked parameters, or a model that exists.

    Attributes
    ----------
    text : str
        As it was typed; its name in tables and charts.
    method : type, optional
        Class of the method.
    parameters : dict
        All parameters of the method.
    model : Path, optional
        File of the model.
    """

    text: str
    method: type[Method] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    model: Path | None = None

    @property
    def note(self) -> str:
        """What the reader of the scores must know; empty where there is nothing."""
        if self.model is not None:
            return "used as it is, not trained here: it may have seen these images, and its scores would be too good"
        if start := self.parameters.get("start"):
            return f"went on from {start}, which may have seen these images: its scores would then be too good"
        return "each image was judged by a model that never saw it"


def read_candidate(text: str, common: dict[str, Any]) -> Candidate:
    """Read one METHOD argument.

    Parameters
    ----------
    text : str
        ``stardist``, ``stardist:steps=200,widths=16+32``, or the name or path of a model.
    common : dict
        Parameters for every method that declares them, where ``text`` says nothing else.

    Raises
    ------
    RequestError
        Where there is no such method or model, or a parameter is wrong.
    InputError
        Where it is the path of a model file that does not exist.
    """
    from micrographia.models.library import find_model, list_models

    name, _, words = text.partition(":")
    if name in methods():
        method = get_method(name)
        if method.applied_by != "segment":
            raise RequestError(
                f"compare cannot judge {name} yet (what it learns is applied with 'micrographia {method.applied_by}'); "
                f"it takes {', '.join(comparable())}, and models of these."
            )
        declared = {p.name: p for p in method.declared()}
        given: dict[str, Any] = {}
        for word in filter(None, words.split(",")):
            key, equals, value = word.partition("=")
            if not equals:
                raise RequestError(f"{text}: '{word}' is no parameter with a value; write it as {name}:NAME=VALUE.")
            several = key in declared and get_origin(declared[key].type) in (tuple, list)
            given[key] = value.split("+") if several else value
        shared = {key: value for key, value in common.items() if key in declared}
        return Candidate(text, method, method.validated(shared | given))
    try:
        return Candidate(text, model=find_model(text))
    except RequestError:
        known = [*comparable(), *(entry.name for entry in list_models())]
        near = difflib.get_close_matches(name, known, n=1)
        if near == [name]:
            hint = f"{name} is a model, which takes no parameters."
        else:
            hint = f"Did you mean '{near[0]}'?" if near else f"At hand are: {', '.join(known)}."
        raise RequestError(f"There is no method or model '{text}'. {hint}") from None


def _segments(name: str) -> bool:
    try:
        return get_method(name).applied_by == "segment"
    except RequestError:  # somebody's method that cannot be loaded
        return False
