"""The page of commands, from the same declarations as the commands themselves."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from micrographia.cli import VERBS, make_parser, overview
from micrographia.cli.methods import describe
from micrographia.methods import get_method, methods


def write_commands_page(path: Path) -> None:
    """Write help texts of all verbs and parameters of all methods; left alone where nothing changed."""
    parts = [
        "# Commands\n\nThis page is made from the declarations; `micrographia COMMAND --help` prints the same.\n",
        _block(overview()),
    ]
    for verb in VERBS:
        general = _help(verb)
        parts.append(f"## micrographia {verb}\n\n{_block(general)}")
        module = import_module(f"micrographia.cli.{verb}")
        subjects = [[name] for name in getattr(module, "SUBJECTS", ())]
        for words in subjects + [["--features", name] for name in getattr(module, "FEATURES", ())]:
            text = _help(verb, words)
            if text != general:
                parts.append(f"### micrographia {verb} {' '.join(words)}\n\n{_block(text)}")
    parts += [f"## Parameters of {name}\n\n{_block(describe(get_method(name)))}" for name in methods()]
    text = "\n".join(parts)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _help(verb: str, words: Sequence[str] = ()) -> str:
    parser = make_parser(verb)
    import_module(f"micrographia.cli.{verb}").add_arguments(parser, list(words))
    return parser.format_help()


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"
