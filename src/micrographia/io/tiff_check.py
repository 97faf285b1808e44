"""Whether a TIFF file is all there: every directory, tag and strip lies inside the file.

Readers fill the missing part of a truncated file with zeros, which look like background.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from micrographia.arrays.errors import InputError

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_NDPI = 65420


def check_complete(path: Path) -> None:
    """Walk through the directories of a TIFF or BigTIFF file (TIFF 6.0, section 2).

    Raises
    ------
    InputError
        Where the file is no TIFF, or ends before its content does.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        version = struct.unpack(order + "H", head[2:4])[0] if order and len(head) >= 4 else 0
        if version not in (42, 43):
            raise InputError(
                f"{path} is named like a TIFF but is none; export it again as TIFF or give the right file."
            )
        assert order is not None
        big = version == 43
        if len(head) < (16 if big else 8):
            raise cut_short(path, 16, size)
        _walk(file, path, size, order, big, struct.unpack(order + "Q", head[8:16])[0] if big else
              struct.unpack(order + "I", head[4:8])[0])  # fmt: skip


def cut_short(path: Path, needed: int, size: int) -> InputError:
    """The sentence for a truncated file."""
    return InputError(
        f"{path} is cut short: it needs at least {needed:,} bytes and has {size:,}; copy or export it again."
    )


def _walk(file: BinaryIO, path: Path, size: int, order: str, big: bool, offset: int) -> None:
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    count_format, link_format = (order + "Q", order + "Q") if big else (order + "H", order + "I")
    count_bytes, link_bytes = struct.calcsize(count_format), struct.calcsize(link_format)
    seen: set[int] = set()
    while offset and offset not in seen:
        seen.add(offset)
        if offset + count_bytes > size:
            raise cut_short(path, offset + count_bytes, size)
        file.seek(offset)
        entries = struct.unpack(count_format, file.read(count_bytes))[0]
        end = offset + count_bytes + entries * entry.size + link_bytes
        if end > size:
            raise cut_short(path, end, size)
        block = file.read(entries * entry.size + link_bytes)
        tags: dict[int, np.ndarray] = {}
        for tag, kind, count, value in entry.iter_unpack(block[:-link_bytes]):
            if tag == _NDPI:  # offsets beyond 4 GB are stored in a way of their own
                return
            nbytes = count * _TYPE_BYTES.get(kind, 1)
            if nbytes > len(value):
                place = struct.unpack(link_format, value)[0]
                if place + nbytes > size:
                    raise cut_short(path, place + nbytes, size)
            if tag in _OFFSETS + _COUNTS and kind in (3, 4, 16):
                if nbytes > len(value):
                    file.seek(place)
                    value = file.read(nbytes)
                tags[tag] = np.frombuffer(value[:nbytes], f"{order}u{_TYPE_BYTES[kind]}").astype(np.int64)
        for places, counts in zip(_OFFSETS, _COUNTS, strict=True):
            if places in tags and counts in tags and len(tags[places]) == len(tags[counts]) > 0:
                needed = int((tags[places] + tags[counts]).max())
                if needed > size:
                    raise cut_short(path, needed, size)
        offset = struct.unpack(link_format, block[-link_bytes:])[0]
