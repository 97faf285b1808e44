"""Lengths of time, in words a person would use."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A length of time for a reader."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
