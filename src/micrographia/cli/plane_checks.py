"""Warnings and notes on the planes of an image: those of large planes from a few windows, those of many said once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from micrographia.arrays.image import Image
from micrographia.segment.lazy_planes import LazyPlane
from micrographia.segment.planes import looks_like_labels

_WINDOW = 1024
_NUMBER = re.compile(r"( in channel [^:]*:)|\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""A number, but not one in the name of a channel."""


def labels_warning(plane: Image) -> list[str]:
    """A sentence where a label image was taken for a picture."""
    looks = looks_like_labels(plane)
    return ["This looks like a label image, not like a picture; segment the picture."] if looks else []


def holds_no_numbers(plane: Image) -> bool:
    """Whether no pixel is finite."""
    return plane.dtype.kind == "f" and not np.isfinite(plane.array()).any()


def check_large(
    plane: LazyPlane,
    labels: Any,
    thinned: Image,
    thinned_labels: np.ndarray,
    objects: int,
    *,
    step: int,
    trained_diameter: tuple[float, float] | None,
    background: str = "auto",
) -> list[str]:
    """What :func:`micrographia.features.image_checks.check_image` says, of a plane that is never in memory as a whole.

    Up to four windows at full resolution are looked at: two with most of the objects, and two in which the picture
    varies more than in two thirds and in nine tenths of all; without objects, the four in which it varies most.
    What is said of the whole plane comes from its number of objects and the thinned picture.

    Parameters
    ----------
    plane : LazyPlane
        The pixels.
    labels : (Y, X) array
        The objects, read where indexed.
    thinned, thinned_labels : Image, array
        Every `step`-th row and column of both.
    objects : int
        Number of objects in the whole plane.
    step : int
        Rows and columns from one of `thinned` to the next.
    trained_diameter, background
        As for ``check_image``.
    """
    from micrographia.features.image_checks import check_part, check_values

    windows = _windows(labels.shape, thinned, thinned_labels, step)
    pieces = [plane.region(window) for window in windows]
    across = pieces[0].axes.index("X")
    seen = Image(np.concatenate([piece.array() for piece in pieces], axis=across), pieces[0].axes, {}, thinned.channels)
    found = np.concatenate([np.asarray(labels[window]) for window in windows], axis=1)
    sentences = labels_warning(seen) + check_values(thinned.array(), objects, thinned=True)
    return sentences + check_part(seen, found, trained_diameter=trained_diameter, background=background)


def said_together(planes: Sequence[Sequence[str]]) -> list[str]:
    """The sentences on all planes, each kind once, with the numbers of the planes where it is not said of all.

    Sentences that differ in their numbers alone count as the same; the middle one of them is said.

    Parameters
    ----------
    planes : sequence of sequences of str
        The sentences on each plane.
    """
    said: dict[str, dict[int, str]] = {}
    for number, sentences in enumerate(planes, 1):
        for sentence in sentences:
            kind = _NUMBER.sub(lambda found: found[1] or "0", sentence)
            said.setdefault(kind, {})[number] = sentence
    together = []
    for where in said.values():
        numbers = list(where)
        middle = numbers[len(numbers) // 2]
        sentence = where[middle]
        if len(where) < len(planes):
            plural = "s" if len(numbers) > 1 else ""
            sentence = f"Plane{plural} {_runs(numbers)}: {sentence[:1].lower()}{sentence[1:]}"
        if len(set(where.values())) > 1:
            sentence += f" (The numbers are those of plane {middle}.)"
        together.append(sentence)
    return together


def _runs(numbers: Sequence[int]) -> str:
    """Numbers in words: 1, 3–5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def _windows(shape: tuple[int, ...], thinned: Image, labels: np.ndarray, step: int) -> list[tuple[slice, slice]]:
    """Windows of one size, as `check_large` looks at them."""
    high, wide = (min(n, _WINDOW) for n in shape)
    tops, lefts = (np.linspace(0, n - s, -(-n // s)).astype(int) for n, s in zip(shape, (high, wide), strict=True))
    windows = [(slice(y, y + high), slice(x, x + wide)) for y in tops.tolist() for x in lefts.tolist()]
    grey = np.nan_to_num(thinned.array("YXCS")[..., 0, 0].astype(np.float32), posinf=0, neginf=0)
    objects, varied = [], []
    for rows, columns in windows:
        part = tuple(slice(side.start // step, -(-side.stop // step)) for side in (rows, columns))
        objects.append(np.count_nonzero(labels[part]))
        varied.append(float(grey[part].std()))
    by_variation = np.argsort(varied)[::-1].tolist()
    chosen = by_variation[:4]
    if any(objects):
        most = np.argsort(objects)[::-1].tolist()
        chosen = [*most[:2], by_variation[len(windows) // 10], by_variation[len(windows) // 3]]
    return [windows[k] for k in dict.fromkeys(chosen)]
