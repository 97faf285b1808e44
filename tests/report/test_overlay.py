"""Overlays: size, contrast, colours of neighbours, visible outlines, every kind of image."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.report.display import display, stretch
from micrographia.report.outlines import neighbour_colours, outline_width, outlined
from micrographia.report.overlay import comparison, comparison_colours, overlay


def touching(rows=6, columns=8, side=30):
    """Squares that share their sides."""
    yy, xx = np.mgrid[: rows * side, : columns * side]
    return (yy // side * columns + xx // side + 1).astype(np.int32)


def coloured(rgb):
    """Pixels that are not grey."""
    return np.ptp(rgb.astype(int), axis=-1) > 20


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint16, ">u2", np.int32, np.float16, np.float64])
def test_any_type_of_grey(kind):
    labels = touching()
    picture = overlay((labels % 7 > 3).astype(kind), labels)
    assert picture.dtype == np.uint8 and picture.shape[-1] == 3
    assert coloured(picture).any()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 180, 240)),
        np.zeros((180, 240, 3), np.uint8),
        np.zeros((180, 240, 4), np.uint16),
        Image(np.zeros((1, 180, 240, 2)), "TYXC"),
        np.full((180, 240), np.nan),
    ],
    ids=["channels", "colour", "transparency", "Image", "NaN"],
)
def test_any_layout(image):
    assert coloured(overlay(image, touching())).any()


def test_small_images_are_enlarged_and_large_ones_averaged():
    assert overlay(np.zeros((50, 60)), np.zeros((50, 60), int)).shape == (200, 240, 3)
    assert overlay(np.zeros((300, 500)), np.zeros((300, 500), int)).shape == (600, 1000, 3)
    assert overlay(np.zeros((1000, 900)), np.zeros((1000, 900), int)).shape == (1000, 900, 3)
    large = overlay(np.zeros((50, 5000)), np.zeros((50, 5000), np.uint8))
    assert large.shape == (16, 1666, 3)


def test_lazy_images_are_read_in_bands():
    class Lazy:
        shape, dtype, largest = (5000, 4100), np.dtype(np.uint16), 0

        def __getitem__(self, key):
            rows = len(range(*key[0].indices(self.shape[0])))
            self.largest = max(self.largest, rows)
            return np.ones((rows, len(range(*key[1].indices(self.shape[1])))), np.uint16)

    lazy = Lazy()
    shown = display(Image(lazy, "YX"), Image(np.zeros(lazy.shape, np.uint8), "YX"))
    assert shown.rgb.shape[0] <= 2048
    assert lazy.largest < 1000


def test_touching_objects_have_different_colours():
    labels = touching(rows=12, columns=14, side=9)
    colour = neighbour_colours(labels, 6)
    for dy, dx in ((0, 9), (9, 0), (9, 9)):
        a, b = labels[: labels.shape[0] - dy, : labels.shape[1] - dx], labels[dy:, dx:]
        assert (colour[a] != colour[b]).all()
    assert len(set(colour[1:])) == 6


def test_outlines_have_a_constant_width_inside_their_object():
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:50] = 1
    for width in (1, 2, 3):
        lines = outlined(labels, width)
        inside = (lines > 0) & (labels > 0)
        assert inside[30, 10 : 10 + width].all() and not inside[30, 10 + width : 50 - width].any()
        assert lines[30, 9] == 1 and lines[30, 8] == 0
    assert (outlined(np.ones((9, 9), np.int32), 2) == 0).all()


def test_outlines_of_neighbours_do_not_cover_each_other():
    labels = touching()
    lines = outlined(labels, 2)
    assert ((lines == 0) | (lines == labels)).all()
    assert set(np.unique(lines)) == set(range(49))


def test_thicker_on_larger_pictures_but_never_filling_objects():
    small, large = touching(4, 4, 40), touching(4, 4, 400)
    assert outline_width(small) == 1 and outline_width(large) == 3
    assert outline_width(touching(200, 200, 8)) == 1
    assert outline_width(np.zeros((9, 9), np.int32)) == 1


def test_dim_objects_are_lifted_and_bright_backgrounds_kept():
    dim = np.full((100, 100), 100.0)
    dim[:10, :10], dim[20:40, 20:40] = 4000, 900
    assert stretch(dim)[30, 30] > 0.3
    bright = np.full((100, 100), 200.0)
    bright[:30] = 50
    assert set(np.unique(stretch(bright))) == {0, 1}
    assert (stretch(np.ones((3, 3))) == 0).all()


def test_ids_beyond_16_bits():
    labels = touching().astype(np.int64) * 1_000_003
    assert (overlay(np.zeros(labels.shape), labels) == overlay(np.zeros(labels.shape), touching())).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (0, 5)])
def test_odd_shapes(shape):
    picture = overlay(np.zeros(shape), np.ones(shape, int))
    assert picture.ndim == 3 and picture.dtype == np.uint8


def test_comparison_shows_errors_in_their_colours():
    truth = np.zeros((400, 900), int)
    truth[20:100, 20:100], truth[20:100, 200:280] = 1, 2
    predicted = np.zeros_like(truth)
    predicted[22:100, 20:100], predicted[200:280, 500:580] = 1, 2
    shown = comparison(np.zeros(truth.shape), truth, predicted)
    colour = comparison_colours(shown)
    for name, place in (("matched", (60, 20)), ("missed", (60, 200)), ("false positive", (240, 500))):
        assert tuple(shown[place]) == colour[name], name
    assert tuple(shown[60, 60]) == (0, 0, 0)  # matched objects are not tinted, errors are
    assert shown[60, 240].any() and shown[240, 540].any()


def test_shapes_must_fit():
    with pytest.raises(InputError, match=r"\(4, 4\).*\(5, 5\)"):
        overlay(np.zeros((5, 5)), np.zeros((4, 4), int))


def test_true_labels_below_0_were_not_annotated():
    truth = touching()
    truth[:, :30] = -1
    predicted = np.where(truth > 0, truth, 0)
    image = np.zeros(truth.shape, np.uint8)
    assert coloured(comparison(image, truth, predicted))[:, 30:].any()
    with pytest.raises(InputError, match="the negative number -1 is no label"):
        comparison(image, predicted, truth)
