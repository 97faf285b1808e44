"""Matching agrees with its plain twin, with the published reference, and is exact for many objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micrographia.arrays.errors import InputError, RequestError
from micrographia.metrics import matching
from micrographia.metrics.matching import assign, match, overlaps, without_unknown
from micrographia.metrics.matching_reference import match_reference

labels_pair = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        arrays(np.int32, shape, elements=st.integers(0, 5)), arrays(np.int64, shape, elements=st.integers(0, 5))
    )
)


def same(a, b):
    return (a.tp, a.fp, a.fn) == (b.tp, b.fp, b.fn) and a.matched_iou == pytest.approx(b.matched_iou, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(labels_pair, st.sampled_from([0.01, 0.1, 0.25, 1 / 3, 0.5, 0.51, 0.75, 1.0]))
def test_equals_the_plain_twin(pair, threshold):
    truth, predicted = pair
    assert same(match(truth, predicted, [threshold])[0], match_reference(truth, predicted, threshold))


@settings(max_examples=50, deadline=None)
@given(labels_pair, st.integers(1, 2**40))
def test_ids_do_not_matter_only_regions(pair, factor):
    truth, predicted = pair
    moved = np.where(truth > 0, truth.astype(np.int64) * factor, 0)
    assert match(moved, predicted, [0.3, 0.7]) == match(truth, predicted, [0.3, 0.7])


@settings(max_examples=50, deadline=None)
@given(labels_pair)
def test_itself_is_perfect_and_swapping_swaps_errors(pair):
    truth, predicted = pair
    perfect = match(truth, truth, [1.0])[0]
    assert perfect.accuracy == perfect.f1 == perfect.panoptic_quality == 1
    one, other = match(truth, predicted)[0], match(predicted, truth)[0]
    assert (one.tp, one.fp, one.fn) == (other.tp, other.fn, other.fp)


def test_stardist_reference(data_dir):
    tifffile = pytest.importorskip("tifffile")
    from scipy.ndimage import rotate

    path = data_dir / "stardist_samples" / "images" / "mask2d.tif"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    truth = tifffile.imread(path)
    half, strict = match(truth, rotate(truth, 2, order=0, reshape=False), [0.5, 0.7])
    assert (half.tp, half.fp, half.fn) == (37, 88, 88)
    assert half.mean_matched_score == pytest.approx(0.65847, abs=5e-6)
    assert half.panoptic_quality == pytest.approx(0.19491, abs=5e-6)
    assert strict.tp == 12


def test_two_halves_tie_at_exactly_half():
    truth = np.array([[1, 1, 1, 1]])
    predicted = np.array([[1, 1, 2, 2]])
    result = match(truth, predicted, [0.5])[0]
    assert (result.tp, result.fp, result.fn) == (1, 1, 0)


def test_low_threshold_prefers_more_matches():
    # The greedy choice (truth 1 with prediction 1) would leave truth 2 and prediction 2 alone.
    truth = np.repeat([1, 2], [16, 8])[None]
    predicted = np.repeat([2, 1], [5, 19])[None]
    assert match(truth, predicted, [0.2])[0].tp == 2
    assert same(match(truth, predicted, [0.2])[0], match_reference(truth, predicted, 0.2))


@pytest.fixture
def mosaic():
    """200,704 touching squares and the same moved by less than half a square."""
    yy, xx = np.mgrid[:1792, :1792]
    truth = (yy // 4 * 448 + xx // 4 + 1).astype(np.int32)
    return truth, np.roll(truth, 1, axis=0)


def test_more_than_65535_objects(mosaic):
    truth, predicted = mosaic
    result = match(truth, predicted, [0.5])[0]
    inner = 448 * 447
    assert (len(np.unique(truth)), result.tp) == (200_704, 200_704)
    assert result.matched_iou == pytest.approx(inner * 12 / 20 + 448 * 12 / 20)


def test_large_blocks_are_solved_sparsely(monkeypatch):
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 30, (2, 40, 40))
    dense = match(truth, predicted, [0.005, 0.02])
    monkeypatch.setattr(matching, "_DENSE", 0)
    for a, b in zip(dense, match(truth, predicted, [0.005, 0.02]), strict=True):
        assert same(a, b)


def test_assigned_pairs_are_one_to_one():
    truth, predicted = np.random.default_rng(1).integers(0, 40, (2, 64, 64))
    table = overlaps(truth, predicted)
    pairs = assign(table, 0.001)
    assert len(set(table.rows[pairs])) == len(set(table.columns[pairs])) == len(pairs)


def test_empty_images():
    nothing, one = np.zeros((4, 4), int), np.eye(4, dtype=int)
    both = match(nothing, nothing)[0]
    assert both.accuracy == both.precision == both.recall == both.f1 == both.panoptic_quality == 1
    assert match(nothing, one)[0].accuracy == match(one, nothing)[0].accuracy == 0
    assert match(np.zeros((0, 5), int), np.zeros((0, 5), int))[0].accuracy == 1


def test_unannotated_pixels_are_left_out():
    truth = np.array([[1, 1, 0, -1, -1]])
    assert match(truth, np.array([[5, 5, 0, 7, 7]]))[0].accuracy == 1


def test_objects_mostly_in_the_unknown_are_not_judged():
    truth = np.array([[1, 1, 1, 0, 0, -1, -1, -1, -1, -1]])
    assert match(truth, np.array([[5, 5, 5, 0, 7, 7, 7, 7, 0, 0]]))[0].fp == 0, "a rim in the known"
    assert match(truth, np.array([[5, 5, 5, 7, 7, 7, 7, 0, 0, 0]]))[0].fp == 1, "half of it is known"
    cut = np.array([[0, 0, 1, 1, -1, -1, -1]])
    assert match(cut, np.array([[0, 0, 4, 4, 4, 4, 4]]))[0].tp == 1, "a true object that ends where nothing is known"
    found = np.array([[9, 9, 0, 0, 0, 3, 3, 0, 2, 2]])
    assert without_unknown(truth, found).tolist() == [[9, 9, *[0] * 8]]
    assert without_unknown(truth, found * 10**9).tolist() == [[9 * 10**9, 9 * 10**9, *[0] * 8]]
    assert without_unknown(np.maximum(truth, 0), found) is found


def test_refusals():
    with pytest.raises(InputError, match=r"\(2, 3\).*\(3, 2\)"):
        match(np.zeros((2, 3), int), np.zeros((3, 2), int))
    with pytest.raises(InputError, match="float64"):
        match(np.zeros((2, 2)), np.zeros((2, 2), int))
    with pytest.raises(InputError, match="-3"):
        match(np.zeros((2, 2), int), np.full((2, 2), -3))
    with pytest.raises(RequestError, match="threshold"):
        match(np.ones((2, 2), int), np.ones((2, 2), int), [0])
