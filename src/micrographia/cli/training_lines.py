"""How a training goes, told in lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from micrographia.method import Method
from micrographia.report.durations import duration

_PAUSE = 30.0
"""Seconds between two lines, at least; the last step is always told."""


def training_lines(method: Method) -> Callable[[Mapping[str, float]], None]:
    """What prints a line after a validation: the step, the losses, the time left by the method's steps and minutes."""
    steps, minutes = int(getattr(method, "steps", 0)), float(getattr(method, "minutes", 0.0))
    last = -_PAUSE

    def report(row: Mapping[str, float]) -> None:
        nonlocal last
        now, step = time.monotonic(), int(row.get("step", 0))
        if now - last < _PAUSE and step < steps:
            return
        last = now
        words = {"train_loss": "loss", "validation_loss": "validation loss"}
        losses = [f"{word} {row[name]:.4g}" for name, word in words.items() if name in row]
        of = f" of {steps:,}" if steps else ""
        print(", ".join([f"step {step:,}{of}", *losses, *_left(row, steps, minutes)]), file=sys.stderr, flush=True)

    return report


def _left(row: Mapping[str, float], steps: int, minutes: float) -> list[str]:
    """How long it lasts at most, in words; nothing where that is not known, or it is over."""
    step, spent = row.get("step", 0), row.get("minutes", 0.0)
    left = [spent * (steps - step) / step] if steps and step else []
    left += [minutes - spent] if minutes else []
    return [f"at most {duration(60 * min(left))} left"] if left and min(left) > 0 else []
