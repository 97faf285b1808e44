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
_TWO_PIECES = 3
"""The same where two numbers are used."""
_BORDER = 0.5
"""Share of the border of an image that only a background has, where its number is the largest of a file type."""
_CUT_PIECES = 20
"""The same of a large image, of which the middle is looked at."""
_SMALLEST_PIECE = 0.05
"""Share of the largest piece; smaller ones are specks."""
_FLAT = 0.9
"""Share of neighbours of the same number in objects, of which label images have more."""
_SCATTERED = 5
"""Pieces; label images have few numbers that stand in more."""
_HOW = "number the objects first (scipy.ndimage.label, or Fiji's Connected Components Labeling)"


def check_numbered(labels: Image, *, negative: bool = False, masks: bool = False) -> str:
    """Refuse labels that surely do not number objects; say where that is doubtful.

    Parameters
    ----------
    labels : Image
        Axes [T] [Z] YX. Of large ones a part from the middle is looked at, except for numbers out of range.
    negative : bool
        Whether numbers below 0 are let through: pixels that were not annotated.
    masks : bool
        Whether masks are let through, as a doubt: one object or region may lie in many pieces.

    Returns
    -------
    str
        A doubt: a 0/1 mask of two or three objects may be one object in pieces. Empty where there is none.

    Raises
    ------
    InputError
        Where numbers are negative or too large, all objects share one or two numbers, the background has one, or it
        looks like a picture.

    Notes
    -----
    Of 607 label images of nuclei and whole cells, at most 4 % of an image's pixels had a number that stood in more than
    five pieces, and 97 % of neighbours in objects were equal; of 831 pictures at least 85 % and at most 78 %.
    """
    check_object_numbers(labels, negative=negative)
    if 0 in labels.shape:
        return ""
    doubt = ""
    for part, whole in _parts(labels):
        middle = part[len(part) // 2][:_PICTURE, :_PICTURE]
        if _is_picture(middle):
            raise InputError(
                f"{labels.name}: this looks like a picture, not like a label image: its numbers are scattered like "
                "grey values. Are the folders of images and labels swapped?"
            )
        sure, why, here = _like_a_mask(part, whole)
        if sure and not masks:
            raise InputError(f"{labels.name} is a mask: {why}; {_HOW}.")
        if here:
            doubt = f"{labels.name}: {here} {_HOW}."
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


def _like_a_mask(volume: np.ndarray, whole: bool) -> tuple[bool, str, str]:
    """Whether a volume is surely a mask, why, and the beginning of a doubt where it may be one."""
    numbers = _few_numbers(volume)
    if not 1 <= len(numbers) <= 2:
        return False, "", ""
    pieces = [_pieces(volume == number) for number in numbers]
    empty = volume == 0
    words = " and ".join(map(str, numbers))
    if len(numbers) == 1:
        number, count = numbers[0], pieces[0]
        several = number in _PIECES and count > (_PIECES[number] if whole else _CUT_PIECES)
        if not several and number in (255, 65535) and whole and empty.any() and _border(~empty) > _BORDER:
            why = f"its background has the number {number}"
            return True, why, f"the number {number} has most of the border; if it is the background, write 0 there and"
        doubt = f"{count} separate pieces have the number {number} and count as one object; if they are several,"
        return several, f"all objects have the number {number}", doubt if count > 1 else ""
    most = _TWO_PIECES if whole else _CUT_PIECES
    if not empty.any():
        around = max(_border(volume == number) for number in numbers)
        why = f"its only numbers are {words}, and none is 0"
        doubt = f"{why}; if one of them is the background, write 0 there and"
        return max(pieces) > most, why, doubt if around == 1 or max(pieces) > 1 else ""
    sure = min(pieces) > most
    counts = " and ".join(map(str, pieces))
    doubt = f"{counts} separate pieces have the numbers {words} and count as two objects; if they are more,"
    return sure, f"all objects have the numbers {words}", doubt if sure else ""


def _few_numbers(volume: np.ndarray) -> list[int]:
    """The numbers above 0 of a volume; of many, three."""
    found: list[int] = []
    left = volume[volume != 0]
    while left.size and len(found) < 3:
        found.append(int(left[0]))
        left = left[left != left[0]]
    return sorted(found)


def _border(inside: np.ndarray) -> float:
    """Share of the border of the slices of a volume that lies inside."""
    edges = (inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1])
    return float(np.mean(np.concatenate([edge.ravel() for edge in edges])))


def _pieces(inside: np.ndarray) -> int:
    """The most pieces that lie in one slice of a volume.

    Pieces are those of the volume, so that one object whose parts meet in another slice is one; specks do not count.
    """
    from scipy import ndimage

    pieces, count = ndimage.label(inside, np.ones((3, 3, 3)), output=np.int32)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = sizes >= _SMALLEST_PIECE * sizes.max()
    seen = (np.bincount(one.ravel(), minlength=count + 1) > 0 for one in pieces)
    return max(int(np.count_nonzero(large & one)) for one in seen)
