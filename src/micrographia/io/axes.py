"""Which axis is which: what the user says, else what the file says, else one stated assumption."""

from __future__ import annotations

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import AXES

_COLOURS = (3, 4)
_FEW = 4
"""A dimension of at most this many entries is taken as channels, a longer first one as z."""


def checked_axes(axes: str, name: str) -> str:
    """The axes a user named, in capital letters.

    Raises
    ------
    RequestError
        Where they are no text, a letter is unknown, comes twice, or Y and X are not both there.
    """
    if not isinstance(axes, str):
        raise RequestError(f"The axes (for {name}) are a text such as 'TCYX', not {axes!r:.80}.")
    axes = axes.strip().upper()
    if set(axes) - set(AXES) or len(set(axes)) != len(axes) or not {"Y", "X"} <= set(axes):
        raise RequestError(
            f"Axes '{axes}' (for {name}) make no sense: give one different letter of {AXES} for each dimension, "
            "Y and X among them, for example TCYX."
        )
    return axes


def plan_axes(shape: tuple[int, ...], given: str | None, name: str) -> tuple[tuple[int, ...], str, tuple[str, ...]]:
    """Shape, axes and notes of an array that says nothing about its axes.

    Two dimensions are YX. Dimensions of length 1 carry nothing and are dropped (never below two).
    Three dimensions are taken as YXS (a colour picture) where the last has 3 or 4 entries, as YXC
    where it has 2, as CYX where the first has at most 4, else as ZYX; a note says so. More are refused.

    Parameters
    ----------
    shape : tuple of int
        As stored.
    given : str or None
        Axes the user named: one letter for each dimension of ``shape``, or for each one longer than 1.
    name : str
        For messages.

    Returns
    -------
    shape, axes, notes
        ``shape`` is the stored one or the one without the dropped dimensions.

    Raises
    ------
    InputError
        Where the axes cannot be known, or the given ones do not fit.
    """
    squeezed = _squeeze(shape)
    if given is not None:
        given = checked_axes(given, name)
        for fits in (shape, squeezed):
            if len(fits) == len(given):
                return fits, given, ()
        raise InputError(
            f"{name} has {len(shape)} dimensions {shape}, but the axes '{given}' name {len(given)}; "
            "name one letter for each dimension."
        )
    if len(shape) < 2:
        raise InputError(f"{name} has {len(shape)} dimension(s) {shape}; an image needs at least y and x.")
    dropped = (f"dimensions of length 1 of {shape} were dropped",) if squeezed != shape else ()
    if len(squeezed) == 2:
        return squeezed, "YX", dropped
    if len(squeezed) > 3:
        raise InputError(
            f"{name} has {len(squeezed)} dimensions {squeezed} and does not say which is which; "
            "name them with --axes (axes= in Python), for example --axes TCYX."
        )
    if squeezed[-1] in _COLOURS:
        axes, meaning = "YXS", f"the last dimension of {squeezed} was taken as colour"
    elif squeezed[-1] <= _FEW < squeezed[0]:
        axes, meaning = "YXC", f"the last dimension of {squeezed} was taken as channels"
    elif squeezed[0] <= _FEW:
        axes, meaning = "CYX", f"the first dimension of {squeezed} was taken as channels"
    else:
        axes, meaning = "ZYX", f"the first dimension of {squeezed} was taken as z"
    why = "because the file does not name its axes (change with --axes, axes= in Python)"
    return squeezed, axes, (*dropped, f"{meaning}, {why}")


def renamed(stored: str, given: str | None, name: str) -> str:
    """Axes of a file that names them, or what the user says instead (same number of letters)."""
    if given is None:
        return stored
    given = checked_axes(given, name)
    if len(given) != len(stored):
        raise InputError(f"{name} has the axes '{stored}', but '{given}' names {len(given)}; name one letter for each.")
    return given


def _squeeze(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without leading, then trailing, then inner dimensions of length 1, never below two."""
    kept = list(shape)
    while len(kept) > 2 and kept[0] == 1:
        del kept[0]
    while len(kept) > 2 and kept[-1] == 1:
        del kept[-1]
    for i in range(len(kept) - 3, 0, -1):
        if kept[i] == 1:
            del kept[i]
    return tuple(kept)
