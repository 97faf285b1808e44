"""The model card: what a model is for, how well it does it and where it fails, as Markdown for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def model_card(
    *,
    name: str,
    summary: str,
    intended_use: str,
    inputs: str,
    training_data: str,
    license: str,
    validation: str,
    metrics: Mapping[str, Mapping[str, float]],
    known_failures: Sequence[str],
    training: Mapping[str, Any] | None = None,
    out_of_scope: Sequence[str] = (),
    references: Sequence[str] = (),
) -> str:
    """Write the documentation of a model package.

    Parameters
    ----------
    name : str
        The model's name, the title.
    summary : str
        What it does, in a paragraph.
    intended_use : str
        For which images and questions.
    inputs : str
        What an image must be like: kinds, pixel sizes or object sizes, channels.
    training_data : str
        Where the training images come from and how they were split, with their licence.
    license : str
        SPDX name of the model's own licence.
    validation : str
        On which images the numbers were measured, and that these were used for nothing else.
    metrics : dict of dict
        Kind of image (a row) to metric (a column) to value.
    known_failures : sequence of str
        What it gets wrong, a sentence each.
    training : dict, optional
        Settings and cost of the training, a line each.
    out_of_scope : sequence of str
        What it should not be used for.
    references : sequence of str
        Papers and data sets.

    Returns
    -------
    str
        Markdown with a ``## Validation`` heading, as bioimage.io asks.
    """
    parts = [
        f"# {name}",
        summary,
        "## Intended use",
        intended_use,
        _list(out_of_scope, "Not meant for:"),
        "## Images",
        inputs,
        "## Training data",
        training_data,
        _list([f"{k}: {_value(v)}" for k, v in (training or {}).items()], "How it was trained:"),
        "## Validation",
        validation,
        _table(metrics),
        "## Known failures",
        _list(known_failures) or "None were looked for.",
        "## Licence",
        license,
        "## References" if references else "",
        _list(references),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _list(items: Sequence[str], title: str = "") -> str:
    if not items:
        return ""
    lines = "\n".join(f"- {i}" for i in items)
    return f"{title}\n\n{lines}" if title else lines


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: names on the left, numbers after them."""
    lines = [header, ["---", *["---:" for _ in header[1:]]], *rows]
    return "\n".join(f"| {' | '.join(word.replace('|', chr(92) + '|') for word in line)} |" for line in lines)


def _table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    columns = list(dict.fromkeys(c for row in metrics.values() for c in row))
    if not columns:
        return ""
    rows = [[kind, *(_value(row[c]) if c in row else "" for c in columns)] for kind, row in metrics.items()]
    return markdown_table(["kind", *columns], rows)


def _value(value: Any) -> str:
    return f"{value:.3f}".removeprefix("0") if isinstance(value, float) and 0 < value < 1 else f"{value}"
