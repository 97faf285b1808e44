"""Cleaning labels, supervoxels, seeds, and the path that follows membranes."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrographia.segment.click_path as module
from micrographia.arrays.errors import InputError, RequestError
from micrographia.segment.click_path import click_path, path_cost, path_cost_python
from micrographia.segment.label_cleaning import choose_sizes, fill_holes, smooth_labels
from micrographia.segment.seeded import graph_cut, random_walker
from micrographia.segment.supervoxels import paint_supervoxels, supervoxels, supervoxels_in_blocks


def square(shape, *corners):
    labels = np.zeros(shape, int)
    for n, box in enumerate(corners, 1):
        labels[tuple(slice(*s) for s in box)] = n
    return labels


@pytest.fixture
def membranes(data_dir):
    from PIL import Image

    folder = data_dir / "isbi2012"
    return tuple(np.asarray(Image.open(folder / kind / "03.png")) for kind in ("images", "labels"))


def test_holes_within_one_object_are_filled():
    labels = square((20, 40), ((2, 12), (2, 12)), ((2, 12), (12, 22)))
    labels[5:7, 5:7] = 0  # in object 1
    labels[8:10, 11:13] = 0  # between both
    labels[2, 4] = 0  # open to the outside
    filled = fill_holes(labels)
    assert (filled[5:7, 5:7] == 1).all()
    assert not filled[8:10, 11:13].any() and not filled[2, 4]
    assert not fill_holes(labels, largest=3)[5:7, 5:7].any()
    volume = np.ones((5, 5, 5), int) * 7
    volume[2, 2, 2] = 0
    assert (fill_holes(volume) == 7).all()


def test_sizes_are_chosen():
    labels = square((20, 40), ((0, 2), (0, 2)), ((0, 5), (10, 15)), ((10, 20), (0, 30)))
    assert set(np.unique(choose_sizes(labels, 5))) == {0, 2, 3}
    assert set(np.unique(choose_sizes(labels, 5, 30))) == {0, 2}


def test_outlines_are_smoothed_and_objects_stay_apart():
    rng = np.random.default_rng(0)
    labels = square((60, 60), ((5, 55), (5, 30)), ((5, 55), (30, 55)))
    noisy = np.where(rng.random(labels.shape) < 0.2, 0, labels)
    smooth = smooth_labels(noisy, 1.0)
    assert np.mean(smooth == labels) > 0.97 > np.mean(noisy == labels)
    assert set(np.unique(smooth)) == {0, 1, 2}


def test_supervoxels_follow_membranes(membranes):
    image, truth = (m[:256, :256] for m in membranes)
    regions = supervoxels(image, 120)
    assert regions.dtype == np.int32 and regions.min() == 1
    assert 60 < np.bincount(regions.ravel())[1:].mean() < 240
    inside = np.bincount(regions.ravel(), truth.ravel() > 0) / np.bincount(regions.ravel()).clip(1)
    pure = np.maximum(inside, 1 - inside)[1:].mean()
    blocks = np.kron(np.arange(576).reshape(24, 24), np.ones((11, 11), int))[:256, :256]
    square_inside = np.bincount(blocks.ravel(), truth.ravel() > 0) / np.bincount(blocks.ravel())
    assert pure > np.maximum(square_inside, 1 - square_inside).mean() + 0.02


def test_a_brush_paints_whole_supervoxels():
    regions = square((10, 10), ((0, 10), (0, 5)), ((0, 10), (5, 10)))
    painted = paint_supervoxels(regions, 0 * regions, [(3, 7), (4, 8)], 6)
    assert (painted == 6 * (regions == 2)).all()
    with pytest.raises(InputError, match="brush"):
        paint_supervoxels(regions, 0 * regions, [(3, 10)], 6)


def test_a_brush_that_touched_nothing_paints_nothing():
    regions = square((10, 10), ((0, 10), (0, 5)), ((0, 10), (5, 10)))
    for positions in ([], np.zeros((0, 2))):
        np.testing.assert_array_equal(paint_supervoxels(regions, regions, positions, 7), regions)
    with pytest.raises(InputError, match="2 whole numbers each"):
        paint_supervoxels(regions, regions, [(3.0, 3.0)], 7)
    with pytest.raises(InputError, match="not -2"):
        paint_supervoxels(regions, regions, [(3, 3)], -2)
    with pytest.raises(InputError, match="whole number from 0 to 2,147,483,647, not 'a'"):
        paint_supervoxels(regions, regions, [(3, 3)], "a")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"compactness": 0}, "compactness"),
        ({"compactness": -1}, "compactness"),
        ({"spacing": (1.0,)}, "each of 2 axes"),
        ({"spacing": (0, 1)}, "above 0"),
        ({"spacing": 2}, "each of 2 axes, not 2"),
        ({"spacing": ("a", "b")}, "above 0"),
        ({"size": 0}, "at least one pixel"),
    ],
)
def test_supervoxels_that_make_no_sense_are_refused(options, says):
    image = np.random.default_rng(0).random((20, 30))
    with pytest.raises(RequestError, match=says):
        supervoxels(image, **{"size": 20, **options})
    with pytest.raises(RequestError, match=says):
        supervoxels_in_blocks(image, np.zeros(image.shape, np.int32), **{"size": 20, **options})


def test_supervoxels_in_blocks_need_pixels_and_blocks():
    image = np.zeros((20, 30))
    with pytest.raises(RequestError, match="at least one pixel along each"):
        supervoxels_in_blocks(image, np.zeros(image.shape, np.int32), block=0)
    with pytest.raises(InputError, match="no pixels"):
        supervoxels_in_blocks(image[:0], np.zeros((0, 30), np.int32))


def test_compact_supervoxels_have_their_size_even_in_noise():
    noise = np.random.default_rng(0).random((64, 64))
    assert 50 < noise.size / supervoxels(noise, 100, compactness=1.0).max() < 200


@pytest.mark.parametrize("clean", [fill_holes, smooth_labels, choose_sizes])
def test_labels_without_pixels_are_refused(clean):
    with pytest.raises(InputError, match="no pixels"):
        clean(np.zeros((0, 5), int))


def test_sizes_and_widths_that_make_no_sense_are_refused():
    labels = np.eye(5, dtype=int)
    with pytest.raises(RequestError, match="at least 10 and at most 3"):
        choose_sizes(labels, 10, 3)
    for sigma in (-1, float("nan"), float("inf")):
        with pytest.raises(RequestError, match="sigma"):
            smooth_labels(labels, sigma)


def test_supervoxels_of_a_volume():
    volume = np.zeros((8, 24, 24))
    volume[:, :, 12:] = 1
    regions = supervoxels(volume, 64, mask=np.ones(volume.shape, bool))
    assert len(np.unique(regions)) > 20
    left, right = np.unique(regions[..., :12]), np.unique(regions[..., 12:])
    assert not np.intersect1d(left, right).size


@pytest.mark.parametrize("shape", [(40, 50), (9, 20, 22)])
def test_seeds_find_an_object(shape):
    rng = np.random.default_rng(0)
    truth = np.zeros(shape, bool)
    truth[tuple(slice(n // 4, n // 4 * 3) for n in shape)] = True
    image = truth + rng.normal(0, 0.15, shape)
    seeds = np.zeros(shape, int)
    seeds[tuple(slice(n * 3 // 8, n * 5 // 8) for n in shape)] = 1
    seeds[..., :2] = 2
    for found in (random_walker(image, seeds) == 1, graph_cut(image, seeds, sharpness=8)):
        assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_a_neuron_from_two_strokes(membranes):
    from scipy.ndimage import binary_erosion, label

    image, truth = (m[:160, :160] for m in membranes)
    cells = label(truth > 0)[0]
    cell = cells == np.bincount(cells[cells > 0]).argmax()
    seeds = np.where(binary_erosion(cell, iterations=6), 1, np.where(binary_erosion(~cell, iterations=4), 2, 0))
    for found in (random_walker(image, seeds, beta=60) == 1, graph_cut(image, seeds)):
        assert (found & cell).sum() / (found | cell).sum() > 0.85


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(7, 9), (4, 4, 5)]))
def test_the_path_is_the_cheapest(seed, shape):
    rng = np.random.default_rng(seed)
    evidence = rng.random(shape)
    clicks = [[int(rng.integers(n)) for n in shape] for _ in range(3)]
    path = click_path(evidence, clicks)
    assert path[0].tolist() == clicks[0] and path[-1].tolist() == clicks[-1]
    assert np.abs(np.diff(path, axis=0)).max(initial=0) <= 1
    assert path_cost(evidence, path) == pytest.approx(path_cost_python(evidence, clicks), rel=1e-5)


class Seen:
    """An array of which is remembered how much was read at once."""

    def __init__(self, values):
        self.values, self.shape, self.most = values, values.shape, 0

    def __getitem__(self, window):
        self.most = max(self.most, self.values[window].size)
        return self.values[window]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(17, 19), (6, 7, 8)]))
def test_a_path_through_windows_is_that_through_the_whole(seed, shape):
    rng = np.random.default_rng(seed)
    evidence = rng.random(shape) ** 0.2
    clicks = [[int(rng.integers(n)) for n in shape] for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MARGIN", {2: 99, 3: 99})
        whole = click_path(evidence, clicks)
        patch.setattr(module, "_MARGIN", {2: 1, 3: 1})
        np.testing.assert_array_equal(click_path(Seen(evidence), clicks), whole)


def test_a_path_reads_no_more_than_it_needs(membranes):
    from scipy.ndimage import gaussian_filter

    dark = 1 - gaussian_filter(membranes[0].astype(float), 1.5) / 255
    wide = Seen(np.tile(dark, (4, 4)))
    clicks = [(700, 700), (740, 760), (800, 720)]
    path = click_path(wide, clicks)
    assert wide.most < wide.values.size / 20
    assert path_cost(wide.values, path) == pytest.approx(path_cost(dark, click_path(dark, np.array(clicks) - 512)))


def test_clicks_may_be_of_any_whole_type():
    evidence = np.random.default_rng(0).random((60, 60))
    clicks = [[3, 4], [50, 55]]
    for kind in (np.uint64, np.uint8):
        np.testing.assert_array_equal(click_path(evidence, np.array(clicks, kind)), click_path(evidence, clicks))


def test_the_path_keeps_to_a_membrane(membranes):
    from scipy.ndimage import gaussian_filter, label

    image, truth = membranes
    dark = 1 - gaussian_filter(image.astype(float), 1.5) / 255
    wall = truth == 0
    pieces = label(wall, np.ones((3, 3)))[0]
    middle = np.argwhere(pieces == np.bincount(pieces[wall]).argmax())
    rng = np.random.default_rng(0)
    near = []
    for _ in range(12):
        a = middle[rng.integers(len(middle))]
        far = np.abs(middle - a).max(axis=1)
        choice = middle[(far > 30) & (far < 60)]
        path = click_path((dark - dark.min()) / np.ptp(dark), [a, choice[rng.integers(len(choice))]])
        near.append(np.mean(wall[tuple(path.T)]))
    assert np.mean(near) > 0.6 > wall.mean() * 2
    loop = click_path(dark, [(10, 10), (10, 40), (40, 40)], closed=True)
    assert loop[0].tolist() == loop[-1].tolist()


def test_bad_input(monkeypatch):
    image, seeds = np.zeros((8, 8)), np.zeros((8, 8), int)
    with pytest.raises(InputError, match="two kinds"):
        random_walker(image, seeds)
    with pytest.raises(InputError, match="shape"):
        graph_cut(image, seeds[:4])
    with pytest.raises(InputError, match="NaN"):
        random_walker(image + np.nan, seeds + 1)
    with pytest.raises(InputError, match="1 for the object"):
        graph_cut(image, np.arange(64).reshape(8, 8))
    with pytest.raises(InputError, match="outside"):
        click_path(image, [(0, 0), (8, 0)])
    with pytest.raises(InputError, match="two clicks"):
        click_path(image, [(0, 0)])
    with pytest.raises(InputError, match="two clicks"):
        click_path(image, 5)
    with pytest.raises(InputError, match="0 to 1"):
        click_path(image + np.nan, [(0, 0), (1, 1)])
    for floor in (0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="floor"):
            click_path(image, [(0, 0), (1, 1)], floor=floor)
    with pytest.raises(InputError, match="mask"):
        supervoxels(image, 9, mask=np.zeros((8, 8), bool))
    with pytest.raises(InputError, match="NaN"):
        supervoxels(image * np.nan, 9)
    with pytest.raises(InputError, match="whole numbers"):
        fill_holes(image)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(RequestError, match=r"micrographia\[tools\]"):
        supervoxels(image, 9)
    seeds[0, 0], seeds[4, 4] = 1, 2
    with pytest.raises(InputError, match="constant"):
        random_walker(image, seeds)
