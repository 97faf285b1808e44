"""Trees on binned features: which leaf a sample reaches, and the forest that says the same of the features."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from micrographia.classify.learners.forest import Forest


@numba.njit(cache=True, nogil=True)
def leaf_of(bins, sample, feature, cut, child):
    """The leaf that one sample reaches; ``bin <= cut`` goes to the first child, else to the one behind it."""
    node = 0
    while feature[node] >= 0:
        node = child[node] + (1 if bins[feature[node], sample] > cut[node] else 0)
    return node


@numba.njit(cache=True, nogil=True)
def leaves_of(bins, feature, cut, child):
    """The leaf (N,) that each sample of bins (F, N) reaches."""
    out = np.empty(bins.shape[1], np.int32)
    for i in range(len(out)):
        out[i] = leaf_of(bins, i, feature, cut, child)
    return out


def forest_of(parts: Sequence[tuple[np.ndarray, ...]], borders: Sequence[np.ndarray]) -> Forest:
    """The trees one behind the other, with borders of bins as thresholds.

    Parameters
    ----------
    parts : sequence of (feature, cut, child, votes)
        One tree each: (nodes,) int32 arrays with -1 as the feature of a leaf, and votes (nodes, K) float32.
    borders : sequence of F float32 arrays
        As from :func:`micrographia.classify.learners.binning.bin_borders`.
    """
    sizes = np.array([len(part[0]) for part in parts])
    roots = np.cumsum(sizes) - sizes
    feature, cut, child, votes = (np.concatenate(column) for column in zip(*parts, strict=True))
    child = child + np.repeat(roots, sizes)
    inner = feature >= 0
    first = np.cumsum([0, *map(len, borders)])
    threshold = np.zeros(len(feature), np.float32)
    threshold[inner] = np.concatenate(borders)[first[feature[inner]] + cut[inner]]
    return Forest(
        feature=feature,
        threshold=threshold,
        left=np.where(inner, child, -1).astype(np.int32),
        right=np.where(inner, child + 1, -1).astype(np.int32),
        votes=votes,
        roots=roots.astype(np.int32),
    )
