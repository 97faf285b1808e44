"""Reading NumPy's ``.npy`` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.axes import plan_axes
from micrographia.io.find import image_stem

SIGNATURE = b"\x93NUMPY"


def read_npy(path: Path, *, axes: str | None = None) -> Image:
    """An array of numbers; never an object (nothing is unpickled).

    Raises
    ------
    InputError
        Where it is no array, holds objects, is truncated, or its axes cannot be known.
    """
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise InputError(f"{path} is named like a NumPy array but is none; save it again with numpy.save.")
    try:
        data = np.load(path, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" in str(error):
            raise InputError(
                f"{path} holds Python objects, which could run code when opened; save it as a plain array of numbers."
            ) from error
        raise InputError(f"{path} is damaged or cut short ({error}); save it again.") from error
    if data.dtype.kind not in "biufc":
        raise InputError(f"{path} holds {data.dtype}, not numbers that could be pixels.")
    shape, stored, notes = plan_axes(data.shape, axes, str(path))
    return Image(data=data.reshape(shape), axes=stored, name=image_stem(path), source=str(path), notes=notes)
