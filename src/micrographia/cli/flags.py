"""Flags from declarations: every declared parameter becomes one flag, and is checked by its declaration."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_args, get_origin

from micrographia.method import Declared, Parameter

D = TypeVar("D", bound=Declared)


class HelpFormatter(RawDescriptionHelpFormatter):
    """Help with a wide column for the flags and the text as written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)


def add_flags(
    parser: ArgumentParser,
    declared: type[Declared],
    *,
    title: str = "",
    short: Mapping[str, str] | None = None,
    skip: Collection[str] = (),
) -> None:
    """Add one flag for every declared parameter: ``min_size`` becomes ``--min-size``.

    A flag that is not typed leaves no trace in the namespace, so that the default is written only in the
    declaration. Values stay text; the declaration reads and checks them. The values of a flag that takes several add
    up where it is typed several times.

    Parameters
    ----------
    parser : ArgumentParser
        Parser of the verb.
    declared : subclass of Declared
        The options of a command, or a method.
    title : str
        Heading of a group of their own in ``--help``.
    short : mapping, optional
        Parameter name to a one-letter flag, for example ``{"out": "-o"}``.
    skip : collection of str
        Parameters that the command sets itself.
    """
    group = parser.add_argument_group(title) if title else parser
    for p in declared.declared():
        if p.name in skip:
            continue
        names = [f"--{p.name.replace('_', '-')}"]
        if short and p.name in short:
            names.insert(0, short[p.name])
        facts: dict[str, Any] = {"dest": p.name, "default": SUPPRESS, "help": _help(p)}
        if p.type is bool:
            group.add_argument(*names, action=BooleanOptionalAction if p.default else "store_true", **facts)
        elif get_origin(p.type) is tuple and get_args(p.type)[-1] is not Ellipsis:
            n = len(get_args(p.type))
            group.add_argument(*names, nargs=n, metavar=tuple([_metavar(get_args(p.type)[0])] * n), **facts)
        elif get_origin(p.type) in (tuple, list):
            group.add_argument(
                *names, nargs="+", action="extend", metavar=_metavar(get_args(p.type)[0], "NAME"), **facts
            )
        else:
            name = p.name.upper().replace("_", "-")
            metavar = "{" + ",".join(map(str, p.choices)) + "}" if p.choices else _metavar(p.type, name)
            group.add_argument(*names, metavar=metavar, **facts)


def given(args: Namespace, declared: type[Declared]) -> dict[str, Any]:
    """The parameters that were typed, as they were typed."""
    return {p.name: getattr(args, p.name) for p in declared.declared() if hasattr(args, p.name)}


def read(args: Namespace, declared: type[D]) -> D:
    """The declared options with what was typed; a wrong value raises RequestError."""
    return declared(**given(args, declared))


def _help(p: Parameter) -> str:
    facts = ("" if p.choices and not p.several else p.limits) or p.unit
    default = "" if p.default is None or p.default is False or p.default in ("", ()) else f"default {_text(p.default)}"
    note = "; ".join(filter(None, (facts, "on unless switched off" if p.default is True else default)))
    return (f"{p.help} ({note})" if note else p.help).replace("%", "%%")


def _text(default: Any) -> str:
    if isinstance(default, (tuple, list)):
        return " ".join(_text(item) for item in default)
    return f"{default:.10g}" if isinstance(default, float) else str(default)


def _metavar(annotation: Any, text: str = "TEXT") -> str:
    kinds = [k for k in (get_args(annotation) or (annotation,)) if k is not type(None)]
    return {int: "N", float: "X", str: text, bool: "yes|no"}.get(kinds[0], "VALUE")
