"""Planes of stacks."""

from __future__ import annotations

import numpy as np

from micrographia.arrays.image import Image
from micrographia.segment.planes import read_plane


def test_a_projection_knows_a_pixel_from_the_slices_that_have_it() -> None:
    stack = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    stack[1, 0] = np.nan
    stack[:, 2, 3] = np.nan
    found = read_plane(Image(stack, "ZYX"), {"Z": "max"}).array("YX")
    assert found[0].tolist() == [0, 1, 2, 3] and found[1, 0] == 16
    assert np.isnan(found[2, 3]) and np.isnan(found).sum() == 1
