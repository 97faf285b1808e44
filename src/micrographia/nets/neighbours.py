"""Objects set down beside others: touching neighbours, which are hard to tell apart and rare, in any number.

Copying objects between pictures is an augmentation of Ghiasi et al. (2021, CVPR, "Simple copy-paste"). There they fall
anywhere; here each is put against another object.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects

from micrographia.nets.augment import blur

MARGIN = 2
"""Pixels around an object that are copied with it."""

REACH = 150
"""How far from the middle of its neighbour an object may come to lie, in pixels."""

_SOFT = np.array([0.25, 0.5, 0.25], np.float32)

Box = tuple[slice, slice]


def random_neighbours(
    image: np.ndarray,
    labels: np.ndarray,
    donor: np.ndarray,
    donor_labels: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One to six objects of a picture set down beside objects of another, touching or slightly covering them.

    Parameters
    ----------
    image, labels : (C, Y, X) float32, (Y, X) int32
        The picture that receives. Negative labels, which training ignores, are never covered.
    donor, donor_labels : (C, Y, X) float32, (Y, X) int32
        The picture whose objects are copied: turned by quarter turns, flipped, and dimmer or brighter. It may be the
        same one. Objects at its border are not copied.
    rng : numpy.random.Generator

    Returns
    -------
    image, labels : arrays
        New ones, where anything was set down; its objects have labels of their own. Where one would cover more than a
        fifth of an object, it is left out.
    """
    hosts = _objects(labels)
    donors = [(number, box) for number, box in _objects(donor_labels) if _within(box, donor_labels.shape)]
    if not hosts or not donors:
        return image, labels
    image, labels = image.copy(), labels.copy()
    for _ in range(rng.integers(1, 7)):
        number, (rows, columns) = donors[rng.integers(len(donors))]
        window = (
            slice(rows.start - MARGIN, rows.stop + MARGIN),
            slice(columns.start - MARGIN, columns.stop + MARGIN),
        )
        pixels = donor[(slice(None), *window)] * np.float32(np.exp(rng.uniform(-0.7, 0.25)))
        turns, flip = int(rng.integers(4)), rng.random() < 0.5
        mask, pixels = np.rot90(donor_labels[window] == number, turns), np.rot90(pixels, turns, (1, 2))
        if flip:
            mask, pixels = mask[:, ::-1], pixels[:, :, ::-1]
        place = _place(labels, mask, hosts[rng.integers(len(hosts))], rng)
        if place is not None:
            alpha = blur(mask[None].astype(np.float32), _SOFT)
            region = image[(slice(None), *place)]
            region += alpha * (pixels - region)
            labels[place][mask] = labels.max() + 1
    return image, labels


def _objects(labels: np.ndarray) -> list[tuple[int, Box]]:
    boxes = enumerate(find_objects(np.maximum(labels, 0)), start=1)
    return [(number, box) for number, box in boxes if box is not None]


def _within(box: Box, shape: tuple[int, ...]) -> bool:
    """Whether an object and its margin lie inside the picture."""
    return all(side.start >= MARGIN and side.stop < n - MARGIN for side, n in zip(box, shape, strict=True))


def _place(labels: np.ndarray, mask: np.ndarray, host: tuple[int, Box], rng: np.random.Generator) -> Box | None:
    """Where a mask just touches a neighbour, in a random direction from its middle; None where there is no room."""
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.sin(angle), np.cos(angle)])
    neighbour, box = host
    middle = np.array([(side.start + side.stop) / 2 for side in box])
    covered = rng.uniform(0.0, 0.12) * mask.sum()
    height, width = mask.shape
    for distance in range(max(2, min(height, width) // 2), REACH):
        y, x = np.round(middle + direction * distance - (height / 2, width / 2)).astype(int)
        if y < 0 or x < 0 or y + height > labels.shape[0] or x + width > labels.shape[1]:
            return None
        place = (slice(y, y + height), slice(x, x + width))
        under = labels[place][mask]
        if np.count_nonzero(under == neighbour) > covered:
            continue
        taken = np.bincount(under[under > 0], minlength=1)
        too_much = any(taken[n] > 0.2 * np.count_nonzero(labels == n) for n in np.flatnonzero(taken))
        return None if (under < 0).any() or taken.sum() > 2 * covered + 4 or too_much else place
    return None
