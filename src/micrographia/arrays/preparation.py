"""How a plane is made ready for the networks of a model: what is averaged or taken out, what becomes 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.normalize import (
    Intensity,
    bright_background,
    bright_intensity,
    dark_intensity,
    normalise,
)
from micrographia.arrays.stains import BrownStain, brown_stain


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
    """

    bright: bool
    grey: bool
    brown: BrownStain | None
    intensity: Intensity

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (C, …) of the plane as its network sees them; float32."""
        if self.grey:
            pixels = pixels.astype(np.float32).mean(axis=0, keepdims=True)
        if self.brown:
            pixels = self.brown.removed(pixels)
        return normalise(pixels, self.intensity)


def preparation(values: np.ndarray, both: bool, percentiles: Sequence[float]) -> Preparation:
    """Decide from a sample of a whole plane.

    Parameters
    ----------
    values : (C, …) array
        Of :func:`micrographia.arrays.normalize.sample`.
    both : bool
        Whether the model has a network for dark and one for bright backgrounds; otherwise the background counts as
        dark.
    percentiles : (low, high)
        Of the intensities, where the background is dark.
    """
    bright = both and bright_background(values)
    grey = both and not bright and len(values) == 3
    if grey:
        values = values.mean(axis=0, keepdims=True)
    brown = brown_stain(values) if bright and len(values) == 3 else None
    if brown:
        values = brown.removed(values)
    low, high = percentiles
    intensity = bright_intensity(values) if bright else dark_intensity(values, (low, high))
    return Preparation(bright, grey, brown, intensity)
