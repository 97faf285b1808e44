"""What stands out of the background and was not taken for an object, whatever its size."""

from __future__ import annotations

import math

import numpy as np

from micrographia.arrays.normalize import sample
from micrographia.arrays.preparation import preparation
from micrographia.features.quality import finite

MISSED = 0.35
"""Share of what stands out of the background above which it counts as not recognised. Well segmented images of the
Data Science Bowl have less than 0.33, most less than 0.05."""

_CLEAR = 4.0
"""So many standard deviations of the background lie between its mean and that of what stands out; 2.7 to 3.9 in noise
and uneven light, above 4.5 in 99 % of the images of the Data Science Bowl at any magnification."""

_LOOKED_AT = 768
"""What stands out is looked for in a picture reduced to at most about the square of this many pixels."""


def missed_share(image: np.ndarray, labels: np.ndarray, background: str = "auto") -> tuple[float, float]:
    """How much of what stands out of the background belongs to no object, whatever its size.

    What stands out is brighter than Otsu's threshold of the smoothed picture; on a bright background, darker or more
    stained. Not counted are the surroundings of objects that themselves stand out of it (nuclei in a stained cell).

    Parameters
    ----------
    image : (C, Y, X) array
        One channel, or the three of a colour picture.
    labels : (Y, X) integer array
        The objects found.
    background : {"auto", "dark", "bright"}
        What the background is, where it need not be found out.

    Returns
    -------
    share : float
        Share of the pixels that stand out; 0 where nothing stands out clearly.
    diameter : float
        How many pixels it is typically across; NaN where the share is not above ``MISSED``.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter
    from scipy.ndimage import label as regions_of

    nothing = 0.0, float("nan")
    step = max(1, math.ceil(math.sqrt(labels.size) / _LOOKED_AT))
    height, width = (n // step * step for n in labels.shape)
    if min(height, width) == 0:
        return nothing
    found = labels[:height:step, :width:step] > 0
    blocks = image[:, :height, :width].reshape(len(image), height // step, step, width // step, step)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite pixels, which `finite` takes out
        reduced = blocks.mean(axis=(2, 4), dtype=np.float32)
    small = np.stack([finite(channel) for channel in reduced]).astype(np.float32)
    seen = preparation(sample(small, (1, 2)), small.shape[1:], True, (1, 99.8), background).applied(small)[0]
    smooth = gaussian_filter(seen, 1.0)
    smooth = np.clip(smooth, *np.percentile(smooth, (0.5, 99.8)))
    if smooth.min() == smooth.max():
        return nothing
    excess = smooth - _otsu(smooth)
    out = excess > 0
    if excess[out].mean() - excess[~out].mean() < _CLEAR * excess[~out].std():
        return nothing
    region, number = regions_of(out)
    missed = out & ~binary_dilation(found)

    def mean_excess(where: np.ndarray) -> np.ndarray:
        pixels = np.bincount(region[where], minlength=number + 1)
        return np.bincount(region[where], excess[where], minlength=number + 1) / np.maximum(pixels, 1)

    ignored = mean_excess(out & found) > 1.5 * mean_excess(missed)
    whole = out & ~ignored[region]
    missed &= whole
    share = float(np.count_nonzero(missed) / np.count_nonzero(out))
    return share, step * _thickness(whole, missed) if share > MISSED else float("nan")


def _otsu(values: np.ndarray) -> float:
    """The threshold with most of the variance between the two classes that it makes."""
    counts, edges = np.histogram(values, 128)
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * (edges[1:] + edges[:-1]) / 2)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below.astype(float) * above * gap**2)])


def _thickness(mask: np.ndarray, where: np.ndarray) -> float:
    """Diameter of discs whose pixels lie as deep, on average, as the pixels `where` lie in the mask."""
    from scipy.ndimage import distance_transform_edt

    return float(6 * (distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][where].mean() - 0.5))
