"""Segment from a few seeds: random walker and graph cut.

Random walker (Grady 2006, IEEE PAMI 28:1768) by scikit-image; graph cut (Boykov & Jolly 2001, ICCV) as a maximum flow
by SciPy. Both take planes and volumes; a time series is segmented time point by time point.
"""

from __future__ import annotations

import numpy as np

from micrographia.arrays.errors import InputError, RequestError


def random_walker(image: np.ndarray, seeds: np.ndarray, *, beta: float = 130.0) -> np.ndarray:
    """Give each pixel the seed that a random walker reaches first, who avoids steps in intensity.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel.
    seeds : ([Z,] Y, X) integer array
        Numbers above 0 where a label is known (background needs seeds of its own), 0 elsewhere.
    beta : float
        How much a step in intensity hinders.

    Returns
    -------
    ([Z,] Y, X) int32 array
        A seed's number for each pixel.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN or is constant, or there are not two different seeds.
    RequestError
        Where scikit-image is missing.
    """
    image, seeds = _checked(image, seeds)
    if image.min() == image.max():
        raise InputError("The image is constant: there are no steps in intensity that could keep a random walker back.")
    walk = _walker()
    ids, numbers = np.unique(seeds, return_inverse=True)
    offset = 0 if ids[0] == 0 else 1
    if offset:
        return seeds.astype(np.int32)
    found = walk(_scaled(image), numbers.reshape(seeds.shape).astype(np.int32), beta=beta, mode="cg_j", tol=1e-3)
    return ids[np.maximum(found, 0)].astype(np.int32)


def graph_cut(image: np.ndarray, seeds: np.ndarray, *, sharpness: float = 20.0) -> np.ndarray:
    """The cheapest cut between the seeds of an object and those of the background.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        One channel. Cutting between two pixels costs exp(-sharpness · d) for intensities (0 to 1) that differ by d.
    seeds : ([Z,] Y, X) integer array
        1 for the object, 2 for the background, 0 elsewhere.
    sharpness : float
        More makes the cut follow steps in intensity, less makes it short.

    Returns
    -------
    ([Z,] Y, X) bool array
        The object.

    Raises
    ------
    InputError
        Where the shapes differ, the image holds NaN, or the seeds are not those of an object and of background.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    image, seeds = _checked(image, seeds)
    if set(np.unique(seeds)) - {0, 1, 2}:
        raise InputError("The seeds of a graph cut are 1 for the object and 2 for the background.")
    scaled = _scaled(image)
    place = np.arange(image.size).reshape(image.shape)
    ends, costs = [], []
    for axis in range(image.ndim):
        a, b = (np.take(place, range(i, image.shape[axis] - 1 + i), axis).ravel() for i in (0, 1))
        steps = np.abs(scaled.ravel()[a] - scaled.ravel()[b])
        ends.append(np.stack([a, b]))
        costs.append(np.maximum(1, np.rint(1000 * np.exp(-sharpness * steps))))
    pairs, cost = np.concatenate(ends, axis=1), np.concatenate(costs)
    source, sink = image.size, image.size + 1
    never = 8 * 1000
    inner, outer = (np.flatnonzero(seeds.ravel() == k) for k in (1, 2))
    rows = np.concatenate([pairs[0], pairs[1], np.full(len(inner), source), outer])
    columns = np.concatenate([pairs[1], pairs[0], inner, np.full(len(outer), sink)])
    capacity = np.concatenate([cost, cost, np.full(len(inner) + len(outer), never)]).astype(np.int32)
    graph = csr_array(coo_array((capacity, (rows, columns)), shape=(image.size + 2,) * 2))
    left = graph - maximum_flow(graph, source, sink).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    out = np.zeros(image.size + 2, bool)
    out[reached] = True
    return out[: image.size].reshape(image.shape)


def _checked(image: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    image, seeds = np.asarray(image), np.asarray(seeds)
    if image.ndim not in (2, 3) or image.dtype.kind not in "biuf":
        raise InputError(f"One channel is segmented from seeds, a plane or a volume, not the shape {image.shape}.")
    if seeds.shape != image.shape:
        raise InputError(f"The image has the shape {image.shape} and the seeds {seeds.shape}.")
    if seeds.dtype.kind not in "biu" or seeds.min(initial=0) < 0:
        raise InputError("Seeds are whole numbers from 0 (unknown).")
    image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise InputError("The image holds pixels that are not numbers (NaN or infinite).")
    if len(np.unique(seeds[seeds > 0])) < 2:
        raise InputError("Paint seeds of at least two kinds, for example of an object and of the background.")
    return image, seeds


def _scaled(image: np.ndarray) -> np.ndarray:
    span = float(np.ptp(image))
    return (image - image.min()) / (span or 1.0)


def _walker():  # type: ignore[no-untyped-def]
    try:
        from skimage.segmentation import random_walker as walk
    except ImportError:
        raise RequestError("The random walker needs scikit-image: pip install 'micrographia[tools]'") from None
    return walk
