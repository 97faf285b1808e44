"""Fetching objects: what is asked for comes first, and nothing comes twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.fetching import Fetcher
from micrographia.classify.annotation.informative_objects import most_informative
from micrographia.classify.annotation.phenotype_finder import SAMPLE, find_phenotypes
from micrographia.classify.annotation.similar_objects import most_similar, nearest_distance
from micrographia.classify.objects.feature_space import FeatureSpace


def blobs(sizes, seed=0, features=6, apart=8.0):
    """Features (N, F) of normal clouds, and the cloud of each row."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    middles = rng.normal(0, 1, (len(sizes), features))
    middles *= apart / np.linalg.norm(middles, axis=1, keepdims=True)
    return (middles[which] + rng.normal(0, 1, (len(which), features))).astype(np.float32), which


# Where objects are alike


def test_points_are_standardised_features_turned():
    x, _ = blobs([40, 40])
    x = x * np.float32([1, 100, 1, 1, 1e-3, 1]) + 5
    space = FeatureSpace.of(x)
    points = space(x)
    z = (x - x.mean(0)) / x.std(0)
    between = ((z[:, None] - z) ** 2).sum(2)
    np.testing.assert_allclose(((points[:, None] - points) ** 2).sum(2), between, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.cov(points.T), np.diag(np.diag(np.cov(points.T))), atol=1e-4)
    np.testing.assert_allclose(space(x[10:20]), points[10:20], rtol=1e-5, atol=1e-6)


def test_missing_constant_and_empty_features_say_nothing():
    x, _ = blobs([30, 30])
    holes = x.copy()
    holes[5, 2] = np.nan
    holes[6, 1] = np.inf
    more = np.column_stack([holes, np.full(60, 3.3), np.full(60, np.nan)]).astype(np.float32)
    space = FeatureSpace.of(more)
    assert np.isfinite(space(more)).all()
    np.testing.assert_allclose(np.abs(space(more)), np.abs(FeatureSpace.of(holes)(holes)), rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="each is constant or without values"):
        FeatureSpace.of(more[:, 6:])
    with pytest.raises(InputError, match="At least two objects"):
        FeatureSpace.of(x[:1])


def test_known_classes_make_what_varies_within_them_small():
    rng = np.random.default_rng(0)
    which = np.arange(400) % 2
    x = np.column_stack([which * 3 + rng.normal(0, 0.5, 400), rng.normal(0, 1, (400, 12))])
    classes = np.where(np.arange(400) < 200, which, -1)
    without, knowing = (same_class(FeatureSpace.of(x, known)(x)[200:], which[200:]) for known in (None, classes))
    assert without < 0.85 and knowing > 0.92
    one_each = np.full(400, -1)
    one_each[:2] = [0, 1]
    np.testing.assert_array_equal(FeatureSpace.of(x, one_each)(x), FeatureSpace.of(x)(x))


def same_class(points, which):
    """Share of the ten nearest objects that are of the same class."""
    squared = ((points[:, None] - points) ** 2).sum(2)
    np.fill_diagonal(squared, np.inf)
    return (which[np.argsort(squared, axis=1)[:, :10]] == which[:, None]).mean()


# Similar


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 8), st.integers(1, 30))
def test_the_most_similar_are_the_nearest(seed, n, m, count):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (n, 3)).astype(np.float32)
    chosen = rng.choice(n, min(m, n), replace=False)
    free = rng.random(n) < 0.7
    rows, distance, like = most_similar(points, chosen, count, free)
    every = np.sqrt(((points[:, None].astype(float) - points[chosen]) ** 2).sum(2))
    allowed = [i for i in np.argsort(every.min(1), kind="stable") if free[i] and i not in chosen]
    np.testing.assert_allclose(distance, every.min(1)[allowed[:count]], rtol=1e-5, atol=1e-6)
    assert len(rows) == len(set(rows)) == min(count, len(allowed)) and set(rows) <= set(allowed)
    np.testing.assert_allclose(distance, np.sqrt(((points[rows] - points[like]) ** 2).sum(1)), rtol=1e-5)


def test_nearest_distances_in_parts_are_those_of_the_whole(monkeypatch):
    rng = np.random.default_rng(0)
    points, to = rng.normal(size=(500, 4)).astype(np.float32), rng.normal(size=(7, 4)).astype(np.float32)
    whole = nearest_distance(points, to)
    monkeypatch.setattr("micrographia.classify.annotation.similar_objects._AT_ONCE", 70)
    for one, part in zip(whole, nearest_distance(points, to)):
        np.testing.assert_allclose(one, part, rtol=1e-6)


# Informative


def design_by_inversion(points, p, free, known, count, strength):
    """The same by inverting the matrix for every choice."""
    u = 1 - (p**2).sum(0)
    wanted = (points * u[:, None]).T @ points / len(points)
    known, chosen, gains = list(known), [], []
    for _ in range(count):
        a = np.eye(points.shape[1]) / strength + sum(u[i] * np.outer(points[i], points[i]) for i in known)
        before = np.trace(np.linalg.inv(a) @ wanted)
        gain = {}
        for i in np.flatnonzero(free):
            if i not in chosen:
                gain[i] = before - np.trace(np.linalg.inv(a + u[i] * np.outer(points[i], points[i])) @ wanted)
        best = max(gain, key=gain.get)
        chosen.append(best)
        known.append(best)
        gains.append(gain[best])
    return chosen, gains


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_informative_objects_lower_the_variance_most(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (25, 4))
    p = rng.dirichlet(np.ones(3), 25).T
    free = np.arange(25) >= 3
    rows, scores = most_informative(points, p, free, [0, 1, 2], 6, rng, strength=0.5)
    wanted, gains = design_by_inversion(points, p, free, [0, 1, 2], 6, 0.5)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_allclose(scores, gains, rtol=1e-6)


def test_informative_objects_are_unsure_and_differ():
    x, which = blobs([300, 300, 300], apart=6)
    p = np.full((3, 900), 0.01)
    p[which, np.arange(900)] = 0.98
    p[:, ::3] = 1 / 3
    rows, _ = most_informative(FeatureSpace.of(x)(x), p, np.ones(900, bool), [], 9, np.random.default_rng(0))
    assert (rows % 3 == 0).all() and len(np.unique(which[rows])) == 3


def test_of_the_least_sure_those_that_differ_are_fetched():
    x, which = blobs([300, 300, 300], apart=6)
    p = np.full((3, 900), 0.01)
    p[which, np.arange(900)] = 0.98
    p[:, :16] = [[0.45], [0.45], [0.1]]
    p[:, 300:310] = p[:, 600:610] = [[0.4], [0.4], [0.2]]
    fetched = Fetcher(FeatureSpace.of(x)(x)).uncertain(p, 9)
    assert (p[:, fetched.rows].max(axis=0) < 0.5).all() and len(np.unique(which[fetched.rows])) == 3


def test_of_many_objects_some_are_considered(monkeypatch):
    monkeypatch.setattr("micrographia.classify.annotation.informative_objects.CANDIDATES", 40)
    rng = np.random.default_rng(0)
    points, p = rng.normal(size=(2000, 3)), rng.dirichlet(np.ones(3), 2000).T
    rows, _ = most_informative(points, p, np.arange(2000) > 5, [0, 1], 30, rng)
    assert len(set(rows)) == 30 and rows.min() > 5


# Rare


def test_hidden_clouds_are_suggested_first():
    x, which = blobs([200, 200, 200, 40, 25], apart=9)
    rng = np.random.default_rng(1)
    classes = np.where((which < 3) & (rng.random(len(which)) < 0.5), which, -1)
    found = find_phenotypes(FeatureSpace.of(x, classes)(x), classes, 2)
    assert sorted(np.bincount(which[one.rows]).argmax() for one in found) == [3, 4]
    for one in found:
        assert (which[one.rows] == which[one.rows[0]]).mean() > 0.95 and one.annotated <= 0.1 * len(one.rows)
        assert (classes[one.rows] < 0).all()
    assert found[0].score >= found[1].score


def test_among_many_objects_a_rare_cloud_is_still_found():
    x, which = blobs([30_000, 30_000, 120], apart=9)
    classes = np.where(np.random.default_rng(0).random(len(which)) < 0.01, which, -1)
    classes[which == 2] = -1
    assert len(x) > 10 * SAMPLE
    found = find_phenotypes(FeatureSpace.of(x, classes)(x), classes, 3)
    assert any((which[one.rows] == 2).mean() > 0.9 for one in found)


def test_where_much_is_annotated_clusters_are_small():
    x, which = blobs([300, 300, 300, 70, 70], apart=9)
    rng = np.random.default_rng(0)
    for share, least, most in ((0.9, 8, 25), (0.1, 26, 80)):
        classes = np.where((which < 3) & (rng.random(len(which)) < share), which, -1)
        found = find_phenotypes(FeatureSpace.of(x, classes)(x), classes, 2)
        assert all(least <= len(one.rows) <= most for one in found)


def test_without_a_class_nothing_is_rare():
    x, _ = blobs([20, 20])
    with pytest.raises(InputError, match="No object has a class yet"):
        find_phenotypes(x, np.full(40, -1))
    assert find_phenotypes(x, np.zeros(40, int)) == []


# All together


def test_nothing_is_fetched_twice():
    x, which = blobs([100, 100, 60])
    p = np.random.default_rng(0).dirichlet(np.ones(3), 260).T
    fetcher = Fetcher(FeatureSpace.of(x)(x), shown=[0, 1, 2])
    seen = [np.array([0, 1, 2])]
    for _ in range(4):
        seen += [
            fetcher.at_random(5).rows,
            fetcher.representative(5).rows,
            fetcher.of_class(p, 1, 5).rows,
            fetcher.uncertain(p, 5, known=seen[-1]).rows,
            fetcher.uncertain(p, 5, measure="entropy", diverse=False).rows,
            fetcher.similar([3, 4], 5).rows,
            *(one.rows for one in fetcher.rare(np.where(np.arange(260) < 150, which, -1), 1)),
        ]
    rows = np.concatenate(seen)
    assert len(rows) == len(np.unique(rows)) > 100
    rest = fetcher.at_random(1000).rows
    assert len(rest) == 260 - len(rows) and len(fetcher.at_random(5).rows) == 0
    assert len(fetcher.uncertain(p, 5).rows) == len(fetcher.similar([0], 5).rows) == 0


def test_what_is_asked_for_comes_first():
    x, _ = blobs([30, 30])
    p = np.full((2, 60), 0.5)
    p[:, :40] = [[0.9], [0.1]]
    p[0, 7], p[1, 7] = 0.99, 0.01
    p[0, 50], p[1, 50] = 0.45, 0.55
    fetcher = Fetcher(FeatureSpace.of(x)(x))
    first = fetcher.of_class(p, 0, 3)
    assert first.rows[0] == 7 and first.scores[0] == pytest.approx(0.99) and (first.like == 0).all()
    unsure = fetcher.uncertain(p, 10, diverse=False)
    assert (unsure.rows >= 40).all() and 50 not in unsure.rows
    assert fetcher.of_class(p, 1, 5).rows.tolist() == [50]


def test_objects_without_measurements_are_never_fetched():
    x, which = blobs([40, 40, 20])
    lacking = which == 2
    p = np.full((2, 100), 0.5)
    p[:, :40] = [[0.9], [0.1]]
    p[:, lacking] = np.nan
    for fetcher in (Fetcher(FeatureSpace.of(x)(x)), Fetcher(FeatureSpace.of(x)(x), lacking=lacking)):
        assert not lacking[fetcher.of_class(p, 0, 10, surest=False).rows].any()
        assert not lacking[fetcher.uncertain(p, 10, known=[0, 99]).rows].any()
        assert not lacking[fetcher.uncertain(p, 10, diverse=False).rows].any()
    assert not lacking[fetcher.representative(10, [99]).rows].any()
    near = fetcher.similar([0, 99], 5)
    assert not lacking[near.rows].any() and (near.like == 0).all()
    with pytest.raises(InputError, match="lack most of the measurements"):
        fetcher.similar([99], 5)
    fetcher = Fetcher(FeatureSpace.of(x)(x), lacking=lacking)
    assert not any(lacking[one.rows].any() for one in fetcher.rare(np.where(np.arange(100) < 40, 0, -1), 5))
    with pytest.raises(InputError, match="annotated objects lack most of the measurements"):
        fetcher.rare(np.where(lacking, 0, -1), 5)
    assert len(fetcher.at_random(100).rows) <= 80


def test_the_seed_decides():
    x, _ = blobs([50, 50])
    points = FeatureSpace.of(x)(x)
    first, again, other = (Fetcher(points, seed=s).at_random(20).rows for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_requests_that_make_no_sense_are_refused():
    x, _ = blobs([10, 10])
    fetcher = Fetcher(FeatureSpace.of(x)(x))
    p = np.full((2, 20), 0.5)
    with pytest.raises(RequestError, match="no class number 2"):
        fetcher.of_class(p, 2, 1)
    with pytest.raises(RequestError, match="margin or entropy"):
        fetcher.uncertain(p, 1, measure="doubt")
    with pytest.raises(RequestError, match="Choose at least one"):
        fetcher.similar([], 3)
    with pytest.raises(InputError, match="do not fit 20 objects"):
        fetcher.uncertain(p[:, :5], 1)


@pytest.mark.parametrize(
    ("ask", "error", "sentence"),
    [
        (lambda f, p: f.at_random(-5), RequestError, "At least one is fetched; -5 objects were asked for"),
        (lambda f, p: f.representative(0), RequestError, "0 objects"),
        (lambda f, p: f.of_class(p, 1, 0), RequestError, "0 objects"),
        (lambda f, p: f.uncertain(p, -1), RequestError, "-1 objects"),
        (lambda f, p: f.similar([1], 0), RequestError, "0 objects"),
        (lambda f, p: f.rare(np.zeros(20, int), 0), RequestError, "0 clusters"),
        (lambda f, p: f.rare(np.zeros(20, int), 1, each=0), RequestError, "0 objects of each cluster"),
        (lambda f, p: f.show([3, 9999]), InputError, "no row 9,999; the table has 20, from 0"),
        (lambda f, p: f.similar([9999], 3), InputError, "no row 9,999"),
        (lambda f, p: f.show([-1]), InputError, "no row -1"),
        (lambda f, p: f.uncertain(p, 1, known=[20]), InputError, "no row 20"),
        (lambda f, p: f.representative(1, known=[20]), InputError, "no row 20"),
        (lambda f, p: Fetcher(f.points, shown=[20]), InputError, "no row 20"),
    ],
)
def test_counts_and_rows_that_are_none_are_refused_and_nothing_is_shown(ask, error, sentence):
    x, _ = blobs([10, 10])
    fetcher = Fetcher(FeatureSpace.of(x)(x))
    with pytest.raises(error, match=sentence):
        ask(fetcher, np.full((2, 20), 0.5))
    assert fetcher.free.all()
