"""Debris: spots and fibres that are far brighter (on a bright background: darker) than the objects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from micrographia.features.quality import finite

BRIGHTER, BEYOND = 5.0, 5.0
"""A spot of debris stands out from the background by more than so many times what objects do, and by more than so many
times what their brightest do: three times are not enough, every third image has dividing or dying cells like this."""

FIBRE_BRIGHTER, FIBRE_BEYOND = 3.0, 1.25
"""The same of a fibre, which its shape tells from cells. All four were chosen on dsb2018/train and on wells of bbbc013
with even numbers."""

_LONGEST = 512
"""Debris is looked for in an image of at most this many pixels a side."""

_SPOT, _MOST = 9, 10
"""Fewest pixels of a spot; with more spots than this they are no debris but a population of bright cells."""

_LONG, _SLENDER = 0.15, 6.0
"""A fibre is longer than this share of the shorter side, and so many times longer than wide on average."""

_ROUNDING = 1e-9
"""Values that differ by less than so much of themselves count as equal."""


class Objects(NamedTuple):
    """How bright background and objects of an image are, before debris is looked for.

    Attributes
    ----------
    background : float
        Mode of the grey values.
    spread : float
        Standard deviation of the background.
    objects : float
        Median of what stands out from the background by more than five standard deviations, and by more than half of
        this median; NaN where less than 0.1 % of the pixels do.
    brightest : float
        The 75th percentile of the same pixels: dividing cells, or one bright population among dim cells.
    """

    background: float
    spread: float
    objects: float
    brightest: float


class Debris(NamedTuple):
    """What was found.

    Attributes
    ----------
    spots, fibres : int
        Numbers.
    share : float
        Share of the pixels that they cover, 0 to 1.
    """

    spots: int
    fibres: int
    share: float


def object_levels(pixels: np.ndarray, bright: bool = False) -> Objects:
    """Brightness of background and objects.

    Parameters
    ----------
    pixels : array
        Grey values, any shape; a sample of them is enough.
    bright : bool
        Whether the background is bright.

    Returns
    -------
    Objects
    """
    values = np.asarray(pixels, np.float64).ravel()
    values = values[np.isfinite(values)] * (-1 if bright else 1)
    if values.size == 0:
        return Objects(float("nan"), float("nan"), float("nan"), float("nan"))
    sign = -1.0 if bright else 1.0
    low, high = np.percentile(values, (0.5, 75))
    # Between values that differ by rounding only there is no room for bins.
    several = max(_ROUNDING * max(abs(low), abs(high)), 1e-300) < high - low < np.inf
    counts, edges = np.histogram(values, 128, (low, high)) if several else (np.ones(1), np.array([low, low]))
    top = int(np.argmax(np.convolve(counts, np.ones(3), "same")))
    mode = float(edges[top] + edges[top + 1]) / 2
    under = values[values <= mode]
    # The darker side of the mode is free of objects; whole numbers hide noise of less than half a grey value.
    spread = max(float(np.sqrt(np.mean((under - mode) ** 2))) if under.size else 0.0, _ROUNDING * max(1.0, abs(mode)))
    out = values[values > mode + max(5 * spread, 2 * float(edges[1] - edges[0]))]
    if out.size <= 0.001 * values.size:
        return Objects(sign * mode, spread, float("nan"), float("nan"))
    objects = float(np.median(out))
    for _ in range(3):  # the halo around objects, and dim objects beside bright ones, are left out
        objects = float(np.median(out[out > (mode + objects) / 2]))
    brightest = float(np.percentile(out[out > (mode + objects) / 2], 75))
    return Objects(sign * mode, spread, sign * objects, sign * brightest)


def find_debris(image: np.ndarray, levels: Objects, bright: bool = False) -> Debris:
    """Spots and fibres.

    Parameters
    ----------
    image : (Y, X) array
    levels : Objects
        Of the whole image, also where `image` is a tile of it.
    bright : bool
        Whether the background is bright.

    Returns
    -------
    Debris
        Nothing where there are no objects to compare with.
    """
    from scipy.ndimage import find_objects, label

    contrast, most = abs(levels.objects - levels.background), abs(levels.brightest - levels.background)
    if not contrast > 0:
        return Debris(0, 0, 0.0)
    image = (finite(image) - levels.background) * (-1.0 if bright else 1.0)
    step = -(-max(image.shape) // _LONGEST)
    if step > 1:
        height, width = (n // step * step for n in image.shape)
        image = image[:height, :width].reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    fibres, covered = 0, np.zeros(image.shape, bool)
    marks, _ = label(image > max(FIBRE_BRIGHTER * contrast, FIBRE_BEYOND * most), np.ones((3, 3)))
    for number, where in enumerate(find_objects(marks), 1):
        length = float(np.hypot(*(s.stop - s.start for s in where)))
        if length < _LONG * min(image.shape):
            continue
        own = marks[where] == number
        # A straight or bent fibre covers little of a square as long as itself.
        if length**2 / np.count_nonzero(own) > _SLENDER:
            fibres += 1
            covered[where] |= own
    marks, count = label((image > max(BRIGHTER * contrast, BEYOND * most)) & ~covered)
    sizes = np.bincount(marks.ravel(), minlength=count + 1)[1:]
    spot = np.append(False, sizes * step**2 >= _SPOT)  # hot pixels of the camera are smaller
    if spot.sum() > _MOST:
        spot[:] = False
    covered |= spot[marks]
    return Debris(int(spot.sum()), fibres, float(covered.mean()))
