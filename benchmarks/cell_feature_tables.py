"""The section of the tables about features of objects."""

from __future__ import annotations

from markdown_tables import Result, measured, reached, table

FEATURES_GOAL = 3.0


def object_features(result: Result) -> str:
    """Our cell measurements beside cp_measure's, group by group."""
    n = result["numbers"]
    rows = [
        [name, f"**{row['ours']:.3f}**", f"{row['cp_measure']:.2f}", f"**{row['ratio']:.1f}**"]
        for name, row in n["groups"].items()
    ]
    rows.append(["**all, with the table**", f"**{n['ours']:.2f}**", f"{n['cp_measure']:.1f}", f"**{n['ratio']:.1f}**"])
    rows.append(
        ["all, cp_measure without Costes", f"**{n['ours']:.2f}**", f"{n['cp_measure_without_costes']:.1f}"]
        + [f"**{n['ratio_without_costes']:.1f}**"]
    )
    differ = n["share_of_values_that_differ"]
    equal = [name for name, value in differ.items() if value == 0]
    goal = reached(n["ratio_without_costes"] >= FEATURES_GOAL)
    others = ", ".join(f"{name} {100 * value:.2f} %" for name, value in differ.items() if value > 0)
    return "\n\n".join(
        [
            "## CellProfiler's measurements beside cp_measure",
            f"{n['objects']:,} nuclei in two channels, {n['features']} columns. Processor seconds in the same process; "
            f"goal: cp_measure takes ≥ {FEATURES_GOAL:.0f} × as long, {goal} also without Costes' search. "
            f"Values of {', '.join(equal)} are equal to a part in a million"
            + (f"; share that differs: {others} (outlines whose circle is decided by rounding)." if others else ".")
            + f" {measured(result)}",
            table(["", "ours (s)", "cp_measure 0.3 (s)", "cp_measure takes (×)"], rows),
        ]
    )
