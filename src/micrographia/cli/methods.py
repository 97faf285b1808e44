"""``micrographia methods``: every method, and every parameter of one."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from micrographia.arrays.errors import RequestError
from micrographia.method import Declared
from micrographia.methods import get_method, methods

DESCRIPTION = "List every installed method, or every parameter of one, as its declaration says."
EPILOG = """
examples:
  micrographia methods
  micrographia methods stardist
  micrographia methods stardist --json
"""


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a method; all of them are listed otherwise")
    parser.add_argument("--json", action="store_true", help="print the JSON schema instead of text")


def run(args: Namespace) -> int:
    """Print the list or the parameters."""
    if args.name is None:
        if args.json:
            print(json.dumps({name: get_method(name).json_schema() for name in methods()}, indent=2))
            return 0
        for name in methods():
            try:
                print(f"{name:<14}{get_method(name).summary()}")
            except RequestError as error:  # somebody's method that is broken must not hide the others
                print(f"{name:<14}{error}", file=sys.stderr)
        return 0
    method = get_method(args.name)
    print(json.dumps(method.json_schema(), indent=2) if args.json else describe(method))
    return 0


def describe(declared: type[Declared]) -> str:
    """Name, summary and one entry a parameter: type, default, bounds, unit and what it does."""
    lines = [f"{declared.name}: {declared.summary()}", ""]
    for p in declared.declared():
        facts = [p.type_name if not p.choices else p.limits]
        if not p.choices:
            facts += [f for f in (p.limits, "" if p.unit in p.limits else p.unit) if f]
        lines.append(f"  {p.name} = {p.default!r}   ({', '.join(facts)})")
        lines.append(f"      {p.help}")
    return "\n".join(lines)
