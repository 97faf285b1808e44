"""The command line: one module a verb, imported only when that verb is typed."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module

from micrographia import __version__
from micrographia.arrays.errors import InputError, RequestError

VERBS = {
    "demo": "segment a real and a synthetic image with the built-in model and show where the results are",
    "join": "put channels, planes and times that are separate files into one image each",
    "segment": "find every object in images: labels, table, overlay and report",
    "classify": "give pixels, objects or images a class, by a model learned from examples",
    "train": "teach a method, from images with labels or from tables",
    "evaluate": "check a model, or label images, against the truth",
    "compare": "check several methods and models on the same images",
    "annotate": "list the objects to look at next: informative, similar or rare ones",
    "measure": "measure the objects of label images, or the quality of images",
    "models": "list, show, test, import and export models",
    "methods": "every method and every parameter",
}
"""The verbs, in the order in which a person meets them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``micrographia``; those of the process otherwise.

    Returns
    -------
    int
        0 done; 1 some inputs failed, the others are finished; 2 the request makes no sense; 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a usage error
        return stop.code if isinstance(stop.code, int) else 2
    except InputError as error:
        return _say(str(error), 1)
    except RequestError as error:
        return _say(str(error), 2)
    except MemoryError:
        return _say("There is not enough memory for this. Use fewer --jobs, or store large images as OME-Zarr.", 1)
    except KeyboardInterrupt:
        return _say("Stopped.", 130)
    except BrokenPipeError:  # the reader of our output has gone, for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"micrographia {__version__}")
        return 0
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        import difflib

        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Commands are: {', '.join(VERBS)}."
        raise RequestError(f"There is no command '{verb}'. {hint}")
    module = import_module(f"micrographia.cli.{verb}")
    parser = make_parser(verb)
    module.add_arguments(parser, rest)
    return module.run(parser.parse_args(rest))


def make_parser(verb: str) -> ArgumentParser:
    """The empty parser of a verb, with its description."""
    from micrographia.cli.flags import HelpFormatter

    module = import_module(f"micrographia.cli.{verb}")
    return ArgumentParser(
        prog=f"micrographia {verb}",
        description=module.DESCRIPTION.strip(),
        epilog=module.EPILOG.strip() or None,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )


def overview() -> str:
    """What ``micrographia --help`` prints."""
    lines = [
        "usage: micrographia COMMAND ...",
        "",
        "Machine learning for microscopy images.",
        "",
        "commands:",
        *(f"  {verb:<10}{text}" for verb, text in VERBS.items()),
        "",
        "micrographia COMMAND --help explains one command; micrographia --version prints the version.",
        "",
        "Start here:",
        "  micrographia demo",
        "  micrographia segment images/ -o results",
    ]
    return "\n".join(lines)


def _say(sentence: str, code: int) -> int:
    print(f"micrographia: {sentence}", file=sys.stderr)
    return code
