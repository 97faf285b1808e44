"""Labels between labelled slices."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.segment.label_blocks import interpolate_labels_in_blocks
from micrographia.segment.label_interpolation import interpolate_labels, signed_distance


def disc(y, x, radius, shape=(50, 60)):
    a, b = np.indices(shape)
    return (a - y) ** 2 + (b - x) ** 2 <= radius * radius


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_a_cone_is_filled():
    labels = np.zeros((7, 50, 60), np.uint8)
    labels[0][disc(25, 30, 6)] = 3
    labels[6][disc(25, 30, 18)] = 3
    filled = interpolate_labels(labels)
    assert filled.dtype == np.int32
    for z in range(7):
        assert iou(filled[z] == 3, disc(25, 30, 6 + 2 * z)) > 0.92
    np.testing.assert_array_equal(filled[[0, 6]], labels[[0, 6]])


def test_an_object_that_moves_far_is_followed():
    labels = np.zeros((5, 50, 60), int)
    labels[0][disc(10, 10, 7)] = 1
    labels[4][disc(40, 50, 7)] = 1
    assert iou(interpolate_labels(labels)[2] == 1, disc(25, 30, 7)) > 0.9
    assert not interpolate_labels(labels, align=False)[2].any()


def test_it_does_not_matter_where_an_object_that_changes_its_size_goes():
    for y, x in ((145, 145), (120, 190), (0, 290)):
        labels = np.zeros((5, 300, 300), int)
        labels[0, 100:200, 100:200] = labels[4, y : y + 10, x : x + 10] = 1
        blocks = np.zeros(labels.shape, np.int32)
        interpolate_labels_in_blocks(labels, blocks)
        for filled in (interpolate_labels(labels), blocks):
            assert filled.sum((1, 2)).tolist() == [10000, 5712, 2728, 948, 100]


def test_objects_do_not_overlap_and_end_where_they_end():
    labels = np.zeros((3, 50, 60), int)
    labels[0][disc(25, 20, 10)], labels[0][disc(25, 40, 8)] = 1, 2
    labels[2][disc(25, 22, 10)] = 1
    filled = interpolate_labels(labels)
    assert set(np.unique(filled[1])) == {0, 1}
    ended = interpolate_labels(labels[[0, 1, 1, 1]], labelled=[0, 3])
    assert not ended[1:].any()


def test_signed_distance_is_half_way_between_pixels():
    assert signed_distance(np.array([[0, 0, 1, 1]], bool)).tolist() == [[-1.5, -0.5, 0.5, 1.5]]
    assert signed_distance(np.zeros((2, 2), bool)).max() < 0


def test_a_left_out_slice_of_neurons(data_dir):
    """Cells followed over three slices by overlap; the middle one is left out and filled."""
    from PIL import Image
    from scipy.ndimage import label

    planes = [label(np.asarray(Image.open(data_dir / "isbi2012" / "labels" / f"{z:02d}.png")) > 0)[0] for z in range(3)]
    below, middle, above = planes
    score = []
    for number in np.unique(middle)[1:]:
        true = middle == number
        if true.sum() < 300:
            continue
        ends = []
        for plane in (below, above):
            best = np.bincount(plane[true], minlength=2)
            best[0] = 0
            ends.append(plane == best.argmax())
        if min(iou(true, end) for end in ends) < 0.4:
            continue  # not the same cell in all three slices
        stack = np.stack([ends[0], 0 * true, ends[1]]).astype(int)
        score.append((iou(interpolate_labels(stack)[1] == 1, true), iou(ends[0], true)))
    filled, copied = np.mean(score, axis=0)
    assert len(score) > 30
    assert filled > 0.72 and filled > copied + 0.1, (filled, copied)


def test_bad_input():
    labels = np.zeros((4, 5, 5), int)
    with pytest.raises(InputError, match="at least two"):
        interpolate_labels(labels)
    with pytest.raises(InputError, match="slices 0 to 3"):
        interpolate_labels(labels, labelled=[0, 4])
    with pytest.raises(InputError, match="stack"):
        interpolate_labels(labels[0])
    with pytest.raises(InputError, match="whole numbers, not"):
        interpolate_labels(labels, labelled=[0.0, 2.0])
    for number in (2**32 + 7, -2):
        with pytest.raises(InputError, match="from 0 to 2,147,483,647"):
            interpolate_labels(labels + number)
