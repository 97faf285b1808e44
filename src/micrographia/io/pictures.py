"""Reading PNG, JPEG, BMP, GIF, WebP and JPEG 2000."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.io.axes import renamed
from micrographia.io.colour import from_cmyk
from micrographia.io.find import image_stem

SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"BM": "bmp",
    b"GIF8": "gif",
    b"\x00\x00\x00\x0cjP  ": "jpeg2k",
    b"\xff\x4f\xff\x51": "jpeg2k",
}
"""First bytes of a file, and what it then is (WebP: ``RIFF....WEBP``)."""

_PNG_PALETTE = 3


def picture_kind(head: bytes) -> str | None:
    """What kind of picture a file is, by its first bytes; None for any other file."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for signature, kind in SIGNATURES.items() if head.startswith(signature)), None)


def read_picture(path: Path, *, axes: str | None = None, indexed: bool = False) -> Image:
    """A picture: YX (grey) or YXS (red, green, blue).

    Parameters
    ----------
    path : Path
        The file.
    axes : str, optional
        What the user says about the axes.
    indexed : bool
        Keep the numbers of a palette PNG instead of its colours (for labels).

    Raises
    ------
    InputError
        Where the file is truncated or damaged.
    """
    content = path.read_bytes()
    kind = picture_kind(content[:16])
    _check_end(content, kind, path)
    notes: tuple[str, ...] = ()
    if kind == "png" and content[25] == _PNG_PALETTE:
        if indexed:
            data = _palette_numbers(path)
        else:
            data = _decode(content, kind, path)
            notes = ("the palette was expanded to colours",)
    else:
        data = _decode(content, str(kind), path)
    if kind == "gif" and data.ndim == 4:
        notes += (f"the first of {len(data)} pictures was read",) if len(data) > 1 else ()
        data = data[0]
    if kind == "jpeg" and data.ndim == 3 and data.shape[-1] == 4:
        # Adobe's programs, which mark their files, store how much ink is *not* there.
        data = from_cmyk(255 - data if b"Adobe" in content[: content.rfind(b"\xff\xda")] else data)
        notes += ("CMYK was converted to RGB",)
    elif data.ndim == 3 and data.shape[-1] in (2, 4):
        data = data[..., 0] if data.shape[-1] == 2 else data[..., :3]
        notes += ("the transparency (alpha) was dropped",)
    if data.ndim == 3 and data.shape[-1] == 1:
        data = data[..., 0]
    stored = renamed("YXS" if data.ndim == 3 else "YX", axes, str(path))
    return Image(data=data, axes=stored, name=image_stem(path), source=str(path), notes=notes)


def _decode(content: bytes, kind: str, path: Path) -> np.ndarray:
    import imagecodecs

    try:
        return np.asarray(getattr(imagecodecs, f"{kind}_decode")(content))
    except Exception as error:  # each codec has exceptions of its own
        raise InputError(f"{path} is damaged ({error}); copy or export it again.") from error


def _palette_numbers(path: Path) -> np.ndarray:
    from PIL import Image as Pillow

    with Pillow.open(path) as picture:
        return np.array(picture)


def _check_end(content: bytes, kind: str | None, path: Path) -> None:
    """Decoders of JPEG fill what is missing with grey; a whole file ends with an end mark."""
    whole = True
    if kind == "jpeg":
        whole = content.rfind(b"\xff\xd9") > content.rfind(b"\xff\xda") > 0
    elif kind == "png":
        whole = b"IEND" in content[-1024:]
    if not whole:
        raise InputError(f"{path} is cut short: its end is missing; copy or export it again.")
