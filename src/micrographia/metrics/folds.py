"""Which images judge and which teach: folds that keep together what is not independent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from micrographia.arrays.errors import RequestError

_LARGEST_PART = 1 / 3


def assign_folds(groups: Sequence[str], folds: int = 5, seed: int = 0) -> list[int]:
    """Divide images into folds of about the same size without dividing a group.

    Parameters
    ----------
    groups : sequence of str
        The group of each image (its plate, its donor; its own name where every image is independent).
    folds : int
        At least 2 and at most the number of groups.
    seed : int
        Seed of the division; the same seed and groups give the same folds.

    Returns
    -------
    list of int
        Fold of each image, from 1.

    Raises
    ------
    RequestError
        Where there are more folds than groups, or fewer than two folds.
    """
    sizes = Counter(groups)
    if not 2 <= folds <= len(sizes):
        raise RequestError(f"The number of folds must be 2 to {len(sizes)} (the number of groups), not {folds}.")
    filled = [0] * folds
    fold: dict[str, int] = {}
    # The largest groups first, each into the fold that has the fewest images so far.
    for group in sorted(_shuffled(sizes, seed), key=lambda g: -sizes[g]):
        fold[group] = int(np.argmin(filled))
        filled[fold[group]] += sizes[group]
    return [fold[group] + 1 for group in groups]


def set_aside(groups: Sequence[str], share: float, seed: int = 0) -> list[int]:
    """Choose images that only judge a training, as whole groups where these are small enough.

    Parameters
    ----------
    groups : sequence of str
        The group of each image.
    share : float
        Share of the images that is wanted, 0 to 0.5.
    seed : int
        Seed of the choice.

    Returns
    -------
    list of int
        Positions of the chosen images, at least one; empty where the share is 0 or there are fewer than two images.
        Where every group is larger than a third of the images, single images are chosen.
    """
    if share <= 0 or len(groups) < 2:
        return []
    sizes = Counter(groups)
    if min(sizes.values()) > max(1, _LARGEST_PART * len(groups)):
        groups = [str(i) for i in range(len(groups))]
        sizes = Counter(groups)
    room = max(round(share * len(groups)), min(sizes.values()))
    chosen: set[str] = set()
    for group in _shuffled(sizes, seed):
        if sizes[group] <= room:
            chosen.add(group)
            room -= sizes[group]
    return [i for i, group in enumerate(groups) if group in chosen]


def _shuffled(sizes: Counter[str], seed: int) -> list[str]:
    names = sorted(sizes)
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
