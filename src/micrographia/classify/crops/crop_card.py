"""The model card of a classifier of crops or whole images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from micrographia.models.card import markdown_table

if TYPE_CHECKING:
    from micrographia.classify.crops.crop_classifier import CropClassifier


def crop_card(method: CropClassifier, name: str) -> str:
    """What a classifier learned from, and how well it does on what it did not, as Markdown."""
    history, counts, plan = method.history_, method.counts_, method.plan
    examples = markdown_table(["class", "examples"], [(one, f"{count:,}") for one, count in counts.items()])
    losses = [row["validation_loss"] for row in history.rows if "validation_loss" in row]
    judged = f"{method.judged_.card()}\n\n" if hasattr(method, "judged_") else ""
    loss = (
        f"Cross-entropy {min(losses):.3f} on {method.held_:,} examples set aside ({method.whole_}), "
        "which also chose when to stop.\n\n"
        if losses
        else ""
    )
    kept = " and kept its encoder as it is" * method.frozen
    start = f" It started from {Path(method.start).name}{kept}." if method.start else ""
    return (
        f"# {name}\n\nTells {', '.join(counts)} apart by {method.seen()} "
        f"({', '.join(method.channels_)}{', mask of the object' if plan.mask else ''}); a residual network "
        f"trained with Micrographia in {history.steps} steps ({history.minutes} min).{start}\n\n"
        f"## Training data\n\n{examples}\n\n"
        f"# Validation\n\n{judged}{loss}Measure its accuracy on plates that it has not seen.\n"
    )
