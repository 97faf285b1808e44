"""The sections of the tables that are about classes of objects."""

from __future__ import annotations

from markdown_tables import Result, measured, share, table, word


def mitocheck_classes(result: Result) -> str:
    """Sixteen phenotypes, wells kept together and random folds."""
    n = result["numbers"]
    goal = n["goal"]
    rows = []
    for row in n["rows"]:
        ours, random = row["grouped"], row["random"]
        hit = all(ours[name] >= least for name, least in goal.items())
        rows.append(
            [row["features"], row["classifier"], f"**{share(ours['weighted_f1'])}**", f"**{share(ours['macro_f1'])}**"]
            + [word(hit), share(random["weighted_f1"]), share(random["macro_f1"])]
            + [f"{random['weighted_f1'] - ours['weighted_f1']:.3f}", share(ours["calibration_error"])]
        )
    classes = [
        [row["class"], str(row["objects"]), str(row["groups"])]
        + [share(row["precision"]), share(row["recall"]), f"**{share(row['f1'])}**"]
        + [f"{share(row['f1_low'])}–{share(row['f1_high'])}"]
        for row in n["classes"]
    ]
    header = ["class", "cells", "wells", "precision", "recall", "F1", "95 % interval"]
    words = f"By class ({n['classes_of']}, all folds together; interval over wells):"
    by_class = [words, table(header, classes)] if classes else []
    return "\n\n".join(
        [
            "## Phenotypes of single cells",
            "Mean of five folds that keep plate and well together, nested: settings and calibration "
            "are chosen on inner folds. Published scores of .80 to .85 (weighted F1) are of random splits, in which "
            "cells of one well are on both sides; that protocol stands beside. Goal: weighted F1 ≥ "
            f"{share(goal['weighted_f1'])} and macro F1 ≥ {share(goal['macro_f1'])}. {measured(result)}",
            n["looked_at"],
            table(
                ["features", "classifier", "weighted F1", "macro F1", "goal reached"]
                + ["random: weighted F1", "macro F1", "difference (weighted)", "calibration error"],
                rows,
            ),
            *by_class,
        ]
    )


def object_scoring(result: Result) -> str:
    """A million objects scored by a forest."""
    n = result["numbers"]
    rows = [
        ["read, classify, count, write (s)", f"**{n['seconds']:.0f}**", f"< {n['goal_seconds']:.0f}"]
        + [word(n["seconds"] < n["goal_seconds"])],
        ["of these, processor time (s)", f"{n['cpu_seconds']:.0f}", "", ""],
        ["peak memory (GB)", f"**{n['memory_gb']:.2f}**", f"< {n['goal_gb']:.0f}", word(n["memory_gb"] < n["goal_gb"])],
    ]
    return "\n\n".join(
        [
            "## Scoring a million objects",
            f"A forest of {n['trees']} trees, as `micrographia classify objects` does it. {measured(result)}",
            table(["", "", "goal", "reached"], rows),
        ]
    )
