"""One stage of a pixel classifier: features, then a model; a later stage also sees what the one before it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.features.pixel_bank import Bank

if TYPE_CHECKING:
    from micrographia.classify.learners.classifiers import PixelModel


@dataclass(frozen=True)
class Stage:
    """A bank of features and the model that learned from them.

    Parameters
    ----------
    bank : Bank
        Features, of the image's channels and of the `context`.
    model : PixelModel
        Takes features (F, ...), gives probabilities (K, ...).
    classes : int
        Number of classes K.
    context : int
        How many probability maps of the stage before are seen as further channels, those of the first classes. The
        probabilities add up to 1, so with two classes one map says everything.
    levels : int
        The context is seen as whole numbers from 0 to this, as ilastik's second stage does; 0 leaves it as it is.
    """

    bank: Bank
    model: PixelModel
    classes: int
    context: int = 0
    levels: int = 0

    def see(self, probabilities: np.ndarray) -> np.ndarray:
        """Of the probabilities (K, ...) of the stage before, those that are seen, as they are seen."""
        seen = probabilities[: self.context]
        return np.floor(seen * np.float32(self.levels)) if self.levels else seen

    def predict(self, pixels: np.ndarray, core: Block | None = None) -> np.ndarray:
        """Probabilities (K, …), float32, of one block.

        Parameters
        ----------
        pixels : (C + context, [Z,] Y, X) float32 array
            Channels and context of a block with its halo, clipped at the image's border.
        core : tuple of slice, optional
            What to predict, in coordinates of the block; all of it where not given.
        """
        return self.model.predict(self.bank.compute(pixels, core))

    def names(self, channels: Sequence[str], classes: Sequence[str]) -> list[str]:
        """Name of each feature."""
        return self.bank.names([*channels, *(f"probability of {name}" for name in classes[: self.context])])
