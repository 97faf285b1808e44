"""How a plane is made ready for the networks of a model: what is averaged or taken out, what becomes 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.arrays.frame import Frame, find_frame
from micrographia.arrays.normalize import (
    Intensity,
    bright_background,
    bright_intensity,
    dark_intensity,
    normalise,
    sample_step,
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
    step : (y, x)
        Pixels of the plane from one pixel of the sample to the next.
    frame : Frame or None
        The constant frame around it, which counts as background.
    fill : (C,) array
        What the pixels of the frame become: the median of the others.
    """

    bright: bool
    grey: bool
    brown: BrownStain | None
    intensity: Intensity
    step: tuple[int, int]
    frame: Frame | None
    fill: np.ndarray

    def applied(self, pixels: np.ndarray, start: tuple[int, int] = (0, 0)) -> np.ndarray:
        """Pixels (C, Y, X) of the plane, or of its part from pixel `start` on, as its network sees them; float32."""
        framed = None if self.frame is None else self.frame.covers(pixels, start, self.step)
        if self.grey:
            pixels = pixels.astype(np.float32).mean(axis=0, keepdims=True)
        if self.brown:
            pixels = self.brown.removed(pixels)
        out = normalise(pixels, self.intensity)
        if framed is not None:
            out[:, framed] = self.fill[:, None]
        return out


def preparation(
    values: np.ndarray,
    shape: Sequence[int],
    both: bool,
    percentiles: Sequence[float],
    background: str = "auto",
) -> Preparation:
    """Decide from a sample of a whole plane, without the constant frame around it.

    Parameters
    ----------
    values : (C, Y, X) array
        Of :func:`micrographia.arrays.normalize.sample`.
    shape : (Y, X)
        Of the whole plane.
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
    frame = find_frame(values)
    if frame is not None:
        values = values[:, frame.rows, frame.columns]
    bright = both and (bright_background(values) if background == "auto" else background == "bright")
    grey = both and not bright and len(values) == 3
    if grey:
        values = values.mean(axis=0, keepdims=True)
    brown = brown_stain(values) if bright and len(values) == 3 else None
    if brown:
        values = brown.removed(values)
    low, high = percentiles
    intensity = bright_intensity(values) if bright else dark_intensity(values, (low, high))
    step = (sample_step(shape[0]), sample_step(shape[1]))
    fill = np.median(normalise(values, intensity), axis=(1, 2)) if frame else np.zeros(len(values), np.float32)
    return Preparation(bright, grey, brown, intensity, step, frame, fill)
