"""How a plane is made ready for the networks of a model: what is averaged or taken out, what becomes 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.arrays.normalize import (
    Intensity,
    bright_background,
    bright_intensity,
    dark_intensity,
    frame_value,
    in_frame,
    normalise,
)
from micrographia.arrays.stains import BrownStain, brown_stain

BACKGROUNDS = ("auto", "dark", "bright")
"""What a background is said to be: found out for each plane, dark (fluorescence) or bright (stained, brightfield)."""


@dataclass(frozen=True)
class Preparation:
    """What was decided about a whole plane.

    Parameters
    ----------
    bright : bool
        Whether it goes to the network for bright backgrounds.
    grey : bool
        Whether its colours are averaged.
    brown : BrownStain or None
        Stain that is taken out.
    intensity : Intensity
        What becomes 0 and 1.
    frame : (C,) array or None
        Value of a constant frame, which counts as background.
    """

    bright: bool
    grey: bool
    brown: BrownStain | None
    intensity: Intensity
    frame: np.ndarray | None = None

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (C, …) of the plane as its network sees them; float32."""
        framed = None if self.frame is None else in_frame(pixels, self.frame)
        if self.grey:
            pixels = pixels.astype(np.float32).mean(axis=0, keepdims=True)
        if self.brown:
            pixels = self.brown.removed(pixels)
        out = normalise(pixels, self.intensity)
        if framed is not None:
            out[:, framed] = 0
        return out


def preparation(values: np.ndarray, both: bool, percentiles: Sequence[float], background: str = "auto") -> Preparation:
    """Decide from a sample of a whole plane, without the constant frame around it.

    Parameters
    ----------
    values : (C, …) array
        Of :func:`micrographia.arrays.normalize.sample`.
    both : bool
        Whether the model has a network for dark and one for bright backgrounds; otherwise the background counts as
        dark.
    percentiles : (low, high)
        Of the intensities, where the background is dark.
    background : {"auto", "dark", "bright"}
        What the background is, where it need not be found out.

    Raises
    ------
    RequestError
        Where `background` is something else, or the model does not take the one that is named.
    """
    if background not in BACKGROUNDS:
        raise RequestError(f"The background is 'auto', 'dark' or 'bright', not {background!r:.80}.")
    if background == "bright" and not both:
        raise RequestError("The model has one network for every background; leave the background at 'auto'.")
    frame = frame_value(values)
    if frame is not None:
        values = values[:, ~in_frame(values, frame)]
    bright = both and (bright_background(values) if background == "auto" else background == "bright")
    grey = both and not bright and len(values) == 3
    if grey:
        values = values.mean(axis=0, keepdims=True)
    brown = brown_stain(values) if bright and len(values) == 3 else None
    if brown:
        values = brown.removed(values)
    low, high = percentiles
    intensity = bright_intensity(values) if bright else dark_intensity(values, (low, high))
    return Preparation(bright, grey, brown, intensity, frame)
