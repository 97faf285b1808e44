"""The section of the tables that is about annotating: active learning, few labels, wrong labels, hidden classes."""

from __future__ import annotations

from typing import Any

from markdown_tables import Result, measured, reached, share, table

HALF = 0.5
FOUND, PRECISE = 0.7, 0.6


def mitocheck_annotation(result: Result) -> str:
    """Every part that was measured."""
    n = result["numbers"]
    parts = ["## Annotating cells", measured(result)]
    for name, section in (("active", _active), ("semi", _semi), ("noisy", _noisy), ("rare", _rare)):
        if name in n:
            parts += section(n[name])
    return "\n\n".join(parts)


def _active(n: dict[str, Any]) -> list[str]:
    own, random = n["annotations"]["informative"], n["annotations"]["random"]
    both = own is not None and random is not None
    counts = [count for count in n["share"]["informative"] if count in n["share"]["random"]]
    rows = [[name, *(share(n["share"][way][count]) for count in counts)]
            for name, way in (("suggested", "informative"), ("at random", "random"))]  # fmt: skip
    verdict = reached(own <= HALF * random) if both else "not known"
    return [
        "**Active learning.** Macro F1 on wells never seen, as a share of what all "
        f"{n['pool']:,} annotations of the other wells give ({share(n['full_macro_f1'])}), by number of annotations; "
        "mean of ten seeds.",
        table(["annotations", *counts], rows),
        f"95 % are reached with **{own or 'no number of'}** suggested cells and with {random or 'no number of'} cells "
        f"at random, of the numbers that were tried; goal: half as many; {verdict}.",
    ]


def _semi(n: dict[str, Any]) -> list[str]:
    rows = [
        [way, f"{gain['mean']:+.3f}", f"{gain['low']:+.3f} to {gain['high']:+.3f}", reached(gain["low"] > 0)]
        for way, gain in n["gain"].items()
    ]
    return [
        f"**Few labels.** {n['each']} labelled cells of each class, all others of the same wells without; macro F1 on "
        f"wells never seen, supervised alone {share(n['supervised'])}. Gain, mean of ten seeds:",
        table(["unlabelled cells by", "gain", "95 % interval", "above 0"], rows),
    ]


def _noisy(n: dict[str, Any]) -> list[str]:
    names = {"noise": "noise model", "confident": "confident learning"}
    rows = []
    for way, row in n.items():
        yes = row["found"] >= FOUND and row["precision"] >= PRECISE
        rows.append([names[way], f"**{row['found']:.0%}**", f"**{row['precision']:.0%}**"]
                    + [f"{row['estimated']:.1%}", reached(yes)])  # fmt: skip
    return [
        "**Wrong labels.** A tenth of the labels flipped to any other class; each cell judged by a classifier that has "
        "not seen its well, mean of ten seeds. What was reported but not flipped counts as wrong, although some of the "
        f"labels as they come are doubtful. Goal: {FOUND:.0%} at {PRECISE:.0%}.",
        table(["", "flipped ones found", "precision", "estimated share", "goal"], rows),
    ]


def _rare(n: dict[str, Any]) -> list[str]:
    rows = [[of, f"**{row['found']:.0%}**", f"{row['draws_with_all']} of {row['draws']}"] for of, row in n.items()]
    first = next(iter(n.values()))["purity_by_class"]
    classes = [[name, *(", ".join(f"{v:.2f}" for v in row["purity_by_class"].get(name, [])) for row in n.values())]
               for name in first]  # fmt: skip
    return [
        "**Hidden classes.** Four of the sixteen classes, drawn anew for each of ten draws, have no annotated cell. A "
        "hidden class is found where a cluster of it, at least 80 % pure, is among the first ten suggestions (goal: "
        "each):",
        table(["cells of the other classes annotated", "hidden classes found", "all four found"], rows),
        "Purity of the best of the ten suggestions, each time the class was hidden:",
        table(["class", *(f"{of} annotated" for of in n)], classes),
    ]
