"""How well objects were found in many images: scores per image, per group and overall, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.metrics.folds import nested_units
from micrographia.metrics.matching import Match, match

if TYPE_CHECKING:
    import pandas as pd

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
"""IoU thresholds of the StarDist paper's table."""

FEWEST_UNITS = 5
"""A bootstrap of fewer is too narrow."""


@dataclass(frozen=True)
class InstanceEvaluation:
    """What :func:`evaluate_instances` found.

    Attributes
    ----------
    thresholds : tuple of float
        IoU thresholds.
    images : pandas.DataFrame
        One row an image: ``image``, the group columns, ``n_truth``, ``n_predicted``, ``count_error`` (predicted minus
        true), ``count_error_relative`` (divided by the true count; NaN where that is 0), ``ap`` (mean over
        the thresholds), and ``ap_50``, ``precision_50``, ``recall_50``, ``f1_50``, ``pq_50`` at the first threshold
        (named after it).
    matches : pandas.DataFrame
        One row an image and threshold: ``image``, ``iou``, ``tp``, ``fp``, ``fn``, ``matched_iou`` (sum), ``ap``,
        ``precision``, ``recall``, ``f1``, ``pq``.
    overall : pandas.DataFrame
        One row a threshold: ``iou``, ``images``, ``ap_image_mean`` (mean of the images' AP, as in the StarDist paper)
        and, pooled over all objects of all images, ``ap_pooled``, ``precision_pooled``, ``recall_pooled``,
        ``f1_pooled``, ``pq_pooled``, ``matched_iou_pooled`` (mean IoU of the matched pairs). Each score has two more
        columns ``…_low`` and ``…_high``: its bootstrap interval, NaN where there are fewer than two units to draw.
    groups : pandas.DataFrame
        The same for every value of every group column, named in ``group`` and ``value``.
    counts : pandas.DataFrame
        One row for all images (``group`` "all") and for each group: ``images``, ``n_truth``, ``n_predicted``,
        ``count_error_mean``, ``count_error_mean_absolute`` (objects an image) and ``count_error_relative`` (of the
        sums), with intervals.
    interval : str
        One sentence that says how the intervals were made.
    """

    thresholds: tuple[float, ...]
    images: pd.DataFrame
    matches: pd.DataFrame
    overall: pd.DataFrame
    groups: pd.DataFrame
    counts: pd.DataFrame
    interval: str

    def worst(self, n: int = 6) -> list[str]:
        """Names of the ``n`` images with the lowest AP (mean over thresholds), worst first."""
        return self.images.sort_values(["ap", "n_truth"], ascending=[True, False])["image"].head(n).tolist()


def evaluate_instances(
    pairs: Iterable[tuple[Any, Any]],
    *,
    names: Sequence[str] | None = None,
    groups: Sequence[Mapping[str, Any]] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    unit: str | Sequence[str] | None = None,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> InstanceEvaluation:
    """Compare predicted with true label images, over many images.

    Parameters
    ----------
    pairs : iterable of (truth, predicted)
        Two integer label arrays of one shape (or Images) each, as for :func:`micrographia.metrics.matching.match`.
        May be a generator: one pair is held at a time.
    names : sequence of str, optional
        Name of each image; "image 1", "image 2"… otherwise.
    groups : sequence of dict, optional
        Group columns of each image, for example ``{"plate": "P1", "well": "B03", "kind": "stained"}``.
    thresholds : sequence of float
        IoU thresholds, above 0 and at most 1.
    unit : str or sequence of str, optional
        Group column (or columns) whose members the bootstrap draws together because they are not independent.
        By default the coarsest of :data:`micrographia.metrics.folds.UNITS` with at least five units (a finer one
        counts within the coarser ones, so that wells of two plates differ); otherwise single images.
    draws : int
        Number of bootstrap draws.
    confidence : float
        Probability that an interval is meant to cover, between 0 and 1.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    InstanceEvaluation

    Raises
    ------
    InputError
        Where a pair has different shapes (the message names the image).
    RequestError
        Where there are no images, a parameter is out of range, or names or groups do not fit the images.

    Notes
    -----
    An image without true and without predicted objects scores 1 in everything: nothing was missed or invented.
    Its weight in the pooled scores is 0. Intervals are percentile intervals of the bootstrap (Efron & Tibshirani
    1993, chapter 13).
    """
    if draws < 1 or not 0 < confidence < 1:
        raise RequestError(f"draws must be at least 1 and confidence between 0 and 1, not {draws} and {confidence}.")
    thresholds = tuple(float(t) for t in thresholds)
    if not thresholds:
        raise RequestError("Give at least one IoU threshold.")
    rows: list[list[Match]] = []
    for i, (truth, predicted) in enumerate(pairs):
        try:
            rows.append(match(truth, predicted, thresholds))
        except InputError as error:
            name = names[i] if names is not None and i < len(names) else f"image {i + 1}"
            raise InputError(f"{name}: {error}") from None
    n = len(rows)
    if n == 0:
        raise RequestError("There is no image to evaluate.")
    names = [f"image {i + 1}" for i in range(n)] if names is None else list(names)
    groups = [{} for _ in range(n)] if groups is None else [dict(g) for g in groups]
    if len(names) != n or len(groups) != n:
        raise RequestError(f"{n} images, but {len(names)} names and {len(groups)} sets of groups.")
    columns = list(dict.fromkeys(c for g in groups for c in g))
    units, sentence = image_units(groups, columns, unit)
    weights = bootstrap_weights(units, draws, np.random.default_rng(seed))
    if units.any():
        sentence = f"{confidence:.0%} intervals, {draws} bootstrap draws (seed {seed}) of {sentence}."
    else:
        sentence = f"There are no intervals: nothing can be drawn from {sentence}."

    member = {("all", ""): np.arange(n)}
    for column in columns:
        for value in sorted({str(g[column]) for g in groups if column in g}):
            member[column, value] = np.array([i for i, g in enumerate(groups) if str(g.get(column)) == value])
    scores, counts = [], []
    for (column, value), index in member.items():
        part = [rows[i] for i in index]
        head = {"group": column, "value": value, "images": len(index)}
        drawn = weights[:, index] if len(np.unique(units[index])) > 1 else weights[:1, index]  # one unit: no spread
        counts.append(head | _with_interval(_count_scores, [r[0] for r in part], drawn, confidence))
        for k, threshold in enumerate(thresholds):
            estimate = _with_interval(_match_scores, [r[k] for r in part], drawn, confidence)
            scores.append({"group": column, "value": value, "iou": threshold, "images": len(index)} | estimate)

    import pandas as pd

    table = pd.DataFrame(scores)
    overall = table["group"] == "all"
    return InstanceEvaluation(
        thresholds=thresholds,
        images=pd.DataFrame([_image_row(a, g, r) for a, g, r in zip(names, groups, rows)]),
        matches=pd.DataFrame([{"image": a} | _match_row(m) for a, r in zip(names, rows) for m in r]),
        overall=table[overall].drop(columns=["group", "value"]).reset_index(drop=True),
        groups=table[~overall].reset_index(drop=True),
        counts=pd.DataFrame(counts),
        interval=sentence,
    )


def _image_row(name: str, group: Mapping[str, Any], matches: list[Match]) -> dict[str, Any]:
    first = matches[0]
    truth, predicted = first.tp + first.fn, first.tp + first.fp
    at = f"{round(first.threshold * 100):02d}"
    return {
        "image": name,
        **group,
        "n_truth": truth,
        "n_predicted": predicted,
        "count_error": predicted - truth,
        "count_error_relative": (predicted - truth) / truth if truth else np.nan,
        "ap": float(np.mean([m.accuracy for m in matches])),
        f"ap_{at}": first.accuracy,
        f"precision_{at}": first.precision,
        f"recall_{at}": first.recall,
        f"f1_{at}": first.f1,
        f"pq_{at}": first.panoptic_quality,
    }


def _match_row(m: Match) -> dict[str, Any]:
    counts = {"iou": m.threshold, "tp": m.tp, "fp": m.fp, "fn": m.fn, "matched_iou": m.matched_iou}
    scores = {"ap": m.accuracy, "precision": m.precision, "recall": m.recall, "f1": m.f1, "pq": m.panoptic_quality}
    return counts | scores


def image_units(
    groups: Sequence[Mapping[str, Any]], columns: list[str], unit: str | Sequence[str] | None
) -> tuple[np.ndarray, str]:
    """Number of the unit that each image belongs to, and what the units are called."""
    n = len(groups)
    if unit is None:
        ways = list(nested_units(groups))
        finest = ways[-1] if ways else ([], [])
        chosen, keys = next((way for way in ways if len(set(way[1])) >= FEWEST_UNITS), finest)
    else:
        chosen = [unit] if isinstance(unit, str) else list(unit)
        if unknown := [c for c in chosen if c not in columns]:
            raise RequestError(f"There is no group column '{unknown[0]}'; known: {', '.join(columns) or 'none'}.")
        keys = [tuple(str(g.get(c, "")) for c in chosen) for g in groups]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    units = f"{len(numbers)} unit{'s' * (len(numbers) != 1)} by {' and '.join(chosen)}"
    few = "too few to draw from, so the intervals may be too narrow"
    if not chosen or (unit is None and len(numbers) == n):
        return np.arange(n), f"{n} image{'s' * (n != 1)}"
    if unit is None and len(numbers) < FEWEST_UNITS:
        return np.arange(n), f"{n} images; {units} are {few}"
    remark = f"; these are {few}" if 1 < len(numbers) < FEWEST_UNITS else ""
    return np.array([numbers[key] for key in keys]), f"{units} ({n} images){remark}"


def bootstrap_weights(units: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each image is drawn: (1 + draws, images); the first row is the sample itself."""
    count = int(units.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    return np.concatenate([np.ones((1, len(units))), drawn[:, units]])


def _with_interval(scores: Any, matches: list[Match], weights: np.ndarray, confidence: float) -> dict[str, float]:
    result: dict[str, float] = {}
    tail = 50 * (1 - confidence)
    # A draw can miss a small group altogether; such draws say nothing about it.
    drawn = weights.any(axis=1)
    for name, values in scores(matches, weights[drawn]).items():
        result[name] = values[0].item()
        if not name.startswith("n_"):
            spread = values[1:][np.isfinite(values[1:])]
            low, high = np.percentile(spread, [tail, 100 - tail]) if len(spread) else (np.nan, np.nan)
            result[f"{name}_low"], result[f"{name}_high"] = float(low), float(high)
    return result


def _match_scores(matches: list[Match], weights: np.ndarray) -> dict[str, np.ndarray]:
    counts = np.array([[m.tp, m.fp, m.fn, m.matched_iou] for m in matches], float)
    tp, fp, fn, iou = (weights @ counts).T
    ap = weights @ np.array([m.accuracy for m in matches]) / weights.sum(axis=1)
    empty = tp + fp + fn == 0

    def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.where(empty, 1.0, part / np.maximum(whole, 1e-300))

    return {
        "ap_image_mean": ap,
        "ap_pooled": ratio(tp, tp + fp + fn),
        "precision_pooled": ratio(tp, tp + fp),
        "recall_pooled": ratio(tp, tp + fn),
        "f1_pooled": ratio(2 * tp, 2 * tp + fp + fn),
        "pq_pooled": ratio(iou, tp + fp / 2 + fn / 2),
        "matched_iou_pooled": ratio(iou, tp),
    }


def _count_scores(matches: list[Match], weights: np.ndarray) -> dict[str, np.ndarray]:
    truth = np.array([m.tp + m.fn for m in matches], float)
    predicted = np.array([m.tp + m.fp for m in matches], float)
    images = weights.sum(axis=1)
    error = predicted - truth
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (weights @ error) / (weights @ truth)
    relative[~np.isfinite(relative)] = np.nan
    return {
        "n_truth": truth.sum(keepdims=True).astype(int),
        "n_predicted": predicted.sum(keepdims=True).astype(int),
        "count_error_mean": weights @ error / images,
        "count_error_mean_absolute": weights @ np.abs(error) / images,
        "count_error_relative": relative,
    }
