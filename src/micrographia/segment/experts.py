"""The networks of a star-polygon package: which of them an image is for, and how its intensities are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.arrays.preparation import Preparation, preparation
from micrographia.segment.plane_pixels import Plane
from micrographia.segment.star_decoding import Decoding


@dataclass(frozen=True)
class Expert:
    """One network of a package, and how its images are prepared and its maps decoded.

    Parameters
    ----------
    name : str
        The kind of image in words.
    bright : bool
        Whether it is for bright backgrounds.
    decoding : Decoding
        Thresholds.
    diameters : tuple of float
        5th percentile, median and 95th percentile of the training objects' equivalent diameters, pixels.
    """

    name: str
    bright: bool
    decoding: Decoding
    diameters: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Prepared:
    """A plane and the network for it.

    Parameters
    ----------
    plane : Plane
        The pixels.
    expert : Expert
        The network.
    preparation : Preparation
        How the network sees them, decided from the whole plane.
    notes : list of str
        What was assumed or noticed.
    """

    plane: Plane
    expert: Expert
    preparation: Preparation
    notes: list[str]


def prepare(
    image: Image | np.ndarray,
    experts: Sequence[Expert],
    channels: int,
    percentiles: Sequence[float],
    background: str = "auto",
    colour: bool = False,
) -> Prepared:
    """Look at a whole plane once and choose the network for it.

    Parameters
    ----------
    image : Image or array
        As :meth:`micrographia.segment.predictor.Predictor.segment` takes it.
    experts : sequence of Expert
        One, or one for dark and one for bright backgrounds.
    channels : int
        How many the network takes.
    percentiles : (low, high)
        Of the intensities, where the background is dark.
    background : {"auto", "dark", "bright"}
        What the background is, where it need not be found out.
    colour : bool
        Whether the channels are those of colour pictures; grey ones are then taken, too.

    Raises
    ------
    InputError
        Where the plane has other axes or channels than the model takes.
    RequestError
        Where the model does not take the background that is named.
    """
    plane = Plane(image)
    both, notes = len(experts) > 1, []
    if both and plane.count not in (1, 3):
        raise InputError(
            f"{plane.name}: {plane.count} channels, but the model takes one channel or a colour picture; "
            "choose a channel."
        )
    if not both and plane.count != channels and not (colour and plane.count == 1):
        raise InputError(f"{plane.name}: {plane.count} channels, but the model was trained on {channels}.")
    found = preparation(plane.sample(), plane.shape, both, percentiles, background)
    expert = next((e for e in experts if e.bright == found.bright), experts[0])
    if both:
        notes.append(f"taken for {'an' if expert.name[0] in 'aeiou' else 'a'} {expert.name} image")
    if found.brown:
        notes.append("its brown stain was taken out: nuclei are found by their blue counterstain")
    intensity = found.intensity
    if all(high <= low for low, high in zip(intensity.low, intensity.high, strict=True)):
        notes.append("the picture is constant (or nearly so): nothing can be found in it")
    return Prepared(plane, expert, found, notes)
