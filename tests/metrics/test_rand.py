"""Rand scores on hand-made cases and against scikit-image."""

import numpy as np
import pytest
from scipy.ndimage import label

from micrographia.arrays.errors import InputError
from micrographia.metrics.rand import mean_rand_score, pooled_rand_score, rand_score, thinned


def test_hand_made_cases():
    truth = np.repeat([1, 2, 0], [4, 4, 3])
    assert rand_score(truth, truth) == (1, 1, 1)
    joined = rand_score(truth, np.ones(11, int))
    assert (joined.split, joined.merge) == (1, 0.5)
    # segment 1 cut in the middle: pairs 2·2² + 4² of 2·4²
    cut = rand_score(truth, np.repeat([1, 2, 3, 9], [2, 2, 4, 3]))
    assert (cut.split, cut.merge) == (24 / 32, 1)
    assert cut.score == pytest.approx(2 * 24 / (32 + 24))


def test_border_pixels_inside_a_true_segment_stand_alone():
    truth = np.ones(4, int)
    assert rand_score(truth, np.array([5, 5, 0, 0])) == pytest.approx((2 * 6 / (16 + 6), 6 / 16, 1))


def test_pooled_and_mean():
    good = (np.array([1, 1, 2, 2]), np.array([1, 1, 2, 2]))
    bad = (np.array([1, 1, 2, 2]), np.array([1, 1, 1, 1]))
    assert mean_rand_score([good, bad]).merge == 0.75
    assert pooled_rand_score([good, bad]).merge == 16 / 24


def test_equals_scikit_image():
    peer = pytest.importorskip("skimage.metrics").adapted_rand_error
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(0, 9, (5, 5)), np.ones((60, 60), int))
    found = np.where(rng.random(truth.shape) < 0.8, np.roll(truth, 17, axis=1), 1) + 1
    error, split, merge = peer(truth, found)  # it calls the shares of true pairs precision
    # it leaves out the pairs of a pixel with itself, which matters little in segments of 3,600 pixels
    assert rand_score(truth, found) == pytest.approx((1 - error, split, merge), abs=1e-3)


def test_thinning_leaves_a_line_and_keeps_segments_apart():
    labels = np.zeros((12, 30), int)
    labels[:, :8], labels[:, 20:] = 4, 9
    thin = thinned(labels)
    assert ((thin == 0).sum(axis=1) == 1).all()
    assert (thin[labels > 0] == labels[labels > 0]).all()
    assert label(thin > 0)[1] == 2


def test_the_width_of_borders_does_not_matter(data_dir):
    from PIL import Image

    interior = np.asarray(Image.open(data_dir / "isbi2012" / "labels" / "00.png")) > 0
    truth = label(interior)[0]
    assert rand_score(truth, thinned(truth)).score > 0.999


def test_bad_input():
    with pytest.raises(InputError, match="shape"):
        rand_score(np.ones(3, int), np.ones(4, int))
    with pytest.raises(InputError, match="no true segment"):
        rand_score(np.zeros(3, int), np.ones(3, int))
    with pytest.raises(InputError, match="whole numbers"):
        rand_score(np.ones(3), np.ones(3, int))
    with pytest.raises(InputError, match="no image"):
        mean_rand_score([])
