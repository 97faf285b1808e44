"""Objects from class probabilities larger than memory: the same objects as on the whole, number by number.

Connected components are found block by block and joined across the blocks' borders; what happens afterwards (splitting,
choice by size) depends on each component alone, so it is done component by component. Memory holds one block, the two
sides of one cut through the array, a few numbers for each component, and, while it is split, one component in its
bounding box: only an object that is itself too large for memory cannot be split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block, blocks, grown, inside
from micrographia.arrays.errors import InputError
from micrographia.segment.block_plans import block_sides
from micrographia.segment.pieces import Pieces, renumber, touching, write_pieces
from micrographia.segment.probability_objects import (
    ObjectOptions,
    chosen_classes,
    components,
    final_numbers,
    foreground,
    object_probability,
    right_size,
    smoothed,
    split,
)

_TOGETHER = 64
"""Components that reach no farther than this beyond their block are split together, pixels."""


def objects_in_blocks(
    probabilities: Any,
    class_index: int,
    target: Any,
    options: ObjectOptions | None = None,
    *,
    block: int | Sequence[int] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> int:
    """Write the objects of one class into an array; the same as `objects_from_probabilities` gives.

    Parameters
    ----------
    probabilities : (K, Y, X) or (K, Z, Y, X) array
        Anything with a shape and NumPy slicing, for example a ``zarr.Array``.
    class_index : int
        Class of the objects, counted from 0.
    target : ([Z,] Y, X) int32 array
        Where labels are written, and read again: a ``zarr.Array`` or an array. Its chunks should divide `block`.
    options : ObjectOptions, optional
        Defaults where not given.
    block : int or sequence of int, optional
        Side of the blocks; 2048 for planes and 192 for volumes where not given.
    progress : callable
        Told the share that is done.

    Returns
    -------
    int
        Number of objects.

    Raises
    ------
    InputError, RequestError
        As `objects_from_probabilities`; also where the target has another shape.
    """
    options = options or ObjectOptions()
    chosen = chosen_classes(probabilities, class_index, options)
    shape = tuple(int(n) for n in probabilities.shape[1:])
    if tuple(target.shape) != shape:
        raise InputError(f"The target has the shape {tuple(target.shape)}, the probabilities {shape}.")
    size = block_sides(shape, block, 2048, 192)
    plan = list(blocks(shape, size))
    passes = 2 + bool(options.holes) + (options.split != "none")
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(min(1.0, done / (passes * len(plan))))

    def seen(part: Block) -> list[np.ndarray]:
        window = grown(part, options.halo, shape)
        evidence = smoothed([np.asarray(probabilities[(k, *window)]) for k in chosen], options)
        return [plane[inside(part, window)] for plane in evidence]

    holes = np.zeros(1, bool)
    if options.holes:
        from scipy import ndimage

        every = np.ones((3,) * len(shape))
        found = Pieces(len(shape))
        for part in plan:
            back = ~foreground(seen(part), options)
            write_pieces(target, part, ndimage.label(back, every, output=np.int32)[0], found, back, shape)
            step()
        table = found.joined(touching(target, plan, shape, corners=True))
        at_border = (found.box[..., 0] == 0).any(1) | (found.box[..., 1] == shape).any(1)
        holes = np.append(False, (found.count <= options.holes) & ~at_border)[table]
    found = Pieces(len(shape))
    for part in plan:
        evidence = seen(part)
        mask = foreground(evidence, options)
        if options.holes:
            mask |= holes[np.asarray(target[part])]
        write_pieces(
            target, part, components(mask), found, object_probability(evidence) >= np.float32(options.core), shape
        )
        step()
    table = found.joined(touching(target, plan, shape))
    kept = found.core | (options.core == 0)
    if options.split == "none":
        final = final_numbers(found.first, kept & right_size(found.count, options))
        renumber(target, plan, np.append(0, final).astype(np.int32)[table], step)
        progress(1.0)
        return int(final.max(initial=0))
    renumber(target, plan, np.where(np.append(False, kept), np.arange(len(kept) + 1), 0).astype(np.int32)[table])
    pieces = Pieces(len(shape))
    for members, window in _groups(found, kept, size, shape, step):
        labels = np.asarray(target[window])
        mine = np.isin(labels, members)
        halo = grown(window, options.halo, shape)
        evidence = smoothed([np.asarray(probabilities[(k, *halo)]) for k in chosen], options)
        evidence = [plane[inside(window, halo)] for plane in evidence]
        parts = split(np.where(mine, labels, 0), evidence, options)
        offset = len(found) + len(pieces)
        pieces.add(parts, parts > 0, window, shape)
        labels[mine] = np.where(parts[mine] > 0, parts[mine] + offset, 0)
        target[window] = labels
    final = final_numbers(pieces.first, right_size(pieces.count, options))
    renumber(target, plan, np.concatenate([np.zeros(len(found) + 1, np.int32), final]), step)
    progress(1.0)
    return int(final.max(initial=0))


def _groups(
    found: Pieces, kept: np.ndarray, size: tuple[int, ...], shape: tuple[int, ...], step: Callable[[], None]
) -> Iterator[tuple[np.ndarray, Block]]:
    """Components to split together, and a window that shows each with a pixel around it."""
    numbers = np.flatnonzero(kept) + 1
    box = found.box[numbers - 1]
    home = np.ravel_multi_index(
        tuple((box[..., 0] // size).T), tuple(-(-n // s) for n, s in zip(shape, size, strict=True))
    ) if len(numbers) else numbers  # fmt: skip
    far = ((box[..., 1] - box[..., 0] // size * size) > np.array(size) + _TOGETHER).any(1)
    for one in np.unique(home):
        mine = home == one
        sets = [numbers[mine & ~far], *(numbers[k : k + 1] for k in np.flatnonzero(mine & far))]
        for members in sets:
            if len(members):
                low = found.box[members - 1, :, 0].min(0)
                high = found.box[members - 1, :, 1].max(0)
                yield members, grown(tuple(slice(int(a), int(b)) for a, b in zip(low, high)), 1, shape)
        step()
