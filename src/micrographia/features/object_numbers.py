"""Whether an image numbers its objects, or is a yes/no mask or a picture that was taken for a label image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.aligned import check_object_numbers

_PIXELS, _SIDE, _PICTURE, _TIMES = 2**24, 2048, 1024, 4
"""What is looked at: pixels of a stack, side of a plane, side of a plane that may be a picture, time points."""
_PIECES = {1: 3, 255: 1, 65535: 1}
"""In so many pieces an object lies at most, cut by a border or by hand, where no other number than this is used."""
_CUT_PIECES = 20
"""The same of a large image, of which the middle is looked at."""
_SMALLEST_PIECE = 0.05
"""Share of the largest piece; smaller ones are specks."""
_FLAT = 0.9
"""Share of neighbours of the same number in objects, of which label images have more."""
_SCATTERED = 5
"""Pieces; label images have few numbers that stand in more."""
_HOW = "number the objects first (scipy.ndimage.label, or Fiji's Connected Components Labeling)"


def check_numbered(labels: Image, *, negative: bool = False) -> str:
    """Refuse labels that surely do not number objects; say where that is doubtful.

    Parameters
    ----------
    labels : Image
        Axes [T] [Z] YX. Of large ones a part from the middle is looked at, except for numbers out of range.
    negative : bool
        Whether numbers below 0 are let through: pixels that were not annotated.

    Returns
    -------
    str
        A doubt: a 0/1 mask of two or three objects may be one object in pieces. Empty where there is none.

    Raises
    ------
    InputError
        Where numbers are negative or too large, all objects have one number, or it looks like a picture.

    Notes
    -----
    Of 607 label images of nuclei and whole cells, at most 4 % of an image's pixels had a number that stood in more than
    five pieces, and 97 % of neighbours in objects were equal; of 831 pictures at least 85 % and at most 78 %.
    """
    check_object_numbers(labels, negative=negative)
    doubt = ""
    for part, whole in _parts(labels):
        middle = part[len(part) // 2][:_PICTURE, :_PICTURE]
        if _is_picture(middle):
            raise InputError(
                f"{labels.name}: this looks like a picture, not like a label image: its numbers are scattered like "
                "grey values. Are the folders of images and labels swapped?"
            )
        number, pieces = _single_number(part)
        if number in _PIECES and pieces > (_PIECES[number] if whole else _CUT_PIECES):
            raise InputError(f"{labels.name} is a mask: all objects have the number {number}; {_HOW}.")
        if pieces > 1:
            doubt = (
                f"{labels.name}: {pieces} separate pieces have the number {number} and count as one object; "
                f"if they are several, {_HOW}."
            )
    return doubt


def _parts(labels: Image) -> Iterator[tuple[np.ndarray, bool]]:
    """A few time points (Z, Y, X), cut to the middle where they are large, and whether they are whole."""
    times, depth = labels.size("T"), labels.size("Z")
    side = min(_SIDE, max(1, int((_PIXELS / depth) ** 0.5)))
    index: dict[str, slice | int] = {"Z": slice(None)}
    for axis in "YX":
        first = max(0, labels.size(axis) - side) // 2
        index[axis] = slice(first, first + side)
    for t in sorted({round(k * (times - 1) / (_TIMES - 1)) for k in range(_TIMES)}):
        index["T"] = t
        part = np.maximum(labels.data[tuple(index[axis] for axis in labels.axes)], 0)
        yield part.reshape(-1, *part.shape[-2:]), max(labels.size("Y"), labels.size("X")) <= side


def _is_picture(plane: np.ndarray) -> bool:
    """Whether neighbours hardly ever have the same number, and numbers stand in many places."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = np.arange(plane.size).reshape(plane.shape)
    inside = int(np.count_nonzero(plane))
    pairs, equal = 0, []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = (plane[one] != 0) & (plane[other] != 0)
        same = both & (plane[one] == plane[other])
        pairs += int(np.count_nonzero(both))
        equal.append(np.stack([place[one][same], place[other][same]]))
    joined = np.concatenate(equal, axis=1)
    if pairs < max(inside, 100) or joined.shape[1] >= _FLAT * pairs:
        return False
    graph = coo_array((np.ones(joined.shape[1], bool), tuple(joined)), shape=(plane.size, plane.size))
    piece = connected_components(graph, directed=False)[1][plane.ravel() != 0]
    numbers, number, pixels = np.unique(plane[plane != 0], return_inverse=True, return_counts=True)
    _, first = np.unique(piece, return_index=True)
    pieces = np.bincount(number[first], minlength=len(numbers))
    return bool(pixels[pieces > _SCATTERED].sum() > inside / 2 or inside < 2 * len(first))


def _single_number(volume: np.ndarray) -> tuple[int, int]:
    """The only number of a volume (0 where it has several), and the most pieces that lie in one of its slices.

    Pieces are those of the volume, so that one object whose parts meet in another slice is one; specks do not count.
    """
    from scipy import ndimage

    inside = volume != 0
    number = int(volume.max(initial=0))
    if number == 0 or (volume[inside] != number).any():
        return 0, 0
    pieces, count = ndimage.label(inside, np.ones((3, 3, 3)), output=np.int32)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = sizes >= _SMALLEST_PIECE * sizes.max()
    seen = (np.bincount(one.ravel(), minlength=count + 1) > 0 for one in pieces)
    return number, max(int(np.count_nonzero(large & one)) for one in seen)
