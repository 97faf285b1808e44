"""CellProfiler's MeasureTexture: thirteen numbers of the grey-level co-occurrences of each object.

Haralick, Shanmugam & Dinstein 1973, "Textural features for image classification", as mahotas computes them and
cp_measure 0.3, ``get_texture``, calls it. Grey levels are those of the whole range 0 to 1, not of the object. Pairs
with grey level 0 do not count, even inside an object (so does CellProfiler); an object that has no pair in some
direction gets NaN throughout. DifferenceVariance is the variance of the *probabilities* of the differences over as many
levels as the object's largest, as in mahotas.

mahotas takes the variance as the mean square less the squared mean; here it is the mean squared deviation, the same
number with less rounding.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from micrographia.features.label_objects import LabelObjects

NAMES = ("AngularSecondMoment", "Contrast", "Correlation", "Variance", "InverseDifferenceMoment", "SumAverage",
         "SumVariance", "SumEntropy", "Entropy", "DifferenceVariance", "DifferenceEntropy", "InfoMeas1",
         "InfoMeas2")  # fmt: skip

DIRECTIONS_2D = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0], [0, 1, -1]])
"""Steps (z, y, x) of the directions 00 to 03."""

DIRECTIONS_3D = np.array(
    [[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, -1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1],
     [1, 1, 1], [1, -1, 1], [1, 0, -1], [0, 1, -1], [1, 1, -1], [1, -1, -1]]
)  # fmt: skip
"""Steps (z, y, x) of the directions 00 to 12."""


def texture(objects: LabelObjects, pixels: np.ndarray, scale: int = 3, levels: int = 256) -> dict[str, np.ndarray]:
    """Haralick's features of each object in each direction.

    Parameters
    ----------
    objects : LabelObjects
        Of a plane (four directions) or a volume (thirteen).
    pixels : float array of the shape of the labels
        0 to 1; what lies outside is clipped, what is not finite counts as 0.
    scale : int
        Distance of the two pixels of a pair.
    levels : int
        Grey levels, 2 to 256.

    Returns
    -------
    dict of str to (n,) float64 array
        Names have ``{}`` for the channel, for example ``Texture_Contrast_{}_3_00_256``.
    """
    volume = len(objects.shape) == 3
    index = objects.index if volume else objects.index[None]
    box = objects.box if volume else _flat_boxes(objects.box)
    steps = scale * (DIRECTIONS_3D if volume else DIRECTIONS_2D)
    grey = grey_levels(pixels, levels).reshape(index.shape[0], *objects.shape[-2:])
    table = haralick(index, grey, box, steps)
    return {
        f"Texture_{name}_{{}}_{scale}_{d:02d}_{levels}": np.ascontiguousarray(table[:, d, f])
        for d in range(len(steps))
        for f, name in enumerate(NAMES)
    }


def grey_levels(pixels: np.ndarray, levels: int = 256) -> np.ndarray:
    """Pixels from 0 to 1 as whole numbers from 0 to ``levels - 1``: rounded to bytes first, then cut down."""
    grey = np.rint(np.clip(np.nan_to_num(pixels, posinf=0, neginf=0), 0, 1) * 255).astype(np.uint8)
    return grey if levels == 256 else (grey / 255 * (levels - 1)).astype(np.uint8)


def _flat_boxes(box: np.ndarray) -> np.ndarray:
    zero = np.zeros(len(box), np.int64)
    return np.stack([zero, box[:, 0], box[:, 1], zero + 1, box[:, 2], box[:, 3]], axis=1)


@njit(cache=True, nogil=True)
def haralick(index: np.ndarray, grey: np.ndarray, box: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Thirteen features for each object and direction.

    Only the pairs that occur are kept, so the cost goes with the pixels and not with the square of the grey levels.

    Parameters
    ----------
    index : (Z, Y + 2, X + 2) int32 array
        Objects 1…n in a frame of background.
    grey : (Z, Y, X) uint8 array
    box : (n, 6) int64 array
    steps : (directions, 3) int64 array

    Returns
    -------
    (n, directions, 13) float64 array
    """
    n = len(box)
    out = np.empty((n, len(steps), 13))
    counts = np.zeros((256, 256), np.int64)  # [smaller level, larger level]
    for i in range(n):
        z0, y0, x0, z1, y1, x1 = box[i]
        size = (z1 - z0) * (y1 - y0) * (x1 - x0)
        seen = np.empty(size, np.int64)
        levels = 0
        for z in range(z0, z1):
            for y in range(y0, y1):
                for x in range(x0, x1):
                    if index[z, y + 1, x + 1] == i + 1:
                        levels = max(levels, grey[z, y, x] + 1)
        empty = levels == 0
        for d in range(len(steps)):
            dz, dy, dx = steps[d]
            cells, pairs = 0, 0
            for z in range(max(z0, z0 - dz), min(z1, z1 - dz)):
                for y in range(max(y0, y0 - dy), min(y1, y1 - dy)):
                    for x in range(max(x0, x0 - dx), min(x1, x1 - dx)):
                        if index[z, y + 1, x + 1] != i + 1 or index[z + dz, y + dy + 1, x + dx + 1] != i + 1:
                            continue
                        a, b = grey[z, y, x], grey[z + dz, y + dy, x + dx]
                        if a == 0 or b == 0:
                            continue
                        a, b = min(a, b), max(a, b)
                        if counts[a, b] == 0:
                            seen[cells] = a * 256 + b
                            cells += 1
                        counts[a, b] += 1
                        pairs += 1
            empty = empty or pairs == 0
            if pairs > 0:
                _features(counts, seen, cells, 2 * pairs, levels, out[i, d])
            for k in range(cells):
                counts[seen[k] // 256, seen[k] % 256] = 0
        if empty:
            out[i] = np.nan
    return out


@njit(cache=True, nogil=True)
def _features(counts: np.ndarray, seen: np.ndarray, cells: int, total: int, levels: int, out: np.ndarray) -> None:
    one = np.zeros(levels)  # P(i), the same for rows and columns
    plus = np.zeros(2 * levels)  # P(i + j)
    minus = np.zeros(levels)  # P(|i - j|)
    squares, entropy, product, homogeneity = 0.0, 0.0, 0.0, 0.0
    for k in range(cells):
        a, b = seen[k] // 256, seen[k] % 256
        both = 2.0 if a != b else 1.0  # the table is symmetric: (a, b) and (b, a)
        p = counts[a, b] * (3 - both) / total
        squares += both * p * p
        entropy -= both * p * np.log2(p)
        product += both * a * b * p
        homogeneity += both * p / ((b - a) ** 2 + 1)
        one[a] += p
        if a != b:
            one[b] += p
        plus[a + b] += both * p
        minus[b - a] += both * p
    mean, variance, one_entropy = 0.0, 0.0, 0.0
    for k in range(levels):
        mean += k * one[k]
    contrast, spread, minus_entropy, minus_mean = 0.0, 0.0, 0.0, 0.0
    for k in range(levels):
        variance += (k - mean) ** 2 * one[k]
        if one[k] > 0:
            one_entropy -= one[k] * np.log2(one[k])
        contrast += k * k * minus[k]
        minus_mean += minus[k]
        if minus[k] > 0:
            minus_entropy -= minus[k] * np.log2(minus[k])
    minus_mean /= levels
    for k in range(levels):
        spread += (minus[k] - minus_mean) ** 2
    average, sum_variance, sum_entropy = 0.0, 0.0, 0.0
    for k in range(2 * levels):
        average += k * plus[k]
        sum_variance += k * k * plus[k]
        if plus[k] > 0:
            sum_entropy -= plus[k] * np.log2(plus[k])
    out[0], out[1] = squares, contrast
    out[2] = 1.0 if variance == 0 else (product - mean * mean) / variance
    out[3], out[4], out[5], out[6] = variance, homogeneity, average, sum_variance - average * average
    out[7], out[8], out[9], out[10] = sum_entropy, entropy, spread / levels, minus_entropy
    # The cross entropies HXY1 and HXY2 of a symmetric table are both twice the entropy of one margin.
    out[11] = entropy - 2 * one_entropy if one_entropy == 0 else (entropy - 2 * one_entropy) / one_entropy
    out[12] = np.sqrt(max(0.0, 1.0 - np.exp(-2.0 * (2 * one_entropy - entropy))))
