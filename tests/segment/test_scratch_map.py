"""The scratch map keeps what was written when its memory is given back, and says where there is no room."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.segment.scratch_map import scratch_map


def test_keeps_what_was_written(tmp_path):
    with scratch_map((300, 500), tmp_path) as (plane, forget):
        assert plane.shape == (300, 500) and plane.dtype == np.uint8 and not plane.any()
        plane[10:20, 30:40] = 7
        forget()
        assert plane.sum() == 700
    assert not list(tmp_path.iterdir())


def test_an_empty_plane(tmp_path):
    with scratch_map((0, 500), tmp_path) as (plane, forget):
        forget()
        assert plane.shape == (0, 500)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")
def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="no room"), scratch_map((300, 500), tmp_path):
        pass
