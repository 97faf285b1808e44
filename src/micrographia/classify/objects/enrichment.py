"""Which wells or images hold more of a class than the screen does: Dirichlet-multinomial enrichment scores.

The model is that of CellProfiler Analyst (Jones et al. 2009, PNAS 106:1826; with two classes the beta-binomial): every
well has class fractions of its own, drawn from one Dirichlet distribution, the prior, and its cells are drawn with
these fractions. The prior is fitted to all wells by maximum likelihood (Minka 2000, "Estimating a Dirichlet
distribution"). The enrichment of a class in a well is the probability that a fraction drawn from the well's posterior
is larger than one drawn from the prior, as a logit to the base 2: 0 says as expected, 10 says a thousand to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from micrographia.arrays.errors import InputError

_LARGEST = 1e7
"""Where groups differ no more than chance the likelihood rises for ever; the prior's strength stops here."""

_BOUND = 1000.0
_AT_ONCE = 20_000


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
    """

    alpha: np.ndarray
    groups: int
    converged: bool


def log_likelihood(alpha: np.ndarray, counts: np.ndarray) -> float:
    """Logarithm of the Dirichlet-multinomial probability of counts (G, K), without the multinomial coefficients."""
    from scipy.special import gammaln

    total, strength = counts.sum(axis=1), alpha.sum()
    own = gammaln(counts + alpha) - gammaln(alpha)
    return float((gammaln(strength) - gammaln(strength + total)).sum() + own.sum())


def fit_prior(counts: np.ndarray, *, most: int = 500) -> Prior:
    """Fit the prior by maximum likelihood.

    Newton's method on ln alpha with the Hessian of Minka (2000), section 3; where a step does not raise the likelihood,
    his fixed-point step (equation 55) is taken, which always does.

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
    from scipy.special import digamma, polygamma

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
    total = n.sum(axis=1)
    share = (n / total[:, None]).mean(axis=0)
    share = np.maximum(share, 1e-9) / np.maximum(share, 1e-9).sum()
    alpha = share * _first_strength(n, share)
    value, converged = log_likelihood(alpha, n), False
    for _ in range(most):
        strength = alpha.sum()
        common = (digamma(strength) - digamma(strength + total)).sum()
        own = (digamma(n + alpha) - digamma(alpha)).sum(axis=0)
        slope = alpha * (common + own)  # by ln alpha
        z = (polygamma(1, strength) - polygamma(1, strength + total)).sum()
        q = alpha**2 * (polygamma(1, n + alpha) - polygamma(1, alpha)).sum(axis=0) + slope
        step = _newton(slope, q, z, alpha)
        better = alpha * np.exp(np.clip(step, -3, 3)) if step is not None else alpha
        new = log_likelihood(better, n)
        if step is None or not new > value:
            better = alpha * own / -common
            new = log_likelihood(better, n)
        better = np.maximum(better, 1e-9)
        if better.sum() > _LARGEST:
            alpha, converged = better * _LARGEST / better.sum(), True
            break
        converged = bool(np.abs(np.log(better / alpha)).max() < 1e-9) or new <= value
        alpha, value = (better, new) if new > value else (alpha, value)
        if converged:
            break
    whole = np.zeros(counts.shape[1])
    whole[seen] = alpha
    return Prior(whole, len(counts), converged)


def _first_strength(n: np.ndarray, share: np.ndarray) -> float:
    """The sum of alpha by moments: how much more fractions vary between groups than chance says."""
    total = n.sum(axis=1)
    excess = ((n - total[:, None] * share) ** 2 / (total[:, None] * share * (1 - share) + 1e-12)).mean()
    within = max((excess - 1) / max(total.mean() - 1, 1e-9), 1e-4)
    return float(np.clip(1 / within - 1, 0.1, 1e4))


def _newton(slope: np.ndarray, q: np.ndarray, z: float, alpha: np.ndarray) -> np.ndarray | None:
    """The Newton step for a Hessian diag(q) + z alpha alpha'; None where the likelihood is not concave here."""
    if (q >= 0).any():
        return None
    inner = 1 / z + (alpha**2 / q).sum()
    if not np.isfinite(inner) or inner <= 0:
        return None
    return -(slope - alpha * ((alpha * slope / q).sum() / inner)) / q


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
        for start in range(0, len(counts), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            above, below = _log_comparison(alpha[k] + counts[part, k], rest[k] + others[part, k], alpha[k], rest[k])
            out[part, k] = np.clip((above - below) / np.log(2), -_BOUND, _BOUND)
    return out


def _log_comparison(a: np.ndarray, b: np.ndarray, a0: float, b0: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of P(x > y) and P(x < y) for x ~ Beta(a, b), (G,) arrays, and y ~ Beta(a0, b0).

    Integrals over t = logit x by the trapezoid rule after t = middle + width sinh(u), which is dense where the
    posterior lies and reaches far into slow tails (Takahasi & Mori 1974). The prior is the same for all groups; its
    distribution function is computed once and interpolated.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.special import betainc, betaln, expit, log_expit

    middle, width = _logit_moments(np.array(a0), np.array(b0))
    u = np.linspace(-9, 9, 1801)
    x = middle + width * np.sinh(u)
    near_0, near_1 = betainc(a0, b0, expit(x)), betainc(b0, a0, expit(-x))  # each exact on its side of t = 0
    smallest = 5e-324
    lower = PchipInterpolator(u, np.log(np.maximum(np.where(x < 0, near_0, 1 - near_1), smallest)))
    upper = PchipInterpolator(u, np.log(np.maximum(np.where(x < 0, 1 - near_0, near_1), smallest)))
    own, wide = (moment[:, None] for moment in _logit_moments(a, b))
    v = np.linspace(-6, 6, 241)
    t = own + wide * np.sinh(v)
    log_density = a[:, None] * log_expit(t) + b[:, None] * log_expit(-t) - betaln(a, b)[:, None]
    log_density += np.log(wide * np.cosh(v) * (v[1] - v[0]))
    place = np.clip(np.arcsinh((t - middle) / width), -9, 9)
    above = np.logaddexp.reduce(log_density + lower(place), axis=1)
    return above, np.logaddexp.reduce(log_density + upper(place), axis=1)


def _logit_moments(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of logit x for x ~ Beta(a, b)."""
    from scipy.special import digamma, polygamma

    return digamma(a) - digamma(b), np.sqrt(polygamma(1, a) + polygamma(1, b))
