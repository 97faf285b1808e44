"""Segment an image in one call: pixels in, labels out."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image, refuse_path
from micrographia.segment.planes import choose_planes, read_plane
from micrographia.segment.predictor import Predictor, load_predictor


def segment(
    image: Image | np.ndarray,
    model: str | Path | Predictor = "nuclei",
    *,
    axes: str | None = None,
    channel: str | int | None = None,
    z: str = "each",
    probability: float | None = None,
    overlap: float | None = None,
    background: str = "auto",
) -> np.ndarray:
    """Find the objects in an image.

    Parameters
    ----------
    image : Image or array
        What :func:`micrographia.read` returns, or an array: (Y, X) grey, (Y, X, 3) colour, or any other with `axes`.
    model : str, Path or Predictor
        Name or file of a model; the built-in ``"nuclei"`` needs no settings.
    axes : str, optional
        One letter of ``TCZYXS`` for each dimension of an array.
    channel : str or int, optional
        Channel to segment, by name or number; without it the one whose name says nuclei, else the first.
    z : {"each", "max", "best-focus"}
        What to do with a z stack.
    probability : float, optional
        Smallest object probability (0 to 1), in place of the model's own threshold: higher finds fewer objects.
    overlap : float, optional
        Largest share (0 to 1) of the smaller of two objects that they may have in common.
    background : {"auto", "dark", "bright"}
        What the background is, where the model takes it for the wrong one: dark (fluorescence) or bright (stained
        tissue, brightfield).

    Returns
    -------
    int32 array
        Labels with the image's T, Z (for ``z="each"``), Y and X axes; 0 is background. Each plane is
        numbered on its own.

    Raises
    ------
    InputError
        Where the image or the model cannot be used.
    RequestError
        Where there is no such model, a threshold is not from 0 to 1, or `background` is none of the three.

    Warns
    -----
    UserWarning
        What was assumed about the image.

    Examples
    --------
    >>> import numpy as np
    >>> from micrographia.segment.segmenting import segment
    >>> int(segment(np.zeros((64, 64), np.uint8)).max())
    0
    """
    image = as_image(image, axes)
    predictor = model if isinstance(model, Predictor) else _predictor(str(model))
    planes, notes = choose_planes(image, channel=channel, z=z, all_channels=predictor.all_channels)
    for note in (*image.notes, *notes):
        warnings.warn(f"{image.name}: {note}", stacklevel=3)  # 2 is the room that was called
    labels = [
        predictor.segment(
            read_plane(image, index), probability=probability, overlap=overlap, background=background
        ).labels
        for index in planes
    ]
    kept = [image.size(a) for a in "TZ" if a in image.axes and not (a == "Z" and z != "each")]
    return np.stack(labels).reshape(*kept, *labels[0].shape)


def as_image(image: Image | np.ndarray, axes: str | None = None) -> Image:
    """An array as an Image; two dimensions are YX, a last dimension of 3 or 4 is colour, others must be named.

    Raises
    ------
    InputError
        Where the axes are not known, or it is a path.
    """
    if isinstance(image, Image):
        return image
    refuse_path(image)
    data = np.asarray(image)
    if axes is None:
        if data.ndim == 2:
            axes = "YX"
        elif data.ndim == 3 and data.shape[2] in (3, 4):
            axes = "YXS"
        else:
            raise InputError(
                f"An array of shape {data.shape} may be many things; name its axes, for example axes='ZYX' or 'CYX'."
            )
    return Image(data, axes, name="array")


@lru_cache(maxsize=4)
def _predictor(model: str) -> Predictor:
    return load_predictor(model)
