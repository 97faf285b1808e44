"""Enrichment scores: a prior that is found again, integrals that are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.enrichment import enrichment_scores, fit_prior, log_likelihood


def wells(alpha: np.ndarray, groups: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 400, groups)
    return np.array([rng.multinomial(n, rng.dirichlet(alpha)) for n in sizes])


@pytest.mark.parametrize("alpha", [(2.0, 8.0), (0.3, 5.0, 20.0), (1.0, 0.5, 6.0, 0.1)])
def test_the_prior_of_a_simulation_is_found_again(alpha: tuple[float, ...]) -> None:
    counts = wells(np.array(alpha), 2000)
    prior = fit_prior(counts)
    assert prior.converged and prior.groups == 2000
    np.testing.assert_allclose(prior.alpha, alpha, rtol=0.12)


@given(st.integers(0, 1000), st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_no_neighbouring_prior_is_likelier(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    counts = wells(rng.uniform(0.2, 8, classes), 30, seed)
    prior = fit_prior(counts)
    best = log_likelihood(prior.alpha, counts)
    for _ in range(10):
        other = prior.alpha * np.exp(rng.normal(0, 0.05, classes))
        assert log_likelihood(other, counts) <= best + 1e-6


def test_scores_are_the_integrals() -> None:
    from scipy import integrate, stats

    alpha = np.array([1.5, 4.0, 0.4])
    counts = np.array([[3, 10, 2], [0, 25, 0], [9, 1, 0], [2, 300, 1]])
    scores = enrichment_scores(counts, alpha)
    for (g, k), score in np.ndenumerate(scores):
        a, b = alpha[k] + counts[g, k], alpha.sum() - alpha[k] + counts[g].sum() - counts[g, k]
        own, prior = stats.beta(a, b), stats.beta(alpha[k], alpha.sum() - alpha[k])
        # Over quantiles of the posterior, so that narrow peaks and poles do no harm.
        p = integrate.quad(lambda u, own=own, prior=prior: prior.cdf(own.ppf(u)), 0, 1, limit=400)[0]
        assert score == pytest.approx(np.log2(p / (1 - p)), abs=2e-3)


def score_by_sums(a: float, b: float, own: int, others: int) -> float:
    """The score by exact recurrences in the counts: P(x > y) is 1/2 where nothing is counted (330 digits)."""
    import mpmath as mp

    with mp.workdps(330):
        a0, b0 = a, b = mp.mpf(a), mp.mpf(b)
        p, step = mp.mpf(1) / 2, mp.beta(2 * a, 2 * b) / mp.beta(a, b) ** 2
        for _ in range(own):
            p += step / a
            step *= (a + a0) / (a + a0 + b + b0) * (a + b) / a
            a += 1
        for _ in range(others):
            p -= step / b
            step *= (b + b0) / (a + a0 + b + b0) * (a + b) / b
            b += 1
        return float(mp.log(p / (1 - p), 2)) if 0 < p < 1 else np.inf


counted = st.one_of(st.just(0), st.floats(0, 4).map(lambda x: int(10**x)))


@given(st.floats(-4, 4), st.floats(-4, 4), counted, counted)
@settings(max_examples=25, deadline=None)
def test_scores_are_exact_for_weak_and_strong_priors(a: float, b: float, own: int, others: int) -> None:
    pytest.importorskip("mpmath")
    exact = score_by_sums(10**a, 10**b, own, others)
    if abs(exact) < 990:
        scores = enrichment_scores(np.array([[own, others]]), np.array([10**a, 10**b]))
        np.testing.assert_allclose(scores, [[exact, -exact]], atol=1e-3)


@pytest.mark.parametrize(("alpha", "score"), [(0.0018, -0.02954), (0.02, -0.28914), (1e-9, 0.0)])
def test_a_well_without_a_rare_class_says_little(alpha: float, score: float) -> None:
    """Values from mpmath."""
    others = 2.12 if alpha < 0.01 else 3
    assert enrichment_scores(np.array([[0, 500]]), np.array([alpha, others]))[0, 0] == pytest.approx(score, abs=1e-4)


def test_pure_groups_are_no_proof() -> None:
    """A fraction from the prior is 0 or 1: a group of one class is above it where it is 0, and half the time else."""
    counts = np.array([[20, 0]] * 3 + [[0, 20]] * 3)
    prior = fit_prior(counts)
    assert "objects of one class only" in prior.note
    np.testing.assert_allclose(enrichment_scores(counts, prior.alpha)[:, 0], np.log2([3] * 3 + [1 / 3] * 3), atol=0.01)
    np.testing.assert_allclose(enrichment_scores(counts, np.full(2, 1e-9))[0], np.log2([3, 1 / 3]), atol=1e-6)


def test_the_fit_of_a_strong_prior_ends_at_the_top() -> None:
    from scipy.optimize import minimize_scalar

    share = np.array([0.2, 0.3, 0.5])
    rng = np.random.default_rng(3)
    counts = np.array([rng.multinomial(50_000, rng.dirichlet(share * 1e5)) for _ in range(96)])
    prior = fit_prior(counts)
    assert prior.converged and not prior.note
    share = prior.alpha / prior.alpha.sum()
    best = minimize_scalar(lambda x: -log_likelihood(share * np.exp(x), counts), (9, 12), tol=1e-12)
    assert log_likelihood(prior.alpha, counts) >= -best.fun - 1e-4


def test_scores_say_what_they_should() -> None:
    alpha = np.array([2.0, 6.0])
    scores = enrichment_scores(np.array([[0, 0], [50, 150], [150, 50], [0, 200], [100_000, 0]]), alpha)
    assert scores[0] == pytest.approx([0, 0], abs=1e-6)  # nothing counted, nothing known
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1], atol=1e-5)  # with two classes one says both
    assert scores[3, 0] < scores[1, 0] < scores[2, 0] < scores[4, 0]
    assert np.isfinite(scores).all() and np.abs(scores).max() <= 1000
    assert scores[2, 0] > 8 and scores[3, 0] < -5


def test_what_depends_on_the_prior_alone_is_computed_once(monkeypatch) -> None:
    from micrographia.classify.objects import enrichment

    counts, alpha = wells(np.array([1.0, 3.0, 9.0]), 50), np.array([1.0, 3.0, 9.0])
    whole = enrichment_scores(counts, alpha)
    calls, log_cdf = [], enrichment._log_cdf
    monkeypatch.setattr(enrichment, "_log_cdf", lambda a, b: calls.append((a, b)) or log_cdf(a, b))
    monkeypatch.setattr(enrichment, "_AT_ONCE", 10)
    np.testing.assert_array_equal(enrichment_scores(counts, alpha), whole)
    assert len(calls) == 2 * 3
    assert enrichment._gauss() is enrichment._gauss()


def test_enriched_wells_of_a_simulation_stand_out() -> None:
    alpha = np.array([1.0, 30.0, 69.0])
    counts = wells(alpha, 300, 1)
    hits = np.array([np.random.default_rng(g).multinomial(200, [0.15, 0.25, 0.6]) for g in range(5)])
    scores = enrichment_scores(np.concatenate([counts, hits]), fit_prior(counts).alpha)
    assert (scores[300:, 0] > np.quantile(scores[:300, 0], 0.99)).all()
    assert (scores[300:, 0] > 7).all()


def test_groups_that_are_all_alike_get_a_strong_prior() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([rng.multinomial(300, [0.2, 0.3, 0.5]) for _ in range(100)])
    prior = fit_prior(counts)
    assert prior.alpha.sum() > 1000
    assert fit_prior(np.array([[5, 5]] * 10)).note.startswith("The fractions of the 10 groups differ no more than")
    np.testing.assert_allclose(prior.alpha / prior.alpha.sum(), [0.2, 0.3, 0.5], atol=0.02)


def test_a_class_that_never_occurs_has_no_score() -> None:
    counts = np.insert(wells(np.array([1.0, 4.0]), 20), 1, 0, axis=1)
    prior = fit_prior(counts)
    assert prior.alpha[1] == 0
    assert np.isnan(enrichment_scores(counts, prior.alpha)[:, 1]).all()


@pytest.mark.parametrize("counts", [[[3, 4]], [[3, 0], [5, 0]], [[3, -1], [2, 2]]])
def test_nothing_to_compare(counts: list[list[int]]) -> None:
    with pytest.raises(InputError):
        fit_prior(np.array(counts))
