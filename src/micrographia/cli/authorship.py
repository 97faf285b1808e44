"""Who made a model and under which licence: options of ``micrographia train`` for networks, which are shared most."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from inspect import signature
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.method import Declared, Method, parameter


class Authorship(Declared):
    """What a model package says of its authors and its licence."""

    name = "train"

    author: tuple[str, ...] = parameter((), "Who made the model; otherwise it names nobody")
    license: str = parameter("", "Licence of the model by its SPDX name, such as CC-BY-4.0; otherwise it names none")


def add_authorship(parser: ArgumentParser, method: type[Method]) -> None:
    """Add the options where the packages of a method have a place for them."""
    if "license" in signature(method.save).parameters:
        flags.add_flags(parser, Authorship, title="what the model says of itself")


def authorship(args: Namespace) -> dict[str, Any]:
    """What was typed, as ``save`` takes it; raises RequestError where a package cannot say it."""
    from micrographia.models.conform import known_license

    options = flags.read(args, Authorship)
    authors = tuple(author.strip() for author in options.author)
    for author in authors:
        if not author or "/" in author or "\\" in author:
            why = "has a slash, which bioimage.io does not allow in names" if author else "is empty"
            raise RequestError(f"The author '{author}' {why}; write another name, or leave out --author.")
    said = {"authors": authors, "license": known_license(options.license.strip())}
    return {name: value for name, value in said.items() if value}
