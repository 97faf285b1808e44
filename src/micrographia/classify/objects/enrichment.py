"""Which wells or images hold more of a class than the screen does: Dirichlet-multinomial enrichment scores.

The model is that of CellProfiler Analyst (Jones et al. 2009, PNAS 106:1826; with two classes the beta-binomial): every
well has class fractions of its own, drawn from one Dirichlet distribution, the prior, and its cells are drawn with
these fractions. The prior is fitted to all wells by maximum likelihood (Minka 2000, "Estimating a Dirichlet
distribution"). The enrichment of a class in a well is the probability that a fraction drawn from the well's posterior
is larger than one drawn from the prior, as a logit to the base 2: 0 says as expected, 10 says a thousand to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from micrographia.arrays.errors import InputError

_Function = Callable[[np.ndarray], np.ndarray]

_SMALLEST, _LARGEST = 1e-3, 1e7
"""Between these lies the sum of alpha. Where every group holds one class only, the likelihood rises for ever towards 0,
and where groups differ no more than chance, towards infinity."""

_ENOUGH = 1e-6
_BOUND = 1000.0
_AT_ONCE = 20_000
_LOOK, _NODES = 25, 128
_TAIL = 12.0
_DROP = 45.0


@dataclass(frozen=True)
class Prior:
    """Dirichlet distribution of the class fractions of groups.

    Attributes
    ----------
    alpha : (K,) float64 array
        Its parameters; ``alpha / alpha.sum()`` are the expected fractions, and the sum says how alike groups are.
        0 for a class without any object.
    groups : int
        From how many groups it was fitted.
    converged : bool
        False where the fit stopped before its end.
    note : str
        What a reader of the scores should know: that a bound was met, or that the fit stopped early. Mostly empty.
    """

    alpha: np.ndarray
    groups: int
    converged: bool
    note: str = ""


def log_likelihood(alpha: np.ndarray, counts: np.ndarray) -> float:
    """Logarithm of the Dirichlet-multinomial probability of counts (G, K), without the multinomial coefficients."""
    from scipy.special import gammaln

    total, strength = counts.sum(axis=1), alpha.sum()
    own = gammaln(counts + alpha) - gammaln(alpha)
    return float((gammaln(strength) - gammaln(strength + total)).sum() + own.sum())


def fit_prior(counts: np.ndarray, *, most: int = 500) -> Prior:
    """Fit the prior by maximum likelihood.

    Newton's method on ln alpha with the Hessian of Minka (2000), section 3, inside a trust region, so that it also
    ends where the likelihood is not concave. The strength of the prior, the sum of alpha, is held between 0.001 and
    10,000,000.

    Parameters
    ----------
    counts : (G, K) array
        Objects of each class in each group; empty groups say nothing.
    most : int
        Most steps.

    Returns
    -------
    Prior

    Raises
    ------
    InputError
        Where counts are negative, or fewer than two groups or two classes have objects.
    """
    from scipy.optimize import minimize

    counts = np.asarray(counts, float)
    if counts.ndim != 2 or not (counts >= 0).all():
        raise InputError(
            "Enrichment needs a table of counts, a row a group and a column a class, none of them negative."
        )
    counts = counts[counts.sum(axis=1) > 0]
    seen = counts.any(axis=0)
    if len(counts) < 2 or seen.sum() < 2:
        raise InputError("Enrichment compares groups and classes; at least two of each must have objects.")
    n = counts[:, seen]
    share = (n / n.sum(axis=1, keepdims=True)).mean(axis=0)
    start = np.log(share * _first_strength(n, share))
    options = {"maxiter": most, "gtol": _ENOUGH, "max_trust_radius": 3.0}
    found = minimize(_downhill, start, (n,), "trust-exact", jac=True, hess=_curvature, options=options)
    alpha, note = np.exp(found.x), ""
    value = log_likelihood(alpha, n)
    # What is likeliest where the strength goes to 0 or to infinity is known.
    weak, strong = (n > 0).sum(axis=0), n.sum(axis=0)
    weak, strong = _SMALLEST * weak / weak.sum(), _LARGEST * strong / strong.sum()
    if alpha.sum() >= _LARGEST or log_likelihood(strong, n) >= value - _ENOUGH:
        alpha = strong
        note = (
            f"The fractions of the {len(n):,} groups differ no more than chance makes them differ; the prior has the "
            f"largest strength that is tried, {_LARGEST:,.0f}, and scores are near 0."
        )
    elif alpha.sum() <= _SMALLEST or log_likelihood(weak, n) > value:
        alpha = weak
        note = (
            f"Almost every one of the {len(n):,} groups holds objects of one class only, so that how much their "
            f"fractions vary cannot be told; the prior has the smallest strength that is tried, {_SMALLEST:g}."
        )
    # Rounding of the likelihood can end the steps a little before the slope is as small as was asked for.
    converged = bool(note) or bool(np.abs(found.jac).max() < 1e-3)
    if not converged:
        note = f"The fit of the prior stopped after {found.nit:,} steps before its end; scores are approximate."
    whole = np.zeros(counts.shape[1])
    whole[seen] = alpha
    return Prior(whole, len(counts), converged, note)


def _first_strength(n: np.ndarray, share: np.ndarray) -> float:
    """The sum of alpha by moments: how much more fractions vary between groups than chance says."""
    total = n.sum(axis=1)
    excess = ((n - total[:, None] * share) ** 2 / (total[:, None] * share * (1 - share) + 1e-12)).mean()
    within = max((excess - 1) / max(total.mean() - 1, 1e-9), 1e-4)
    return float(np.clip(1 / within - 1, 0.1, 1e4))


def _downhill(x: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray]:
    """Minus the logarithm of the likelihood and its slope, by x = ln alpha."""
    alpha = np.exp(x)
    return -log_likelihood(alpha, n), -_slope(alpha, n)


def _slope(alpha: np.ndarray, n: np.ndarray) -> np.ndarray:
    from scipy.special import digamma

    strength = alpha.sum()
    common = (digamma(strength) - digamma(strength + n.sum(axis=1))).sum()
    return alpha * (common + (digamma(n + alpha) - digamma(alpha)).sum(axis=0))


def _curvature(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    from scipy.special import polygamma

    alpha = np.exp(x)
    strength = alpha.sum()
    common = (polygamma(1, strength) - polygamma(1, strength + n.sum(axis=1))).sum()
    own = alpha**2 * (polygamma(1, n + alpha) - polygamma(1, alpha)).sum(axis=0) + _slope(alpha, n)
    return -(np.diag(own) + common * np.outer(alpha, alpha))


def enrichment_scores(counts: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """How enriched each class is in each group.

    Parameters
    ----------
    counts : (G, K) array
        Objects of each class in each group.
    alpha : (K,) array
        The prior, from `fit_prior`.

    Returns
    -------
    (G, K) float64 array
        log2(p / (1 - p)), held between -1000 and 1000, where p is the probability that the fraction of the class in the
        group (beta distribution with alpha + counts) is larger than a fraction from the prior. NaN where the class has
        no object anywhere.
    """
    counts, alpha = np.asarray(counts, float), np.asarray(alpha, float)
    rest, others = alpha.sum() - alpha, counts.sum(axis=1, keepdims=True) - counts
    out = np.full(counts.shape, np.nan)
    for k in np.flatnonzero(alpha > 0):
        own, other = _log_cdf(alpha[k], rest[k]), _log_cdf(rest[k], alpha[k])
        for start in range(0, len(counts), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            a, b = alpha[k] + counts[part, k], rest[k] + others[part, k]
            above, below = _log_above(a, b, alpha[k], rest[k], own), _log_above(b, a, rest[k], alpha[k], other)
            out[part, k] = np.clip((above - below) / np.log(2), -_BOUND, _BOUND)
    return out


def _log_above(a: np.ndarray, b: np.ndarray, a0: float, b0: float, cdf: _Function) -> np.ndarray:
    """Logarithm of P(x > y) B(a, b) for x ~ Beta(a, b), (G,) arrays, and y ~ Beta(a0, b0), a >= a0, b >= b0.

    The integral over t = logit x of the density of x times the distribution function F of y, whose logarithm is `cdf`,
    from `_log_cdf`. Left of `low`, x^a and F ~ x^a0 are exponentials of t, right of `high` the same holds of 1 - x, and
    both tails have closed forms, which small a or b make long. What is between is concave as a logarithm: the stretch
    where it is not negligible is found by looking closer and closer, and integrated by Gauss's rule.
    """
    from scipy.special import log_expit

    a, b = a[:, None], b[:, None]

    def density(t: np.ndarray) -> np.ndarray:
        return a * log_expit(t) + b * log_expit(-t)

    low, high = -np.log1p(b) - _TAIL, np.log1p(a) + _TAIL
    left, right = low, high
    for _ in range(4):
        t = left + (right - left) * np.linspace(0, 1, _LOOK)
        value = density(t) + cdf(t)
        matters = value > value.max(axis=1, keepdims=True) - _DROP
        first, last = matters.argmax(axis=1) - 1, _LOOK - matters[:, ::-1].argmax(axis=1)
        left = np.take_along_axis(t, np.maximum(first, 0)[:, None], axis=1)
        right = np.take_along_axis(t, np.minimum(last, _LOOK - 1)[:, None], axis=1)
    x, weight = _gauss()
    t = left + (right - left) * (x + 1) / 2
    middle = np.logaddexp.reduce(density(t) + cdf(t) + np.log(weight * (right - left) / 2), axis=1)
    begin = density(low) + cdf(low) - np.log(a + a0)
    end = density(high) + np.log((b0 + b * np.exp(cdf(high))) / (b * (b + b0)))
    return np.logaddexp(middle, np.logaddexp(begin, end)[:, 0])


@cache
def _gauss() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss's rule between -1 and 1."""
    x, weight = np.polynomial.legendre.leggauss(_NODES)
    return x, weight


def _log_cdf(a: float, b: float) -> _Function:
    """Logarithm of the distribution function of logit y, y ~ Beta(a, b): computed on a grid and interpolated."""
    from scipy.interpolate import PchipInterpolator
    from scipy.special import betainc, betaincc, digamma, expit, polygamma

    width = min(1.0, float(np.sqrt(polygamma(1, a) + polygamma(1, b))))
    centre = float(np.clip(digamma(a) - digamma(b), -np.log1p(b), np.log1p(a)))
    reach = np.arcsinh(100 / width)
    u = np.linspace(-reach, reach, 3001)
    t = centre + width * np.sinh(u)
    exact = np.where(t < 0, betainc(a, b, expit(t)), betaincc(b, a, expit(-t)))  # each on its side of t = 0
    value = PchipInterpolator(u, np.log(np.maximum(exact, 5e-324)))
    return lambda t: value(np.clip(np.arcsinh((t - centre) / width), -reach, reach))
