"""What each filter of the feature bank is, and how those of one scale are computed together.

The first six are ilastik's, with its numbers (lazyflow's ``OpPixelFeaturesPresmoothed`` on VIGRA's filters): for σ > 1
the image is smoothed by a Gaussian of √(σ² − 1) and filtered at scale 1, for σ ≤ 1 it is smoothed by σ and filtered at
scale σ. The smoothing reaches to 3.5 standard deviations, the filters to 2. The difference of Gaussians subtracts the
Gaussian of 0.66 times the scale. The structure tensor takes the gradient at half the scale and smooths its products
with the scale. lazyflow's parameters are named the other way round, but ilastik filters with fastfilters, and its
stored
forests and exported probabilities agree with this order only. Eigenvalues come largest first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from micrographia.features import pixel_statistics as statistics
from micrographia.geometry import derivatives, structure_tensor
from micrographia.geometry.convolution import gaussian_weights, smooth
from micrographia.geometry.scratch import Scratch

Region = tuple[slice, ...]

_SMOOTHING_WINDOW = 3.5
_FILTER_WINDOW = 2.0


@dataclass(frozen=True)
class Filter:
    """A filter of the bank.

    Attributes
    ----------
    title : str
        What a person reads.
    kind : str
        ``"derivative"``, ``"window"``, ``"entropy"`` or ``"lines"``: the filters of a kind are computed together.
    slot : int
        Position of its first map among the maps of its kind.
    parts : tuple of str
        Names of its maps where there are several; ``("eigenvalue",)`` stands for one a dimension.
    help : str
        One sentence.
    """

    title: str
    kind: str
    slot: int
    parts: tuple[str, ...] = ("",)
    help: str = ""

    def labels(self, dimensions: int) -> list[str]:
        """Title of each map."""
        if self.parts == ("eigenvalue",):
            return [f"{self.title} eigenvalue {k + 1}" for k in range(dimensions)]
        return [f"{self.title} {part}".strip() for part in self.parts]


FILTERS: dict[str, Filter] = {
    "gaussian": Filter("Gaussian", "derivative", derivatives.SMOOTHED, help="Smoothed intensity"),
    "laplacian": Filter(
        "Laplacian of Gaussian", "derivative", derivatives.LAPLACE, help="Blobs: below 0 on bright, above on dark ones"
    ),
    "gradient": Filter("Gaussian gradient magnitude", "derivative", derivatives.GRADIENT, help="Edges"),
    "difference": Filter("Difference of Gaussians", "derivative", derivatives.DIFFERENCE, help="Edges and spots"),
    "structure": Filter(
        "Structure tensor", "derivative", derivatives.TENSOR, ("eigenvalue",), "Edges, corners and oriented texture"
    ),
    "hessian": Filter("Hessian of Gaussian", "derivative", derivatives.HESSE, ("eigenvalue",), "Lines and blobs"),
    "mean": Filter("Local mean", "window", 0, help="Mean of a box with the standard deviation of a Gaussian of σ"),
    "variance": Filter("Local variance", "window", 1, help="Variance in the same box: texture and noise"),
    "entropy": Filter("Local entropy", "entropy", 0, help="Entropy of the intensities in the same box, in bits"),
    "membrane": Filter(
        "Membrane projection", "lines", 0, ("mean", "deviation", "median", "maximum", "minimum"),
        "How averages along lines of 30 directions are distributed: thin sheets and threads",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    """Kernels of one σ."""

    at: float
    smoothing: np.ndarray
    filters: np.ndarray


@lru_cache(maxsize=64)
def _scale(sigma: float) -> _Scale:
    before = math.sqrt(sigma**2 - 1) if sigma > 1 else sigma
    at = min(sigma, 1.0)
    return _Scale(
        at,
        gaussian_weights(before, _SMOOTHING_WINDOW).astype(np.float32),
        derivatives.five_pixel_weights(at, _FILTER_WINDOW),
    )


def halo(name: str, sigma: float) -> int:
    """Pixels that a filter looks at on each side."""
    kind = FILTERS[name].kind
    if kind in ("window", "entropy"):
        return statistics.box_radius(sigma)
    smoothing = len(_scale(sigma).smoothing) - 1
    if kind == "lines":
        return smoothing + statistics.line_reach(sigma)
    return smoothing + (structure_tensor.MARGIN if name == "structure" else derivatives.MARGIN)


def compute(
    image: np.ndarray,
    part: Region,
    sigma: float,
    wanted: Mapping[tuple[str, int], int],
    out: np.ndarray,
    where: tuple[int, ...],
    levels: tuple[float, float] | None = None,
    scratch: Scratch | None = None,
) -> None:
    """Compute filters of one scale in a part of one channel.

    Parameters
    ----------
    image : ([Z,] Y, X) float32 array, contiguous
        The image, or a block of it with its halo.
    part : slices
        What is wanted; at most 1000 columns.
    sigma : float
        The scale in pixels.
    wanted : dict
        (filter, number of its map) → position in ``out``.
    out : (maps, [Z,] Y, X) float32 array, contiguous
        Is filled at these positions.
    where : tuple of int
        The part's first pixel in ``out``.
    levels : (low, high), optional
        Range of intensities that the entropy divides into bins.
    scratch : Scratch, optional
        Memory for what lies between two steps; with the same object again and again all goes faster.
    """
    scratch = scratch or Scratch()
    kinds: dict[str, dict[int, int]] = {}
    for (name, k), position in wanted.items():
        kinds.setdefault(FILTERS[name].kind, {})[FILTERS[name].slot + k] = position
    if "derivative" in kinds:
        _derivatives(image, part, _scale(sigma), kinds["derivative"], out, where, scratch)
    place = (slice(None), *(slice(first, first + s.stop - s.start) for first, s in zip(where, part)))
    if "window" in kinds:
        statistics.mean_and_variance(image, part, sigma, kinds["window"], out[place])
    if "entropy" in kinds:
        statistics.entropy(image, part, sigma, levels or (0.0, 255.0), out[place][kinds["entropy"][0]])
    if "lines" in kinds:
        reach = statistics.line_reach(sigma)
        around = tuple(slice(s.start - reach, s.stop + reach) for s in part[-2:])
        smoothed = smooth(image, (*part[:-2], *around), _scale(sigma).smoothing, None, scratch)
        statistics.line_projections(smoothed, sigma, kinds["lines"], out[place])


def _derivatives(
    image: np.ndarray,
    part: Region,
    scale: _Scale,
    slots: Mapping[int, int],
    out: np.ndarray,
    where: tuple[int, ...],
    scratch: Scratch,
) -> None:
    table = np.full(derivatives.SLOTS, -1, np.int64)
    for slot, position in slots.items():
        table[slot] = position
    tensor = table[derivatives.TENSOR : derivatives.HESSE]
    with_tensor = bool(np.any(tensor >= 0))
    margin = structure_tensor.MARGIN if with_tensor else derivatives.MARGIN
    around = tuple(slice(s.start - margin, s.stop + margin) for s in part)
    smoothed = scratch.array("smoothed", tuple(s.stop - s.start for s in around))
    smooth(image, around, scale.smoothing, smoothed, scratch)
    derivatives.filter_part(smoothed, margin, scale.filters, table, out, where, scratch)
    if with_tensor:
        structure_tensor.tensor_part(smoothed, part, image.shape, scale.at, tensor, out, where, _FILTER_WINDOW, scratch)
