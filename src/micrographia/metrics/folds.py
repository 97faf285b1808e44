"""What is not independent, and which images judge and which teach: folds that keep it together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from micrographia.arrays.errors import RequestError

UNITS = ("donor", "patient", "animal", "experiment", "plate", "slide", "well")
"""Group columns whose members are not independent, from the coarsest to the finest."""

FILE = "file"
"""Group column of the planes of one file, which are not independent either."""

_LARGEST_PART = 1 / 3


def nested_units(
    groups: Sequence[Mapping[str, Any]], among: Sequence[str] = UNITS
) -> Iterator[tuple[list[str], list[tuple[str, ...]]]]:
    """Ways to tell apart what is independent, the coarsest first: plates, then wells of plates, and so on.

    Parameters
    ----------
    groups : sequence of dict
        Group columns of each image, for example ``{"plate": "P1", "well": "B03"}``.
    among : sequence of str
        Names of columns (in any case) that count, from the coarsest to the finest.

    Yields
    ------
    columns : list of str
        Those among them that have values (None and NaN are none), in each round one more.
    units : list of tuple
        The unit of each image: its values in these columns. Images without a value share a unit.
    """
    named = dict.fromkeys(c for g in groups for c in g if _word(g[c]))
    known = {name.lower(): name for name in reversed(list(named))}
    columns = [known[name] for name in among if name in known]
    for count in range(1, len(columns) + 1):
        chosen = columns[:count]
        yield chosen, [tuple(_word(g.get(c)) for c in chosen) for g in groups]


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


def set_aside(groups: Sequence[str] | Sequence[int], share: float, seed: int = 0) -> list[int]:
    """Choose images that only judge a training, as whole groups where these are small enough.

    Parameters
    ----------
    groups : sequence of str or int
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
    if not _stay_whole(groups):
        groups = [str(i) for i in range(len(groups))]
    sizes: Counter[Any] = Counter(groups)
    room = max(round(share * len(groups)), min(sizes.values()))
    chosen: set[Any] = set()
    for group in _shuffled(sizes, seed):
        if sizes[group] <= room:
            chosen.add(group)
            room -= sizes[group]
    return [i for i, group in enumerate(groups) if group in chosen]


def hold_out(groups: Sequence[Mapping[str, Any]], share: float, seed: int = 0) -> list[int]:
    """Choose images that only judge a training, as whole groups of the coarsest kind that is small enough.

    Parameters
    ----------
    groups : sequence of dict
        Group columns of each image: those of ``UNITS`` count, and ``FILE``. Images without any are independent. Those
        without a donor belong to the donor of other images of their plate, or else are told apart by plate, and so on.
    share : float
        Share of the images that is wanted, 0 to 0.5.
    seed : int
        Seed of the choice.

    Returns
    -------
    list of int
        Positions of the chosen images, as `set_aside` gives them.
    """
    columns, names = _known_units(groups)
    ways = ([_together(own, depth) for own in names] for depth in range(len(columns)))
    return set_aside(next(filter(_stay_whole, map(_joined, ways)), range(len(groups))), share, seed)


def shared_column(groups: Sequence[Mapping[str, Any]], held: Sequence[int]) -> str:
    """The coarsest known column, where a group of it is in the images `held` and in the others; empty otherwise."""
    judging = set(held)
    columns, names = _known_units(groups)
    for depth, column in enumerate(columns):
        known = {names[i][depth] for i in judging if names[i][depth]}
        if known & {own[depth] for i, own in enumerate(names) if i not in judging}:
            return column
    return ""


def _known_units(groups: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[tuple[Any, ...]]]]:
    """Columns from the coarsest on, and for each image the names of its units in them, empty where it has none.

    A value is the name of a unit by itself, also for images that lack the coarser columns, unless it occurs in several
    coarser units (well A1 of two plates): then the coarser unit is part of the name.
    """
    nothing: list[tuple[str, ...]] = [()] * len(groups)
    *_, (columns, rows) = [([], nothing), *nested_units(groups, (*UNITS, FILE))]
    names: list[list[tuple[Any, ...]]] = [[] for _ in rows]
    for depth in range(len(columns)):
        above: dict[str, set[tuple[str, ...]]] = {}
        for row in rows:
            above.setdefault(row[depth], set()).add(row[:depth])
        single = {value for value, of in above.items() if all(len({*column} - {""}) < 2 for column in zip(*of))}
        for row, own in zip(rows, names):
            value = row[depth]
            coarser = () if value in single else next(filter(None, reversed(own)), ())
            own.append((*coarser, depth, value) if value else ())
    return columns, names


def _together(own: Sequence[tuple[Any, ...]], depth: int) -> list[tuple[Any, ...]]:
    """Names that an image shares with all that must stay on its side where units of this depth are kept whole."""
    names = [name for name in own[depth:] if name]
    if not own[depth] and (coarser := next(filter(None, reversed(own[:depth])), ())):
        names.append((*coarser, ""))  # those of a plate that do not say their well may be of one
    return names


def _joined(names: Sequence[Sequence[Any]]) -> list[int]:
    """The group of each image, where images that share a name are of one group, and so on from them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number: dict[Any, int] = {}
    pairs = [(i, number.setdefault(name, len(number))) for i, own in enumerate(names) for name in own]
    image, word = np.array(pairs, int).reshape(-1, 2).T
    nodes = len(names) + len(number)
    graph = coo_array((np.ones(len(image), bool), (image, len(names) + word)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][: len(names)].tolist()


def _word(value: Any) -> str:
    """A value of a group column; empty where there is none."""
    return "" if value is None or value != value else str(value)


def _stay_whole(groups: Sequence[Any]) -> bool:
    """Whether a group is small enough to be set aside as a whole."""
    return bool(groups) and min(Counter(groups).values()) <= max(1, _LARGEST_PART * len(groups))


def _shuffled(sizes: Counter[Any], seed: int) -> list[Any]:
    names = sorted(sizes)
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
