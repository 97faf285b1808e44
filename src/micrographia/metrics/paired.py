"""How much better one way of finding objects is than another, on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.metrics.instances import InstanceEvaluation, bootstrap_weights, image_units

if TYPE_CHECKING:
    import pandas as pd


def paired_difference(
    first: InstanceEvaluation,
    other: InstanceEvaluation,
    *,
    groups: Sequence[Mapping[str, Any]] | None = None,
    unit: str | Sequence[str] | None = None,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Difference of the images' AP, image by image, with a bootstrap interval over images.

    Images differ more than methods do; the difference on the same images is known better than either score.

    Parameters
    ----------
    first, other : InstanceEvaluation
        Evaluations of the same images in the same order.
    groups : sequence of dict, optional
        Group columns of each image, for example ``{"plate": "P1", "well": "B03"}``.
    unit : str or sequence of str, optional
        Group column (or columns) whose members the bootstrap draws together; chosen as by
        :func:`micrographia.metrics.instances.evaluate_instances` where not given.
    draws : int
        Number of bootstrap draws.
    confidence : float
        Probability that an interval is meant to cover, between 0 and 1.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row an IoU threshold, and one with ``iou`` "mean" for the mean over them: ``iou``, ``images``,
        ``difference`` (mean over images of the AP of `other` minus that of `first`), ``low``, ``high``,
        ``better`` and ``worse`` (numbers of images). Of a single unit there is no interval: NaN.

    Raises
    ------
    RequestError
        Where the evaluations are of different images or thresholds, or a parameter is out of range.
    """
    import pandas as pd

    if first.thresholds != other.thresholds or first.images["image"].tolist() != other.images["image"].tolist():
        raise RequestError("Only evaluations of the same images at the same IoU thresholds can be compared.")
    if draws < 1 or not 0 < confidence < 1:
        raise RequestError(f"draws must be at least 1 and confidence between 0 and 1, not {draws} and {confidence}.")
    shape = (len(first.images), len(first.thresholds))
    gain = other.matches["ap"].to_numpy().reshape(shape) - first.matches["ap"].to_numpy().reshape(shape)
    gain = np.column_stack([gain, gain.mean(axis=1)])
    groups = [{} for _ in range(shape[0])] if groups is None else list(groups)
    if len(groups) != shape[0]:
        raise RequestError(f"{shape[0]} images, but {len(groups)} sets of groups.")
    units, _ = image_units(groups, list(dict.fromkeys(c for g in groups for c in g)), unit)
    weights = bootstrap_weights(units, draws, np.random.default_rng(seed))
    drawn = weights @ gain / weights.sum(axis=1, keepdims=True)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(drawn[1:], [tail, 100 - tail], axis=0) if units.any() else (np.nan, np.nan)
    return pd.DataFrame(
        {
            "iou": [*first.thresholds, "mean"],
            "images": shape[0],
            "difference": drawn[0],
            "low": low,
            "high": high,
            "better": (gain > 1e-9).sum(axis=0),
            "worse": (gain < -1e-9).sum(axis=0),
        }
    )
