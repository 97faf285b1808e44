"""Connected pieces of an array larger than memory: numbered block by block, then joined across the blocks' borders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block


class Pieces:
    """Numbered pieces of an array with what is known of each, row r for the number r + 1."""

    def __init__(self, dimensions: int) -> None:
        self.count = np.zeros(0, np.int64)
        self.first = np.zeros(0, np.int64)
        self.core = np.zeros(0, bool)
        self.box = np.zeros((0, dimensions, 2), np.int64)

    def __len__(self) -> int:
        return len(self.count)

    def add(self, labels: np.ndarray, core: np.ndarray, block: Block, shape: Sequence[int]) -> None:
        """The pieces 1…n of a block; `core` tells of each pixel whether it is one."""
        from scipy import ndimage

        n = int(labels.max(initial=0))
        flat = labels.reshape(-1)
        ids, first = np.unique(flat, return_index=True)
        place = np.stack(np.unravel_index(first[ids > 0], labels.shape), 1) + [s.start for s in block]
        box = [[(s.start + b.start, s.stop + b.start) for s, b in zip(found, block, strict=True)]
               for found in ndimage.find_objects(labels)]  # fmt: skip
        self.count = np.append(self.count, np.bincount(flat, minlength=n + 1)[1:])
        self.first = np.append(self.first, np.ravel_multi_index(tuple(place.T), tuple(shape)) if n else [])
        self.first = self.first.astype(np.int64)
        self.core = np.append(self.core, np.bincount(flat, core.reshape(-1), minlength=n + 1)[1:] > 0)
        self.box = np.concatenate([self.box, np.array(box, np.int64).reshape(n, *self.box.shape[1:])])

    def joined(self, pairs: np.ndarray) -> np.ndarray:
        """Join pieces by pairs of their numbers and return the new number of each (index 0 stays 0)."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self)
        graph = coo_array((np.ones(len(pairs), bool), tuple(pairs.T - 1)), shape=(n, n))
        groups, group = connected_components(graph, directed=False)
        count, core = np.bincount(group, self.count, groups), np.bincount(group, self.core, groups) > 0
        first = np.full(groups, np.iinfo(np.int64).max)
        np.minimum.at(first, group, self.first)
        box = np.empty((groups, *self.box.shape[1:]), np.int64)
        box[..., 0], box[..., 1] = np.iinfo(np.int64).max, 0
        np.minimum.at(box[..., 0], group, self.box[..., 0])
        np.maximum.at(box[..., 1], group, self.box[..., 1])
        self.count, self.core, self.first, self.box = count.astype(np.int64), core, first, box
        return np.append(0, group + 1).astype(np.int32)


def write_pieces(target: Any, part: Block, labels: np.ndarray, found: Pieces, core: np.ndarray, shape: Any) -> None:
    """Add the pieces 1…n of a block and write their numbers; `core` as for `Pieces.add`."""
    offset = len(found)
    found.add(labels, core, part, shape)
    target[part] = np.where(labels > 0, labels + offset, 0).astype(np.int32)


def renumber(target: Any, plan: list[Block], table: np.ndarray, step: Callable[[], None] = lambda: None) -> None:
    """Replace every number of an array by its entry in a table."""
    for part in plan:
        target[part] = table[np.asarray(target[part])]
        step()


def touching(target: Any, plan: list[Block], shape: tuple[int, ...], corners: bool = False) -> np.ndarray:
    """Numbers that touch across a cut between blocks, over edges or over corners, too: (n, 2)."""
    found = [np.zeros((0, 2), np.int64)]
    for axis in range(len(shape)):
        for cut in sorted({part[axis].start for part in plan} - {0}):
            rest = tuple(slice(0, n) for n in shape)
            a, b = (
                np.asarray(target[(*rest[:axis], slice(i, i + 1), *rest[axis + 1 :])]).squeeze(axis).astype(np.int64)
                for i in (cut - 1, cut)
            )
            for near, far in _shifted(a, b) if corners else [(a, b)]:
                both = (near > 0) & (far > 0)
                found.append(np.unique(np.stack([near[both], far[both]], 1), axis=0))
    return np.concatenate(found)


def _shifted(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two sides of a cut, shifted against each other by up to one pixel along each axis."""
    for shift in np.ndindex(*(3,) * a.ndim):
        yield (
            a[tuple(slice(max(0, 1 - s), a.shape[k] + min(0, 1 - s)) for k, s in enumerate(shift))],
            b[tuple(slice(max(0, s - 1), a.shape[k] + min(0, s - 1)) for k, s in enumerate(shift))],
        )
