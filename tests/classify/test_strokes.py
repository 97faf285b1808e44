"""Strokes: what is accepted, what is refused, and what is kept of many."""

from __future__ import annotations

import re

import numpy as np
import pytest
from painted_pictures import blobs, strokes_of

from micrographia import Image, InputError, RequestError, write, write_labels
from micrographia.classify.pixels.image_channels import ImageChannels, learned_channels
from micrographia.classify.pixels.label_layers import LabelLayer, label_array
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes, painted
from micrographia.io import read, read_labels


def test_places_and_counts():
    labels = np.zeros((5, 6), int)
    labels[1, 2:5], labels[4, 0] = 2, 1
    found = painted(Strokes([np.zeros((5, 6)), np.zeros((5, 6))], [labels, labels * 0], names=["a", "b"]))
    (field,) = found.fields
    assert sorted(zip(field.where.tolist(), field.classes.tolist())) == [
        ([1, 2], 1), ([1, 3], 1), ([1, 4], 1), ([4, 0], 0)
    ]  # fmt: skip
    assert found.counts == {"a": [1, 3]}
    assert found.classes == ("class 1", "class 2")
    assert found.channels == ("intensity",)


def test_images_that_share_a_name_are_counted_apart():
    labels = np.zeros((5, 6), int)
    labels[0], labels[1, 0] = 1, 2
    images = [Image(np.zeros((5, 6)), "YX", name="img", source=f"p{k}/img.tif") for k in (1, 2, 2)]
    found = painted(Strokes(images, [labels, labels * 0, labels], names=["img.tif"] * 3))
    assert found.counts == {"p1/img.tif": [6, 1], "p2/img.tif (2)": [6, 1]}
    arrays = painted(Strokes([np.zeros((5, 6))] * 2, [labels] * 2, names=["a", "a"]))
    assert arrays.counts == {"a": [6, 1], "a (2)": [6, 1]}


def test_intensities_whose_features_cannot_be_computed_are_named(recwarn):
    for kind, highest in ((np.float32, 1e38), (np.float64, 1e300)):
        with pytest.raises(InputError, match=r"img: its intensities are too large \(up to 1e\+"):
            ImageChannels(Image(np.full((4, 5), -highest, kind), "YX", name="img")).read((), (slice(4), slice(5)))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("shape", "label_shape", "dimensions", "channels", "positions"),
    [
        ((7, 8), (7, 8), 2, 1, 1),
        ((7, 8, 3), (7, 8), 2, 3, 1),
        ((6, 7, 8), (7, 8), 2, 6, 1),
        ((6, 7, 8), (6, 7, 8), 2, 1, 6),
        ((6, 7, 8), (6, 7, 8), 3, 1, 1),
        ((2, 6, 7, 8), (6, 7, 8), 3, 2, 1),
    ],
)
def test_axes_of_arrays(shape, label_shape, dimensions, channels, positions):
    labels = np.ones(label_shape, int)
    labels[..., :4] = 2
    found = painted(Strokes([np.zeros(shape, np.uint8)], [labels]), dimensions)
    assert len(found.channels) == channels
    assert len(found.fields) == positions
    assert found.fields[0].where.shape[1] == dimensions


def test_of_many_some_are_drawn_in_the_proportion_of_the_classes():
    truth = np.ones((400, 500), int)
    truth[:, 400:] = 2
    truth[0, :50] = 3
    strokes = Strokes([np.zeros((400, 500))], [truth])
    some, again, other = (painted(strokes, most=20_000, seed=seed) for seed in (0, 0, 1))
    assert np.bincount(some.all_classes()).tolist() == pytest.approx([15_995, 4_000, 50], abs=10)
    np.testing.assert_array_equal(some.fields[0].where, again.fields[0].where)
    assert (some.fields[0].where != other.fields[0].where).any()
    assert len(np.unique(some.fields[0].where, axis=0)) == len(some.all_classes())
    assert len(painted(strokes, most=0).all_classes()) == truth.size


def test_layers_on_disk_are_read_in_parts(tmp_path, monkeypatch):
    picture, truth = blobs()
    write(tmp_path / "a.ome.zarr", picture[0], axes="YX")
    write_labels(tmp_path / "l.ome.zarr", strokes_of(truth))
    monkeypatch.setattr("micrographia.classify.pixels.label_layers._WINDOW", {2: (32, 40)})
    lazy = painted(Strokes([read(tmp_path / "a.ome.zarr")], [read_labels(tmp_path / "l.ome.zarr")]))
    whole = painted(Strokes([picture[0]], [strokes_of(truth)]))
    assert lazy.counts == {"a": whole.counts["image"]}
    order = [np.lexsort(f.where.T) for f in (lazy.fields[0], whole.fields[0])]
    np.testing.assert_array_equal(lazy.fields[0].where[order[0]], whole.fields[0].where[order[1]])
    channels = ImageChannels(read(tmp_path / "a.ome.zarr"))
    np.testing.assert_array_equal(label_array(read_labels(tmp_path / "l.ome.zarr"), channels), strokes_of(truth))


def test_channels_by_name_in_any_order_and_alpha_left_out():
    data = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
    image = ImageChannels(Image(data, "CYX", channels=("DAPI", "actin")))
    whole = (slice(0, 3), slice(0, 4))
    np.testing.assert_array_equal(image.matching(("actin", "dapi")).read((), whole), data[::-1])
    np.testing.assert_array_equal(image.matching(("actin",)).read((), whole), data[1:])
    np.testing.assert_array_equal(image.choose(["1", "DAPI"]).read((), whole), data[::-1])
    np.testing.assert_array_equal(image.choose(["1", "DAPI"]).choose(["1"]).read((), whole), data[:1])
    with pytest.raises(InputError, match=r"no channel 'GFP'; it has 0 \(DAPI\), 1 \(actin\)"):
        image.choose(["GFP"])
    colours = ImageChannels(Image(np.zeros((3, 4, 4), np.uint8), "YXS"))
    assert colours.names == ("red", "green", "blue")
    assert colours.read((), whole).shape == (3, 3, 4)
    turned = ImageChannels(Image(data.transpose(2, 0, 1), "XCY"))
    np.testing.assert_array_equal(turned.read((), whole), data)


@pytest.mark.parametrize(
    ("here", "learned", "says"),
    [
        (("GFP", "dapi"), ("DAPI", "GFP"), ""),
        (("FITC", "Cy5"), ("DAPI", "GFP"), r"FITC, Cy5 took the place of DAPI, GFP, which.*; .*--channels"),
        (("GFP",), ("DAPI",), "GFP took the place of DAPI"),
        (("red", "green", "blue"), ("DAPI", "GFP", "actin"), "red, green, blue took the place"),
        (("FITC", "Cy5"), ("channel 0", "channel 1"), "FITC, Cy5 took the place of channel 0, channel 1"),
        ((), ("DAPI", "GFP"), "channel 0, channel 1 took the place of DAPI, GFP"),
        ((), ("DAPI",), ""),  # a grey picture: there is nothing else to take
        (("DAPI",), ("intensity",), ""),
        (("channel 1", "channel 2"), ("channel 0", "channel 1"), ""),  # two ways to count what has no names
    ],
)
def test_channels_of_other_names_are_taken_by_order_with_a_note(here, learned, says):
    image = Image(np.zeros((len(learned), 3, 4)), "CYX", channels=here)
    found = learned_channels(image, 2, learned)
    if not says:
        assert found.notes == []
    else:
        (note,) = found.notes
        assert re.search(says, note)
    assert learned_channels(image, 2, learned, [str(k) for k in range(len(learned))]).notes == []


def test_channels_that_are_chosen_keep_their_order():
    data = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    image = Image(data, "CYX", channels=("DAPI", "GFP"))
    seen = learned_channels(image, 2, ("DAPI", "GFP"), ["GFP", "DAPI"])  # the file names them wrong
    np.testing.assert_array_equal(seen.read((), (slice(0, 3), slice(0, 4))), data[::-1])


def test_what_is_no_number_becomes_0_with_a_note():
    picture = np.full((4, 5), 7, np.float32)
    picture[1, 2], picture[3, 3] = np.nan, np.inf
    image = ImageChannels(picture)
    pixels = image.read((), (slice(0, 4), slice(0, 5)))
    assert pixels[0, 1, 2] == pixels[0, 3, 3] == 0
    assert pixels.sum() == 7 * 18
    assert "NaN" in image.notes[0]
    assert np.isnan(picture[1, 2])


PLANE = np.zeros((4, 5), np.uint8)
ONES = np.ones((4, 5), int)


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        (Strokes([], []), "no images"),
        (Strokes([PLANE], []), "1 images but 0 label images"),
        (Strokes([PLANE], [np.ones((5, 5), int)]), "labels are 5 x 5 pixels, but the image is 4 x 5"),
        (Strokes([PLANE], [np.ones((2, 4, 5), int)]), "labels are 2 x 4 x 5 pixels, but the image is 4 x 5"),
        (Strokes([PLANE], [ONES + 0.5]), "whole numbers"),
        (Strokes([PLANE], [ONES * -1]), "whole numbers from 0"),
        (Strokes([PLANE, PLANE], [ONES, ONES], names=("a",)), r"^2 images but 1 name\.$"),
        (
            Strokes([PLANE, np.zeros((4, 5, 3))], [ONES, ONES]),
            r"image 1 has 3 channels .* the first image, image 0, has 1",
        ),
        (Strokes([PLANE * 1j], [ONES]), "not intensities"),
        (Strokes([Image(PLANE, "ZX")], [ONES]), "images with Y and X"),
        (Strokes([np.zeros((0, 5))], [np.zeros((0, 5), int)]), "empty"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(strokes, says):
    with pytest.raises(InputError, match=says):
        painted(strokes)


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        (Strokes([PLANE], [ONES * 0]), "No stroke was painted"),
        (Strokes([PLANE], [ONES * 2]), r"Only one class was painted \(label 2, 20 pixels\)"),
        (Strokes([PLANE], [ONES], classes=("sky", "sea")), r"Only one class was painted \(sky"),
    ],
)
def test_fewer_than_two_classes_make_no_sense(strokes, says):
    with pytest.raises(RequestError, match=says):
        painted(strokes)


def squares(count: int, parts: int = 1) -> np.ndarray:
    """Squares with the numbers 1 to count, each in so many pieces."""
    numbers = np.tile(np.arange(1, count + 1), parts)
    return np.kron(np.pad(numbers[None], 1), np.pad(np.ones((4, 4), int), 1))


@pytest.mark.parametrize("count", [11, 60, 300])
def test_objects_are_not_taken_for_classes(count):
    labels = squares(count)
    picture = np.zeros(labels.shape)
    with pytest.raises(RequestError, match=r"number objects, not classes: .*'train stardist'.*--classes"):
        painted(Strokes([picture, picture], [labels, np.where(labels > 5, 0, labels)]))


def test_objects_that_were_torn_by_hand_are_objects_still():
    labels = squares(20)
    labels[:, labels.shape[1] // 20 :: 40] = 0
    with pytest.raises(RequestError, match="there are 20 labels"):
        painted(Strokes([np.zeros(labels.shape)], [labels]))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (squares(2), None),
        (squares(10), None),  # one stroke for each class
        (squares(10).repeat(3, axis=0), None),
        (squares(12), [f"region {k}" for k in range(12)]),  # whoever names them means them
        (squares(40, parts=3), None),  # many classes with several strokes
        (np.random.default_rng(0).integers(0, 15, (60, 70)), None),  # a dense map
    ],
)
def test_classes_are_not_taken_for_objects(labels, names):
    assert len(painted(Strokes([np.zeros(labels.shape)], [labels], classes=names)).classes) == labels.max()


def test_names_of_classes():
    labels = ONES.copy()
    labels[0] = 2
    assert painted(Strokes([PLANE], [labels], classes=("a", "b", "c"))).counts == {"image": [15, 5, 0]}
    with pytest.raises(RequestError, match="1 classes are named"):
        painted(Strokes([PLANE], [labels], classes=("a",)))
    with pytest.raises(RequestError, match="must differ"):
        painted(Strokes([PLANE], [labels], classes=("a", "a")))
    with pytest.raises(InputError, match="volumes"):
        painted(Strokes([Image(PLANE, "YX")], [labels]), 3)


def test_layers_of_other_axes():
    image = ImageChannels(Image(np.zeros((2, 3, 4, 5)), "TZYX"))
    layer = LabelLayer(Image(np.zeros((3, 2, 4, 5), int), "ZTYX"), image)
    assert layer.read((1, 2), (slice(0, 2), slice(0, 3))).shape == (2, 3)
    assert layer.note == ""
    with pytest.raises(InputError, match=r"3 x 4 x 5 pixels, but the image is 2 x 3 x 4 x 5.* axes Z, Y, X;.*--axes"):
        LabelLayer(Image(np.zeros((3, 4, 5), int), "ZYX"), image)
    with pytest.raises(InputError, match="3 x 2 x 4 x 5 pixels, but the image is 2 x 3 x 4 x 5"):
        LabelLayer(Image(np.zeros((3, 2, 4, 5), int), "TZYX"), image)


@pytest.mark.parametrize(
    ("axes", "of_labels", "dimensions", "says"),
    [
        ("TYX", "ZYX", 2, "The z slices of the labels were taken for time points"),
        ("ZYX", "TYX", 2, "The time points of the labels were taken for z slices"),
        ("ZYX", "TYX", 3, "The time points of the labels were taken for z slices"),
        ("TYX", "TYX", 2, ""),
    ],
)
def test_slices_and_time_points_stand_for_each_other(axes, of_labels, dimensions, says):
    labels = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    image = ImageChannels(Image(np.zeros((3, 4, 5)), axes), dimensions)
    layer = LabelLayer(Image(labels, of_labels), image)
    assert layer.note.startswith(says) and bool(layer.note) == bool(says)
    np.testing.assert_array_equal(label_array(Image(labels, of_labels), image), labels)
    with pytest.raises(InputError, match="2 x 4 x 5 pixels, but the image is 3 x 4 x 5"):
        LabelLayer(Image(labels[:2], of_labels), image)


def test_notes_are_said_once_after_the_first_image():
    stacks, layers = ([Image(np.ones((3, 4, 5), int), axes)] * 3 for axes in ("TYX", "ZYX"))
    layers[0].data[0] = 2
    (note,) = painted(Strokes(stacks, layers, names=("a", "b", "c"))).notes
    assert note.startswith("a and 2 more: The z slices of the labels")


def test_classes_that_were_not_painted_are_named():
    labels = ONES.copy()
    labels[0] = 3
    assert painted(Strokes([PLANE], [labels])).notes == ("No pixel of class 2 was painted: the model cannot find any.",)
    (note,) = painted(Strokes([PLANE], [labels], classes=("a", "b", "c", "d"))).notes
    assert note.startswith("No pixel of b or d was painted")
    labels[1] = 2
    assert painted(Strokes([PLANE], [labels])).notes == ()


def test_images_whose_channels_have_other_names_are_taken_by_order_with_a_note():
    pixels, layer = np.random.default_rng(0).random((2, 20, 20)), np.zeros((20, 20), int)
    layer[2:5, 2:5], layer[9:12, 9:12] = 1, 2
    names = (("DAPI", "GFP"), ("Hoechst", "FITC"))
    images = [Image(pixels, "CYX", channels=own, name=f"{k}") for k, own in enumerate(names)]
    notes = PixelClassifier(sigmas=(1.0,)).fit(Strokes(images, [layer, layer])).notes_
    assert len(notes) == 1 and "Hoechst, FITC took the place of DAPI, GFP, which the first image, 0, has" in notes[0]
