"""The compiled filters against their plain reference, on any part of any small image."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.geometry.convolution import mirrored
from micrographia.geometry.derivatives import HESSE, SLOTS, TENSOR, filter_part, five_pixel_weights
from micrographia.geometry.derivatives_reference import filter_numpy
from micrographia.geometry.structure_tensor import MARGIN, tensor_part


def _filtered(image, part, sigma, slots, maps):
    around = (mirrored(s.start - MARGIN, s.stop + MARGIN, n) for s, n in zip(part, image.shape))
    smoothed = np.ascontiguousarray(image[np.ix_(*around)])
    out = np.full((maps, *(s.stop - s.start + 1 for s in part)), -7, np.float32)
    where = (1,) * image.ndim  # the part begins behind the first pixel of `out`
    filter_part(smoothed, MARGIN, five_pixel_weights(sigma), slots, out, where)
    tensor_part(smoothed, part, image.shape, sigma, slots[TENSOR:HESSE], out, where)
    assert (out[:, 0] == -7).all() and (out[..., 0] == -7).all()
    return out[(slice(None), *(slice(1, None),) * image.ndim)]


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.sampled_from([0.3, 0.7, 1.0]))
def test_filters_equal_the_reference(seed, dimensions, sigma):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=rng.integers(1, 40 if dimensions == 2 else 14, dimensions)).astype(np.float32)
    starts = [int(rng.integers(0, n)) for n in image.shape]
    part = tuple(slice(a, int(rng.integers(a + 1, n + 1))) for a, n in zip(starts, image.shape))
    expected = filter_numpy(image, sigma)
    chosen = rng.permutation(list(expected))[: rng.integers(1, len(expected) + 1)]
    slots = np.full(SLOTS, -1, np.int64)
    slots[chosen] = np.arange(len(chosen))
    maps = _filtered(image, part, sigma, slots, len(chosen))
    size = 1 + np.abs(image).max() ** 2 / min(sigma, 1) ** 2
    for position, slot in enumerate(chosen):
        np.testing.assert_allclose(maps[position], expected[slot][part], atol=2e-6 * size, err_msg=f"map {slot}")


def test_a_constant_image_has_no_derivatives():
    for shape in ((9, 11), (6, 7, 8)):
        slots = np.arange(SLOTS) if len(shape) == 3 else np.array([0, 1, 2, 3, 4, 5, -1, 7, 8, -1])
        image = np.full(shape, 1234.567, np.float32)
        maps = _filtered(image, tuple(slice(0, n) for n in shape), 1.0, slots, SLOTS)
        assert (maps[0] == image).all()
        assert not maps[[k for k in range(1, SLOTS) if slots[k] >= 0]].any()
