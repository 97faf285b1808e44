"""Brown immunostain (DAB) over blue nuclei: recognised and taken out of colour pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STAINS = np.array([[0.65, 0.70, 0.29], [0.27, 0.57, 0.78]], np.float32)
"""Optical density of haematoxylin and DAB in red, green and blue (Ruifrok & Johnston 2001, table 1)."""

_STAINS /= np.linalg.norm(_STAINS, axis=1, keepdims=True)
_UNMIX = np.linalg.pinv(_STAINS).astype(np.float32)
_DARKEST = 1 / 256


@dataclass(frozen=True)
class BrownStain:
    """How to take the brown stain out of a picture.

    Parameters
    ----------
    white : tuple of float
        Background of the whole picture in red, green and blue.
    """

    white: tuple[float, ...]

    def removed(self, colour: np.ndarray) -> np.ndarray:
        """The picture as haematoxylin alone would show it; (3, …) any type to (3, …) float32, pixel by pixel."""
        white = np.array(self.white, np.float32)
        stains = _amounts(colour, white)
        blue = np.maximum(stains[..., 0], 0)
        return np.stack([w * np.exp(-a * blue) for w, a in zip(white, _STAINS[0], strict=True)])


def brown_stain(colour: np.ndarray) -> BrownStain | None:
    """Whether brown dominates the tissue of a colour picture with a bright background.

    It does where the median tissue pixel (optical density above .15) holds more than .15 of DAB and more than
    twice as much of it as of haematoxylin: a stain of membranes or cytoplasm that hides the nuclei. Brown nuclei
    among blue ones, as of Ki-67, do not reach that.

    Parameters
    ----------
    colour : (3, …) array
        Red, green, blue; a sample of the whole picture.
    """
    flat = colour.reshape(3, -1).astype(np.float32)
    if not flat.size:
        return None
    white = np.percentile(flat, 99.5, axis=1)
    if (white <= 0).any():
        return None
    stains = _amounts(flat, white.astype(np.float32))
    tissue = stains[stains.sum(axis=-1) > 0.15]
    if len(tissue) < 0.05 * flat.shape[1]:
        return None
    blue, brown = np.median(tissue, axis=0)
    return BrownStain(tuple(float(w) for w in white)) if brown > 0.15 and brown > 2 * blue else None


def _amounts(colour: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Amounts of haematoxylin and DAB; (3, …) to (…, 2)."""
    share = np.moveaxis(colour, 0, -1).astype(np.float32) / white
    density = -np.log(np.clip(np.nan_to_num(share, nan=1.0), _DARKEST, 1.0))
    return density @ _UNMIX
