"""Class probabilities become objects, in memory and block by block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.ndimage import gaussian_filter

from micrographia.arrays.errors import InputError, RequestError
from micrographia.geometry.splitting import join_basins, join_basins_python, split_at_necks
from micrographia.metrics.matching import match
from micrographia.segment.object_blocks import objects_in_blocks
from micrographia.segment.probability_objects import ObjectOptions, objects_from_probabilities


def discs(*circles, shape=(40, 60)):
    y, x = np.indices(shape)
    return np.any([(y - a) ** 2 + (x - b) ** 2 <= r * r for a, b, r in circles], axis=0)


def as_probabilities(*masks):
    planes = [m.astype(np.float32) * 0.9 for m in masks]
    return np.stack([*planes, 1 - np.sum(planes, axis=0)])


def count(mask, **options):
    return objects_from_probabilities(as_probabilities(mask), 0, ObjectOptions(smooth=0, **options)).max()


def test_each_option_does_what_it_says():
    apart = discs((10, 10, 5), (10, 40, 5), (30, 20, 2))
    assert count(apart) == 3
    assert count(apart, smallest=20) == 2
    assert count(apart, largest=20) == 1
    touching = discs((20, 18, 10), (20, 35, 10))
    assert count(touching) == 1
    assert count(touching, split="distance") == 2
    assert count(touching, split="distance", neck=0.2) == 1
    assert count(discs((20, 30, 12)), split="distance") == 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, ">u2"])
def test_probabilities_stored_as_whole_numbers_are_the_same(kind):
    probabilities = as_probabilities(gaussian_filter(discs((10, 10, 5), (30, 40, 7)) * 1.0, 2))
    stored = np.rint(probabilities * np.iinfo(kind).max).astype(kind)
    expected = objects_from_probabilities(stored / np.float32(np.iinfo(kind).max), 0)
    assert 0 < np.count_nonzero(expected) < expected.size / 2
    np.testing.assert_array_equal(objects_from_probabilities(stored, 0), expected)
    blocks = np.zeros(expected.shape, np.int32)
    objects_in_blocks(stored, 0, blocks, block=16)
    np.testing.assert_array_equal(blocks, expected)


def test_holes_are_filled_up_to_their_size():
    ring = discs((20, 30, 12)) & ~discs((20, 30, 3))
    for largest, filled in ((28, False), (29, True)):
        labels = objects_from_probabilities(as_probabilities(ring), 0, ObjectOptions(smooth=0, holes=largest))
        assert bool(labels[20, 30]) == filled


def test_hysteresis_keeps_what_reaches_the_core():
    probability = np.zeros((1, 20, 40), np.float32)
    probability[0, 5:10, 5:15], probability[0, 7, 7] = 0.6, 0.95
    probability[0, 5:10, 20:35] = 0.6
    labels = objects_from_probabilities(probability, 0, ObjectOptions(smooth=0, core=0.9))
    assert labels.max() == 1 and labels[7, 7] == 1 and labels[7, 25] == 0


@pytest.mark.parametrize("options", [{"split": "distance"}, {"split": "seeds", "seed_class": 2}])
def test_each_part_of_what_is_split_reaches_the_core(options):
    probability = np.where(discs((20, 15, 9)), 0.6, np.where(discs((20, 31, 9)), 0.97, 0)).astype(np.float32)
    seeds = (discs((20, 14, 2), (20, 32, 2)) * 0.9).astype(np.float32)
    both = np.stack([np.where(seeds > 0, 0.05, probability), np.where(probability > 0.9, seeds, seeds * 0.8)])
    given = both if "seed_class" in options else np.stack([probability, 1 - probability])
    extra = {"seed_threshold": 0.6} | options if "seed_class" in options else options
    labels = objects_from_probabilities(given, 0, ObjectOptions(smooth=0, core=0.9, **extra))
    assert labels.max() == 1 and labels[20, 36] == 1 and labels[20, 10] == 0


def test_a_strict_seed_takes_no_pixels_from_its_object():
    cell, nucleus = discs((20, 20, 12)), discs((20, 20, 6))
    core = discs((20, 20, 3))
    p_nucleus = np.where(core, 0.95, np.where(nucleus, 0.7, 0)).astype(np.float32)
    p_cell = np.where(nucleus, 1 - p_nucleus, np.where(cell, 0.9, 0)).astype(np.float32)
    for threshold in (0.5, 0.9):
        options = ObjectOptions(smooth=0, split="seeds", seed_class=2, seed_threshold=threshold)
        np.testing.assert_array_equal(objects_from_probabilities(np.stack([p_cell, p_nucleus]), 0, options) > 0, cell)


def test_each_object_holds_one_seed():
    bodies = discs((20, 15, 12), (20, 36, 12), (20, 55, 3))
    nuclei = discs((20, 12, 3), (20, 40, 3))
    labels = objects_from_probabilities(
        as_probabilities(bodies & ~nuclei, nuclei), 0, ObjectOptions(smooth=0, split="seeds", seed_class=2)
    )
    assert labels.max() == 2 and labels[20, 12] == 1 and labels[20, 40] == 2
    assert labels[20, 55] == 0  # a piece without a seed


def test_objects_are_int32_in_reading_order_in_three_dimensions():
    mask = np.zeros((6, 12, 12), bool)
    mask[4:, 1:4, 1:4], mask[:2, 8:11, 8:11] = True, True
    labels = objects_from_probabilities(as_probabilities(mask), 0, ObjectOptions(smooth=0, split="distance"))
    assert labels.dtype == np.int32 and labels[0, 8, 8] == 1 and labels[5, 1, 1] == 2


def test_joining_basins_equals_the_reference():
    rng = np.random.default_rng(0)
    for _ in range(60):
        n = int(rng.integers(1, 12))
        edges = np.array([(i, j) for i in range(1, n) for j in range(i + 1, n + 1)]).reshape(-1, 2)
        edges = edges[rng.random(len(edges)) < 0.5]
        heights = np.append(0, rng.uniform(2, 9, n))
        saddles = rng.integers(1, 6, len(edges)).astype(float)
        np.testing.assert_array_equal(
            join_basins(edges, saddles, heights.copy(), 0.7), join_basins_python(edges, saddles, heights, 0.7)
        )


CASES = [
    {"smooth": 1.2},
    {"smooth": 1.2, "core": 0.54, "holes": 30, "smallest": 8, "largest": 900},
    {"smooth": 0.8, "holes": 20, "split": "distance", "neck": 0.9},
    {"smooth": 0.8, "split": "seeds", "seed_class": 2, "seed_threshold": 0.54, "smallest": 4, "threshold": 1.0},
    {"smooth": 0.8, "core": 0.6, "split": "distance", "neck": 0.9},
]


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize(("shape", "block"), [((97, 131), 32), ((97, 131), (50, 23)), ((17, 40, 45), 13)])
def test_blocks_give_the_same_as_the_whole(options, shape, block):
    rng = np.random.default_rng(len(shape))
    fields = np.stack([gaussian_filter(rng.random(shape), 2) for _ in range(2)])
    fields = np.clip((0.5 if len(shape) == 2 else 0.42) + (fields - fields.mean()) / fields.std() * 0.08, 0, 1).astype(
        np.float32
    )
    options = ObjectOptions(**options)
    whole = objects_from_probabilities(fields, 0, options)
    target = np.full(shape, 99, np.int32)
    done = []
    number = objects_in_blocks(fields, 0, target, options, block=block, progress=done.append)
    assert whole.max() > 3
    np.testing.assert_array_equal(target, whole)
    assert number == whole.max() and done[-1] == 1


def test_objects_that_touch_over_a_corner_are_the_same_in_blocks():
    fields = gaussian_filter(np.random.default_rng(130).random((2, 10, 20, 20)).astype(np.float32), (0, 1, 1, 1))
    fields = (fields - fields.min()) / np.ptp(fields)
    options = ObjectOptions(smooth=0, threshold=0.55, split="distance")
    whole = objects_from_probabilities(fields, 0, options)
    target = np.zeros(whole.shape, np.int32)
    assert objects_in_blocks(fields, 0, target, options, block=5) == whole.max() == 58
    np.testing.assert_array_equal(target, whole)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(14, 17), (5, 8, 9)]),
    st.sampled_from([None, (0.3, 1.0, 0.7)]),
    st.floats(0, 1),
)
def test_splitting_takes_no_pixel_from_an_object(seed, shape, spacing, neck):
    labels, _ = ndimage.label(gaussian_filter(np.random.default_rng(seed).random(shape), 0.7) > 0.52)
    pieces = split_at_necks(labels, neck, spacing and spacing[-len(shape) :])
    np.testing.assert_array_equal(pieces > 0, labels > 0)


def test_touching_nuclei_are_split(data_dir):
    """Of the true foreground of fluorescence images, how many nuclei come apart (IoU 0.7)."""
    from PIL import Image

    folder = data_dir / "dsb2018" / "dev" / "labels"
    found = []
    for path in sorted(folder.iterdir())[:12]:
        truth = np.asarray(Image.open(path)).astype(np.int32)
        probability = (truth > 0).astype(np.float32)[None]
        scores = []
        for split in ("none", "distance"):
            labels = objects_from_probabilities(probability, 0, ObjectOptions(smooth=0, split=split))
            result = match(truth, labels, (0.7,))[0]
            scores.append(result.tp / (result.tp + result.fp + result.fn))
        found.append(scores)
    plain, apart = np.mean(found, axis=0)
    assert apart > max(0.85, plain)


def test_bad_input():
    good = np.full((2, 8, 8), 0.5, np.float32)
    with pytest.raises(InputError, match="no class 2"):
        objects_from_probabilities(good, 2)
    for number in (1.0, "a"):
        with pytest.raises(InputError, match=f"no class {number}: the probabilities hold 2 classes"):
            objects_from_probabilities(good, number)
    with pytest.raises(InputError, match="axes"):
        objects_from_probabilities(good[0], 0)
    with pytest.raises(InputError, match="NaN"):
        objects_from_probabilities(np.where(good == 0.5, np.nan, good), 0)
    with pytest.raises(InputError, match=r"from 0 to 255\.$"):
        objects_from_probabilities(255.0 * (good > 2 * np.indices(good.shape)[1]), 0)
    with pytest.raises(InputError, match="no pixels"):
        objects_from_probabilities(good[:, :0], 0)
    with pytest.raises(RequestError, match="at least one pixel"):
        objects_in_blocks(good, 0, np.zeros((8, 8), np.int32), block=0)
    with pytest.raises(RequestError, match="seed_class"):
        objects_from_probabilities(good, 0, ObjectOptions(split="seeds"))
    with pytest.raises(RequestError, match="another"):
        objects_from_probabilities(good, 0, ObjectOptions(split="seeds", seed_class=1))
    with pytest.raises(RequestError, match="core"):
        objects_from_probabilities(good, 0, ObjectOptions(core=0.2))
    with pytest.raises(RequestError, match="at most"):
        objects_from_probabilities(good, 0, ObjectOptions(smallest=9, largest=3))
    with pytest.raises(InputError, match="target"):
        objects_in_blocks(good, 0, np.zeros((3, 3), np.int32))
    assert objects_from_probabilities(0 * good, 0, ObjectOptions(split="distance", core=0.7, holes=3)).max() == 0
    assert split_at_necks(np.ones((5, 5), int), 0.8).max() == 1
