"""Suggested places: where the classifier is unsure, spread out, never twice, and worth more than random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.learners.uncertainty import contenders, margin
from micrographia.classify.pixels import candidates
from micrographia.classify.pixels.candidates import Candidates
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes
from micrographia.classify.pixels.suggesting import REACH, Place, _Coverage, _spread, suggest, suggest_from

SIGMAS = (0.7, 1.6, 3.5)


def scene(seed, shape=(120, 150)):
    """Bright blobs and dim blobs on noise; the truth is where bright ones are."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image, truth = rng.normal(0, 0.15, shape), np.zeros(shape, int)
    for k in range(14):
        cy, cx, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(5, 10)
        blob = np.hypot(y - cy, x - cx) < r
        image[blob] += 1.0 if k % 2 else 0.4
        truth[blob] = k % 2
    return image.astype(np.float32), truth + 1


def learned(images, truths, seed=0):
    rng = np.random.default_rng(seed)
    labels = []
    for image, truth in zip(images, truths):
        label = np.zeros(image.shape, int)
        for k in (1, 2):
            where = np.argwhere(truth == k)
            y, x = where[rng.integers(len(where))]
            label[y, x : x + 5] = truth[y, x : x + 5]
        labels.append(label)
    return PixelClassifier(sigmas=SIGMAS, trees=20).fit(Strokes(images, labels)), labels


@pytest.fixture(scope="module")
def task():
    images, truths = zip(*(scene(seed) for seed in range(4)))
    classifier, labels = learned(images, truths)
    return classifier, list(images), labels


def test_places_lie_where_the_classifier_is_unsure(task):
    classifier, images, labels = task
    probabilities = [classifier.predict(image) for image in images]
    everywhere = np.concatenate([margin(p).ravel() for p in probabilities])
    places = suggest(classifier, images, labels, count=8)
    assert len(places) == 8
    for place in places:
        p = probabilities[place.image][(slice(None), *place.where)]
        assert place.uncertainty == margin(p)
        assert place.uncertainty >= np.quantile(everywhere, 0.6)
        assert place.classes == tuple(contenders(p) + 1)


def test_what_is_typical_of_most_comes_first_and_what_is_unlike_it_second():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 0.01, (40, 2)), rng.normal(1, 0.01, (10, 2)), [[5.0, 5.0]]])
    uncertainty = np.array([0.6] * 40 + [0.6] * 10 + [0.7], np.float32)
    where = np.stack([np.arange(51) * 100, np.zeros(51, int)], axis=1)
    zeros = np.zeros(51, int)
    pool = Candidates(zeros, where, uncertainty, np.tile([1, 2], (51, 1)), np.zeros((0, 51)), rng.random(51))
    chosen = [place.where[0] // 100 for place in _spread(pool, points, points[:0], 3, 99, width=0.1)]
    assert chosen[0] < 40 and chosen[1] == 50 and 40 <= chosen[2] < 50
    second = _spread(pool, points, points[:1], 1, 99, width=0.1, asked=1)
    assert second[0].where[0] // 100 == 50  # one by one, the questions go on in turn
    far = [place.where[0] // 100 for place in _spread(pool, points, points[:1], 3, 99, width=0.0)]
    assert far[0] == 50 and 40 <= far[1] < 50


@given(seed=st.integers(0, 999), n=st.integers(1, 30), m=st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_coverage_is_what_its_sum_says(seed, n, m):
    rng = np.random.default_rng(seed)
    points, known, uncertainty = rng.random((n, 3)), rng.random((m, 3)), rng.random(n)
    zeros = np.zeros(n, int)
    pool = Candidates(zeros, zeros[:, None], uncertainty, zeros[:, None], np.zeros((0, n)), rng.random(n))
    squared = ((points[:, None] - known) ** 2).sum(axis=2)
    got = _Coverage(pool, points, 0.5).gain(squared.min(axis=1, initial=np.inf))

    def near(a, b):
        return np.exp(-((a - b) ** 2).sum() / 0.5)

    for k, place in enumerate(points):
        before = [max([near(a, b) for b in known], default=0) for a in points]
        after = [max(near(a, place), value) for a, value in zip(points, before)]
        assert got[k] == pytest.approx((uncertainty * np.subtract(after, before)).sum(), rel=1e-4, abs=1e-5)


def test_no_place_is_near_a_stroke_or_another_place_and_images_share(task):
    classifier, images, labels = task
    before = suggest(classifier, images, labels, count=8)
    places = before + suggest(classifier, images, labels, count=8, before=before)
    assert len(places) == 16
    for k, one in enumerate(places):
        painted = np.argwhere(labels[one.image] > 0)
        assert np.abs(painted - one.where).max(axis=1).min() > REACH
        for other in places[:k]:
            if other.image == one.image:
                assert np.abs(np.subtract(one.where, other.where)).max() > REACH
    for some in (before, places[8:]):
        assert max(np.bincount([place.image for place in some])) <= 4


def test_the_same_request_gives_the_same_places_whatever_the_threads(task):
    classifier, images, labels = task
    assert suggest(classifier, images, labels, threads=1) == suggest(classifier, images, labels, threads=2)


def test_all_places_are_used_up_in_the_end(task):
    classifier, images, labels = task
    places = []
    while more := suggest(classifier, images[:1], labels[:1], count=30, before=places):
        places += more
        assert len(places) < 200
    assert len({place.where for place in places}) == len(places) > 20


def test_slices_of_a_stack_and_volumes():
    image, truth = scene(1, (60, 70))
    stack = np.stack([image, image[::-1], image[:, ::-1]])
    truths = np.stack([truth, truth[::-1], truth[:, ::-1]])
    label = np.zeros(stack.shape, int)
    label[1, 20:30, 20:60] = truths[1, 20:30, 20:60]
    for dimensions in (2, 3):
        classifier = PixelClassifier(sigmas=(0.7, 1.0), trees=10, dimensions=dimensions)
        images = [Image(stack, "ZYX")]
        places = suggest(classifier.fit(Strokes(images, [label])), images, [label], count=4)
        assert len(places) == 4 and {len(place.where) for place in places} == {3}


def test_probabilities_alone_are_enough():
    p = np.full((2, 64, 64), 0.05, np.float32)
    p[:, 20:44, 20:44] = 0.5
    p[1] = 1 - p[0]
    painted = np.zeros((64, 64), int)
    painted[20:24, 20:44] = 1
    places = suggest_from([p, p], [painted, None], count=4)
    assert all(min(place.where) >= 18 and max(place.where) < 46 for place in places[:2])
    assert {place.image for place in places[:2]} == {0, 1}
    assert [place.where[0] for place in places[:2] if place.image == 0] == [36]
    assert places[0].classes in {(1, 2), (2, 1)}


def test_stored_probabilities_give_the_same_places_and_other_numbers_are_refused():
    p = np.random.default_rng(0).dirichlet(np.ones(3), (64, 64)).transpose(2, 0, 1)
    stored = np.rint(p * 65535).astype(np.uint16)
    places = suggest_from([stored], count=3)
    assert places == suggest_from([stored / np.float32(65535)], count=3) and places[0].uncertainty <= 1
    for wrong in (-p, p * 3):
        with pytest.raises(InputError, match="Image 1: the probabilities must lie between 0 and 1"):
            suggest_from([p, wrong])


def test_what_does_not_fit_is_refused(task):
    classifier, images, labels = task
    with pytest.raises(InputError, match="4 images but 1 label images"):
        suggest(classifier, images, labels[:1])
    with pytest.raises(InputError, match="strokes must lie on the image"):
        suggest(classifier, images[:1], [labels[0][:50]])
    with pytest.raises(InputError, match="has not learned"):
        suggest(PixelClassifier(), images)
    with pytest.raises(InputError, match="labels of shape"):
        suggest_from([np.full((2, 9, 9), 0.5)], [np.zeros((9, 8), int)])
    with pytest.raises(InputError, match="Image 1: .* at least two classes"):
        suggest_from([np.full((2, 9, 9), 0.5), np.ones((1, 9, 9))])
    for where in [(9999, 5), (5, -1), (5,), (0, 5, 5)]:
        before = [Place(0, where, 1.0, (1, 2))]
        with pytest.raises(InputError, match="suggested before does not lie in the image of 120 x 150"):
            suggest(classifier, images, before=before)
        with pytest.raises(InputError, match="suggested before does not lie in the image of 9 x 9"):
            suggest_from([np.full((2, 9, 9), 0.5)], before=before)


def test_no_images_have_no_places_and_unknown_measures_are_named(task):
    classifier, images, _ = task
    assert suggest(classifier, []) == suggest_from([]) == []
    with pytest.raises(RequestError, match="by margin or entropy, not by 'x'"):
        suggest(classifier, images[:1], measure="x")


def test_of_a_huge_image_some_blocks_are_looked_at_and_others_the_next_time(task, monkeypatch):
    classifier, images, _ = task
    monkeypatch.setattr(candidates, "MOST_BLOCKS", 3)
    wide = np.tile(images[0], (8, 4))  # 8 x 2 blocks
    found = [suggest(classifier, [wide], count=12, seed=seed) for seed in range(3)]
    blocks = [{(p.where[0] // 120, p.where[1] // 500) for p in places} for places in found]
    assert all(len(places) == 12 and len(own) <= 6 for places, own in zip(found, blocks, strict=True))
    assert len(set.union(*blocks)) > max(map(len, blocks))
    again = suggest(classifier, [wide], count=12, seed=0)
    assert [p.where for p in again] == [p.where for p in found[0]]
