"""The section of the tables that is about learned features and networks that look at crops."""

from __future__ import annotations

from typing import Any

from markdown_tables import Result, measured, share, table


def mitocheck_learned(result: Result) -> str:
    """Sixteen phenotypes from measurements and a network; and with ten labels a class."""
    n = result["numbers"]
    rows = []
    for name, row in n["folds"].items():
        gain, low, high = row["gain"]["macro_f1"]
        against = "" if name == "hand-crafted" else f"{gain:+.3f} ({low:+.3f} to {high:+.3f})"
        rows.append([name, f"**{share(row['weighted_f1'])}**", f"**{share(row['macro_f1'])}**", against])
    judged = "mean of the folds" if n["judged_folds"] == 5 else f"mean of the first {n['judged_folds']}"
    parts = [
        "## Learned features and networks on crops",
        f"{result['data']}; {judged}. Hand-crafted features are classified by `train objects --classifier "
        f"{n['classifier']}`; the network is `train crops` ({n['steps']} steps from scratch); combined is "
        f"`classify average`. {n['note']} {measured(result)}",
        table(["", "weighted F1", "macro F1", "macro F1 against hand-crafted (95 % interval over wells)"], rows),
    ]
    return "\n\n".join([*parts, *(_few(n["ten_cells_a_class"]) if "ten_cells_a_class" in n else [])])


def _few(few: dict[str, Any]) -> list[str]:
    draws = [[name, share(score)] for name, score in few["macro_f1"].items()]
    gains = [
        [row["better"], row["worse"], f"{row['gain']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"]
        for row in few["gains"]
    ]
    size = few["encoder"]
    return [
        f"Ten labelled cells of each class, mean of {few['draws']} draws, judged on {few['judged']:,} cells of wells "
        f"that no labelled cell is from. The encoder learned without labels from {size['crops']:,} crops of the other "
        f"wells in {size['steps']:,} steps:",
        table(["", "macro F1"], draws),
        table(["", "against", "gain in macro F1 (95 % interval over draws)"], gains),
    ]
