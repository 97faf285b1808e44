"""What the sections of the tables are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def measured(result: Result) -> str:
    """What it was measured on, as a sentence."""
    return f"Measured on {result['data']}."


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the others numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def share(value: float) -> str:
    """A number up to 1 without its leading zero."""
    return f"{value:.3f}".removeprefix("0") if value < 1 else "1.00"


def word(yes: bool) -> str:
    """Yes or no."""
    return "yes" if yes else "no"


def reached(yes: bool) -> str:
    """Whether a goal was reached."""
    return "reached" if yes else "**missed**"
