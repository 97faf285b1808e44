"""What is wrong with an image, in words, from the columns of its quality.

Each flag looks at one column. Its limit was chosen on 64 training images of the 2018 Data Science Bowl, as they are and
with the fault made on purpose: the limit with the largest share found less five times the share of images as they are
that it flags, rounded. Two are others: that of saturation is the one of `check_image`, 1 % of the object pixels, since
any saturation spoils intensities; that of debris is the area of a spot or two, since what counts as debris was chosen
itself (`micrographia.features.debris`). ``benchmarks/image_quality.py --choose`` prints the limits, and without it how
they do on images that they were not chosen on. No limit was chosen for pixels without a value: one is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from micrographia.features.plane_quality import PREFIX
from micrographia.features.quality import SATURATED


class Flag(NamedTuple):
    """One fault and how it is recognised.

    Attributes
    ----------
    name : str
        In plain words.
    column : str
        Column, without ``ImageQuality_`` and channel.
    limit : float
        An image has the fault where the column is beyond this.
    above : bool
        Whether beyond is above.
    sentence : str
        What it means, with ``{}`` for the value.
    """

    name: str
    column: str
    limit: float
    above: bool
    sentence: str

    def excess(self, value: float) -> float:
        """How far a value is beyond the limit, as a factor; 0 where it is not, or is not known."""
        beyond = value > self.limit if self.above else value < self.limit
        if not beyond:
            return 0.0
        more, less = (value, self.limit) if self.above else (self.limit, value)
        return float(more / less) if less > 0 else 100.0


NO_VALUE = Flag("pixels without a value", "PercentNotFinite", 0.0, True,
                "pixels without a value: {:.2g} % are NaN or infinite")  # fmt: skip
EMPTY = Flag("empty", "Signal", 11.0, False, "empty: nothing stands out from the background")
FLAGS = (
    NO_VALUE,
    EMPTY,
    Flag("out of focus", "BlurSigma", 1.8, True, "out of focus: blurred by {:.1f} pixels"),
    Flag("saturated", "PercentObjectsSaturated", 100 * SATURATED, True, "saturated: {:.1f} % of the object pixels"),
    Flag("uneven illumination", "BackgroundSpan", 0.41, True,
         "uneven illumination: the background changes by {:.2f} of the objects' contrast"),
    Flag("debris", "PercentDebris", 0.006, True,
         "debris, or dying or dividing cells: {:.2g} % of the image are far brighter than its objects"),
)  # fmt: skip
"""All flags. An image without any value, or one that is empty, gets no further flag: there is nothing in it that could
be sharp or saturated."""


class Flagged(NamedTuple):
    """A fault of an image.

    Attributes
    ----------
    flag : Flag
    channel : str
        Ending of the columns, without underscore; empty for images without named channels.
    value : float
        Of the column.
    """

    flag: Flag
    channel: str
    value: float

    @property
    def text(self) -> str:
        """Name of the fault, with the channel."""
        return f"{self.flag.name} ({self.channel})" if self.channel else self.flag.name

    @property
    def sentence(self) -> str:
        """The fault in a sentence."""
        said = self.flag.sentence.format(self.value)
        return f"{self.channel}: {said}" if self.channel else said[0].upper() + said[1:]


def find_flags(row: Mapping[str, Any]) -> list[Flagged]:
    """Faults of one image or tile.

    Parameters
    ----------
    row : mapping
        One row of `image_quality` or `tile_quality`; columns that are missing are not looked at.

    Returns
    -------
    list of Flagged
    """
    start = f"{PREFIX}{EMPTY.column}"
    found = []
    for ending in [name.removeprefix(start) for name in row if name.startswith(start)]:
        for flag in FLAGS:
            value = float(row.get(f"{PREFIX}{flag.column}{ending}", float("nan")))
            if flag.excess(value) > 0:
                found.append(Flagged(flag, ending.removeprefix("_"), value))
                if flag is EMPTY or (flag is NO_VALUE and value == 100):
                    break
    return found
